#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.4.2: CLOSE without its expunge.
net::Task<Tagged> cmdUnselect(Session& session, Request& request)
{
    request.args.end();
    session.unselect();
    co_return Tagged::ok("UNSELECT completed");
}

} // namespace postfach::imap
