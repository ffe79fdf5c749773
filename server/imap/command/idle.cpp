#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"

namespace postfach::imap {

// RFC 9051 6.3.13. News are pushed as they come, until the client says DONE. Nothing but DONE ends it well; the deadline is
// the client's, who comes back within 29 minutes.
net::Task<Tagged> cmdIdle(Session& session, Request& request)
{
    request.args.end();
    session.stillAlive(); // RFC 9051 5.4: the 30 minutes begin anew
    net::Strand& strand = session.strand();
    // Watching begins before the first look, so that no news fall between the two.
    store::Subscription watching;
    if (session.hasView())
        watching = session.view().shared()->watch([&strand] { strand.wake(net::kNews); });
    session.stream().write("+ Idling\r\n");
    session.showState("idle");
    for (;;) {
        co_await session.tellNews(true);
        co_await session.tellOthers();
        if (session.hasView() && session.view().gone())
            throw Bye("The selected mailbox was deleted");
        const std::uint32_t came = co_await session.stream().input(net::kNews);
        if ((came & net::kReadable) != 0)
            break;
    }
    session.showState();
    const std::string_view line = co_await session.stream().line(base::limits::kLineAfterLogin);
    if (!base::iequals(base::trim(line), "DONE"))
        throw BadSyntax("DONE expected");
    co_return Tagged::ok("IDLE completed");
}

} // namespace postfach::imap
