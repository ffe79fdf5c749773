#include "server/pop3/commands.h"
#include "server/pop3/listing.h"

#include <string>
#include <utility>

namespace postfach::pop3 {

// UIDL: ids that stay the same for ever, so that a client that leaves mail here knows what it has. RFC 1939 7.
net::Task<> cmdUidl(Session& session, std::string argument)
{
    const auto& drop = session.maildrop();
    if (!argument.empty()) {
        const std::uint32_t number = messageNumber(drop, argument);
        session.ok(std::to_string(number) + ' ' + drop.uidl(number));
        co_return;
    }
    session.say("unique ids follow");
    ListingPart id = [&drop](std::string& out, const store::Message& message) { drop.putUidl(out, message.uid); };
    co_await sendListing(session, std::move(id));
}

} // namespace postfach::pop3
