#pragma once
// Backups read where they lie. SQLite sees the pieces of a database as one file that cannot be changed.
#include "server/store/sqlite/database.h"
#include "server/store/sqlite/repository.h"

#include <memory>
#include <string>
#include <vector>

namespace postfach::store::sqlite {

// A database made of pieces, opened for reading. `repository` outlives it.
class SnapshotFile {
public:
    SnapshotFile(const Repository& repository, const Manifest& manifest);
    ~SnapshotFile();
    SnapshotFile(const SnapshotFile&) = delete;
    SnapshotFile& operator=(const SnapshotFile&) = delete;
    std::string uri() const; // for a Connection, while this object lives

private:
    std::string name_;
};

// `path` as SQLite's URI for a file that nobody changes.
std::string immutableUri(const std::string& path);

// The database of a backup as a file, which it makes durable. Refused where a piece is damaged.
void assembleDatabase(const Repository& repository, const Manifest& manifest, const std::string& path, Meter& meter);

// --- what a database says of itself: its version, its integrity, and its small bodies against their hashes
void checkDatabase(Connection& db, const std::string& path, const std::map<std::string, std::uint64_t>& bodies,
                   const std::map<std::string, std::uint64_t>& missing, std::vector<Finding>& findings);
std::vector<Finding> checkSnapshot(const Repository& repository, const Manifest& manifest);

// --- the older form: `manifest`, `postfach.db` and `bodies` in one folder, one backup. It is read for ever, and written no more
bool isPlainBackup(const std::string& folder);
Manifest plainManifest(const std::string& folder);              // one piece: the whole database. Refused: damaged
std::vector<Finding> verifyPlain(const std::string& folder, const Progress& progress);

} // namespace postfach::store::sqlite
