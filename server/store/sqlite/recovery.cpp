// Housekeeping of what was deleted. What is due is looked for with a reader and taken in small transactions, so that mail flows.
#include "server/store/sqlite/sqlite_store.h"

namespace postfach::store::sqlite {
namespace {
constexpr std::size_t kBatch = 500; // a few milliseconds of the writer
} // namespace

// A renamed or moved folder below Trash keeps its messages until somebody deletes it: its save dates are not those of its coming.
std::uint64_t SqliteStore::emptyTrash(Time saved_before, const std::stop_token& stop)
{
    std::vector<MailboxId> mailboxes;
    {
        const auto transaction = readTransaction();
        Statement row = transaction->db().query("SELECT id FROM mailbox WHERE special_use IN ('\\Trash', '\\Junk') AND messages > 0");
        while (row.step())
            mailboxes.push_back(MailboxId{row.integer(0)});
    }
    std::uint64_t gone = 0;
    for (const MailboxId mailbox : mailboxes) {
        for (bool more = true; more && !stop.stop_requested();) {
            std::vector<Uid> due;
            {
                const auto transaction = readTransaction();
                Statement row = transaction->db().query("SELECT uid FROM message WHERE mailbox_id = ? AND saved < ? ORDER BY uid LIMIT ?", mailbox,
                                                        messageSeconds(saved_before), kBatch);
                while (row.step())
                    due.push_back(Uid{static_cast<std::uint32_t>(row.integer(0))});
            }
            more = due.size() == kBatch;
            if (due.empty())
                break;
            writeAndWait([&](WriteTx& tx) {
                if (tx.mailbox(mailbox))
                    gone += tx.remove(mailbox, due, Removal::recoverable, "trash").size();
            });
        }
    }
    return gone;
}

std::uint64_t SqliteStore::forgetRecoverable(Time removed_before, const std::stop_token& stop)
{
    std::uint64_t gone = 0;
    for (bool more = true; more && !stop.stop_requested();) {
        {
            const auto transaction = readTransaction();
            if (!transaction->db().query("SELECT 1 FROM recoverable WHERE removed < ? LIMIT 1", base::toMillis(removed_before)).step())
                break;
        }
        writeAndWait([&](WriteTx& tx) {
            const std::size_t taken = dynamic_cast<Writing&>(tx).forgetRecoverable(removed_before, kBatch);
            gone += taken;
            more = taken == kBatch;
        });
    }
    return gone;
}

} // namespace postfach::store::sqlite
