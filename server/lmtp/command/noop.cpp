#include "server/lmtp/commands.h"

namespace postfach::lmtp {

// NOOP: RFC 5321 4.1.1.9.
net::Task<> cmdNoop(Session& session, std::string)
{
    session.reply("250 2.0.0 still here");
    co_return;
}

} // namespace postfach::lmtp
