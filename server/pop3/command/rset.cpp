#include "server/pop3/commands.h"

namespace postfach::pop3 {

// RSET: takes all DELEs back. RFC 1939 5.
net::Task<> cmdRset(Session& session, std::string argument)
{
    noArgument(argument);
    auto& drop = session.maildrop();
    drop.unmarkAll();
    session.say("# messages (# octets)", {drop.live(), drop.liveBytes()});
    co_return;
}

} // namespace postfach::pop3
