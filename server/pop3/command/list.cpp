#include "server/pop3/commands.h"
#include "server/pop3/listing.h"

#include <string>
#include <utility>

namespace postfach::pop3 {

// LIST: scan listings, one or all. RFC 1939 5.
net::Task<> cmdList(Session& session, std::string argument)
{
    const auto& drop = session.maildrop();
    if (!argument.empty()) {
        const std::uint32_t number = messageNumber(drop, argument);
        session.ok(std::to_string(number) + ' ' + std::to_string(drop.at(number).size));
        co_return;
    }
    session.say("# messages", {drop.live()});
    ListingPart size = [](std::string& out, const store::Message& message) { putNumber(out, message.size); };
    co_await sendListing(session, std::move(size));
}

} // namespace postfach::pop3
