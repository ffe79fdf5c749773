#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 5267 4.3.5. All tags are looked at before the first is let go of.
net::Task<Tagged> cmdCancelUpdate(Session& session, Request& request)
{
    std::vector<std::string> tags;
    do {
        request.args.space();
        tags.push_back(request.args.string());
    } while (request.args.peek() == ' ');
    request.args.end();

    SearchUpdates& updates = session.searchUpdates();
    for (const std::string& tag : tags)
        if (!updates.has(tag))
            throw No("", "No search with that tag is kept up to date");
    for (const std::string& tag : tags)
        updates.cancel(tag);
    co_return Tagged::ok("CANCELUPDATE completed");
}

} // namespace postfach::imap
