#include "server/pop3/commands.h"

namespace postfach::pop3 {

// STAT: the drop listing, without what is marked as deleted. RFC 1939 5.
net::Task<> cmdStat(Session& session, std::string argument)
{
    noArgument(argument);
    const auto& drop = session.maildrop();
    session.ok(std::to_string(drop.live()) + ' ' + std::to_string(drop.liveBytes()));
    co_return;
}

} // namespace postfach::pop3
