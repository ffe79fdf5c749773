#include "server/imap/command/all.h"
#include "server/imap/session.h"
#include "server/imap/syntax/writer.h"

namespace postfach::imap {

// RFC 9051 6.3.10: one personal namespace; nobody shares mailboxes yet.
net::Task<Tagged> cmdNamespace(Session& session, Request& request)
{
    request.args.end();
    std::string line = "NAMESPACE ((\"\" ";
    putString(line, std::string(1, session.store().delimiter()));
    session.untagged(line + ")) NIL NIL");
    co_return Tagged::ok("NAMESPACE completed");
}

} // namespace postfach::imap
