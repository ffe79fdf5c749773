#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.1.1.
net::Task<Tagged> cmdCapability(Session& session, Request& request)
{
    request.args.end();
    session.untagged("CAPABILITY " + session.capabilities());
    co_return Tagged::ok("CAPABILITY completed");
}

} // namespace postfach::imap
