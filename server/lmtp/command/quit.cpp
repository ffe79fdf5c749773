#include "server/lmtp/commands.h"

namespace postfach::lmtp {

// QUIT: RFC 5321 4.1.1.10.
net::Task<> cmdQuit(Session& session, std::string)
{
    session.reply("221 2.0.0 goodbye");
    session.leaving = true;
    co_return;
}

} // namespace postfach::lmtp
