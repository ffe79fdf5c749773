#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/notifier.h"
#include "server/imap/session.h"

#include <memory>
#include <utility>

namespace postfach::imap {

// RFC 5465 3.1. What was asked for before is forgotten; the news that end every command are those of the new wish.
net::Task<Tagged> cmdNotify(Session& session, Request& request)
{
    NotifyWish wish;
    try {
        wish = parseNotify(request.args);
    } catch (const BadEvent&) {
        throw No("BADEVENT (" + std::string(kNotifyEvents) + ")", "That cannot be told");
    }
    for (NotifyGroup& group : wish.groups)
        namesFromWire(group.filter, session.enabled(), session.store().delimiter());
    co_await session.notify(std::move(wish));
    co_return Tagged::ok("NOTIFY completed");
}

} // namespace postfach::imap
