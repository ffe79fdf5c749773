// Online copies. A backup is a folder:
//   postfach.db   the database as of one moment, in rollback mode (no -wal beside it)
//   bodies/       the large bodies it names, linked where the volume is the same (they are never edited), else copied
//   manifest      what belongs to it, with SHA-256; written last, so a folder without it is no backup
//
// One read transaction spans the copy: the database cannot change under it, and its ticket keeps every file it names.
// Mail flows on meanwhile; the write-ahead log grows by what comes in.
#include "server/base/error.h"
#include "server/base/file.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/store/sqlite/page_check.h"
#include "server/store/sqlite/schema.h"
#include "server/store/sqlite/sqlite_store.h"

#include <sqlite3.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postfach::store {
namespace {

using sqlite::Blob;
using sqlite::Connection;
using sqlite::Encoding;

constexpr const char* kHead = "postfach-backup 1\n"; // the first line never changes its meaning
constexpr std::size_t kManifest = 1U << 30;          // ten million bodies

struct Manifest {
    std::uint64_t size = 0;   // of the database
    std::string sha256;       // of the database, hex
    std::map<std::string, std::uint64_t> bodies; // hash as hex, size
    std::uint64_t total() const
    {
        std::uint64_t sum = size;
        for (const auto& [hash, bytes] : bodies)
            sum += bytes;
        return sum;
    }
};

[[noreturn]] void incomplete(const std::string& folder, const std::string& why)
{
    throw base::Refused(folder + " is no complete backup: " + why, 1);
}

std::string bodyPath(const std::string& folder, const std::string& hash)
{
    return folder + "/bodies/" + hash.substr(0, 2) + "/" + hash.substr(2, 2) + "/" + hash;
}

bool isEmptyFolder(const std::string& folder)
{
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
        if (entry.path().filename() != "lost+found")
            return false;
    return true;
}

struct Hashed {
    std::uint64_t size = 0;
    std::string sha256;
};

// Reads a file to its end, hashes it, and writes it on where `copy` is open. Throws std::system_error.
Hashed hashFile(const std::string& path, int copy = -1)
{
    const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        throw std::system_error(errno, std::generic_category(), path);
    base::Sha256Stream stream;
    Hashed result;
    std::string piece(1 << 20, '\0');
    for (;;) {
        const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw std::system_error(errno, std::generic_category(), path);
        if (got == 0)
            break;
        const std::string_view bytes(piece.data(), static_cast<std::size_t>(got));
        stream.update(bytes);
        if (copy >= 0)
            base::writeAll(copy, bytes);
        result.size += bytes.size();
    }
    result.sha256 = base::hex(stream.finish());
    return result;
}

void syncFile(const std::string& path)
{
    const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0)
        throw std::system_error(errno, std::generic_category(), path);
}

// Copies while hashing; the copy is synced, and removed again when the hash is another.
bool copyVerified(const std::string& from, const std::string& to, const std::string& sha256)
{
    const base::Fd fd(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd)
        throw std::system_error(errno, std::generic_category(), to);
    if (hashFile(from, fd.get()).sha256 != sha256) {
        ::unlink(to.c_str());
        return false;
    }
    if (::fsync(fd.get()) != 0)
        throw std::system_error(errno, std::generic_category(), to);
    return true;
}

class Meter { // calls Progress
public:
    Meter(const Progress& progress, std::uint64_t total) : progress_(progress), total_(total) {}
    void add(std::uint64_t bytes)
    {
        done_ += bytes;
        if (progress_)
            progress_(done_, std::max(done_, total_));
    }

private:
    const Progress& progress_;
    std::uint64_t done_ = 0, total_;
};

struct CloseDatabase {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
};

[[noreturn]] void failCopy(sqlite3* db)
{
    const int code = sqlite3_extended_errcode(db);
    throw sqlite::SqliteError(code, std::string("backup: ") + sqlite3_errmsg(db));
}

void copyDatabase(Connection& source, const std::string& path, Meter& meter)
{
    sqlite3* raw = nullptr;
    const int rc = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    const std::unique_ptr<sqlite3, CloseDatabase> target(raw);
    if (rc != SQLITE_OK)
        failCopy(raw);
    sqlite3_exec(raw, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", nullptr, nullptr, nullptr); // synced once, at the end
    sqlite::sealCopy(source.handle(), raw);
    sqlite3_backup* backup = sqlite3_backup_init(raw, "main", source.handle(), "main");
    if (!backup)
        failCopy(raw);
    int step = SQLITE_OK, left = -1;
    while ((step = sqlite3_backup_step(backup, 1024)) == SQLITE_OK) {
        const int remaining = sqlite3_backup_remaining(backup);
        meter.add(static_cast<std::uint64_t>((left < 0 ? 1024 : left - remaining)) * 4096);
        left = remaining;
    }
    sqlite3_backup_finish(backup);
    if (step != SQLITE_DONE)
        failCopy(raw);
    if (sqlite3_exec(raw, "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr) != SQLITE_OK)
        failCopy(raw);
}

void writeManifest(const std::string& folder, const Manifest& manifest)
{
    std::string text = kHead;
    text += "database " + std::to_string(manifest.size) + " " + manifest.sha256 + "\n";
    for (const auto& [hash, size] : manifest.bodies)
        text += "body " + std::to_string(size) + " " + hash + "\n";
    text += "end " + base::hex(base::sha256(text)) + "\n";
    base::writeFileDurably(folder + "/manifest", text);
}

Manifest readManifest(const std::string& folder)
{
    std::string text;
    try {
        text = base::readFile(folder + "/manifest", kManifest);
    } catch (const std::system_error&) {
        incomplete(folder, "its manifest is missing");
    }
    if (text.compare(0, std::string_view(kHead).size(), kHead) != 0)
        incomplete(folder, "its manifest is of another kind or a newer version");
    const auto end = text.rfind("end ");
    if (end == std::string::npos || text.substr(end) != "end " + base::hex(base::sha256(std::string_view(text).substr(0, end))) + "\n")
        incomplete(folder, "its manifest is damaged");
    Manifest manifest;
    for (const std::string_view line : base::split(std::string_view(text).substr(0, end), '\n')) {
        const auto words = base::split(line, ' ');
        if (words.size() != 3)
            continue; // the first line, and the empty one behind the last
        const std::uint64_t size = base::parseU64(words[1]).value_or(0);
        if (words[2].size() != 64)
            incomplete(folder, "its manifest is damaged");
        if (words[0] == "database") {
            manifest.size = size;
            manifest.sha256 = words[2];
        } else
            manifest.bodies[std::string(words[2])] = size;
    }
    return manifest;
}

// The database of a backup, looked at where it lies: nothing is written beside it.
void verifyDatabase(const std::string& path, const std::string& bodies, const Manifest& manifest, std::vector<Finding>& findings)
{
    Connection db(path, Connection::Role::reader);
    try {
        sqlite::requireKnownVersion(db);
    } catch (const base::Refused& e) {
        findings.push_back({e.what(), path, false});
        return;
    }
    sqlite::Statement check = db.query("PRAGMA integrity_check");
    while (check.step())
        if (check.bytes(0) != "ok")
            findings.push_back({check.text(0), path, false});
    const sqlite::BodyFiles files(bodies);
    sqlite::Statement row = db.query("SELECT b.id, b.hash, b.size, b.encoding, c.data FROM body b LEFT JOIN content c ON c.body_id = b.id");
    while (row.step()) {
        const std::string name = "body " + std::to_string(row.integer(0));
        try {
            const base::Sha256 hash = sqlite::asSha256(row.bytes(1));
            const auto encoding = static_cast<Encoding>(row.integer(3));
            if (encoding == Encoding::file) {
                if (!manifest.bodies.contains(base::hex(hash)))
                    findings.push_back({"its file is not in the backup", name, false});
            } else if (base::sha256(sqlite::decodeBody(encoding, hash, static_cast<std::uint64_t>(row.integer(2)), row.bytes(4))) != hash)
                findings.push_back({"its bytes are not those of its hash", name, false});
        } catch (const Error& e) {
            findings.push_back({e.what(), name, false});
        }
    }
}

} // namespace

void createBackup(Store& store, const std::string& folder, const Progress& progress)
{
    auto* source = dynamic_cast<sqlite::SqliteStore*>(&store);
    if (!source)
        throw std::logic_error("this store has no backup of its own");
    if (!isEmptyFolder(folder))
        throw base::Refused(folder + " is not empty; give a new folder for each backup", 1);
    unsigned long damaged = 0;
    try {
        base::makeFolders(folder + "/bodies");
        const auto transaction = source->readTransaction();
        Connection& db = transaction->db();
        Manifest manifest;
        {
            sqlite::Statement row = db.query("SELECT hash, size FROM body WHERE encoding = 2");
            while (row.step())
                manifest.bodies[base::hex(row.bytes(0))] = static_cast<std::uint64_t>(row.integer(1));
        }
        const std::uint64_t pages = static_cast<std::uint64_t>(std::stoll(db.pragma("page_count")));
        Meter meter(progress, manifest.total() + pages * 4096);
        copyDatabase(db, folder + "/postfach.db", meter);
        syncFile(folder + "/postfach.db");
        const Hashed database = hashFile(folder + "/postfach.db");
        manifest.size = database.size;
        manifest.sha256 = database.sha256;

        std::set<std::string> folders{folder, folder + "/bodies"};
        for (auto it = manifest.bodies.begin(); it != manifest.bodies.end();) {
            const std::string from = bodyPath(source->folder(), it->first), to = bodyPath(folder, it->first);
            const std::filesystem::path parent = std::filesystem::path(to).parent_path();
            base::makeFolders(parent.string());
            folders.insert({parent.string(), parent.parent_path().string()});
            bool have = ::link(from.c_str(), to.c_str()) == 0;
            if (!have) {
                std::error_code error;
                have = std::filesystem::exists(from, error) && copyVerified(from, to, it->first);
            }
            meter.add(it->second);
            if (!have) { // the rest of the backup is worth having all the same
                base::logError("store", "a body is damaged and not in the backup", {{"body", it->first}});
                ++damaged;
                it = manifest.bodies.erase(it);
            } else
                ++it;
        }
        for (const std::string& touched : folders)
            base::syncFolder(touched);
        writeManifest(folder, manifest);
    } catch (const std::system_error& e) {
        throw sqlite::asStoreError(e);
    }
    if (damaged > 0)
        throw Error(Error::Kind::damaged, "the backup is complete but for " + std::to_string(damaged) + " damaged bodies; see the log");
}

std::vector<Finding> verifyBackup(const std::string& folder, const Progress& progress)
{
    std::vector<Finding> findings;
    Manifest manifest;
    try {
        manifest = readManifest(folder);
    } catch (const base::Refused& e) {
        return {{e.what(), folder, false}};
    }
    Meter meter(progress, manifest.total());
    const auto verify = [&](const std::string& path, std::uint64_t size, const std::string& sha256) {
        try {
            const Hashed hashed = hashFile(path);
            if (hashed.size != size || hashed.sha256 != sha256)
                findings.push_back({"its bytes are not those of the manifest", path, false});
        } catch (const std::system_error& e) {
            findings.push_back({e.what(), path, false});
        }
        meter.add(size);
    };
    const std::string database = folder + "/postfach.db";
    verify(database, manifest.size, manifest.sha256);
    for (const auto& [hash, size] : manifest.bodies)
        verify(bodyPath(folder, hash), size, hash);
    try {
        if (std::filesystem::exists(database))
            verifyDatabase(database, folder + "/bodies", manifest, findings);
    } catch (const Error& e) {
        findings.push_back({e.what(), database, false});
    }
    return findings;
}

// What a restore that failed had made: the folder was empty, so all of it is ours, and the next try finds it empty again.
static void removeRestored(const std::string& data_folder)
{
    std::error_code ignored;
    for (const char* made : {"/postfach.db.restoring", "/postfach.db.restoring-wal", "/postfach.db.restoring-shm", "/bodies", "/lock"})
        std::filesystem::remove_all(data_folder + made, ignored);
}

void restoreBackup(const std::string& backup, const std::string& data_folder, const Progress& progress)
{
    if (!isEmptyFolder(data_folder))
        throw base::Refused(data_folder + " is not empty; restore into a new data directory", 1);
    const Manifest manifest = readManifest(backup);
    Meter meter(progress, manifest.total());
    unsigned long damaged = 0;
    try {
        base::makeFolders(data_folder + "/bodies");
        const base::Fd lock = sqlite::lockFolder(data_folder);
        const std::string fresh = data_folder + "/postfach.db.restoring";
        if (!copyVerified(backup + "/postfach.db", fresh, manifest.sha256))
            incomplete(backup, "its database is damaged");
        meter.add(manifest.size);
        std::set<std::string> folders{data_folder, data_folder + "/bodies"};
        for (const auto& [hash, size] : manifest.bodies) {
            const std::string to = bodyPath(data_folder, hash);
            const std::filesystem::path parent = std::filesystem::path(to).parent_path();
            base::makeFolders(parent.string());
            folders.insert({parent.string(), parent.parent_path().string()});
            std::error_code error;
            const std::string from = bodyPath(backup, hash);
            if (!std::filesystem::exists(from, error) || !copyVerified(from, to, hash)) {
                base::logError("store", "a body of the backup is damaged", {{"body", hash}});
                ++damaged;
            }
            meter.add(size);
        }
        {
            Connection db(fresh, Connection::Role::writer);
            sqlite::requireKnownVersion(db);
            sqlite::skipNumbers(db);
        }
        syncFile(fresh);
        for (const std::string& touched : folders)
            base::syncFolder(touched);
        std::filesystem::rename(fresh, data_folder + "/postfach.db");
        base::syncFolder(data_folder);
    } catch (const std::system_error& e) {
        removeRestored(data_folder);
        throw sqlite::asStoreError(e);
    } catch (...) {
        removeRestored(data_folder);
        throw;
    }
    if (damaged > 0)
        throw Error(Error::Kind::damaged, "restored, but for " + std::to_string(damaged) + " damaged bodies; see the log");
}

} // namespace postfach::store
