#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 3501 6.4.1. Every answered change is on disk already; there is nothing to check in.
net::Task<Tagged> cmdCheck(Session&, Request& request)
{
    request.args.end();
    co_return Tagged::ok("CHECK completed");
}

} // namespace postfach::imap
