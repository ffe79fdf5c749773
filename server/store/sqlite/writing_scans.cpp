// Scans of what is stored: a message gives way to a notice, and what is found too often waits for an answer.
#include "server/base/text.h"
#include "server/store/sqlite/writing.h"

#include <algorithm>
#include <limits>

namespace postfach::store::sqlite {

using Kind = Error::Kind;

std::optional<QuarantineId> Writing::replaceByNotice(const Place& message, const Replacement& by)
{
    const std::optional<Mailbox> where = mailbox(message.mailbox);
    const std::optional<MessageRow> row = where ? reading_.message(message.mailbox, message.uid) : std::nullopt;
    if (!row || row->message.body != message.body)
        return std::nullopt;
    requireRoomOnDisk();
    if (where->uid_next.value == std::numeric_limits<std::uint32_t>::max())
        throw Error(Kind::limit, "mailbox " + base::printable(where->name) + " has no UIDs left");
    NewQuarantine entry;
    entry.account = where->account;
    entry.mailbox = where->name;
    entry.body = message.body;
    entry.signature = by.signature;
    entry.sender = by.sender;
    entry.subject = by.subject;
    entry.recipient = account(where->account).value().address;
    entry.way_in = by.way_in;
    entry.flags = {row->message.bits, row->more};
    entry.internal_date = row->message.internal_date;
    entry.uidl = uidl(message.mailbox, message.uid);
    entry.token = by.token;
    const QuarantineId id = addQuarantine(entry);
    keepReplaced(id, message.mailbox, message.uid);
    expunge(message.mailbox, {message.uid});
    NewMessage notice;
    notice.body = by.notice;
    notice.internal_date = entry.internal_date; // where the mail stood in a list by date
    notice.beyond_quota = true;
    const Appended appended = append(message.mailbox, notice);
    db_.run("UPDATE quarantine SET notice = ? WHERE id = ?", appended.uid, id);
    return id;
}

void Writing::keepReplaced(QuarantineId id, MailboxId mailbox, Uid uid)
{
    db_.run("INSERT INTO replaced (quarantine_id, saved, downloaded, hidden) SELECT ?1, m.saved, p.downloaded, coalesce(p.hidden, 0)"
            " FROM message m LEFT JOIN pop3_message p ON p.mailbox_id = m.mailbox_id AND p.uid = m.uid WHERE m.mailbox_id = ?2 AND m.uid = ?3",
            id, mailbox, uid);
}

std::optional<Time> Writing::savedOf(QuarantineId id)
{
    Statement row = db_.query("SELECT saved FROM replaced WHERE quarantine_id = ?", id);
    if (!row.step())
        return std::nullopt;
    return base::fromMillis(row.integer(0) * 1000);
}

void Writing::giveBackReplaced(QuarantineId id, MailboxId mailbox, Uid uid)
{
    db_.run("INSERT INTO pop3_message (mailbox_id, uid, downloaded, hidden) SELECT ?, ?, downloaded, hidden FROM replaced"
            " WHERE quarantine_id = ? AND (downloaded IS NOT NULL OR hidden <> 0)", mailbox, uid, id);
}

// Another set begins to count anew, but not while somebody is asked: a false alarm gives back all that was taken since the first hit.
// What waits for an answer, or has one, stays as it is.
Outbreak Writing::countHit(std::string_view signature, std::string_view signatures, std::uint64_t most)
{
    const auto now = base::toMillis(now_);
    db_.run("INSERT INTO outbreak (signature, signatures, state, hits, since, decided) VALUES (?1, ?2, 0, 1, ?3, ?3) ON CONFLICT (signature)"
            " DO UPDATE SET hits = iif(signatures = ?2 OR state = 1, hits, 0) + 1,"
            " since = iif(signatures = ?2 OR state = 1, since, ?3),"
            " state = iif(signatures <> ?2 AND state = 2, 0, state), signatures = ?2", signature, signatures, now);
    db_.run("UPDATE outbreak SET state = 1, decided = ? WHERE signature = ? AND state = 0 AND hits > ?", now, signature, most);
    Outbreak outbreak;
    Statement row = db_.query("SELECT state, hits, since, decided FROM outbreak WHERE signature = ?", signature);
    row.step();
    outbreak.signature = signature;
    outbreak.signatures = signatures;
    outbreak.state = static_cast<Outbreak::State>(row.integer(0));
    outbreak.hits = static_cast<std::uint64_t>(row.integer(1));
    outbreak.since = base::fromMillis(row.integer(2));
    outbreak.decided = base::fromMillis(row.integer(3));
    return outbreak;
}

void Writing::putWaiting(BodyId body, std::string_view signature)
{
    reading_.requireBody(body);
    db_.run("INSERT INTO waiting (body_id, signature) VALUES (?1, ?2) ON CONFLICT (body_id) DO UPDATE SET signature = ?2", body, signature);
}

void Writing::endWaiting(BodyId body) { db_.run("DELETE FROM waiting WHERE body_id = ?", body); }

void Writing::decideOutbreak(std::string_view signature, Outbreak::State state)
{
    db_.run("UPDATE outbreak SET state = ?, decided = ? WHERE signature = ?", static_cast<int>(state), base::toMillis(now_), signature);
    if (db_.changes() == 0)
        throw Error(Kind::noSuchEntry, "no outbreak of that signature");
}

void Writing::forgetOutbreaks(Time dismissed_before)
{
    db_.run("DELETE FROM outbreak WHERE (state = 1 AND signature NOT IN (SELECT signature FROM waiting)) OR (state = 3 AND decided < ?)",
            base::toMillis(dismissed_before));
}

// --- who has read what

namespace {
constexpr std::int64_t kReadersOfDay = 200; // of one account: who comes from a new address each time is recorded without it from then on
}

std::int64_t Writing::readerId(const Reader& reader, std::int64_t day)
{
    const auto protocol = static_cast<int>(reader.protocol);
    if (Statement row = db_.query("UPDATE reader SET last_day = max(last_day, ?) WHERE account_id = ? AND protocol = ? AND address = ? AND client = ?"
                                  " RETURNING id", day, reader.account, protocol, reader.address, reader.client); row.step()) {
        const std::int64_t id = row.integer(0);
        row.step();
        return id;
    }
    std::int64_t of_day = 0;
    if (Statement row = db_.query("SELECT count(*) FROM reader WHERE account_id = ? AND last_day = ?", reader.account, day); row.step())
        of_day = row.integer(0);
    if (of_day >= kReadersOfDay && !(reader.address.empty() && reader.client.empty()))
        return readerId({reader.account, reader.protocol, "", ""}, day);
    db_.run("INSERT INTO reader (account_id, protocol, address, client, last_day) VALUES (?, ?, ?, ?, ?)", reader.account, protocol,
            reader.address, reader.client, day);
    return db_.lastId();
}

void Writing::recordFetched(const Reader& reader, const std::vector<Fetched>& bodies)
{
    if (!db_.query("SELECT 1 FROM account WHERE id = ?", reader.account).step())
        return; // gone meanwhile
    std::int64_t day = -1, id = 0;
    for (const Fetched& fetched : bodies) {
        const std::int64_t first = messageSeconds(fetched.first), last = std::max(messageSeconds(fetched.last), first);
        if (first / kSecondsOfDay != day) {
            day = first / kSecondsOfDay;
            id = readerId(reader, day);
        }
        db_.run("INSERT INTO fetched (day, reader_id, body_id, first, last, times) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " first = min(first, excluded.first), last = max(last, excluded.last), times = times + excluded.times",
                day, id, fetched.body, first % kSecondsOfDay, std::min(last - day * kSecondsOfDay, kSecondsOfDay - 1), fetched.times);
    }
}

void Writing::forgetFetched(Time before)
{
    const std::int64_t day = messageSeconds(before) / kSecondsOfDay;
    db_.run("DELETE FROM fetched WHERE day < ?", day);
    db_.run("DELETE FROM reader WHERE last_day < ?", day);
}

// --- what is inside

void Writing::putInnerHashes(BodyId body, const std::vector<InnerHash>& hashes)
{
    if (hashes.empty() || hashes.size() > InnerHash::kMost) {
        db_.run("DELETE FROM inner_hash WHERE body_id = ?", body);
        return;
    }
    reading_.requireBody(body);
    std::string packed;
    packed.reserve(hashes.size() * InnerHash::kPacked);
    const auto put = [&packed](std::uint64_t number, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i)
            packed += static_cast<char>(number >> (8 * i) & 0xFF);
    };
    for (const InnerHash& hash : hashes) {
        put(hash.size, sizeof hash.size);
        put(hash.md5, InnerHash::kKept);
        put(hash.sha1, InnerHash::kKept);
        put(hash.sha256, InnerHash::kKept);
    }
    db_.run("INSERT INTO inner_hash (body_id, hashes) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET hashes = ?2", body, Blob{packed});
}

} // namespace postfach::store::sqlite
