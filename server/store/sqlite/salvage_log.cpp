// Salvage: mail that only a damaged log has, the one a server has put aside or the one it would.
//
// What was committed behind the damage is of another history than the database's, if a server has gone on without it: the same pages
// and ids may mean something else there. So nothing but mail is taken of it, each by itself, and only what proves itself: the row,
// its body's row and its content stand in the log, the content has its hash, and the row's mailbox is there and has the object id
// that it has in the log; else the content goes to lost+found. What was deleted meanwhile stays deleted; what the account has, also
// elsewhere, does not come a second time.
#include "server/base/text.h"
#include "server/store/sqlite/salvage_work.h"

#include <algorithm>

namespace postfach::store::sqlite {

struct Salvage::LogMail {
    Row message, body; // as in their tables
    std::string summary, data;
    std::string hash;
    std::int64_t account = 0; // 0: its mailbox is not there any more, or was made behind the damage
    std::int64_t mailbox() const { return message.values[0].number; }
    std::int64_t uid() const { return message.values[1].number; }
    Encoding encoding() const { return static_cast<Encoding>(body.values[4].number); }
    std::uint64_t size() const { return static_cast<std::uint64_t>(body.values[2].number); }
    std::string bytes() const { return decodeBody(encoding(), asSha256(hash), size(), data); } // damaged
};

// Under its own UID, if that is one that nobody can have been given since; else under the mailbox's next.
void Salvage::placeLogMail(const LogMail& mail, std::int64_t& body)
{
    Connection& db = filling_->db();
    if (body == 0) {
        db.run("INSERT INTO body (hash, size, refs, encoding) VALUES (?, ?, 0, ?)", Blob{mail.hash}, mail.size(),
            static_cast<int>(mail.encoding()));
        body = db.lastId();
        db.run("INSERT INTO content (body_id, summary, data) VALUES (?, ?, ?)", body, Blob{mail.summary}, Blob{mail.data});
    }
    const auto& value = mail.message.values;
    const std::int64_t system = value[5].number & 31; // what a keyword's position means there nobody knows
    Statement next =
        db.query("UPDATE mailbox SET uid_next = max(uid_next, ?2, (SELECT coalesce(max(uid), 0) + 1 FROM message WHERE "
                 "mailbox_id = ?1)) + 1,"
                 " highest_modseq = max(highest_modseq + 1, ?3) WHERE id = ?1 RETURNING uid_next - 1, highest_modseq",
            mail.mailbox(), mail.uid(), value[2].number);
    next.step();
    const std::int64_t uid = next.integer(0), modseq = next.integer(1);
    next.step();
    db.run("INSERT INTO message (mailbox_id, uid, modseq, body_id, size, flags, date, saved) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        mail.mailbox(), uid, modseq, body, mail.size(), system, value[6].number, value.back().number);
    ++result_.from_logs;
    filling_->note();
}

void Salvage::takeLog(const std::string& log)
{
    const PageSource source(damaged_, log);
    if (source.pages() >= kMostPages
        || !filling_->knows("recoverable")) // of an old version: it is never put aside by one that reads this
        return;
    std::map<std::int64_t, Row> bodies, contents;
    std::map<std::int64_t, std::string> mailboxes; // by id: the object id
    std::map<std::pair<std::int64_t, std::int64_t>, Row> messages;
    for (const std::uint32_t at : source.pagesInLog()) {
        auto page = readTreePage(source, at).value_or(TreePage());
        for (Row& row : page.rows) {
            const char* const name = tableOf(row, page.has_ids);
            const std::string_view table = name ? name : "";
            if (table == "message")
                messages.emplace(std::pair{row.values[0].number, row.values[1].number}, std::move(row));
            else if (table == "body")
                bodies.emplace(row.id, std::move(row));
            else if (table == "content")
                contents.emplace(row.id, std::move(row));
            else if (table == "mailbox")
                mailboxes.emplace(row.id, row.values[3].bytes);
        }
    }

    Connection& db = filling_->db();
    std::vector<LogMail> lost;
    for (auto& [key, row] : messages) {
        const auto body = bodies.find(row.values[3].number);
        const auto content = contents.find(row.values[3].number);
        const auto mailbox = mailboxes.find(key.first);
        if (body == bodies.end() || content == contents.end() || mailbox == mailboxes.end() || row.values.size() != 9
            || body->second.values[1].bytes.size() != sizeof(base::Sha256))
            continue;
        if (db.query("SELECT 1 FROM message WHERE mailbox_id = ?1 AND uid = ?2 UNION ALL SELECT 1 FROM expunged WHERE mailbox_id "
                     "= ?1"
                     " AND ?2 BETWEEN first AND last",
                  key.first, key.second)
                .step())
            continue;
        LogMail mail{std::move(row), body->second, content->second.values[1].bytes, content->second.values[2].bytes,
            body->second.values[1].bytes, 0};
        const std::int64_t encoding = mail.body.values[4].number;
        if (encoding < 0 || encoding > 2 || mail.body.values[2].number != mail.message.values[4].number)
            continue;
        Statement home = db.query("SELECT account_id FROM mailbox WHERE id = ? AND object_id = ?", key.first, mailbox->second);
        if (home.step())
            mail.account = home.integer(0);
        else if (mail.encoding() == Encoding::file)
            continue; // keepFoundFiles() finds it
        const base::Sha256 hash = asSha256(mail.hash);
        try {
            if (mail.encoding() == Encoding::file ? fileIsWhole(hash, mail.size()) : base::sha256(mail.bytes()) == hash)
                lost.push_back(std::move(mail));
        } catch (const Error&) { // it is not what was written
        }
    }
    if (lost.empty())
        return;

    std::map<std::string, std::int64_t> kept; // by hash: the body that has this content; 0: none yet
    for (const LogMail& mail : lost)
        kept.emplace(mail.hash, 0);
    std::set<std::pair<std::int64_t, std::string>> had; // account, hash
    {
        Statement row =
            db.query("SELECT b.id, b.hash, n.account_id FROM body b JOIN content c ON c.body_id = b.id LEFT JOIN (SELECT "
                     "x.account_id, m.body_id"
                     " FROM message m JOIN mailbox x ON x.id = m.mailbox_id UNION ALL SELECT account_id, body_id FROM recoverable"
                     " UNION ALL SELECT account_id, body_id FROM quarantine) n ON n.body_id = b.id");
        while (row.step())
            if (const auto at = kept.find(row.text(1)); at != kept.end()) {
                at->second = row.integer(0);
                had.emplace(row.integer(2), at->first);
            }
    }
    std::set<std::string> found;
    for (const LogMail& mail : lost)
        if (mail.account == 0) {
            if (kept.at(mail.hash) == 0 && found.insert(mail.hash).second)
                writeFound(base::hex(asSha256(mail.hash)), mail.bytes());
        } else if (!had.contains({mail.account, mail.hash})) {
            placeLogMail(mail, kept.at(mail.hash));
        }
}

} // namespace postfach::store::sqlite
