#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.1.2. The news come with every command's end.
net::Task<Tagged> cmdNoop(Session&, Request& request)
{
    request.args.end();
    co_return Tagged::ok("NOOP completed");
}

} // namespace postfach::imap
