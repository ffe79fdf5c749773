#include "server/store/sqlite/database.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/store/sqlite/page_check.h"

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/SQLite/Utility.h>
#include <Poco/Exception.h>
#include <sqlite3.h>

#include <mutex>
#include <utility>

namespace postfach::store::sqlite {
namespace {

Error::Kind kindOf(int code)
{
    if (code == SQLITE_IOERR_DATA) // page_check.h
        return Error::Kind::damaged;
    switch (code & 0xFF) {
    case SQLITE_FULL: return Error::Kind::diskFull;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Error::Kind::damaged;
    default: return Error::Kind::unavailable;
    }
}

constexpr std::size_t kOpenPatience = 5; // seconds; Poco tries again as long, and what does not open at once will not

Poco::Data::Session open(const std::string& file)
{
    static std::once_flag once;
    std::call_once(once, [] {
        // A connection is one thread's at a time, and nobody asks what memory is in use: locks around every call would be for nothing.
        // Where SQLite is at work already it stays as it is.
        sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        Poco::Data::SQLite::Connector::registerConnector();
    });
    installPageChecks();
    try {
        return Poco::Data::Session("SQLite", file, kOpenPatience);
    } catch (const Poco::Exception& e) {
        throw Error(Error::Kind::unavailable, "cannot open " + file + ": " + e.displayText());
    }
}

base::Counter g_damage{"postfach_store_damage_total", "Times that damaged pages, bodies or logs were met, or could not be read"};

base::Gauge g_warnings{"postfach_store_warnings", "Faults the last check found that nobody can repair and that endanger no mail"};

bool isDamage(const SqliteError& error)
{
    switch (error.code) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_CORRUPTFS: return true; // EIO of a read
    default: return error.kind == Error::Kind::damaged;
    }
}

} // namespace

void Alarm::raise(const std::string& what)
{
    g_damage.add();
    const std::lock_guard lock(mutex_);
    if (count_ == 0)
        first_ = what;
    ++count_;
    if (count_ <= 20 || count_ % 1000 == 0) // whoever reads a damaged mailbox again and again must not fill the log
        base::logError("store", "damage", {{"what", what}, {"times", count_}});
}

std::string Alarm::words() const
{
    const std::lock_guard lock(mutex_);
    if (count_ == 0)
        return {};
    return "damage was found " + std::to_string(count_) + " times; run `postfach check`. The first: " + first_;
}

std::size_t Alarm::count() const
{
    const std::lock_guard lock(mutex_);
    return count_;
}

void Alarm::end(std::size_t raised)
{
    const std::lock_guard lock(mutex_);
    if (count_ == 0 || count_ != raised)
        return;
    count_ = 0;
    first_.clear();
    base::logInfo("store", "nothing is damaged any more");
}

void Alarm::warn(std::size_t count, const std::string& first)
{
    const std::lock_guard lock(mutex_);
    g_warnings.set(static_cast<std::int64_t>(count));
    std::string words;
    if (count > 0)
        words = "the last check found faults that endanger no mail (" + std::to_string(count) + "); `postfach check` names them. The first: " + first;
    if (!words.empty() && words != warning_)
        base::logWarning("store", "harmless faults", {{"what", first}, {"count", count}});
    warning_ = std::move(words);
}

std::string Alarm::warning() const
{
    const std::lock_guard lock(mutex_);
    return warning_;
}

SqliteError::SqliteError(int extended_code, const std::string& text) : Error(kindOf(extended_code), text), code(extended_code) {}
bool SqliteError::isInputOutput() const { return (code & 0xFF) == SQLITE_IOERR; }

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)), in_use_(std::exchange(other.in_use_, nullptr))
{
}

Statement::~Statement()
{
    if (!statement_)
        return;
    if (!in_use_) {
        sqlite3_finalize(statement_);
        return;
    }
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    *in_use_ = false;
}

bool Statement::step()
{
    switch (sqlite3_step(statement_)) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: connection_.fail(sqlite3_sql(statement_));
    }
}

void Statement::reset()
{
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
bool Statement::isNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::string_view Statement::bytes(int column) const
{
    const void* data = sqlite3_column_blob(statement_, column);
    return {static_cast<const char*>(data), data ? static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)) : 0};
}

void Statement::bindOne(int position, std::int64_t value) { sqlite3_bind_int64(statement_, position, value); }
void Statement::bindOne(int position, std::nullptr_t) { sqlite3_bind_null(statement_, position); }

// A null pointer would bind NULL: empty text and empty blobs are values here.
void Statement::bindOne(int position, std::string_view text)
{
    sqlite3_bind_text64(statement_, position, text.data() ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bindOne(int position, Blob blob)
{
    sqlite3_bind_blob64(statement_, position, blob.bytes.data() ? blob.bytes.data() : "", blob.bytes.size(), SQLITE_STATIC);
}

void Statement::bindOne(int position, const std::optional<std::int64_t>& value)
{
    if (value)
        bindOne(position, *value);
    else
        bindOne(position, nullptr);
}

Connection::Connection(const std::string& file, Role role, std::shared_ptr<Alarm> alarm)
    : session_(open(file)), handle_(Poco::Data::SQLite::Utility::dbHandle(session_)), alarm_(std::move(alarm))
{
    busyTimeout(5000);
    sqlite3_extended_result_codes(handle_, 1);
    if (role == Role::writer) {
        askForSeals(handle_);
        pragma("page_size=4096"); // for a new file; fewest WAL bytes a delivery
        if (pragma("journal_mode=WAL") != "wal")
            throw Error(Error::Kind::unavailable, "SQLite refused journal_mode=WAL on " + file);
        pragma("cache_size=-32768");
        pragma("journal_size_limit=67108864"); // the WAL shrinks after a flood
        sqlite3_wal_autocheckpoint(handle_, 0); // the writer does it and looks at the outcome; the automatic one hides it
        pragma("secure_delete=FAST");
    } else {
        pragma("cache_size=-2048"); // memory is per connection
        pragma("query_only=ON");
        leaveWalOnClose();
    }
    pragma("synchronous=FULL");
    if (pragma("synchronous") != "2")
        throw Error(Error::Kind::unavailable, "SQLite refused synchronous=FULL on " + file);
    pragma("temp_store=MEMORY");
    pragma("mmap_size=0");
    pragma("trusted_schema=OFF");
    pragma("cell_size_check=ON");
}

Connection::~Connection()
{
    for (auto& [sql, entry] : cache_)
        sqlite3_finalize(entry.statement);
}

Statement Connection::statement(const char* sql)
{
    Entry& entry = cache_[sql];
    const bool ours = entry.in_use; // the same statement is at work further up: make one that is not shared
    sqlite3_stmt* fresh = nullptr;
    if ((!entry.statement || ours)
        && sqlite3_prepare_v3(handle_, sql, -1, ours ? 0 : SQLITE_PREPARE_PERSISTENT, &fresh, nullptr) != SQLITE_OK)
        fail(sql);
    if (ours)
        return {*this, fresh, nullptr};
    if (fresh)
        entry.statement = fresh;
    entry.in_use = true;
    return {*this, entry.statement, &entry.in_use};
}

std::int64_t Connection::changes() const { return sqlite3_changes(handle_); }
std::int64_t Connection::lastId() const { return sqlite3_last_insert_rowid(handle_); }
bool Connection::inTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }
void Connection::busyTimeout(int milliseconds) { sqlite3_busy_timeout(handle_, milliseconds); }
void Connection::leaveWalOnClose() { sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

void Connection::fail(const std::string& during)
{
    const int code = sqlite3_extended_errcode(handle_);
    const SqliteError error(code, during + ": " + sqlite3_errmsg(handle_) + " (" + std::to_string(code) + ")");
    if (alarm_ && isDamage(error))
        alarm_->raise(error.what());
    if (!failure_)
        failure_ = std::make_exception_ptr(error);
    throw error;
}

void Connection::throwFailure() const
{
    if (failure_)
        std::rethrow_exception(failure_);
}

std::string Connection::pragma(const std::string& text)
{
    sqlite3_stmt* raw = nullptr;
    const std::string sql = "PRAGMA " + text;
    if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK)
        fail(sql);
    Statement statement(*this, raw, nullptr);
    return statement.step() ? statement.text(0) : std::string();
}

} // namespace postfach::store::sqlite
