// The audit and the journal of events (server/store/journal.h): reading, writing, verifying, trimming.
#include "server/base/json_text.h"
#include "server/base/text.h"
#include "server/store/sqlite/sqlite_store.h"

#include <algorithm>
#include <map>

namespace postfach::store::sqlite {
namespace {

constexpr const char* kHead = "audit.head"; // setting: auditHeadText() of the last entry
constexpr std::size_t kPiece = 1000;        // rows in a transaction of verifyAudit(): the log may start anew meanwhile
constexpr std::size_t kEventsAtOnce = 500;         // events that go in one transaction: a few milliseconds of the writer

#define AUDIT_COLUMNS "SELECT id, time, actor, address, action, target, before, after, previous, hash FROM audit "
// A filter's text is empty, the whole value, or the part of it before `mark`.
#define FITS(column, text, mark) \
    "(" text " = '' OR " column " = " text " OR substr(" column ", 1, length(" text ") + 1) = " text " || '" mark "')"

base::Sha256 digestOf(std::string_view bytes)
{
    base::Sha256 digest{};
    if (bytes.size() == digest.size())
        std::transform(bytes.begin(), bytes.end(), digest.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
    return digest;
}

AuditEntry auditOf(const Statement& row)
{
    AuditEntry entry;
    entry.id = row.integer(0);
    entry.time = base::fromMillis(row.integer(1));
    entry.actor = row.text(2);
    entry.address = row.text(3);
    entry.action = row.text(4);
    entry.target = row.text(5);
    entry.before = row.text(6);
    entry.after = row.text(7);
    entry.previous = digestOf(row.bytes(8));
    entry.hash = digestOf(row.bytes(9));
    return entry;
}

Event eventOf(const Statement& row)
{
    Event event;
    event.id = row.integer(0);
    event.time = base::fromMillis(row.integer(1));
    event.kind = row.text(2);
    event.account = row.text(3);
    event.data = row.text(4);
    return event;
}

// Newest first begins at the end where no cursor was given.
std::int64_t olderThan(const Page& page)
{
    const auto id = page.after.empty() ? std::optional<std::uint64_t>(INT64_MAX) : base::parseU64(page.after);
    return id && *id <= INT64_MAX ? static_cast<std::int64_t>(*id) : 0;
}

std::int64_t newerThan(const Page& page)
{
    const auto id = page.after.empty() ? std::optional<std::uint64_t>(0) : base::parseU64(page.after);
    return id && *id <= INT64_MAX ? static_cast<std::int64_t>(*id) : INT64_MAX;
}

std::int64_t rows(std::size_t most) { return static_cast<std::int64_t>(std::min<std::size_t>(most, 1U << 30)); }

std::string groupOf(std::string_view kind) { return std::string(kind.substr(0, kind.find('.'))); }

} // namespace

// --- the audit

std::vector<AuditEntry> Reading::audit(const AuditFilter& filter, const Page& page)
{
    const std::int64_t since = filter.since ? base::toMillis(*filter.since) : INT64_MIN;
    const std::int64_t until = filter.until ? base::toMillis(*filter.until) : INT64_MAX;
    std::vector<AuditEntry> all;
#define AUDIT_FITS \
    " AND time >= ?2 AND time < ?3 AND " FITS("actor", "?4", ":") " AND " FITS("action", "?5", ".") " AND " FITS("target", "?6", "/") \
        " AND (?8 = '' OR address = ?8)"
    const char* const sql = filter.oldest_first ? AUDIT_COLUMNS "WHERE id > ?1" AUDIT_FITS " ORDER BY id LIMIT ?7"
                                                : AUDIT_COLUMNS "WHERE id < ?1" AUDIT_FITS " ORDER BY id DESC LIMIT ?7";
    Statement row = db_.query(sql, filter.oldest_first ? newerThan(page) : olderThan(page), since, until, filter.actor, filter.action, filter.target,
                              rows(page.limit), filter.address);
    while (row.step())
        all.push_back(auditOf(row));
    return all;
}

std::vector<AuditEntry> Reading::auditSince(std::int64_t id, std::size_t most)
{
    std::vector<AuditEntry> all;
    Statement row = db_.query(AUDIT_COLUMNS "WHERE id > ? ORDER BY id LIMIT ?", id, rows(most));
    while (row.step())
        all.push_back(auditOf(row));
    return all;
}

AuditHead Reading::auditHead() { return parseAuditHead(setting(kHead)).value_or(AuditHead{}); }

// It follows the head, not the last row: if entries were taken from the end, this one shows it for ever.
AuditEntry Writing::addAudit(const NewAudit& given)
{
    AuditEntry entry;
    static_cast<NewAudit&>(entry) = given;
    entry.time = now_;
    entry.previous = auditHead().hash;
    db_.run("INSERT INTO audit (time, actor, address, action, target, before, after, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, x'')",
            base::toMillis(entry.time), entry.actor, entry.address, entry.action, entry.target, entry.before, entry.after,
            Blob{asBytes(entry.previous)});
    entry.id = db_.lastId();
    entry.hash = auditHash(entry);
    db_.run("UPDATE audit SET hash = ? WHERE id = ?", Blob{asBytes(entry.hash)}, entry.id);
    putSetting(kHead, auditHeadText({entry.id, entry.hash}));
    // Who follows an account by its events hears what was done to it and to what belongs to it.
    const std::string owner = entry.target.substr(0, entry.target.find('/'));
    addEvent({"audit.entry", owner.find('@') != std::string::npos ? owner : "",
              base::jsonObject({{"entry", entry.id}, {"actor", entry.actor}, {"action", entry.action}, {"target", entry.target}})});
    return entry;
}

std::vector<Finding> SqliteStore::verifyAudit(const std::optional<AuditHead>& noted, std::uint64_t* entries)
{
    constexpr std::size_t kMost = 1000; // findings
    std::vector<Finding> findings;
    const auto add = [&findings](const char* what, std::int64_t id) {
        if (findings.size() < kMost)
            findings.push_back({what, "audit " + std::to_string(id), false, true});
    };
    AuditHead last;
    bool met = !noted || noted->id == 0;
    std::uint64_t count = 0;
    for (;;) {
        const auto transaction = readTransaction();
        Reading reading(transaction->db(), *files_, delimiter_);
        const auto piece = reading.auditSince(last.id, kPiece);
        for (const AuditEntry& entry : piece) {
            if (entry.previous != last.hash)
                add("an entry of the audit does not follow the one before it: entries were taken out or put in", entry.id);
            if (auditHash(entry) != entry.hash)
                add("an entry of the audit is not what was written", entry.id);
            last = {entry.id, entry.hash};
            met = met || (noted && noted->id == last.id && noted->hash == last.hash);
        }
        count += piece.size();
        if (!piece.empty())
            continue;
        const AuditHead head = reading.auditHead(); // of the same moment as the end of the rows
        if (head.id != last.id || head.hash != last.hash)
            add("the last entry of the audit is not the one that was written last: entries were taken from the end", std::max(head.id, last.id));
        break;
    }
    if (!met)
        add("the head that was noted is not in the audit", noted->id);
    if (entries)
        *entries = count;
    return findings;
}

// --- events

std::vector<Event> Reading::events(const EventFilter& filter, const Page& page)
{
    std::vector<Event> all;
    const char* const sql = filter.oldest_first ? "SELECT id, time, kind, account, data FROM event WHERE id > ? ORDER BY id"
                                                : "SELECT id, time, kind, account, data FROM event WHERE id < ? ORDER BY id DESC";
    Statement row = db_.query(sql, filter.oldest_first ? newerThan(page) : olderThan(page));
    while (all.size() < page.limit && row.step())
        if (auto event = eventOf(row); filter.fits(event))
            all.push_back(std::move(event));
    return all;
}

std::vector<Event> Reading::eventsSince(const EventFilter& filter, std::int64_t after, std::size_t most, std::int64_t& looked)
{
    std::vector<Event> all;
    looked = after;
    Statement row = db_.query("SELECT id, time, kind, account, data FROM event WHERE id > ? ORDER BY id LIMIT ?", after, rows(most));
    while (row.step()) {
        auto event = eventOf(row);
        looked = event.id;
        if (filter.fits(event))
            all.push_back(std::move(event));
    }
    return all;
}

EventRange Reading::eventRange()
{
    Statement row = db_.query("SELECT coalesce((SELECT min(id) FROM event), 0), coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)");
    row.step();
    return {row.integer(0), row.integer(1)};
}

std::int64_t Writing::addEvent(const NewEvent& event)
{
    db_.run("INSERT INTO event (time, kind, account, data) VALUES (?, ?, ?, ?)", base::toMillis(now_), event.kind, event.account, event.data);
    changes_.events = true;
    return db_.lastId();
}

// A reader looks for what is due, newest first, and the writer takes it in small pieces.
std::uint64_t SqliteStore::trimEvents(Time before, std::size_t keep, const std::stop_token& stop)
{
    std::vector<std::int64_t> due; // newest first
    {
        const auto transaction = readTransaction();
        std::map<std::string, std::size_t> kept;
        Statement row = transaction->db().query("SELECT id, time, kind FROM event ORDER BY id DESC");
        while (row.step() && !stop.stop_requested())
            if (row.integer(1) < base::toMillis(before) || ++kept[groupOf(row.bytes(2))] > keep)
                due.push_back(row.integer(0));
    }
    std::uint64_t gone = 0;
    while (!due.empty() && !stop.stop_requested()) {
        const std::size_t piece = std::min(kEventsAtOnce, due.size());
        writeAndWait([&](WriteTx& tx) {
            auto& db = dynamic_cast<Writing&>(tx).db();
            for (std::size_t i = 0; i < piece; ++i)
                db.run("DELETE FROM event WHERE id = ?", due[due.size() - 1 - i]);
        });
        due.resize(due.size() - piece);
        gone += piece;
    }
    return gone;
}

} // namespace postfach::store::sqlite
