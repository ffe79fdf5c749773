#pragma once
// SQLite's native handle behind objects whose destructors undo them. Poco::Data opens the database (and runs migrations);
// hot paths speak to the handle it gives. A Connection belongs to one thread at a time.
#include "server/store/types.h"

#include <Poco/Data/Session.h>

#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace postfach::store::sqlite {

// A failure of SQLite itself; `code` is the extended result code. Unlike a plain Error it may have spoiled the transaction.
class SqliteError : public Error {
public:
    SqliteError(int extended_code, const std::string& text);
    const int code;
    bool isInputOutput() const;
};

// What was found damaged since the store was opened, or found whole by check(); the first of it is kept, all is logged. Beside it
// what the last check found that is harmless. Any thread.
class Alarm {
public:
    void raise(const std::string& what);
    std::string words() const; // empty while nothing was found
    std::size_t count() const;
    // All was looked at and found whole. Nothing happens when more than `raised` alarms were raised: some came meanwhile.
    void end(std::size_t raised);
    void warn(std::size_t count, const std::string& first); // in place of what was said before; count 0: nothing
    std::string warning() const;

private:
    mutable std::mutex mutex_; // guards what follows
    std::string first_, warning_;
    std::size_t count_ = 0;
};

struct Blob { // bytes to bind; they must stay until the statement has run
    explicit Blob(std::string_view b) : bytes(b) {}
    Blob(const std::string&&) = delete;
    std::string_view bytes;
};

// What is bound is not copied: a string that is gone with its expression is refused. (So would be a view of one, if types told.)
template <class Value>
concept Lasting = std::is_lvalue_reference_v<Value> || !std::is_same_v<std::remove_cv_t<Value>, std::string>;

class Connection;

// A statement on loan from its connection's cache. Always reset when it goes: a stepped SELECT that is never reset keeps
// its snapshot open, and the WAL grows without bound.
class Statement {
public:
    Statement(Connection& connection, sqlite3_stmt* statement, bool* in_use)
        : connection_(connection), statement_(statement), in_use_(in_use)
    {
    }
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    template <Lasting... Values>
    Statement& bind(Values&&... values)
    {
        int position = 0;
        (bindOne(++position, values), ...);
        return *this;
    }
    bool step(); // true: there is a row
    void reset();

    std::int64_t integer(int column) const;
    bool isNull(int column) const;
    std::string_view bytes(int column) const; // text or blob; valid until the next step
    std::string text(int column) const { return std::string(bytes(column)); }

private:
    void bindOne(int position, std::int64_t value);
    void bindOne(int position, std::string_view text);
    void bindOne(int position, const std::string& text) { bindOne(position, std::string_view(text)); }
    void bindOne(int position, const char* text) { bindOne(position, std::string_view(text)); }
    void bindOne(int position, Blob blob);
    void bindOne(int position, std::nullptr_t);
    void bindOne(int position, const std::optional<std::int64_t>& value);
    template <std::integral Number>
    void bindOne(int position, Number value) { bindOne(position, static_cast<std::int64_t>(value)); }
    template <class Tag, class Int>
    void bindOne(int position, base::Id<Tag, Int> id) { bindOne(position, static_cast<std::int64_t>(id.value)); }

    Connection& connection_; // outlives its statements
    sqlite3_stmt* statement_;
    bool* in_use_; // of the cache's entry; null: this statement is nobody else's and is finalized
};

class Connection {
public:
    enum class Role { writer, reader };
    // `alarm` hears of damage; null: nobody does.
    Connection(const std::string& file, Role role, std::shared_ptr<Alarm> alarm = nullptr);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // `sql` is a literal: the cache knows it by its address.
    Statement statement(const char* sql);
    template <Lasting... Values>
    Statement query(const char* sql, Values&&... values)
    {
        Statement s = statement(sql);
        s.bind(std::forward<Values>(values)...);
        return s;
    }
    template <class... Values>
    void run(const char* sql, const Values&... values) // is over before a temporary is
    {
        Statement s = statement(sql);
        s.bind(values...);
        while (s.step()) {
        }
    }
    std::int64_t changes() const;         // rows of the last INSERT, UPDATE or DELETE
    std::int64_t lastId() const;
    bool inTransaction() const;
    void busyTimeout(int milliseconds);
    void leaveWalOnClose();               // this connection's end must not checkpoint
    // PRAGMA `name`'s answer, for pragmas that give one value.
    std::string pragma(const std::string& text);

    // The first SqliteError since forgetFailure(), also where somebody has caught it.
    void forgetFailure() { failure_ = nullptr; }
    void throwFailure() const;
    [[noreturn]] void fail(const std::string& during); // throws what the handle says

    sqlite3* handle() const { return handle_; }
    Poco::Data::Session& session() { return session_; }

private:
    struct Entry {
        sqlite3_stmt* statement = nullptr;
        bool in_use = false;
    };
    Poco::Data::Session session_;
    sqlite3* handle_;
    std::shared_ptr<Alarm> alarm_;
    std::unordered_map<const char*, Entry> cache_;
    std::exception_ptr failure_;
};

} // namespace postfach::store::sqlite
