#include "server/pop3/commands.h"

#include <utility>

namespace postfach::pop3 {

// PASS: the rest of the line is the password, spaces included. RFC 1939 7; RFC 3206 for [AUTH] and [SYS/…].
net::Task<> cmdPass(Session& session, std::string argument)
{
    if (session.user.empty())
        throw BadCommand("USER first");
    std::string user = std::exchange(session.user, {});
    co_await session.login(std::move(user), std::move(argument));
}

} // namespace postfach::pop3
