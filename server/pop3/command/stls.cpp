#include "server/pop3/commands.h"

namespace postfach::pop3 {

// STLS: RFC 2595 4. What was sent behind it in the clear ends the connection unanswered: it may be somebody else's.
net::Task<> cmdStls(Session& session, std::string argument)
{
    noArgument(argument);
    if (session.stream.isProtected())
        throw BadCommand("TLS is on already");
    if (session.utf8)
        throw Refusal("STLS comes before UTF8"); // RFC 6856 2.1
    if (session.stream.hasInput()) {
        session.leaving = true;
        throw Refusal("nothing may follow STLS before the handshake");
    }
    session.say("begin TLS now");
    session.start_tls = true;
    co_return;
}

} // namespace postfach::pop3
