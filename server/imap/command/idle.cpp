#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"

#include <chrono>

namespace postfach::imap {

namespace {

// Some clients (imapfilter, Thunderbird) never look at what comes in one packet with the continuation, and would hear of that mail
// with the next one.
net::Task<> letContinuationGoFirst(Session& session)
{
    session.strand().deadline(std::chrono::steady_clock::now() + base::limits::kIdlePause);
    try {
        co_await session.stream().input(0);
    } catch (const net::DeadlinePassed&) {
        // what is said now goes in a packet of its own
    }
    session.stillAlive(); // RFC 9051 5.4: the 30 minutes begin anew
}

} // namespace

// RFC 9051 6.3.13. News are pushed as they come, until the client says DONE. Nothing but DONE ends it well; the deadline is
// the client's, who comes back within 29 minutes.
net::Task<Tagged> cmdIdle(Session& session, Request& request)
{
    request.args.end();
    net::Strand& strand = session.strand();
    // Watching begins before the first look, so that no news fall between the two.
    store::Subscription watching;
    if (session.hasView())
        watching = session.view().shared()->watch([&strand] { strand.wake(net::kNews); });
    session.stream().write("+ Idling\r\n");
    session.showState("idle");
    co_await letContinuationGoFirst(session);
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
