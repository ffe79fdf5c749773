#include "server/imap/resync.h"

#include "server/imap/work.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace postfach::imap {

net::Task<> tellVanished(Session& session, store::ModSeq since, const SequenceSet& known)
{
    const View& view = session.view();
    if (view.newest().highestModseq() <= since)
        co_return;
    const store::MailboxId id = view.id();
    const store::Snapshot numbered = view.numbered();
    auto look = [&known, &numbered, id, since](store::ReadTx& tx) {
        const std::uint32_t largest = numbered.uidNext().value - 1;
        std::vector<std::uint32_t> gone;
        for (const auto& [uid, modseq] : tx.expungedSince(id, since))
            if (known.contains(uid.value, largest) && uid < numbered.uidNext() && !numbered.find(uid))
                gone.push_back(uid.value);
        std::sort(gone.begin(), gone.end());
        return formatSet(gone);
    };
    const std::string set = co_await reading(session.strand(), session.store(), std::move(look));
    if (!set.empty())
        co_await session.send("* VANISHED (EARLIER) " + set + "\r\n");
}

net::Task<> tellChangedSince(Session& session, store::ModSeq since, const SequenceSet& known)
{
    constexpr std::uint32_t kAtOnce = 4'000;
    const View& view = session.view();
    const store::Snapshot numbered = view.numbered();
    if (numbered.highestModseq() <= since)
        co_return;
    for (const IndexRange& range : view.resolve(known, true))
        for (std::uint32_t from = range.first; from < range.last; from += kAtOnce) {
            std::string out;
            numbered.each(from, std::min(range.last, from + kAtOnce), [&](std::uint32_t index, const store::Message& message) {
                if (message.modseq > since)
                    session.putChanged(out, {index + 1, message.uid, numbered.flags(index), message.modseq}, true);
                return true;
            });
            co_await session.send(std::move(out));
            if (session.strand().turnDue())
                co_await session.strand().turn();
        }
}

} // namespace postfach::imap
