#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.2.3.
net::Task<Tagged> cmdLogin(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    std::string user = args.astring();
    args.space();
    std::string password = args.astring();
    args.end();
    if (!session.mayLogin())
        throw No("PRIVACYREQUIRED", "Passwords are taken under TLS only; say STARTTLS first");
    co_return co_await session.logIn(std::move(user), std::move(password));
}

} // namespace postfach::imap
