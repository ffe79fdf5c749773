// Messages: append, flags, expunge, copy, move.
#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/store/names.h"
#include "server/store/sqlite/writing.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace postfach::store::sqlite {

using Kind = Error::Kind;

namespace {

// Bit 5 is kept for a system flag to come; nobody sets it yet.
constexpr std::uint64_t kSettable = ~(std::uint64_t{1} << 5);

std::vector<Uid> ascending(std::vector<Uid> uids)
{
    std::sort(uids.begin(), uids.end());
    uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
    return uids;
}

// Some may have more from elsewhere (a backup): they can always become fewer.
void requireFewKeywords(const std::vector<std::uint16_t>& more, std::size_t before)
{
    if (more.size() > base::limits::kKeywordsPerMessage && more.size() > before)
        throw Error(Kind::limit, "a message has at most " + std::to_string(base::limits::kKeywordsPerMessage) + " keywords past the account's first");
}

void apply(MessageRow& row, FlagChange how, const Flags& flags)
{
    Flags now{row.message.bits, row.more};
    if (how == FlagChange::replace)
        now = flags;
    else if (how == FlagChange::add)
        now.add(flags);
    else
        now.remove(flags);
    requireFewKeywords(now.more, row.more.size());
    row.message.bits = now.bits & kSettable;
    row.more = std::move(now.more);
}

} // namespace

void Writing::Step::count(const MessageRow& row, int sign)
{
    messages += sign;
    unseen += (row.message.bits & Flags::kSeen) == 0 ? sign : 0;
    deleted += (row.message.bits & Flags::kDeleted) != 0 ? sign : 0;
    size += sign * static_cast<std::int64_t>(row.message.size);
}

Writing::Stepped Writing::step(MailboxId mailbox, const Step& by)
{
    Statement row = db_.query("UPDATE mailbox SET uid_next = uid_next + ?, highest_modseq = highest_modseq + 1, messages = messages + ?,"
                              " unseen = unseen + ?, deleted = deleted + ?, size = size + ? WHERE id = ?"
                              " RETURNING uid_next, highest_modseq, uid_validity, account_id",
                              by.uids, by.messages, by.unseen, by.deleted, by.size, mailbox);
    if (!row.step())
        throw Error(Kind::noSuchMailbox, "mailbox " + std::to_string(mailbox.value) + " is gone");
    const auto uid_next = static_cast<std::uint32_t>(row.integer(0));
    const Stepped stepped{Uid{uid_next - static_cast<std::uint32_t>(by.uids)}, static_cast<ModSeq>(row.integer(1)),
                          static_cast<std::uint32_t>(row.integer(2)), AccountId{row.integer(3)}};
    row.step();
    MailboxChange& change = changes_.of(mailbox, stepped.account);
    change.uid_next = Uid{uid_next};
    change.modseq = stepped.modseq;
    return stepped;
}

bool Writing::charge(AccountId account, std::int64_t bytes, std::int64_t messages, bool within_quota)
{
    db_.run("UPDATE usage SET used = used + ?1, messages = messages + ?2 WHERE account_id = ?3"
            " AND (?4 = 0 OR ((quota = 0 OR used + ?1 <= quota) AND (quota_messages = 0 OR messages + ?2 <= quota_messages)))",
            bytes, messages, account, within_quota);
    return db_.changes() > 0;
}

void Writing::insertRow(MailboxId mailbox, const MessageRow& row, Time saved)
{
    const Message& m = row.message;
    Statement insert = db_.statement("INSERT INTO message (mailbox_id, uid, modseq, body_id, size, flags, date, keywords, saved)"
                                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    const std::string keywords = packKeywords(row.more);
    if (keywords.empty())
        insert.bind(mailbox, m.uid, m.modseq, m.body, m.size, m.bits, messageSeconds(m.internal_date), nullptr, messageSeconds(saved));
    else
        insert.bind(mailbox, m.uid, m.modseq, m.body, m.size, m.bits, messageSeconds(m.internal_date), Blob{keywords}, messageSeconds(saved));
    insert.step();
    ++refs_[m.body.value];
}

// A UIDL that the mailbox has already, fixed or by the rule, stays with its first message, and one that the rule has still to give is
// kept for that; the other gets what the rule gives.
void Writing::insertUidl(MailboxId mailbox, Uid uid, std::string_view uidl)
{
    if (uidl.empty())
        return;
    std::uint32_t by_rule = 0; // whose it would be; 0: nobody's
    if (uidl.size() == 16) {
        const char* const end = uidl.data() + uidl.size();
        if (std::from_chars(end - 8, end, by_rule, 16).ptr != end)
            by_rule = 0;
    }
    db_.run("INSERT OR IGNORE INTO fixed_uidl SELECT ?1, ?2, ?3 WHERE ?4 = 0 OR NOT EXISTS (SELECT 1 FROM mailbox b WHERE b.id = ?1"
            " AND printf('%08x%08x', b.uid_validity, ?4) = ?3 AND (?4 >= ?2 OR EXISTS (SELECT 1 FROM message m WHERE m.mailbox_id = ?1"
            " AND m.uid = ?4 AND NOT EXISTS (SELECT 1 FROM fixed_uidl f WHERE f.mailbox_id = ?1 AND f.uid = m.uid))))",
            mailbox, uid, uidl, by_rule);
}

// Puts one message into a mailbox and gives it a UID. Quota, UID, row and counters move together, or not at all.
Appended Writing::place(const Mailbox& mailbox, MessageRow row, std::string_view uidl, bool within_quota, std::optional<Time> saved)
{
    requireRoomOnDisk();
    if (mailbox.uid_next.value == std::numeric_limits<std::uint32_t>::max())
        throw Error(Kind::limit, "mailbox " + base::printable(mailbox.name) + " has no UIDs left");
    if (!charge(mailbox.account, row.message.size, 1, within_quota))
        throw Error(Kind::overQuota, "account " + std::to_string(mailbox.account.value) + " is over its quota");
    Step by;
    by.uids = 1;
    by.count(row, +1);
    const Stepped stepped = step(mailbox.id, by);
    row.message.uid = stepped.first;
    row.message.modseq = stepped.modseq;
    insertRow(mailbox.id, row, saved.value_or(now_));
    insertUidl(mailbox.id, stepped.first, uidl);
    changes_.of(mailbox.id, mailbox.account).messages.push_back({MessageChange::Kind::append, std::move(row)});
    return {stepped.first, stepped.uid_validity};
}

Appended Writing::append(MailboxId mailbox, const NewMessage& message)
{
    if (!message.uidl.empty())
        requireUidl(message.uidl);
    requireFewKeywords(message.flags.more, 0);
    MessageRow row;
    row.message.body = message.body;
    row.message.size = static_cast<std::uint32_t>(bodySize(message.body));
    row.message.bits = message.flags.bits & kSettable;
    row.message.internal_date = base::fromMillis(messageSeconds(message.internal_date) * 1000);
    row.more = message.flags.more;
    return place(reading_.requireMailbox(mailbox), std::move(row), message.uidl, !message.beyond_quota);
}

std::vector<MessageRow> Writing::rowsOf(MailboxId mailbox, const std::vector<Uid>& uids)
{
    return reading_.messages(mailbox, ascending(uids));
}

std::vector<Uid> Writing::allUids(MailboxId mailbox)
{
    std::vector<Uid> uids;
    Statement row = db_.query("SELECT uid FROM message WHERE mailbox_id = ? ORDER BY uid", mailbox);
    while (row.step())
        uids.push_back(Uid{static_cast<std::uint32_t>(row.integer(0))});
    return uids;
}

Flags Writing::serverKeywords(AccountId account)
{
    Flags own;
    for (const std::string_view name : kServerKeywords)
        if (const auto index = findKeyword(account, name))
            own.addKeyword(*index);
    return own;
}

std::vector<Uid> Writing::changeFlags(MailboxId mailbox, const std::vector<Uid>& uids, FlagChange how, const Flags& flags,
                                      std::optional<ModSeq> unchanged_since, std::vector<Uid>* modified)
{
    const Mailbox home = reading_.requireMailbox(mailbox);
    const Flags own = how == FlagChange::replace ? serverKeywords(home.account) : Flags{};
    std::vector<MessageRow> changed;
    Step by;
    for (MessageRow& row : rowsOf(mailbox, uids)) {
        if (unchanged_since && row.message.modseq > *unchanged_since) {
            if (modified)
                modified->push_back(row.message.uid);
            continue;
        }
        MessageRow after = row;
        apply(after, how, how == FlagChange::replace ? flags.keeping(own, {row.message.bits, row.more}) : flags);
        if (after.message.bits == row.message.bits && after.more == row.more)
            continue;
        by.count(row, -1);
        by.count(after, +1);
        changed.push_back(std::move(after));
    }
    std::vector<Uid> done;
    if (changed.empty())
        return done;
    const Stepped stepped = step(mailbox, by);
    MailboxChange& change = changes_.of(mailbox, stepped.account);
    // In runs, as clients mark whole mailboxes: one statement for neighbours that end up alike costs a tenth of one for each.
    const auto alike = [](const MessageRow& one, const MessageRow& other) {
        return one.message.bits == other.message.bits && one.more == other.more;
    };
    eachRun(changed, alike, [&](const MessageRow& first, Uid last) {
        const std::string keywords = packKeywords(first.more);
        Statement update = db_.statement("UPDATE message SET modseq = ?, flags = ?, keywords = ? WHERE mailbox_id = ? AND uid BETWEEN ? AND ?");
        if (keywords.empty())
            update.bind(stepped.modseq, first.message.bits, nullptr, mailbox, first.message.uid, last);
        else
            update.bind(stepped.modseq, first.message.bits, Blob{keywords}, mailbox, first.message.uid, last);
        update.step();
    });
    done.reserve(changed.size());
    change.messages.reserve(change.messages.size() + changed.size());
    for (MessageRow& row : changed) {
        row.message.modseq = stepped.modseq;
        done.push_back(row.message.uid);
        change.messages.push_back({MessageChange::Kind::flags, std::move(row)});
    }
    return done;
}

// The rows go, with their UIDLs; what went is remembered in runs of neighbouring UIDs (RFC 7162).
void Writing::removeRows(MailboxId mailbox, const std::vector<MessageRow>& rows, Bodies bodies)
{
    Step by;
    for (const MessageRow& row : rows)
        by.count(row, -1);
    const Stepped stepped = step(mailbox, by);
    MailboxChange& change = changes_.of(mailbox, stepped.account);
    change.messages.reserve(change.messages.size() + rows.size());
    for (const MessageRow& row : rows) {
        if (bodies == Bodies::released)
            --refs_[row.message.body.value];
        change.messages.push_back({MessageChange::Kind::expunge, {row.message, {}}});
    }
    eachRun(rows, [&](Uid first, Uid last) {
        db_.run("DELETE FROM message WHERE mailbox_id = ? AND uid BETWEEN ? AND ?", mailbox, first, last);
        db_.run("DELETE FROM fixed_uidl WHERE mailbox_id = ? AND uid BETWEEN ? AND ?", mailbox, first, last);
        db_.run("DELETE FROM pop3_message WHERE mailbox_id = ? AND uid BETWEEN ? AND ?", mailbox, first, last);
        db_.run("INSERT INTO expunged VALUES (?, ?, ?, ?)", mailbox, stepped.modseq, first, last);
    });
}

std::vector<Uid> Writing::expunge(MailboxId mailbox, const std::vector<Uid>& uids)
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
    charge(where.account, -bytes, -static_cast<std::int64_t>(rows.size()), false);
    removeRows(mailbox, rows);
    return gone;
}

// The rows again in another mailbox, with new UIDs in the old order. The quota has been seen to.
CopiedUids Writing::duplicate(const std::vector<MessageRow>& rows, MailboxId from, const Mailbox& to, bool keep_uidl, std::uint64_t strip)
{
    CopiedUids copied;
    copied.uid_validity = to.uid_validity;
    std::vector<MessageRow> twins = rows;
    Step by;
    by.uids = static_cast<std::int64_t>(rows.size());
    for (MessageRow& twin : twins) {
        twin.message.bits &= ~strip;
        by.count(twin, +1);
    }
    const Stepped stepped = step(to.id, by);
    // In runs: what is neighbours there is neighbours here.
    std::uint32_t next = stepped.first.value;
    eachRun(rows, [&](Uid first, Uid last) {
        const std::int64_t shift = std::int64_t{next} - first.value;
        db_.run("INSERT INTO message (mailbox_id, uid, modseq, body_id, size, flags, date, keywords, saved)"
                " SELECT ?, uid + ?, ?, body_id, size, flags & ~?, date, keywords, ? FROM message WHERE mailbox_id = ? AND uid BETWEEN ? AND ?",
                to.id, shift, stepped.modseq, strip, messageSeconds(now_), from, first, last);
        if (keep_uidl) {
            std::vector<std::pair<Uid, std::string>> fixed;
            Statement row = db_.query("SELECT uid + ?, uidl FROM fixed_uidl WHERE mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid",
                                      shift, from, first, last);
            while (row.step())
                fixed.emplace_back(Uid{static_cast<std::uint32_t>(row.integer(0))}, row.text(1));
            for (const auto& [uid, uidl] : fixed)
                insertUidl(to.id, uid, uidl);
        }
        next += last.value - first.value + 1;
    });
    MailboxChange& change = changes_.of(to.id, stepped.account);
    copied.uids.reserve(rows.size());
    change.messages.reserve(change.messages.size() + rows.size());
    next = stepped.first.value;
    for (MessageRow& twin : twins) {
        ++refs_[twin.message.body.value];
        copied.uids.emplace_back(twin.message.uid, Uid{next});
        twin.message.uid = Uid{next++};
        twin.message.modseq = stepped.modseq;
        change.messages.push_back({MessageChange::Kind::append, std::move(twin)});
    }
    return copied;
}

CopiedUids Writing::copy(MailboxId from, const std::vector<Uid>& uids, MailboxId to)
{
    const Mailbox source = reading_.requireMailbox(from);
    const Mailbox target = reading_.requireMailbox(to);
    if (source.account != target.account)
        throw Error(Kind::noSuchMailbox, "the mailboxes are of different accounts");
    const std::vector<MessageRow> rows = rowsOf(from, uids);
    if (rows.empty())
        return {target.uid_validity, {}};
    requireRoomOnDisk();
    if (rows.size() >= std::numeric_limits<std::uint32_t>::max() - target.uid_next.value)
        throw Error(Kind::limit, "mailbox " + base::printable(target.name) + " has no UIDs left");
    std::int64_t bytes = 0;
    for (const MessageRow& row : rows)
        bytes += row.message.size;
    if (!charge(target.account, bytes, static_cast<std::int64_t>(rows.size()), true))
        throw Error(Kind::overQuota, "account " + std::to_string(target.account.value) + " is over its quota");
    return duplicate(rows, from, target, false);
}

CopiedUids Writing::move(MailboxId from, const std::vector<Uid>& uids, MailboxId to)
{
    const Mailbox source = reading_.requireMailbox(from);
    const Mailbox target = reading_.requireMailbox(to);
    if (source.account != target.account)
        throw Error(Kind::noSuchMailbox, "the mailboxes are of different accounts");
    const std::vector<MessageRow> rows = rowsOf(from, uids);
    if (rows.empty())
        return {target.uid_validity, {}};
    if (rows.size() >= std::numeric_limits<std::uint32_t>::max() - target.uid_next.value)
        throw Error(Kind::limit, "mailbox " + base::printable(target.name) + " has no UIDs left");
    // Within one mailbox the fixed UIDL must leave its old message before the new one can have it.
    if (from == to) {
        const CopiedUids moved = duplicate(rows, from, target, false);
        for (const auto& [old_uid, new_uid] : moved.uids)
            db_.run("UPDATE fixed_uidl SET uid = ? WHERE mailbox_id = ? AND uid = ?", new_uid, from, old_uid);
        for (const auto& [old_uid, new_uid] : moved.uids)
            db_.run("UPDATE pop3_message SET uid = ? WHERE mailbox_id = ? AND uid = ?", new_uid, from, old_uid);
        removeRows(from, rows);
        return moved;
    }
    CopiedUids moved = duplicate(rows, from, target, true);
    removeRows(from, rows);
    return moved;
}

void Writing::recentTaken(MailboxId mailbox, Uid up_to)
{
    db_.run("UPDATE mailbox SET recent_from = min(?, uid_next) WHERE id = ? AND recent_from < min(?, uid_next)", up_to, mailbox, up_to);
}

// All of a mailbox that is about to go. The account's use is the caller's.
void Writing::dropMessages(MailboxId mailbox, Bodies bodies)
{
    if (bodies == Bodies::released) {
        Statement row = db_.query("SELECT body_id FROM message WHERE mailbox_id = ?", mailbox);
        while (row.step())
            --refs_[row.integer(0)];
    }
    db_.run("DELETE FROM message WHERE mailbox_id = ?", mailbox);
    db_.run("DELETE FROM expunged WHERE mailbox_id = ?", mailbox);
    db_.run("DELETE FROM fixed_uidl WHERE mailbox_id = ?", mailbox);
    db_.run("DELETE FROM pop3_message WHERE mailbox_id = ?", mailbox);
}

} // namespace postfach::store::sqlite
