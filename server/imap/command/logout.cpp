#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.1.3.
net::Task<Tagged> cmdLogout(Session& session, Request& request)
{
    request.args.end();
    session.unselect();
    session.untagged("BYE See you");
    Tagged tagged = Tagged::ok("LOGOUT completed");
    tagged.last = true;
    co_return tagged;
}

} // namespace postfach::imap
