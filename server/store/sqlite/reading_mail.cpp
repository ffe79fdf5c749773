// Mailboxes, messages, bodies, quarantine: the reading side.
#include "server/base/text.h"
#include "server/mail/decode.h"
#include "server/store/names.h"
#include "server/store/sqlite/reading.h"

#include <algorithm>
#include <cstdio>
#include <limits>

namespace postfach::store::sqlite {
namespace {

#define MAILBOX_COLUMNS \
    "SELECT m.id, m.account_id, m.name, m.object_id, m.uid_validity, m.uid_next, m.highest_modseq, m.messages, m.unseen," \
    " m.deleted, m.size, m.recent_from, m.special_use, s.name IS NOT NULL " \
    "FROM mailbox m LEFT JOIN subscription s ON s.account_id = m.account_id AND s.name = m.name "

Mailbox mailboxOf(const Statement& row)
{
    Mailbox m;
    m.id = MailboxId{row.integer(0)};
    m.account = AccountId{row.integer(1)};
    m.name = row.text(2);
    m.object_id = row.text(3);
    m.uid_validity = static_cast<std::uint32_t>(row.integer(4));
    m.uid_next = Uid{static_cast<std::uint32_t>(row.integer(5))};
    m.highest_modseq = static_cast<ModSeq>(row.integer(6));
    m.exists = static_cast<std::uint32_t>(row.integer(7));
    m.unseen = static_cast<std::uint32_t>(row.integer(8));
    m.deleted = static_cast<std::uint32_t>(row.integer(9));
    m.size = static_cast<std::uint64_t>(row.integer(10));
    m.recent_from = Uid{static_cast<std::uint32_t>(row.integer(11))};
    m.special_use = row.text(12);
    m.subscribed = row.integer(13) != 0;
    return m;
}

MessageRow messageOf(const Statement& row) // uid, modseq, body_id, size, flags, date, keywords
{
    MessageRow m;
    m.message.uid = Uid{static_cast<std::uint32_t>(row.integer(0))};
    m.message.modseq = static_cast<ModSeq>(row.integer(1));
    m.message.body = BodyId{row.integer(2)};
    m.message.size = static_cast<std::uint32_t>(row.integer(3));
    m.message.bits = static_cast<std::uint64_t>(row.integer(4));
    m.message.internal_date = base::fromMillis(row.integer(5) * 1000);
    m.more = unpackKeywords(row.bytes(6));
    return m;
}

#define QUARANTINE_COLUMNS \
    "SELECT q.id, q.account_id, q.mailbox, q.body_id, q.signature, q.sender, q.recipient, q.subject, q.way_in, q.flags," \
    " q.keywords, q.date, q.uidl, q.notice, q.created, a.address, b.size, b.hash, b.verdict, b.verdict_time, q.reason, q.token, q.asked, q.asked_words " \
    "FROM quarantine q JOIN account a ON a.id = q.account_id JOIN body b ON b.id = q.body_id "

Quarantined quarantinedOf(const Statement& row)
{
    Quarantined q;
    q.id = QuarantineId{row.integer(0)};
    q.account = AccountId{row.integer(1)};
    q.mailbox = row.text(2);
    q.body = BodyId{row.integer(3)};
    q.signature = row.text(4);
    q.sender = row.text(5);
    q.recipient = row.text(6);
    q.subject = row.text(7);
    q.way_in = row.text(8);
    q.flags.bits = static_cast<std::uint64_t>(row.integer(9));
    q.flags.more = unpackKeywords(row.bytes(10));
    q.internal_date = base::fromMillis(row.integer(11) * 1000);
    q.uidl = row.text(12);
    if (!row.isNull(13))
        q.notice = Uid{static_cast<std::uint32_t>(row.integer(13))};
    q.created = base::fromMillis(row.integer(14));
    q.address = row.text(15);
    q.size = static_cast<std::uint64_t>(row.integer(16));
    q.sha256 = asSha256(row.bytes(17));
    if (static_cast<ScanRecord::Verdict>(row.integer(18)) == ScanRecord::Verdict::clean)
        q.cleared = base::fromMillis(row.integer(19));
    q.reason = row.text(20);
    q.token = row.text(21);
    if (!row.isNull(22))
        q.asked = base::fromMillis(row.integer(22));
    q.asked_words = row.text(23);
    return q;
}

Encoding encodingOf(std::int64_t number)
{
    if (number < 0 || number > static_cast<int>(Encoding::file))
        throw Error(Error::Kind::damaged, "unknown encoding " + std::to_string(number));
    return static_cast<Encoding>(number);
}

} // namespace

std::string packKeywords(const std::vector<std::uint16_t>& more)
{
    std::string bytes;
    for (const std::uint16_t index : more) {
        bytes += static_cast<char>(index & 0xFF);
        bytes += static_cast<char>(index >> 8);
    }
    return bytes;
}

std::vector<std::uint16_t> unpackKeywords(std::string_view bytes)
{
    std::vector<std::uint16_t> more;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
        more.push_back(static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[i]) | static_cast<unsigned char>(bytes[i + 1]) << 8));
    return more;
}

std::string ruledUidl(std::uint32_t uid_validity, Uid uid)
{
    char text[17];
    std::snprintf(text, sizeof text, "%08x%08x", static_cast<unsigned>(uid_validity), static_cast<unsigned>(uid.value));
    return text;
}

std::int64_t messageSeconds(Time time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); }

std::vector<Mailbox> Reading::mailboxes(AccountId account)
{
    std::vector<Mailbox> all;
    Statement row = db_.query(MAILBOX_COLUMNS "WHERE m.account_id = ? ORDER BY m.name", account);
    while (row.step())
        all.push_back(mailboxOf(row));
    return all;
}

std::optional<Mailbox> Reading::findMailbox(AccountId account, std::string_view name)
{
    const std::string as_given = inboxInCapitals(name, delimiter_);
    {
        Statement row = db_.query(MAILBOX_COLUMNS "WHERE m.account_id = ? AND m.name = ?", account, as_given);
        if (row.step())
            return mailboxOf(row);
    }
    const std::string kept = mail::composed(as_given);
    if (kept == as_given)
        return std::nullopt;
    Statement row = db_.query(MAILBOX_COLUMNS "WHERE m.account_id = ? AND m.name = ?", account, kept);
    if (!row.step())
        return std::nullopt;
    return mailboxOf(row);
}

std::optional<Mailbox> Reading::mailbox(MailboxId id)
{
    Statement row = db_.query(MAILBOX_COLUMNS "WHERE m.id = ?", id);
    if (!row.step())
        return std::nullopt;
    return mailboxOf(row);
}

Mailbox Reading::requireMailbox(MailboxId id)
{
    if (auto found = mailbox(id))
        return std::move(*found);
    throw Error(Error::Kind::noSuchMailbox, "mailbox " + std::to_string(id.value) + " is gone");
}

std::vector<std::string> Reading::subscriptions(AccountId account)
{
    std::vector<std::string> names;
    Statement row = db_.query("SELECT name FROM subscription WHERE account_id = ? ORDER BY name", account);
    while (row.step())
        names.push_back(row.text(0));
    return names;
}

std::optional<std::string> Reading::annotation(AccountId account, MailboxId mailbox, std::string_view name)
{
    Statement row = db_.query("SELECT value FROM annotation WHERE account_id = ? AND mailbox_id = ? AND name = ?", account, mailbox, name);
    if (!row.step())
        return std::nullopt;
    return row.text(0);
}

std::vector<Annotation> Reading::annotations(AccountId account, MailboxId mailbox)
{
    std::vector<Annotation> all;
    Statement row = db_.query("SELECT name, value FROM annotation WHERE account_id = ? AND mailbox_id = ? ORDER BY name", account, mailbox);
    while (row.step())
        all.push_back({row.text(0), row.text(1)});
    return all;
}

std::vector<std::string> Reading::keywords(AccountId account, std::size_t from)
{
    std::vector<std::string> names;
    Statement row = db_.query("SELECT name FROM keyword WHERE account_id = ? AND position >= ? ORDER BY position", account, from);
    while (row.step())
        names.push_back(row.text(0));
    return names;
}

std::optional<unsigned> Reading::findKeyword(AccountId account, std::string_view name)
{
    Statement row = db_.query("SELECT position FROM keyword WHERE account_id = ? AND name = ?", account, name);
    return row.step() ? std::optional(static_cast<unsigned>(row.integer(0))) : std::nullopt;
}

std::vector<std::pair<Uid, ModSeq>> Reading::expungedSince(MailboxId id, ModSeq since)
{
    std::vector<std::pair<Uid, ModSeq>> gone;
    if (since > static_cast<ModSeq>(std::numeric_limits<std::int64_t>::max()))
        return gone;
    Statement row = db_.query("SELECT first, last, modseq FROM expunged WHERE mailbox_id = ? AND modseq > ?", id, since);
    while (row.step())
        for (std::int64_t uid = row.integer(0); uid <= row.integer(1); ++uid)
            gone.emplace_back(Uid{static_cast<std::uint32_t>(uid)}, static_cast<ModSeq>(row.integer(2)));
    std::sort(gone.begin(), gone.end());
    return gone;
}

std::optional<MessageRow> Reading::message(MailboxId mailbox, Uid uid)
{
    Statement row = db_.query("SELECT uid, modseq, body_id, size, flags, date, keywords FROM message WHERE mailbox_id = ? AND uid = ?", mailbox, uid);
    if (!row.step())
        return std::nullopt;
    return messageOf(row);
}

void Reading::eachMessage(MailboxId mailbox, const std::function<void(const MessageRow&)>& visit)
{
    Statement row = db_.query("SELECT uid, modseq, body_id, size, flags, date, keywords FROM message WHERE mailbox_id = ? ORDER BY uid", mailbox);
    while (row.step())
        visit(messageOf(row));
}

std::vector<MessageRow> Reading::messages(MailboxId mailbox, const std::vector<Uid>& ascending)
{
    constexpr std::uint32_t kGap = 16; // rows that are read past: cheaper than a statement that starts anew
    std::vector<MessageRow> rows;
    rows.reserve(ascending.size());
    for (std::size_t i = 0; i < ascending.size();) {
        std::size_t end = i + 1;
        while (end < ascending.size() && ascending[end].value - ascending[end - 1].value <= kGap)
            ++end;
        Statement row = db_.query("SELECT uid, modseq, body_id, size, flags, date, keywords FROM message WHERE mailbox_id = ?"
                                  " AND uid BETWEEN ? AND ? ORDER BY uid", mailbox, ascending[i], ascending[end - 1]);
        while (row.step()) {
            const Uid uid{static_cast<std::uint32_t>(row.integer(0))};
            while (i < end && ascending[i] < uid)
                ++i;
            if (i < end && ascending[i] == uid)
                rows.push_back(messageOf(row));
        }
        i = end;
    }
    return rows;
}

namespace {

BodyRow bodyOf(const Statement& row, BodyId id) // hash, size, encoding
{
    return {id, asSha256(row.bytes(0)), static_cast<std::uint64_t>(row.integer(1)), encodingOf(row.integer(2))};
}

[[noreturn]] void bodyIsGone(BodyId id) { throw Error(Error::Kind::noSuchMessage, "body " + std::to_string(id.value) + " is gone"); }

} // namespace

BodyRow Reading::requireBody(BodyId id)
{
    Statement row = db_.query("SELECT hash, size, encoding FROM body WHERE id = ?", id);
    if (!row.step())
        bodyIsGone(id);
    return bodyOf(row, id);
}

// One statement for both rows: a mailbox is read body by body.
std::string Reading::contentOf(BodyId id)
{
    Statement row = db_.query("SELECT b.hash, b.size, b.encoding, c.data FROM body b LEFT JOIN content c ON c.body_id = b.id WHERE b.id = ?", id);
    if (!row.step())
        bodyIsGone(id);
    const BodyRow body = bodyOf(row, id);
    if (body.encoding == Encoding::file)
        return files_.read(body.hash, body.size);
    if (row.isNull(3))
        throw Error(Error::Kind::damaged, "body " + std::to_string(id.value) + " has no content");
    return decodeBody(body.encoding, body.hash, body.size, row.bytes(3));
}

std::string Reading::body(BodyId id)
{
    try {
        return contentOf(id);
    } catch (const SqliteError&) {
        throw; // its connection has raised the alarm
    } catch (const Error& error) {
        if (error.kind == Error::Kind::damaged)
            files_.alarm->raise(error.what());
        throw;
    }
}

std::string Reading::bodyRange(BodyId id, std::uint64_t offset, std::uint64_t length)
{
    const BodyRow row = requireBody(id);
    if (offset >= row.size || length == 0)
        return {};
    length = std::min(length, row.size - offset);
    if (row.encoding == Encoding::file && length < row.size) {
        try {
            return files_.readRange(row.hash, row.size, offset, length);
        } catch (const Error& error) {
            if (error.kind == Error::Kind::damaged)
                files_.alarm->raise(error.what());
            throw;
        }
    }
    std::string whole = body(id);
    return length == whole.size() ? std::move(whole) : whole.substr(offset, length);
}

std::string Reading::summary(BodyId id)
{
    Statement row = db_.query("SELECT summary FROM content WHERE body_id = ?", id);
    return row.step() ? row.text(0) : std::string();
}

ScanRecord Reading::scanRecord(BodyId id)
{
    Statement row = db_.query("SELECT verdict, verdict_name, verdict_signatures, verdict_time, verdict_reason, verdict_engine, verdict_ms"
                              " FROM body WHERE id = ?", id);
    if (!row.step())
        return {};
    return {static_cast<ScanRecord::Verdict>(row.integer(0)), row.text(1), row.text(2), base::fromMillis(row.integer(3)),
            row.text(4), row.text(5), static_cast<std::uint32_t>(row.integer(6))};
}

std::string Reading::uidl(MailboxId mailbox, Uid uid)
{
    Statement fixed = db_.query("SELECT uidl FROM fixed_uidl WHERE mailbox_id = ? AND uid = ?", mailbox, uid);
    if (fixed.step())
        return fixed.text(0);
    return ruledUidl(requireMailbox(mailbox).uid_validity, uid);
}

std::vector<std::pair<Uid, std::string>> Reading::fixedUidls(MailboxId mailbox)
{
    std::vector<std::pair<Uid, std::string>> all;
    Statement row = db_.query("SELECT uid, uidl FROM fixed_uidl WHERE mailbox_id = ? ORDER BY uid", mailbox);
    while (row.step())
        all.emplace_back(Uid{static_cast<std::uint32_t>(row.integer(0))}, row.text(1));
    return all;
}

std::vector<Quarantined> Reading::quarantine(const QuarantineFilter& filter, const Page& page)
{
    std::vector<Quarantined> all;
    const auto after = page.after.empty() ? 0 : base::parseU64(page.after).value_or(0);
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    Statement row = db_.query(QUARANTINE_COLUMNS "WHERE q.id > ?1 AND (?2 = 0 OR q.account_id = ?2)"
                                                 " AND (?3 = '' OR instr(lower(q.signature), lower(?3)) > 0) AND (?4 = '' OR q.reason = ?4)"
                                                 " AND (?5 = '' OR q.way_in = ?5) AND q.created >= ?6 AND q.created < ?7 AND (?9 = 0 OR q.asked IS NOT NULL)"
                                                 " ORDER BY q.id LIMIT ?8",
                              std::min<std::uint64_t>(after, kMost), filter.account.value_or(AccountId{}), filter.signature, filter.reason,
                              filter.way_in, filter.since ? base::toMillis(*filter.since) : std::numeric_limits<std::int64_t>::min(),
                              filter.until ? base::toMillis(*filter.until) : kMost, std::min<std::size_t>(page.limit, 1U << 30),
                              filter.asked ? 1 : 0);
    while (row.step())
        all.push_back(quarantinedOf(row));
    return all;
}

std::vector<Quarantined> Reading::quarantineOf(BodyId body)
{
    std::vector<Quarantined> all;
    Statement row = db_.query(QUARANTINE_COLUMNS "WHERE q.body_id = ? ORDER BY q.id", body);
    while (row.step())
        all.push_back(quarantinedOf(row));
    return all;
}

std::vector<Quarantined> Reading::quarantineBehind(std::string_view token)
{
    std::vector<Quarantined> all;
    Statement row = db_.query(QUARANTINE_COLUMNS "WHERE q.token = ? AND q.token <> '' ORDER BY q.id", token);
    while (row.step())
        all.push_back(quarantinedOf(row));
    return all;
}

std::optional<Quarantined> Reading::quarantined(QuarantineId id)
{
    Statement row = db_.query(QUARANTINE_COLUMNS "WHERE q.id = ?", id);
    if (!row.step())
        return std::nullopt;
    return quarantinedOf(row);
}

} // namespace postfach::store::sqlite
