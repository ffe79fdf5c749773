#include "server/pop3/commands.h"

namespace postfach::pop3 {

// LIST: scan listings, one or all. RFC 1939 5.
net::Task<> cmdList(Session& session, std::string argument)
{
    const auto& drop = session.maildrop();
    const auto listing = [&drop](std::uint32_t n) { return std::to_string(n) + ' ' + std::to_string(drop.at(n).size); };
    if (!argument.empty()) {
        session.ok(listing(messageNumber(drop, argument)));
        co_return;
    }
    session.ok(std::to_string(drop.live()) + " messages");
    for (std::uint32_t n = 1; n <= drop.count(); ++n) {
        if (drop.isDeleted(n))
            continue;
        session.line(listing(n));
        co_await session.stream.drain();
    }
    session.line(".");
}

} // namespace postfach::pop3
