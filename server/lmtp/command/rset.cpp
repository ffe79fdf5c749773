#include "server/lmtp/commands.h"

namespace postfach::lmtp {

// RSET: RFC 5321 4.1.1.5.
net::Task<> cmdRset(Session& session, std::string)
{
    session.transaction = Transaction{};
    session.reply("250 2.0.0 forgotten");
    co_return;
}

} // namespace postfach::lmtp
