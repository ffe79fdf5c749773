#include "server/pop3/commands.h"

namespace postfach::pop3 {

// CAPA: the same before and after login but for what login and TLS change. RFC 2449 5, 6.
net::Task<> cmdCapa(Session& session, std::string argument)
{
    noArgument(argument);
    session.ok("capabilities follow");
    for (const auto* capability : {"TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE NEVER", "LOGIN-DELAY 0"})
        session.line(capability);
    if (session.mayLogin()) {
        session.line("USER");
        session.line("SASL PLAIN");
    }
    if (!session.stream.isTls())
        session.line("STLS");
    session.line("IMPLEMENTATION Postfach");
    session.line(".");
    co_return;
}

} // namespace postfach::pop3
