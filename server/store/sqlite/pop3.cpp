// POP3 policies and what they need to know of messages: when each was first downloaded, and which are hidden.
// Retention is for INBOX alone: no other mailbox is a maildrop.
#include "server/base/text.h"
#include "server/store/sqlite/writing.h"

#include <algorithm>

namespace postfach::store::sqlite {
namespace {

#define DAYS_POLICIES \
    "SELECT a.id, a.address, m.id, coalesce(a.pop3_hide, d.pop3_hide, 0), coalesce(a.pop3_retention, d.pop3_retention)" \
    " FROM account a JOIN domain d ON d.name = a.domain JOIN mailbox m ON m.account_id = a.id AND m.name = 'INBOX'" \
    " WHERE coalesce(a.pop3_retention, d.pop3_retention) > 0"

using Column = std::optional<std::int64_t>;

Column retentionColumn(const Pop3Policy& policy)
{
    if (!policy.retention)
        return std::nullopt;
    return *policy.retention == Pop3Policy::kForEver ? -1 : static_cast<std::int64_t>(*policy.retention);
}

Column flagColumn(const std::optional<bool>& flag) { return flag ? Column(*flag ? 1 : 0) : std::nullopt; }

std::uint32_t retentionOf(std::int64_t days)
{
    return days < 0 || days > Pop3Policy::kMostDays ? Pop3Policy::kForEver : static_cast<std::uint32_t>(days);
}

} // namespace

Pop3Policy pop3PolicyOf(const Statement& row, int first)
{
    Pop3Policy policy;
    const auto flag = [&row](int column) { return row.isNull(column) ? std::nullopt : std::optional(row.integer(column) != 0); };
    if (!row.isNull(first))
        policy.retention = retentionOf(row.integer(first));
    policy.seen = flag(first + 1);
    policy.hide = flag(first + 2);
    policy.exclusive = flag(first + 3);
    return policy;
}

void Writing::putPop3Policy(AccountId id, const Pop3Policy& policy)
{
    db_.run("UPDATE account SET pop3_retention = ?, pop3_seen = ?, pop3_hide = ?, pop3_exclusive = ? WHERE id = ?", retentionColumn(policy),
            flagColumn(policy.seen), flagColumn(policy.hide), flagColumn(policy.exclusive), id);
}

void Writing::putPop3Policy(const std::string& domain, const Pop3Policy& policy)
{
    db_.run("UPDATE domain SET pop3_retention = ?, pop3_seen = ?, pop3_hide = ?, pop3_exclusive = ? WHERE name = ?", retentionColumn(policy),
            flagColumn(policy.seen), flagColumn(policy.hide), flagColumn(policy.exclusive), domain);
}

std::vector<Uid> Reading::hiddenFromPop3(MailboxId mailbox)
{
    std::vector<Uid> all;
    Statement row = db_.query("SELECT uid FROM pop3_message WHERE mailbox_id = ? AND hidden = 1 ORDER BY uid", mailbox);
    while (row.step())
        all.push_back(Uid{static_cast<std::uint32_t>(row.integer(0))});
    return all;
}

std::uint32_t Reading::leastPop3Retention()
{
    Statement row = db_.query("SELECT min(pop3_retention) FROM (SELECT pop3_retention FROM account WHERE pop3_retention >= 0"
                              " UNION ALL SELECT pop3_retention FROM domain WHERE pop3_retention >= 0)");
    return row.step() && !row.isNull(0) ? retentionOf(row.integer(0)) : Pop3Policy::kForEver;
}

std::vector<Pop3Due> Reading::pop3Due(Time now, std::size_t most, std::optional<AccountId> only)
{
    struct Maildrop { Pop3Due due; std::int64_t days; };
    std::vector<Maildrop> maildrops;
    {
        Statement row = only ? db_.query(DAYS_POLICIES " AND a.id = ?", *only) : db_.query(DAYS_POLICIES);
        while (row.step()) {
            Pop3Due due;
            due.account = AccountId{row.integer(0)};
            due.address = row.text(1);
            due.mailbox = MailboxId{row.integer(2)};
            due.hide = row.integer(3) != 0;
            maildrops.push_back({std::move(due), row.integer(4)});
        }
    }
    std::vector<Pop3Due> all;
    for (Maildrop& maildrop : maildrops) {
        const auto until = base::toMillis(now - std::chrono::hours(24 * maildrop.days));
        Statement row = db_.query("SELECT uid FROM pop3_message WHERE mailbox_id = ? AND hidden = 0 AND downloaded <= ? LIMIT ?",
                                  maildrop.due.mailbox, until, std::min<std::size_t>(most, 1U << 30));
        while (row.step())
            maildrop.due.uids.push_back(Uid{static_cast<std::uint32_t>(row.integer(0))});
        if (!maildrop.due.uids.empty())
            all.push_back(std::move(maildrop.due));
    }
    return all;
}

// Only for messages that are there: another session may have removed one since.
void Writing::recordPop3Download(MailboxId mailbox, const std::vector<Uid>& uids)
{
    for (const Uid uid : uids)
        db_.run("INSERT INTO pop3_message SELECT ?1, ?2, ?3, 0 WHERE EXISTS (SELECT 1 FROM message WHERE mailbox_id = ?1 AND uid = ?2)"
                " ON CONFLICT (mailbox_id, uid) DO UPDATE SET downloaded = excluded.downloaded WHERE downloaded IS NULL",
                mailbox, uid, base::toMillis(now_));
}

void Writing::hideFromPop3(MailboxId mailbox, const std::vector<Uid>& uids)
{
    for (const Uid uid : uids)
        db_.run("INSERT INTO pop3_message SELECT ?1, ?2, NULL, 1 WHERE EXISTS (SELECT 1 FROM message WHERE mailbox_id = ?1 AND uid = ?2)"
                " ON CONFLICT (mailbox_id, uid) DO UPDATE SET hidden = 1 WHERE hidden = 0", mailbox, uid);
}

} // namespace postfach::store::sqlite
