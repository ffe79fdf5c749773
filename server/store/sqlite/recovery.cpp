// Housekeeping of what was deleted. What is due is looked for with a reader and taken in small transactions, so that mail flows.
#include "server/store/sqlite/sqlite_store.h"

namespace postfach::store::sqlite {
namespace {
constexpr std::size_t kMessagesAtOnce = 500; // a few milliseconds of the writer

Time before(Time now, std::uint32_t days) { return now - std::chrono::hours(24) * static_cast<std::int64_t>(days); }
} // namespace

void SqliteStore::configureTrash(const TrashPolicy& configured)
{
    const std::lock_guard lock(trash_mutex_);
    trash_ = configured;
    writer_->keepRecoverable(configured.recovery_days != 0U);
}

TrashPolicy SqliteStore::configuredTrash() const
{
    const std::lock_guard lock(trash_mutex_);
    return trash_;
}

// A renamed or moved folder below Trash keeps its messages until somebody deletes it: its save dates are not those of its coming.
std::uint64_t SqliteStore::emptyTrash(const std::stop_token& stop)
{
    const TrashPolicy configured = configuredTrash();
    const Time now = clock_.now();
    std::vector<std::pair<MailboxId, Time>> mailboxes; // and when what came before it has been there for too long
    {
        const auto transaction = readTransaction();
        Statement row = transaction->db().query("SELECT m.id, m.special_use = '\\Junk'," TRASH_COLUMNS("a") "," TRASH_COLUMNS("d")
                                                " FROM mailbox m JOIN account a ON a.id = m.account_id LEFT JOIN domain d ON d.name = a.domain"
                                                " WHERE m.special_use IN ('\\Trash', '\\Junk') AND m.messages > 0");
        while (row.step()) {
            const TrashPolicy policy = trashPolicyOf(row, 2).over(trashPolicyOf(row, 6)).over(configured);
            if (const auto days = (row.integer(1) != 0 ? policy.junk_days : policy.trash_days).value_or(0); days > 0)
                mailboxes.emplace_back(MailboxId{row.integer(0)}, before(now, days));
        }
    }
    std::uint64_t gone = 0;
    for (const auto& [id, saved_before] : mailboxes) {
        const MailboxId mailbox = id;
        for (bool more = true; more && !stop.stop_requested();) {
            std::vector<Uid> due;
            {
                const auto transaction = readTransaction();
                Statement row = transaction->db().query("SELECT uid FROM message WHERE mailbox_id = ? AND saved < ? ORDER BY uid LIMIT ?", mailbox,
                                                        messageSeconds(saved_before), kMessagesAtOnce);
                while (row.step())
                    due.push_back(Uid{static_cast<std::uint32_t>(row.integer(0))});
            }
            more = due.size() == kMessagesAtOnce;
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

std::uint64_t SqliteStore::forgetRecoverable(const std::stop_token& stop)
{
    const TrashPolicy configured = configuredTrash();
    const Time now = clock_.now();
    std::vector<std::pair<AccountId, Time>> accounts; // who has something that was removed before that time
    {
        const auto transaction = readTransaction();
        std::vector<std::pair<AccountId, std::int64_t>> oldest;
        Statement row = transaction->db().query("SELECT account_id, min(removed) FROM recoverable GROUP BY account_id");
        while (row.step())
            oldest.emplace_back(AccountId{row.integer(0)}, row.integer(1));
        for (const auto& [account, removed] : oldest) {
            const Time due = before(now, trashPolicyOf(transaction->db(), account).over(configured).recovery_days.value_or(0));
            if (removed < base::toMillis(due))
                accounts.emplace_back(account, due);
        }
    }
    std::uint64_t gone = 0;
    for (const auto& [account, removed_before] : accounts)
        for (bool more = true; more && !stop.stop_requested();)
            writeAndWait([&, owner = account, due = removed_before](WriteTx& tx) {
                const std::size_t taken = dynamic_cast<Writing&>(tx).forgetRecoverable(owner, due, kMessagesAtOnce);
                gone += taken;
                more = taken == kMessagesAtOnce;
            });
    return gone;
}

} // namespace postfach::store::sqlite
