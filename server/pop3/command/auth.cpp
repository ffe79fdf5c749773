#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/pop3/commands.h"

namespace postfach::pop3 {

// AUTH: SASL. RFC 5034, with an initial response or without; "*" aborts. PLAIN (RFC 4616).
net::Task<> cmdAuth(Session& session, std::string argument)
{
    if (argument.empty()) { // asked for the list, as some clients do (RFC 1734's successor practice)
        session.say("mechanisms follow");
        if (session.mayLogin())
            session.line("PLAIN");
        session.line(".");
        co_return;
    }
    const auto blank = argument.find(' ');
    if (!base::iequals(std::string_view(argument).substr(0, blank), "PLAIN"))
        throw BadCommand("[AUTH] unknown mechanism");
    if (!session.mayLogin())
        throw Refusal("[AUTH] logging in needs TLS: use STLS or the TLS port");
    std::string answer;
    if (blank != std::string::npos) {
        answer = argument.substr(blank + 1);
    } else {
        session.line("+ ");
        const std::string_view line = co_await session.stream.line(base::limits::kLineBeforeLogin);
        answer = std::string(line);
    }
    if (answer == "*")
        throw Refusal("[AUTH] aborted");
    const auto message = base::unbase64(answer == "=" ? std::string_view() : std::string_view(answer));
    const auto credentials = message ? auth::parsePlain(*message) : std::nullopt;
    if (!credentials)
        throw BadCommand("[AUTH] malformed answer");
    std::string user = credentials->user;
    std::string password = credentials->password;
    co_await session.login(std::move(user), std::move(password));
}

} // namespace postfach::pop3
