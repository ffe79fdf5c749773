#include "server/pop3/commands.h"

namespace postfach::pop3 {

// DELE: marks; QUIT carries it out. RFC 1939 5.
net::Task<> cmdDele(Session& session, std::string argument)
{
    auto& drop = session.maildrop();
    drop.markDeleted(messageNumber(drop, argument));
    session.say("marked as deleted");
    co_return;
}

} // namespace postfach::pop3
