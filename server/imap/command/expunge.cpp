#include "server/imap/expunge.h"

#include "server/imap/command/all.h"
#include "server/imap/work.h"

#include <algorithm>

namespace postfach::imap {

net::Task<> expungeDeleted(Session& session, std::optional<std::vector<store::Uid>> only)
{
    const store::MailboxId id = session.view().id();
    const auto shared = session.view().shared();
    // What is flagged is looked up in the writer, behind every change that was answered before.
    auto work = [&only, &shared, id](store::WriteTx& tx) {
        std::vector<store::Uid> flagged;
        const store::Snapshot now = shared->now();
        now.each(0, now.count(), [&](std::uint32_t, const store::Message& message) {
            if ((message.bits & store::Flags::kDeleted) != 0
                && (!only || std::binary_search(only->begin(), only->end(), message.uid)))
                flagged.push_back(message.uid);
            return true;
        });
        if (!flagged.empty())
            tx.remove(id, flagged, store::Removal::toTrash, "imap");
    };
    co_await commit(session.strand(), session.store(), std::move(work));
}

// EXPUNGE and UID EXPUNGE: RFC 9051 6.4.3 and 6.4.9, RFC 4315 2.1.
//
// Every "* n EXPUNGE" renumbers the messages behind it. The news that end the command say the highest number first, so each
// number is still true at the moment the client reads it.
net::Task<Tagged> cmdExpunge(Session& session, Request& request)
{
    std::optional<SequenceSet> set;
    if (request.by_uid) {
        request.args.space();
        set = request.args.sequenceSet();
    }
    request.args.end();

    View& view = session.writableView();
    std::optional<std::vector<store::Uid>> only;
    if (set)
        only = view.uids(view.resolve(*set, true));
    co_await expungeDeleted(session, std::move(only));
    co_return session.okExpunged(request.name + " completed");
}

} // namespace postfach::imap
