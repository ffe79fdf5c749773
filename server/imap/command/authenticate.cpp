#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.2.2 with SASL-IR (RFC 4959): PLAIN (RFC 4616).
net::Task<Tagged> cmdAuthenticate(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    const std::string mechanism = args.atom();
    std::string response;
    const bool initial = args.trySpace() && !args.atEnd();
    if (initial)
        response = args.rest();
    if (!base::iequals(mechanism, "PLAIN"))
        throw No("CANNOT", "That mechanism is not known here");
    if (!session.mayLogin())
        throw No("PRIVACYREQUIRED", "Passwords are taken under TLS only; say STARTTLS first");

    if (!initial) {
        session.stream().write("+ \r\n");
        const std::string_view line = co_await session.stream().line(base::limits::kLineBeforeLogin);
        response = line;
    }
    if (response == "*")
        throw BadSyntax("Given up"); // RFC 9051 6.2.2: a cancelled exchange is BAD
    const auto message = response == "=" ? std::optional<std::string>(std::string()) : base::unbase64(base::trim(response));
    if (!message)
        throw BadSyntax("That is not base64");
    auto credentials = auth::parsePlain(*message);
    if (!credentials)
        throw BadSyntax("That is not a PLAIN message");
    co_return co_await session.logIn(std::move(credentials->user), std::move(credentials->password));
}

} // namespace postfach::imap
