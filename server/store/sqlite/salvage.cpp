// Salvage: the rows that can be read, put into a new database, and of them what is proved.
//   1. the trees are walked from their roots; what a damaged page hides is found by looking at every page that no walk has met, and
//      told apart by its shape. Free pages are left out: what was deleted stays deleted;
//   2. contents come in only where their bytes are those of their hash (or, where that row is lost, of checksummed pages and of the
//      size that the message names);
//   3. what has no content, no mailbox or no owner is taken out again and reported; contents that nobody names become files;
//   4. the usual check counts anew what is derived, and has the last word.
// Overflow pages hold what senders wrote. They are never taken for pages of rows: their first byte is that of a page number, 0 as
// long as there are fewer than 2^25 pages, and in larger databases only the trees are walked.
#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/base/id.h"
#include "server/store/sqlite/log_check.h"
#include "server/store/sqlite/salvage_work.h"
#include "server/store/sqlite/sqlite_store.h"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>

namespace postfach::store::sqlite {
namespace {

namespace fs = std::filesystem;
using Kind = Value::Kind;

constexpr std::size_t kNamed = 1000; // of what was lost, each by itself; the rest is counted
constexpr std::size_t kRowsInCommit = 5000;

struct Shape {
    const char* table;
    bool has_ids;
    const char* values;
};

// Only tables whose rows look like no other's.
constexpr Shape kShapes[] = {
    {"content", true, "nbb"},
    {"body", true, "nbiiiitti*tti"},
    {"mailbox", true, "nittiiiiiiiiti"},
    {"account", true, "ntttiti[i]itbbbi*[iiii]i[iiiiiii]t[iii]"},
    {"usage", true, "niii*iii"},
    {"quarantine", true, "nitiitttttii[b]it[i]i*tt[i]t"},
    {"recoverable", true, "niitii[t]iii[b]iiit"},
    {"message", false, "iiiiiii[b]*i"},
};

void bind(sqlite3_stmt* statement, int at, const Value& value)
{
    switch (value.kind) {
    case Kind::null: sqlite3_bind_null(statement, at); break;
    case Kind::integer:
    case Kind::real: sqlite3_bind_int64(statement, at, value.number); break; // there are no reals
    case Kind::text:
        sqlite3_bind_text64(statement, at, value.bytes.data(), value.bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
        break;
    case Kind::blob: sqlite3_bind_blob64(statement, at, value.bytes.data(), value.bytes.size(), SQLITE_STATIC); break;
    }
}

} // namespace

bool hasShape(const Row& row, std::string_view shape)
{
    std::size_t at = 0;
    bool optional = false, open = false;
    for (const char c : shape) {
        if (c == '*' || c == '[' || c == ']') {
            open = open || c == '*';
            optional = c == '[';
            continue;
        }
        if (at == row.values.size())
            return open;
        const Kind kind = row.values[at++].kind;
        const bool fits = (c == 'n' && kind == Kind::null) || (c == 'i' && kind == Kind::integer)
            || (c == 't' && kind == Kind::text) || (c == 'b' && kind == Kind::blob) || (optional && kind == Kind::null);
        if (!fits)
            return false;
    }
    return at == row.values.size();
}

const char* tableOf(const Row& row, bool has_ids)
{
    for (const Shape& shape : kShapes)
        if (shape.has_ids == has_ids && hasShape(row, shape.values))
            return shape.table;
    return nullptr;
}

// --- the new database, while it is filled

Filling::Filling(const std::string& file, int version) : db_(file, Connection::Role::writer)
{
    migrate(db_, version);
    db_.run("BEGIN IMMEDIATE");
    Statement table = db_.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (table.step()) {
        const std::string name = table.text(0);
        sqlite3_stmt* raw = nullptr;
        sqlite3_prepare_v2(db_.handle(), ("PRAGMA table_info(" + name + ")").c_str(), -1, &raw, nullptr);
        Statement column(db_, raw, nullptr);
        while (column.step())
            columns_[name].push_back(column.text(1));
    }
}

Filling::~Filling()
{
    for (const auto& [key, statement] : inserts_)
        sqlite3_finalize(statement);
}

bool Filling::insert(const std::string& table, const Row& row, bool has_ids)
{
    const auto& names = columns_.at(table);
    if (row.values.empty() || row.values.size() > names.size())
        return false;
    sqlite3_stmt*& statement = inserts_[{table, row.values.size()}];
    if (!statement) {
        std::string sql = "INSERT OR IGNORE INTO " + table + " (", marks;
        for (std::size_t i = 0; i < row.values.size(); ++i) {
            sql += (i == 0 ? "" : ", ") + names[i];
            marks += i == 0 ? "?" : ", ?";
        }
        sql += ") VALUES (" + marks + ")";
        if (sqlite3_prepare_v2(db_.handle(), sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
            db_.fail(sql);
    }
    for (std::size_t i = 0; i < row.values.size(); ++i)
        bind(statement, static_cast<int>(i) + 1, row.values[i]);
    if (has_ids)
        sqlite3_bind_int64(statement, 1, row.id);
    const int rc = sqlite3_step(statement);
    const bool put = rc == SQLITE_DONE && db_.changes() > 0;
    sqlite3_reset(statement);
    if (rc != SQLITE_DONE && (rc & 0xFF) != SQLITE_CONSTRAINT && (rc & 0xFF) != SQLITE_MISMATCH)
        db_.fail("INSERT INTO " + table);
    note();
    return put;
}

void Filling::note()
{
    if (++waiting_ < kRowsInCommit)
        return;
    commit();
    db_.run("BEGIN IMMEDIATE");
}

void Filling::commit()
{
    db_.run("COMMIT");
    db_.pragma("wal_checkpoint(TRUNCATE)");
    waiting_ = 0;
}

// --- what can be read

void Salvage::lose(const std::string& what, const std::string& where)
{
    if (++losses_[what] <= kNamed)
        result_.lost.push_back({what, where, false});
}

std::int64_t Salvage::number(const char* sql)
{
    Statement row = filling_->db().query(sql);
    return row.step() ? row.integer(0) : 0;
}

void Salvage::walk(std::uint32_t root, const std::function<void(std::uint32_t, const TreePage&)>& visit)
{
    std::vector<std::uint32_t> next{root};
    while (!next.empty()) {
        const std::uint32_t at = next.back();
        next.pop_back();
        if (at == 0 || at >= met_.size() || met_[at]) // also where damage leads in a circle
            continue;
        met_[at] = true;
        meter_.add(kPageSize);
        const auto page = readTreePage(source_, at);
        if (!page) {
            ++result_.damaged_pages;
            continue;
        }
        visit(at, *page);
        next.insert(next.end(), page->children.rbegin(), page->children.rend());
    }
}

void Salvage::readSchema()
{
    const auto first = source_.page(1);
    if (first) {
        version_ = static_cast<int>(big32(*first, 60));
        const auto application = static_cast<int>(big32(*first, 68));
        if (application != kApplicationId || version_ < 1)
            throw base::Refused(damaged_ + "/postfach.db was made by another program", 1);
        if (version_ > newestVersion())
            throw base::Refused(damaged_ + " was written by a newer Postfach; salvage with that version or a later one", 1);
    } else {
        lose("the first page of the database is damaged: it says where each table begins. Messages, mailboxes and accounts are "
             "recognised by "
             "their shape; keywords, aliases, tokens, app passwords and the domains' policies are not. If there is a backup, "
             "restore that first",
            "postfach.db");
    }
    if (first)
        walk(1, [&](std::uint32_t, const TreePage& page) {
            for (const Row& row : page.rows)
                if (row.values.size() == 5 && row.values[1].kind == Kind::text && row.values[3].number > 0)
                    roots_[row.values[1].bytes] = static_cast<std::uint32_t>(row.values[3].number);
        });
    if (first && result_.damaged_pages > 0)
        lose("a page of the list of tables is damaged: what stood in them is recognised by its shape, or lost", "postfach.db");
}

void Salvage::takeTrees()
{
    for (const auto& [name, root] : roots_) {
        walk(root, [&, table = name](std::uint32_t at, const TreePage& page) {
            if (table == "content") {
                if (page.has_ids && page.children.empty())
                    contents_.push_back(at);
                return;
            }
            for (const Row& row : page.rows) {
                if (filling_->knows(table)) {
                    if (table != "tally" && table != "body")
                        filling_->insert(table, row, page.has_ids);
                    else if (table == "body" && hasShape(row, "nbiiiitti*tti"))
                        filling_->insert(table, row, true);
                    else if (table == "tally" && row.values.size() == 2)
                        filling_->db().run(
                            "UPDATE tally SET value = max(value, ?) WHERE name = ?", row.values[1].number, row.values[0].bytes);
                } else if (table == "sqlite_autoindex_account_1" && hasShape(row, "ti")) {
                    addresses_[row.values[1].number] = row.values[0].bytes;
                } else if (table == "mailbox_name" && hasShape(row, "iti")) {
                    names_[row.values[2].number] = {row.values[0].number, row.values[1].bytes};
                }
            }
            if (page.lost_rows > 0 && filling_->knows(table))
                lose("rows of " + table + " cannot be read", std::to_string(page.lost_rows) + " on page " + std::to_string(at));
        });
    }
}

// Pages below a damaged one. What was an account there may have been removed, if the list of free pages is damaged too: it is
// not let in until an administrator has looked.
void Salvage::takeStrays()
{
    bool whole = false;
    const std::vector<bool> free = freePages(source_, whole);
    if (!whole)
        lose("the list of free pages is damaged: what was deleted lately may be back", "postfach.db");
    const bool by_shape = source_.pages() < kMostPages;
    for (std::uint32_t at = 1; at <= source_.pages(); ++at) {
        if (met_[at])
            continue;
        meter_.add(kPageSize);
        if (free[at] || !by_shape)
            continue;
        const auto page = readTreePage(source_, at);
        if (!page) {
            result_.damaged_pages += source_.page(at) ? 0 : 1; // else an overflow page
            continue;
        }
        bool contents = false;
        for (Row row : page->rows) {
            const char* const table = tableOf(row, page->has_ids);
            if (!table)
                continue;
            if (std::string_view(table) == "content") {
                contents = true;
                continue;
            }
            const bool doubtful = std::string_view(table) == "account" && !whole;
            if (doubtful)
                row.values[4].number = 0; // enabled
            if (filling_->insert(table, row, page->has_ids) && doubtful)
                lose(
                    "it may be one that was removed: disabled until `postfach account enable`", "account " + row.values[1].bytes);
        }
        if (contents)
            contents_.push_back(at);
    }
}

// --- what the rows say of each other

void Salvage::makeOwners()
{
    Connection& db = filling_->db();
    std::vector<std::int64_t> orphans;
    {
        Statement row = db.query("SELECT DISTINCT account_id FROM mailbox WHERE account_id NOT IN (SELECT id FROM account)");
        while (row.step())
            orphans.push_back(row.integer(0));
    }
    for (const std::int64_t id : orphans) {
        const auto known = addresses_.find(id);
        std::string address = known != addresses_.end() ? known->second : "account-" + std::to_string(id) + "@salvaged.invalid";
        if (db.query("SELECT 1 FROM account WHERE address = ?", address).step())
            address = "account-" + std::to_string(id) + "@salvaged.invalid";
        db.run("INSERT INTO account (id, address, domain, name, enabled, services, created, version, argon2, scram_salt, "
               "scram_stored_key,"
               " scram_server_key, scram_iterations) VALUES (?, ?, ?, '', 0, 'pop3,imap', 0, 1, '', x'', x'', x'', 0)",
            id, address, address.substr(address.rfind('@') + 1));
        lose("its row is lost: it is there, disabled and without a password; `postfach account password` and `account enable`",
            "account " + address);
    }
    db.run("INSERT OR IGNORE INTO domain (name, created) SELECT domain, 0 FROM account UNION SELECT domain, 0 FROM alias");
    db.run("INSERT OR IGNORE INTO usage (account_id, quota, used, messages) SELECT id, 0, 0, 0 FROM account");
}

void Salvage::makeMailboxes()
{
    Connection& db = filling_->db();
    const auto make = [&](std::int64_t id, std::int64_t account, const std::string& name, const char* use) {
        db.run("UPDATE tally SET value = max(value, (SELECT coalesce(max(uid_validity), 0) FROM mailbox)) + 1 WHERE name = "
               "'uid_validity'");
        db.run("INSERT OR IGNORE INTO mailbox (id, account_id, name, object_id, uid_validity, uid_next, highest_modseq, "
               "messages, unseen, deleted, size,"
               " recent_from, special_use, reserved) VALUES (?, ?, ?, ?, (SELECT value FROM tally WHERE name = 'uid_validity'), "
               "1, 1, 0, 0, 0, 0, 1, ?, 0)",
            id == 0 ? std::nullopt : std::optional<std::int64_t>(id), account, name, base::randomHex(12), use);
    };
    std::vector<std::int64_t> missing;
    {
        Statement row = db.query("SELECT DISTINCT mailbox_id FROM message WHERE mailbox_id NOT IN (SELECT id FROM mailbox)");
        while (row.step())
            missing.push_back(row.integer(0));
    }
    for (const std::int64_t id : missing) {
        const auto known = names_.find(id);
        if (known == names_.end())
            continue; // nobody knows whose it was: its messages become files
        make(id, known->second.first, known->second.second, "");
        lose("its row is lost: it has a new UIDVALIDITY, and clients fetch it anew", "mailbox " + known->second.second);
    }
    makeOwners(); // of these too
    std::vector<std::int64_t> without;
    {
        Statement row = db.query("SELECT id FROM account WHERE id NOT IN (SELECT account_id FROM mailbox WHERE name = 'INBOX')");
        while (row.step())
            without.push_back(row.integer(0));
    }
    for (const std::int64_t account : without)
        make(0, account, "INBOX", "");
}

void Salvage::dropIncomplete()
{
    Connection& db = filling_->db();
    {
        Statement row = db.query("SELECT a.address, b.name, m.uid FROM message m JOIN mailbox b ON b.id = m.mailbox_id JOIN "
                                 "account a ON a.id = b.account_id"
                                 " LEFT JOIN content c ON c.body_id = m.body_id LEFT JOIN body x ON x.id = m.body_id"
                                 " WHERE c.body_id IS NULL OR x.size IS NOT m.size");
        while (row.step())
            lose("its content is damaged or lost", row.text(0) + ", " + row.text(1) + ", UID " + row.text(2));
    }
    {
        Statement row =
            db.query("SELECT a.address, b.name, b.messages, (SELECT count(*) FROM message m WHERE m.mailbox_id = b.id) AS n"
                     " FROM mailbox b JOIN account a ON a.id = b.account_id WHERE b.messages > n");
        while (row.step())
            lose("rows of its messages are lost", row.text(0) + ", " + row.text(1) + ": " + row.text(3) + " of " + row.text(2));
    }
    db.run("DELETE FROM message WHERE mailbox_id NOT IN (SELECT id FROM mailbox)");
    if (db.changes() > 0)
        lose("nobody knows any more whose they were; their contents are in lost+found",
            std::to_string(db.changes()) + " messages");
    db.run("DELETE FROM message WHERE NOT EXISTS (SELECT 1 FROM content c JOIN body x ON x.id = c.body_id WHERE c.body_id = "
           "message.body_id AND x.size = message.size)");
    for (const char* table : {"quarantine", "recoverable"}) {
        if (!filling_->knows(table))
            continue;
        const std::string sql = std::string("DELETE FROM ") + table
            + " WHERE account_id NOT IN (SELECT id FROM account) OR body_id NOT IN (SELECT body_id FROM content)";
        if (sqlite3_exec(db.handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
            db.fail(sql);
        if (db.changes() > 0)
            lose("entries without their content or owner", std::string(table) + ": " + std::to_string(db.changes()));
    }
    if (filling_->knows("pop3_message"))
        db.run("DELETE FROM pop3_message WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.mailbox_id = pop3_message.mailbox_id "
               "AND m.uid = pop3_message.uid)");
    db.run("DELETE FROM fixed_uidl WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.mailbox_id = fixed_uidl.mailbox_id AND "
           "m.uid = fixed_uidl.uid)");
    // Keywords whose names are lost.
    std::map<std::int64_t, std::uint64_t> known;
    std::set<std::int64_t> many;
    {
        Statement row = db.query("SELECT id FROM account");
        while (row.step())
            known[row.integer(0)] = 63;
    }
    {
        Statement row = db.query("SELECT account_id, position FROM keyword");
        while (row.step())
            if (row.integer(1) >= 58)
                many.insert(row.integer(0));
            else if (row.integer(1) >= 0)
                known[row.integer(0)] |= std::uint64_t{1} << (row.integer(1) + 6);
    }
    for (const auto& [account, mask] : known) {
        db.run("UPDATE message SET flags = flags & ?1 WHERE flags <> flags & ?1 AND mailbox_id IN (SELECT id FROM mailbox WHERE "
               "account_id = ?2)",
            static_cast<std::int64_t>(mask), account);
        if (db.changes() > 0)
            lose("names of keywords are lost, and the keywords with them", "account " + std::to_string(account));
        if (!many.contains(account))
            db.run("UPDATE message SET keywords = NULL WHERE keywords IS NOT NULL AND mailbox_id IN (SELECT id FROM mailbox "
                   "WHERE account_id = ?)",
                account);
    }
}

void Salvage::mend()
{
    Connection& db = filling_->db();
    makeOwners();
    makeMailboxes();
    dropIncomplete();
    keepFoundFiles();
    db.run(
        "UPDATE tally SET value = max(value, (SELECT coalesce(max(uid_validity), 0) FROM mailbox)) WHERE name = 'uid_validity'");
    db.run("UPDATE mailbox SET uid_next = max(uid_next, (SELECT coalesce(max(uid), 0) + 1 FROM message WHERE mailbox_id = "
           "mailbox.id)),"
           " highest_modseq = max(highest_modseq, (SELECT coalesce(max(modseq), 1) FROM message WHERE mailbox_id = mailbox.id))");
    skipNumbers(db);
    filling_->commit();
    migrate(db);
}

Salvaged Salvage::run()
{
    const std::string file = fresh_ + "/postfach.db.restoring"; // no server starts beside that name
    base::makeFolders(fresh_ + "/bodies");
    const base::Fd lock = lockFolder(fresh_);
    base::writeFileDurably(file, "");
    fs::remove(file);
    readSchema();
    filling_.emplace(file, version_);
    result_.pages = source_.pages();
    if (!source_.logIsWhole())
        lose("it is damaged: of what was committed behind the damage only mail is saved", "postfach.db-wal");
    takeTrees();
    takeStrays();
    takeContents();
    for (const std::string& log : damagedLogs(damaged_))
        takeLog(log);
    mend();
    result_.accounts = static_cast<std::uint64_t>(number("SELECT count(*) FROM account"));
    result_.mailboxes = static_cast<std::uint64_t>(number("SELECT count(*) FROM mailbox"));
    result_.messages = static_cast<std::uint64_t>(number("SELECT count(*) FROM message"));
    filling_.reset();
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(damaged_ + "/tls", error))
        if (entry.is_regular_file()) {
            base::makeFolders(fresh_ + "/tls");
            base::writeFileDurably(fresh_ + "/tls/" + entry.path().filename().string(), base::readFile(entry.path().string()));
        }
    for (const auto& [what, count] : losses_)
        if (count > kNamed)
            result_.lost.push_back({what, std::to_string(count - kNamed) + " more", false});
    syncVolume(fresh_);
    fs::rename(file, fresh_ + "/postfach.db");
    base::syncFolder(fresh_);
    return std::move(result_);
}

} // namespace postfach::store::sqlite

namespace postfach::store {
namespace {

// The damaged server must not run: its pages would change under us. The folder may be read-only, so nothing is made in it.
base::Fd lockDamaged(const std::string& folder)
{
    base::Fd fd(::open((folder + "/lock").c_str(), O_RDONLY | O_CLOEXEC));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        throw base::Refused("a Postfach is using " + folder + "; stop it first", 1);
    return fd;
}

} // namespace

Salvaged salvageStore(const std::string& damaged, const std::string& fresh, const Progress& progress)
{
    if (!sqlite::isEmptyFolder(fresh))
        throw base::Refused(fresh + " is not empty; give a new folder", 1);
    const base::Fd lock = lockDamaged(damaged);
    Salvaged result;
    try {
        result = sqlite::Salvage(damaged, fresh, progress).run();
        const base::SystemClock clock;
        StoreOptions options;
        options.folder = fresh;
        options.must_exist = true;
        const auto store = openSqliteStore(options, clock);
        store->check(true);
        for (Finding& finding : store->check(false))
            result.lost.push_back(std::move(finding));
    } catch (const std::system_error& e) {
        throw sqlite::asStoreError(e);
    }
    return result;
}

} // namespace postfach::store
