#include "server/pop3/commands.h"

namespace postfach::pop3 {

// UIDL: ids that stay the same for ever, so that a client that leaves mail here knows what it has. RFC 1939 7.
net::Task<> cmdUidl(Session& session, std::string argument)
{
    const auto& drop = session.maildrop();
    const auto listing = [&drop](std::uint32_t n) { return std::to_string(n) + ' ' + drop.uidl(n); };
    if (!argument.empty()) {
        session.ok(listing(messageNumber(drop, argument)));
        co_return;
    }
    session.ok("unique ids follow");
    for (std::uint32_t n = 1; n <= drop.count(); ++n) {
        if (drop.isDeleted(n))
            continue;
        session.line(listing(n));
        co_await session.stream.drain();
    }
    session.line(".");
}

} // namespace postfach::pop3
