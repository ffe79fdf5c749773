#include "server/imap/command/all.h"
#include "server/imap/expunge.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.4.1: expunges in silence, unless the mailbox was opened with EXAMINE.
net::Task<Tagged> cmdClose(Session& session, Request& request)
{
    request.args.end();
    if (!session.view().readOnly() && !session.view().gone()) {
        std::optional<std::vector<store::Uid>> all;
        co_await expungeDeleted(session, std::move(all));
    }
    session.unselect();
    co_return Tagged::ok("CLOSE completed");
}

} // namespace postfach::imap
