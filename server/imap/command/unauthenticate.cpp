#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 8437 3. There is no NO: what cannot be put back ends the connection. Where DEFLATE was active the answer is the last that is
// compressed, and so was the command (4.1); what comes behind it compressed all the same cannot be told from noise.
net::Task<Tagged> cmdUnauthenticate(Session& session, Request& request)
{
    request.args.end();
    session.logOut();
    const Tagged tagged = Tagged::ok("CAPABILITY " + session.capabilities(), "Nobody is logged in");
    if (!session.stream().isCompressed())
        co_return tagged;
    if (session.stream().hasInput())
        throw Bye("What is said behind UNAUTHENTICATE is not compressed");
    session.stream().write(request.tag + ' ' + tagged.text + "\r\n");
    co_await session.stream().endDeflate();
    co_return Tagged(""); // answered above, compressed
}

} // namespace postfach::imap
