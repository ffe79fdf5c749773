// Deleted is not lost: into Trash, recoverable, back again, and in the end for good.
//
// A recoverable message keeps its reference to its body; it counts against no quota. So that nobody fills the disk by deleting,
// an account has at most kShares times its quota of it, and when the disk is full what was deleted longest ago is given up, as much
// as is deleted now: deleting must make room.
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/store/names.h"
#include "server/store/sqlite/writing.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

namespace postfach::store::sqlite {

using Kind = Error::Kind;

namespace {

constexpr std::int64_t kShares = 2;                   // of the quota: a full mailbox can be emptied, and filled and emptied again
constexpr std::int64_t kLeast = std::int64_t{64} << 20; // where the quota is tiny

bool isTrashOrJunk(const Mailbox& mailbox) { return mailbox.special_use == "\\Trash" || mailbox.special_use == "\\Junk"; }

} // namespace

// Where an EXPUNGE in `mailbox` puts its messages; nothing: nowhere.
std::optional<Mailbox> Writing::trashFor(const Mailbox& mailbox)
{
    if (isTrashOrJunk(mailbox) || !trashPolicyOf(db_, mailbox.account).expunge.value_or(true))
        return std::nullopt;
    MailboxId trash;
    {
        // The one the account was made with, before one that somebody made with the same attribute.
        Statement row = db_.query("SELECT id, name, special_use FROM mailbox WHERE account_id = ? AND special_use IN ('\\Trash', '\\Junk')"
                                  " ORDER BY reserved DESC, id", mailbox.account);
        while (row.step()) {
            if (isBelow(mailbox.name, row.text(1), reading_.delimiter()))
                return std::nullopt;
            if (!trash && row.bytes(2) == "\\Trash")
                trash = MailboxId{row.integer(0)};
        }
    }
    return trash ? this->mailbox(trash) : std::nullopt;
}

// Those whose body Trash does not hold. A client that moves by COPY and EXPUNGE has put it there itself.
std::vector<MessageRow> Writing::notIn(const Mailbox& trash, const std::vector<MessageRow>& rows)
{
    std::unordered_set<std::int64_t> there;
    const bool whole = trash.exists <= 16 * rows.size(); // else a look at each body is cheaper
    if (whole) {
        Statement row = db_.query("SELECT body_id FROM message WHERE mailbox_id = ?", trash.id);
        while (row.step())
            there.insert(row.integer(0));
    }
    const auto isThere = [&](std::int64_t body) {
        if (whole)
            return false; // then it is in the set
        std::int64_t refs = 0;
        if (Statement row = db_.query("SELECT refs FROM body WHERE id = ?", body); row.step())
            refs = row.integer(0);
        if (const auto pending = refs_.find(body); pending != refs_.end())
            refs += pending->second;
        // Nearly every body has one reference, which is the message that goes.
        return refs > 1 && db_.query("SELECT 1 FROM message WHERE mailbox_id = ? AND body_id = ? ORDER BY uid DESC LIMIT 1", trash.id, body).step();
    };
    std::vector<MessageRow> missing;
    for (const MessageRow& row : rows)
        if (there.insert(row.message.body.value).second && !isThere(row.message.body.value))
            missing.push_back(row);
    return missing;
}

bool Writing::keepsRecoverable(AccountId account)
{
    const auto days = trashPolicyOf(db_, account).recovery_days;
    return days ? *days > 0 : keeps_recoverable_;
}

#define KEEP "INSERT INTO recoverable (account_id, mailbox_id, mailbox, uid_validity, uid, uidl, body_id, size, flags, keywords, date," \
             " saved, removed, cause) SELECT ?1, m.mailbox_id, ?2, ?3, m.uid, (SELECT uidl FROM fixed_uidl f WHERE f.mailbox_id = m.mailbox_id" \
             " AND f.uid = m.uid), m.body_id, m.size, m.flags & ~8, m.keywords, m.date, m.saved, ?4, ?5 FROM message m WHERE m.mailbox_id = ?6"

void Writing::keepRecoverable(const Mailbox& mailbox, const std::vector<MessageRow>& rows, std::string_view cause)
{
    std::int64_t bytes = 0;
    for (const MessageRow& row : rows)
        bytes += row.message.size;
    eachRun(rows, [&](Uid first, Uid last) {
        db_.run(KEEP " AND m.uid BETWEEN ?7 AND ?8", mailbox.account, mailbox.name, mailbox.uid_validity, base::toMillis(now_), cause,
                mailbox.id, first, last);
    });
    db_.run("UPDATE usage SET recoverable = recoverable + ? WHERE account_id = ?", bytes, mailbox.account);
}

void Writing::keepAllRecoverable(const Mailbox& mailbox, std::string_view cause)
{
    db_.run(KEEP, mailbox.account, mailbox.name, mailbox.uid_validity, base::toMillis(now_), cause, mailbox.id);
    db_.run("UPDATE usage SET recoverable = recoverable + ? WHERE account_id = ?", mailbox.size, mailbox.account);
}

std::vector<Uid> Writing::remove(MailboxId mailbox, const std::vector<Uid>& uids, Removal how, std::string_view cause)
{
    const Mailbox where = reading_.requireMailbox(mailbox);
    const std::vector<MessageRow> rows = rowsOf(mailbox, uids);
    std::vector<Uid> gone;
    if (rows.empty())
        return gone;
    std::int64_t bytes = 0;
    for (const MessageRow& row : rows) {
        bytes += row.message.size;
        gone.push_back(row.message.uid);
    }

    std::optional<Mailbox> trash;
    if (how == Removal::toTrash && !scarce_)
        trash = trashFor(where);
    if (trash && rows.size() >= std::numeric_limits<std::uint32_t>::max() - trash->uid_next.value)
        trash.reset(); // it has no UIDs left
    if (trash) {
        const std::vector<MessageRow> moved = notIn(*trash, rows);
        for (const MessageRow& row : moved)
            bytes -= row.message.size;
        const auto left = static_cast<std::int64_t>(rows.size() - moved.size());
        if (left > 0)
            charge(where.account, -bytes, -left, false);
        if (!moved.empty())
            duplicate(moved, mailbox, *trash, true, Flags::kDeleted);
        removeRows(mailbox, rows); // a body that Trash has now has lost nothing
        return gone;
    }

    charge(where.account, -bytes, -static_cast<std::int64_t>(rows.size()), false);
    const bool keeps = keepsRecoverable(where.account);
    if (keeps)
        keepRecoverable(where, rows, cause);
    removeRows(mailbox, rows, keeps ? Bodies::kept : Bodies::released);
    if (keeps)
        boundRecoverable(where.account, bytes);
    return gone;
}

// --- what is recoverable

void Writing::forget(const std::vector<Forgettable>& entries)
{
    std::unordered_map<std::int64_t, std::int64_t> sizes;
    for (const Forgettable& entry : entries) {
        db_.run("DELETE FROM recoverable WHERE id = ?", entry.id);
        --refs_[entry.body];
        sizes[entry.account.value] += entry.size;
    }
    for (const auto& [account, size] : sizes)
        db_.run("UPDATE usage SET recoverable = recoverable - ? WHERE account_id = ?", size, account);
}

// At least so many bytes, of one account or of all, oldest first; how many it were.
std::int64_t Writing::giveUpOldest(std::optional<AccountId> account, std::int64_t bytes)
{
    std::vector<Forgettable> entries;
    std::int64_t found = 0;
    {
        Statement row = account ? db_.query("SELECT id, account_id, body_id, size FROM recoverable WHERE account_id = ? ORDER BY id", *account)
                                : db_.query("SELECT id, account_id, body_id, size FROM recoverable ORDER BY id");
        while (found < bytes && row.step()) {
            entries.push_back({RecoverableId{row.integer(0)}, AccountId{row.integer(1)}, row.integer(2), row.integer(3)});
            found += row.integer(3);
        }
    }
    forget(entries);
    return found;
}

// After `removed` bytes became recoverable.
void Writing::boundRecoverable(AccountId account, std::int64_t removed)
{
    if (scarce_) {
        const std::int64_t freed = giveUpOldest(std::nullopt, removed);
        base::logWarning("store", "the disk is full: what was deleted longest ago is given up", {{"bytes", freed}});
    }
    std::int64_t over = 0;
    if (Statement row = db_.query("SELECT quota, recoverable FROM usage WHERE account_id = ?", account); row.step() && row.integer(0) > 0) {
        const std::int64_t quota = std::min(row.integer(0), std::numeric_limits<std::int64_t>::max() / kShares);
        over = row.integer(1) - std::max(kShares * quota, kLeast);
    }
    if (over <= 0)
        return;
    const std::int64_t freed = giveUpOldest(account, over);
    base::logWarning("store", "more is deleted than is kept to be restored: the oldest is given up",
                     {{"account", account.value}, {"bytes", freed}});
}

std::size_t Writing::forgetRecoverable(AccountId account, Time removed_before, std::size_t most)
{
    std::vector<Forgettable> entries;
    {
        Statement row = db_.query("SELECT id, account_id, body_id, size FROM recoverable WHERE account_id = ? AND removed < ? ORDER BY id LIMIT ?",
                                  account, base::toMillis(removed_before), most);
        while (row.step())
            entries.push_back({RecoverableId{row.integer(0)}, AccountId{row.integer(1)}, row.integer(2), row.integer(3)});
    }
    forget(entries);
    return entries.size();
}

void Writing::deleteRecoverable(RecoverableId id)
{
    const auto entry = recoverable(id);
    if (!entry)
        throw Error(Kind::noSuchEntry, "no recoverable message " + std::to_string(id.value));
    forget({{id, entry->account, entry->body.value, static_cast<std::int64_t>(entry->size)}});
}

Writing::Restored Writing::restoreRecoverable(RecoverableId id)
{
    const auto entry = recoverable(id);
    if (!entry)
        throw Error(Kind::noSuchEntry, "no recoverable message " + std::to_string(id.value));
    if (scanRecord(entry->body).verdict == ScanRecord::Verdict::infected)
        throw Error(Kind::infected, "recoverable message " + std::to_string(id.value) + " is infected");
    MailboxId home;
    {
        Statement row = db_.query("SELECT mailbox_id FROM recoverable WHERE id = ?", id);
        row.step();
        home = MailboxId{row.integer(0)};
    }
    std::optional<Mailbox> target = mailbox(home); // by id: it may have another name by now
    if (!target)
        target = findMailbox(entry->account, entry->mailbox);
    const bool made = !target;
    if (made) { // all that may be refused is asked before anything is changed
        const Account owner = account(entry->account).value();
        if ((owner.quota != 0 && owner.used + entry->size > owner.quota) || (owner.quota_messages != 0 && owner.messages >= owner.quota_messages))
            throw Error(Kind::overQuota, "account " + std::to_string(owner.id.value) + " is over its quota");
        requireRoomOnDisk();
        target = mailbox(createMailbox(entry->account, entry->mailbox, ""));
    }
    MessageRow row;
    row.message.body = entry->body;
    row.message.size = static_cast<std::uint32_t>(entry->size);
    row.message.bits = entry->flags.bits;
    row.message.internal_date = entry->internal_date;
    row.more = entry->flags.more;
    const std::optional<Time> saved = isTrashOrJunk(*target) ? std::nullopt : std::optional<Time>(entry->saved);
    const Appended where = place(*target, std::move(row), entry->uidl, true, saved);
    forget({{id, entry->account, entry->body.value, static_cast<std::int64_t>(entry->size)}});
    if (made)
        subscribe(entry->account, target->name, true);
    return {*std::move(target), where};
}

} // namespace postfach::store::sqlite
