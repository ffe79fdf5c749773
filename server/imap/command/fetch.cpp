#include "server/imap/syntax/fetch.h"

#include "server/imap/command/all.h"
#include "server/imap/fetching.h"
#include "server/imap/resync.h"
#include "server/imap/session.h"

#include <algorithm>
#include <utility>

// FETCH and UID FETCH: RFC 9051 6.4.5 and 6.4.9, RFC 3501 6.4.5, RFC 2180 4.1; MODSEQ, CHANGEDSINCE and VANISHED (RFC 7162 3.1.4 and
// 3.2.6), PARTIAL (RFC 9394), SAVEDATE (RFC 8514), EMAILID and THREADID (RFC 8474), PREVIEW (RFC 8970).

namespace postfach::imap {
namespace {

// Those of `ranges` whose MODSEQ is above `since` (RFC 7162 3.1.4.1), in pieces: a mailbox may be large.
net::Task<std::vector<IndexRange>> changedSince(Session& session, std::vector<IndexRange> ranges, store::ModSeq since)
{
    constexpr std::uint32_t kAtOnce = 16'000;
    const store::Snapshot numbered = session.view().numbered(), newest = session.view().newest();
    const bool same = newest.root() == numbered.root();
    std::vector<IndexRange> changed;
    if (newest.highestModseq() <= since)
        co_return changed;
    for (const IndexRange& range : ranges)
        for (std::uint32_t from = range.first; from < range.last; from += kAtOnce) {
            numbered.each(from, std::min(range.last, from + kAtOnce), [&](std::uint32_t index, const store::Message& message) {
                const auto now = same || message.modseq > since ? std::nullopt : newest.find(message.uid);
                if (message.modseq <= since && !(now && newest.at(*now).modseq > since))
                    return true;
                if (!changed.empty() && changed.back().last == index)
                    ++changed.back().last;
                else
                    changed.push_back({index, index + 1});
                return true;
            });
            if (session.strand().turnDue())
                co_await session.strand().turn();
        }
    co_return changed;
}

std::uint64_t countOf(const std::vector<IndexRange>& ranges)
{
    std::uint64_t count = 0;
    for (const IndexRange& range : ranges)
        count += range.last - range.first;
    return count;
}

// The page of RFC 9394 3.3.
std::vector<IndexRange> cut(const std::vector<IndexRange>& ranges, const PartialRange& partial)
{
    const auto [first, last] = partial.of(countOf(ranges));
    std::vector<IndexRange> page;
    std::uint64_t at = 0;
    for (const IndexRange& range : ranges) {
        const std::uint64_t behind = at + (range.last - range.first);
        const std::uint64_t from = std::max(at, first), to = std::min(behind, last);
        if (from < to)
            page.push_back({static_cast<std::uint32_t>(range.first + (from - at)), static_cast<std::uint32_t>(range.first + (to - at))});
        at = behind;
    }
    return page;
}

// RFC 9738: of more messages than one command may touch the last are answered, and the code says from which on.
std::string limit(Session& session, std::vector<IndexRange>& ranges)
{
    const std::uint32_t most = session.context().messages_at_once;
    if (countOf(ranges) <= most)
        return "";
    PartialRange last;
    last.from_end = true;
    last.last = most;
    ranges = cut(ranges, last);
    const store::Uid lowest = session.view().numbered().uidAt(ranges.front().first);
    return "MESSAGELIMIT " + std::to_string(most) + ' ' + std::to_string(lowest.value);
}

FetchModifiers modifiersOf(Session& session, Request& request, FetchItems& items)
{
    Parser& args = request.args;
    FetchModifiers modifiers;
    if (args.trySpace() && !args.atEnd())
        modifiers = parseFetchModifiers(args);
    args.end();
    if (modifiers.vanished && !(request.by_uid && modifiers.changed_since))
        throw BadSyntax("VANISHED is for UID FETCH with CHANGEDSINCE");
    if (modifiers.vanished && !session.enabled().qresync)
        throw BadSyntax("ENABLE QRESYNC first");
    items.uid = items.uid || request.by_uid;
    items.modseq = items.modseq || modifiers.changed_since;
    return modifiers;
}

} // namespace

net::Task<Tagged> cmdFetch(Session& session, Request& request)
{
    session.requireUids(request.by_uid);
    Parser& args = request.args;
    args.space();
    const SequenceSet set = args.sequenceSet();
    args.space();
    FetchItems items = parseFetchItems(args);
    const FetchModifiers modifiers = modifiersOf(session, request, items);
    if (items.modseq)
        session.enableCondstore();

    std::vector<IndexRange> ranges = session.view().resolve(set, request.by_uid);
    if (modifiers.vanished)
        co_await tellVanished(session, *modifiers.changed_since, set);
    if (modifiers.changed_since)
        ranges = co_await changedSince(session, std::move(ranges), *modifiers.changed_since);
    if (modifiers.partial) {
        session.requireFewEnough(std::size_t{modifiers.partial->last} - modifiers.partial->first + 1);
        ranges = cut(ranges, *modifiers.partial);
    }
    const std::string limited = limit(session, ranges);
    const bool marks = items.setsSeen() && !session.view().readOnly();
    const bool tell_flags = items.flags || marks;
    const Fetched fetched = co_await fetchMessages(session, std::move(items), tell_flags, std::move(ranges));

    const std::string name = request.name + " completed";
    if (fetched.damaged)
        throw No("CORRUPTION", "Some of the messages are damaged; tell the administrator");
    if (fetched.undecodable) // RFC 3516 4.3
        throw No("UNKNOWN-CTE", "Some of the parts are encoded in a way that is not known");
    if (!limited.empty())
        co_return Tagged::ok(limited, "These are the last; name fewer at once for those before");
    co_return fetched.missed ? Tagged::ok("EXPUNGEISSUED", "Some of the messages no longer exist") : Tagged::ok(name);
}

} // namespace postfach::imap
