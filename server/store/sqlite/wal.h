#pragma once
// The write-ahead log, read beside SQLite: every page of the database as one moment saw it. SQLite's own
// open files are used (SQLITE_FCNTL_FILE_POINTER): a second descriptor of the database would drop this process's locks when closed.
// The layout of log and index is part of SQLite's file format (walformat.html) and does not change.
#include "server/store/sqlite/database.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

struct sqlite3_file;

namespace postfach::store::sqlite {

inline constexpr std::uint32_t kPageSize = 4096;

struct WalState {                        // of the last commit
    std::uint32_t frames = 0;            // valid ones in the log
    std::uint32_t changes = 0;           // grows by one with each commit of any process
    std::array<std::uint8_t, 8> salt{};  // another one each time the log starts anew
};
// nullopt while somebody commits. The connection has read something in this transaction, or is the writer's.
std::optional<WalState> walState(Connection& db);

// The page numbers of frames (after, until], as they stand in the log.
std::vector<std::uint32_t> pagesInWal(Connection& db, std::uint32_t after, std::uint32_t until);

// All pages as the connection's read transaction sees them. `state` is that of the moment the transaction began.
class PageReader {
public:
    PageReader(Connection& db, const WalState& state);
    std::uint32_t pages() const { return pages_; }
    void read(std::uint32_t first, std::uint32_t count, std::string& out); // pages count from 1

private:
    bool logIsOurs() const;
    sqlite3_file* database_;
    sqlite3_file* log_;
    const WalState state_;
    std::uint32_t pages_;
    std::unordered_map<std::uint32_t, std::uint32_t> frames_; // page: its newest frame
    bool log_gone_ = false; // all of it is in the database, and the log has started anew
};

} // namespace postfach::store::sqlite
