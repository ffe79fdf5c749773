#include "server/store/sqlite/wal.h"

#include <sqlite3.h>

#include <cstring>

namespace postfach::store::sqlite {
namespace {

constexpr int kLogHeader = 32, kFrameHeader = 24;
constexpr int kIndexBlock = 32'768; // of the shared index; its first has the header

sqlite3_file* fileOf(Connection& db, int which)
{
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(db.handle(), "main", which, &file) != SQLITE_OK || !file || !file->pMethods)
        db.fail("the files of the database");
    return file;
}

sqlite3_int64 frameAt(std::uint32_t frame) // they count from 1
{
    return kLogHeader + sqlite3_int64{frame - 1} * (kFrameHeader + kPageSize);
}

std::uint32_t big32(const char* bytes)
{
    const auto* b = reinterpret_cast<const unsigned char*>(bytes);
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

void require(int rc, const char* what)
{
    if (rc != SQLITE_OK)
        throw SqliteError(rc, std::string(what) + ": " + sqlite3_errstr(rc));
}

} // namespace

// The index header stands twice; a commit writes the second copy first. Equal ones are whole.
std::optional<WalState> walState(Connection& db)
{
    sqlite3_file* file = fileOf(db, SQLITE_FCNTL_FILE_POINTER);
    if (file->pMethods->iVersion < 2 || !file->pMethods->xShmMap)
        throw Error(Error::Kind::unavailable, "the database has no shared index");
    void volatile* mapped = nullptr;
    require(file->pMethods->xShmMap(file, 0, kIndexBlock, 0, &mapped), "the log's index");
    if (!mapped)
        return std::nullopt;
    unsigned char header[96];
    const auto* from = static_cast<const volatile unsigned char*>(mapped);
    for (std::size_t i = 0; i < sizeof header; ++i)
        header[i] = from[i];
    if (std::memcmp(header, header + 48, 48) != 0)
        return std::nullopt;
    WalState state;
    std::memcpy(&state.changes, header + 8, 4);
    std::memcpy(&state.frames, header + 16, 4);
    std::memcpy(state.salt.data(), header + 32, 8);
    return state;
}

std::vector<std::uint32_t> pagesInWal(Connection& db, std::uint32_t after, std::uint32_t until)
{
    std::vector<std::uint32_t> pages;
    if (after >= until)
        return pages;
    sqlite3_file* log = fileOf(db, SQLITE_FCNTL_JOURNAL_POINTER);
    pages.reserve(until - after);
    char number[4];
    for (std::uint32_t frame = after + 1; frame <= until; ++frame) {
        require(log->pMethods->xRead(log, number, sizeof number, frameAt(frame)), "the log");
        pages.push_back(big32(number));
    }
    return pages;
}

PageReader::PageReader(Connection& db, const WalState& state)
    : database_(fileOf(db, SQLITE_FCNTL_FILE_POINTER)), log_(fileOf(db, SQLITE_FCNTL_JOURNAL_POINTER)), state_(state),
      pages_(static_cast<std::uint32_t>(std::stoul(db.pragma("page_count"))))
{
    if (db.pragma("page_size") != std::to_string(kPageSize))
        throw Error(Error::Kind::unavailable, "the database has pages of another size");
    const auto numbers = pagesInWal(db, 0, state.frames);
    for (std::uint32_t i = 0; i < numbers.size(); ++i)
        frames_[numbers[i]] = i + 1;
    if (!logIsOurs()) {
        log_gone_ = true;
        frames_.clear();
    }
}

bool PageReader::logIsOurs() const
{
    char header[kLogHeader];
    if (state_.frames == 0)
        return false;
    return log_->pMethods->xRead(log_, header, sizeof header, 0) == SQLITE_OK && std::memcmp(header + 16, state_.salt.data(), 8) == 0;
}

// The log may start anew under a reader that needs none of it: then all its frames are in the database, and no checkpoint writes
// there while the reader stays. A new log begins with its header, so a header that is still ours afterwards proves the frames.
// Page by page: so the database's are held against their checksums, and a damaged one whose newer state is in the log does no harm.
void PageReader::read(std::uint32_t first, std::uint32_t count, std::string& out)
{
    out.resize(std::size_t{count} * kPageSize);
    bool used_log = false;
    for (std::uint32_t i = 0; i < count; ++i) {
        char* const page = out.data() + std::size_t{i} * kPageSize;
        const auto frame = log_gone_ ? frames_.end() : frames_.find(first + i);
        if (frame != frames_.end()) {
            const int rc = log_->pMethods->xRead(log_, page, kPageSize, frameAt(frame->second) + kFrameHeader);
            if (rc != SQLITE_IOERR_SHORT_READ) // of a log that was cut off: it is not ours, which is seen below
                require(rc, "the log");
            used_log = true;
            continue;
        }
        const int rc = database_->pMethods->xRead(database_, page, kPageSize, sqlite3_int64{first + i - 1} * kPageSize);
        if (rc != SQLITE_IOERR_SHORT_READ) // a page that was never written is zeros
            require(rc, "the database");
    }
    if (used_log && !logIsOurs()) {
        log_gone_ = true;
        read(first, count, out);
    }
}

} // namespace postfach::store::sqlite
