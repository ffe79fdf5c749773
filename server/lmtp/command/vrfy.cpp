#include "server/lmtp/commands.h"

namespace postfach::lmtp {

// VRFY: says nothing of who is here. RFC 5321 3.5.3, 7.3.
net::Task<> cmdVrfy(Session& session, std::string)
{
    session.reply("252 2.5.0 send some mail and see");
    co_return;
}

} // namespace postfach::lmtp
