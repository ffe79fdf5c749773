#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 5161. What cannot be enabled is passed over in silence; the answer names what was (3.2), which may be nothing.
net::Task<Tagged> cmdEnable(Session& session, Request& request)
{
    do {
        request.args.space();
        request.args.atom();
    } while (request.args.peek() == ' ');
    request.args.end();
    session.untagged("ENABLED");
    co_return Tagged::ok("ENABLE completed");
}

} // namespace postfach::imap
