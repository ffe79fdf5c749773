// Bodies and their references; quarantine.
#include "server/base/text.h"
#include "server/store/names.h"
#include "server/store/sqlite/writing.h"

#include <stdexcept>

namespace postfach::store::sqlite {

using Kind = Error::Kind;

BodyId RecentBodies::find(const base::Sha256& hash) const
{
    const auto at = ids_.find(hash);
    return at == ids_.end() ? BodyId{} : at->second;
}

void RecentBodies::remember(const base::Sha256& hash, BodyId id)
{
    if (!ids_.insert_or_assign(hash, id).second)
        return;
    order_.push_back(hash);
    if (order_.size() > kMost) {
        ids_.erase(order_.front());
        order_.pop_front();
    }
}

// A new body is written with one reference, which is given back at once: append takes it, and no statement is needed to
// count what is already right.
BodyId Writing::addBody(const PreparedBody& body, std::string_view summary)
{
    const auto* prepared = dynamic_cast<const StoredBody*>(&body);
    if (!prepared)
        throw std::logic_error("a body that another store prepared");
    requireRoomOnDisk();
    const std::string_view hash = asBytes(body.sha256());
    std::int64_t known = 0;
    if (prepared->encoding() == Encoding::file) {
        if (Statement row = db_.query("SELECT id FROM body WHERE encoding = 2 AND hash = ?", Blob{hash}); row.step())
            known = row.integer(0);
    } else if (const BodyId recent = recent_.find(body.sha256())) {
        if (Statement row = db_.query("SELECT hash FROM body WHERE id = ?", recent); row.step() && row.bytes(0) == hash)
            known = recent.value;
    }
    if (known != 0) {
        refs_.try_emplace(known, 0);
        return BodyId{known};
    }
    db_.run("INSERT INTO body (hash, size, refs, encoding) VALUES (?, ?, 1, ?)", Blob{hash}, body.size(),
            static_cast<int>(prepared->encoding()));
    const BodyId id{db_.lastId()};
    db_.run("INSERT INTO content VALUES (?, ?, ?)", id, Blob{summary}, Blob{prepared->data()});
    --refs_[id.value];
    ++changes_.bodies;
    if (prepared->encoding() != Encoding::file)
        recent_.remember(body.sha256(), id);
    return id;
}

// The one place where references are counted and bodies end. A body that nothing names when its closure ends is removed,
// its file after the commit.
void Writing::settleBodies()
{
    for (const auto& [id, more] : refs_) {
        if (more == 0)
            continue;
        std::int64_t refs = 0;
        {
            Statement row = db_.query("UPDATE body SET refs = refs + ? WHERE id = ? RETURNING refs", more, id);
            if (!row.step())
                continue;
            refs = row.integer(0);
            row.step();
        }
        if (refs > 0)
            continue;
        {
            Statement row = db_.query("DELETE FROM body WHERE id = ? RETURNING hash, encoding", id);
            row.step();
            if (row.integer(1) == static_cast<int>(Encoding::file))
                changes_.dropped_files.push_back(asSha256(row.bytes(0)));
            row.step();
        }
        db_.run("DELETE FROM content WHERE body_id = ?", id);
        db_.run("DELETE FROM waiting WHERE body_id = ?", id);
        db_.run("DELETE FROM inner_hash WHERE body_id = ?", id);
        --changes_.bodies;
    }
    refs_.clear();
}

void Writing::correctReferences(BodyId body, std::int64_t by)
{
    refs_[body.value] += by;
    settleBodies();
}

void Writing::correctTally()
{
    db_.run("UPDATE tally SET value = (SELECT count(*) FROM body) - ? WHERE name = 'bodies'", untallied_ + changes_.bodies);
}

Changes Writing::finish()
{
    settleBodies();
    return std::move(changes_);
}

void Writing::recordScan(BodyId body, const ScanRecord& record)
{
    db_.run("UPDATE body SET verdict = ?, verdict_name = ?, verdict_signatures = ?, verdict_time = ?, verdict_reason = ?, verdict_engine = ?,"
            " verdict_ms = ? WHERE id = ?",
            static_cast<int>(record.verdict), record.name, record.signatures, base::toMillis(record.when), record.reason, record.engine,
            record.milliseconds, body);
    if (db_.changes() == 0)
        throw Error(Kind::noSuchMessage, "body " + std::to_string(body.value) + " is gone");
}

void Writing::putSummary(BodyId body, std::string_view summary)
{
    db_.run("UPDATE content SET summary = ? WHERE body_id = ?", Blob{summary}, body);
    if (db_.changes() == 0)
        throw Error(Kind::noSuchMessage, "body " + std::to_string(body.value) + " is gone");
}

// What is in quarantine counts against no quota: nobody can delete it but the administrator.
QuarantineId Writing::addQuarantine(const NewQuarantine& entry)
{
    requireRoomOnDisk();
    requireAccount(entry.account);
    reading_.requireBody(entry.body);
    if (!entry.uidl.empty())
        requireUidl(entry.uidl);
    const auto home = findMailbox(entry.account, entry.mailbox);
    const std::string keywords = packKeywords(entry.flags.more);
    Statement insert = db_.statement("INSERT INTO quarantine (account_id, mailbox, home, body_id, signature, sender, recipient, subject,"
                                     " way_in, flags, keywords, date, uidl, notice, created, reason, token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(entry.account, entry.mailbox, home ? home->id.value : 0, entry.body, entry.signature, entry.sender,
                entry.recipient, entry.subject, entry.way_in, entry.flags.bits, Blob{keywords}, messageSeconds(entry.internal_date),
                entry.uidl, entry.notice ? std::optional<std::int64_t>(entry.notice->value) : std::nullopt, base::toMillis(now_),
                entry.reason, entry.token);
    insert.step();
    ++refs_[entry.body.value];
    return QuarantineId{db_.lastId()};
}

// The mail had been taken in before: its release is not refused for a quota.
Appended Writing::releaseQuarantine(QuarantineId id)
{
    const auto entry = quarantined(id);
    if (!entry)
        throw Error(Kind::noSuchEntry, "no quarantine entry " + std::to_string(id.value));
    MailboxId home_id;
    {
        Statement row = db_.query("SELECT home FROM quarantine WHERE id = ?", id);
        row.step();
        home_id = MailboxId{row.integer(0)};
    }
    const std::optional<Mailbox> home = mailbox(home_id); // by id: it may have another name by now
    std::optional<Mailbox> target = home;
    if (!target)
        target = findMailbox(entry->account, entry->mailbox);
    if (!target)
        target = findMailbox(entry->account, "INBOX");
    if (!target)
        throw Error(Kind::noSuchMailbox, "account " + entry->address + " has no INBOX");

    MessageRow row;
    row.message.body = entry->body;
    row.message.size = static_cast<std::uint32_t>(entry->size);
    row.message.bits = entry->flags.bits;
    row.message.internal_date = entry->internal_date;
    row.more = entry->flags.more;
    const Appended appended = place(*target, std::move(row), entry->uidl, false, savedOf(id));
    giveBackReplaced(id, target->id, appended.uid);
    if (home && entry->notice) // UIDs are never given twice: this is the notice, or nothing
        expunge(home->id, {*entry->notice});
    deleteQuarantine(id);
    return appended;
}

// To somebody who asked for it: as new mail of his, within his quota.
Appended Writing::copyFromQuarantine(QuarantineId id, AccountId to)
{
    const auto entry = quarantined(id);
    if (!entry)
        throw Error(Kind::noSuchEntry, "no quarantine entry " + std::to_string(id.value));
    requireAccount(to);
    const auto inbox = findMailbox(to, "INBOX");
    if (!inbox)
        throw Error(Kind::noSuchMailbox, "account " + std::to_string(to.value) + " has no INBOX");
    NewMessage message;
    message.body = entry->body;
    message.internal_date = entry->internal_date;
    const auto names = keywords(entry->account, 0); // indices are each account's own
    for (unsigned index = 0; index < names.size(); ++index)
        if (entry->flags.hasKeyword(index))
            message.flags.addKeyword(keyword(to, names[index]));
    return append(inbox->id, message);
}

void Writing::deleteQuarantine(QuarantineId id)
{
    Statement row = db_.query("DELETE FROM quarantine WHERE id = ? RETURNING body_id", id);
    if (!row.step())
        throw Error(Kind::noSuchEntry, "no quarantine entry " + std::to_string(id.value));
    --refs_[row.integer(0)];
    row.step();
    db_.run("DELETE FROM replaced WHERE quarantine_id = ?", id);
}

void Writing::askForRelease(QuarantineId id, std::string_view words)
{
    db_.run("UPDATE quarantine SET asked = coalesce(asked, ?), asked_words = ? WHERE id = ?", base::toMillis(now_), words, id);
    if (db_.changes() == 0)
        throw Error(Kind::noSuchEntry, "no quarantine entry " + std::to_string(id.value));
}

} // namespace postfach::store::sqlite
