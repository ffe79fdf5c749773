#pragma once
// A checksum in the last eight bytes of every page of the database. SQLite itself has none: one flipped bit may turn a message's
// body into somebody else's. The pages are sealed on their way to the file (at checkpoints; the write-ahead log has checksums of
// its own) and checked on their way back; one that does not fit is SQLITE_IOERR_DATA, which is an Error of kind `damaged`.
//
// Works as SQLite's default VFS of this process, in front of the system's, on databases that were made with room for it.
//
// A seal of zeros is none, and such a page is taken as it is: pages have none in the cache and in the write-ahead log, so a
// foreign program that only reads may still move the log's pages into the file. One that writes leaves seals that do not fit.
#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3;

namespace postfach::store::sqlite {

inline constexpr int kPageBytes = 4096;
inline constexpr int kSealBytes = 8;         // at its end
inline constexpr int kFileHeaderBytes = 100; // on the first page (SQLite's file format, 1.3)

void installPageChecks();            // once a process; any thread
void askForSeals(sqlite3* database); // before a new database gets its first page
// Before sqlite3_backup_init(): the first page, which says whether there are seals, may come last there.
void sealCopy(sqlite3* source, sqlite3* copy);
// Pages that are put into a new file without SQLite: the file's first bytes say whether it has room for seals.
bool saysSealed(std::string_view first_page);
void sealPages(std::string& pages, std::uint64_t offset);
bool sealIsThere(std::string_view page);
bool sealHolds(std::string_view page, std::uint64_t offset); // also where there is none

} // namespace postfach::store::sqlite
