#include "server/lmtp/commands.h"

namespace postfach::lmtp {

// STARTTLS: RFC 3207. What was sent behind it in the clear ends the connection unanswered.
net::Task<> cmdStarttls(Session& session, std::string argument)
{
    if (!argument.empty())
        throw BadCommand("501 5.5.4 STARTTLS takes no argument");
    if (session.stream.isTls())
        throw BadCommand("503 5.5.1 TLS is on already");
    if (session.stream.hasInput()) {
        session.leaving = true;
        throw Reply("501 5.5.1 nothing may follow STARTTLS before the handshake");
    }
    session.reply("220 2.0.0 begin TLS now");
    session.start_tls = true;
    co_return;
}

} // namespace postfach::lmtp
