#include "server/store/sqlite/archive.h"
#include "server/base/error.h"
#include "server/store/sqlite/reading.h"
#include "server/store/sqlite/schema.h"

#include <sqlite3.h>

#include <array>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <unordered_map>

#include <fcntl.h>
#include <unistd.h>

namespace postfach::store::sqlite {
namespace {

constexpr const char* kVfs = "postfach-backup";
constexpr std::size_t kCached = 128; // pieces: 8 MiB

// The bytes of one snapshot. One connection, one thread.
class Pieces {
public:
    Pieces(const Repository& repository, const Manifest& manifest) : repository_(repository), manifest_(manifest) {}
    std::uint64_t size() const { return manifest_.info.database; }
    void read(char* out, std::size_t length, std::uint64_t offset)
    {
        while (length > 0) {
            const std::string& piece = at(offset / kPiece);
            const std::size_t from = offset % kPiece, count = std::min(length, kPiece - from);
            if (from + count > piece.size())
                throw Error(Error::Kind::damaged, "a piece of the database is too short");
            std::memcpy(out, piece.data() + from, count);
            out += count;
            offset += count;
            length -= count;
        }
    }

private:
    const std::string& at(std::uint64_t index)
    {
        if (const auto known = cache_.find(index); known != cache_.end())
            return known->second;
        if (index >= manifest_.pieces.size())
            throw Error(Error::Kind::damaged, "the database ends early");
        if (order_.size() >= kCached) {
            cache_.erase(order_.front());
            order_.pop_front();
        }
        order_.push_back(index);
        return cache_[index] = repository_.readPiece(manifest_.pieces[index]);
    }

    const Repository& repository_;
    const Manifest& manifest_;
    std::unordered_map<std::uint64_t, std::string> cache_;
    std::deque<std::uint64_t> order_;
};

std::mutex g_mutex; // guards g_open
std::unordered_map<std::string, std::shared_ptr<Pieces>> g_open;

struct OpenFile {
    sqlite3_file base;
    std::shared_ptr<Pieces>* pieces;
};

std::shared_ptr<Pieces>& piecesOf(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file)->pieces; }

int closeFile(sqlite3_file* file)
{
    delete reinterpret_cast<OpenFile*>(file)->pieces; // SQLite gave the memory around it
    return SQLITE_OK;
}

int readFile(sqlite3_file* file, void* out, int length, sqlite3_int64 offset)
{
    try {
        auto& pieces = *piecesOf(file);
        const auto from = static_cast<std::uint64_t>(offset), end = pieces.size();
        const auto count = from >= end ? 0 : std::min<std::uint64_t>(static_cast<std::uint64_t>(length), end - from);
        pieces.read(static_cast<char*>(out), count, from);
        if (count == static_cast<std::uint64_t>(length))
            return SQLITE_OK;
        std::memset(static_cast<char*>(out) + count, 0, static_cast<std::size_t>(length) - count);
        return SQLITE_IOERR_SHORT_READ;
    } catch (const std::exception&) { // no exception through C
        return SQLITE_CORRUPT;
    }
}

int fileSize(sqlite3_file* file, sqlite3_int64* size)
{
    *size = static_cast<sqlite3_int64>(piecesOf(file)->size());
    return SQLITE_OK;
}

int openFile(sqlite3_vfs*, const char* name, sqlite3_file* file, int, int* flags)
{
    file->pMethods = nullptr;
    static const sqlite3_io_methods methods = {
        1, closeFile, readFile,
        [](sqlite3_file*, const void*, int, sqlite3_int64) { return SQLITE_READONLY; },
        [](sqlite3_file*, sqlite3_int64) { return SQLITE_READONLY; },
        [](sqlite3_file*, int) { return SQLITE_OK; },
        fileSize,
        [](sqlite3_file*, int) { return SQLITE_OK; },
        [](sqlite3_file*, int) { return SQLITE_OK; },
        [](sqlite3_file*, int* locked) { *locked = 0; return SQLITE_OK; },
        [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
        [](sqlite3_file*) { return 4096; },
        [](sqlite3_file*) { return SQLITE_IOCAP_IMMUTABLE; },
        nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    const std::lock_guard lock(g_mutex);
    const auto known = name ? g_open.find(name) : g_open.end();
    if (known == g_open.end())
        return SQLITE_CANTOPEN;
    reinterpret_cast<OpenFile*>(file)->pieces = new std::shared_ptr<Pieces>(known->second); // freed by closeFile
    file->pMethods = &methods;
    if (flags)
        *flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
    return SQLITE_OK;
}

void registerVfs()
{
    static std::once_flag once;
    std::call_once(once, [] {
        static sqlite3_vfs vfs = *sqlite3_vfs_find(nullptr); // time and randomness are the default's
        vfs.szOsFile = sizeof(OpenFile);
        vfs.zName = kVfs;
        vfs.pNext = nullptr;
        vfs.xOpen = openFile;
        vfs.xDelete = [](sqlite3_vfs*, const char*, int) { return SQLITE_READONLY; };
        vfs.xAccess = [](sqlite3_vfs*, const char*, int, int* result) { *result = 0; return SQLITE_OK; };
        vfs.xFullPathname = [](sqlite3_vfs*, const char* name, int size, char* out) {
            sqlite3_snprintf(size, out, "%s", name);
            return SQLITE_OK;
        };
        sqlite3_vfs_register(&vfs, 0);
    });
}

} // namespace

SnapshotFile::SnapshotFile(const Repository& repository, const Manifest& manifest)
{
    registerVfs();
    static int serial = 0;
    const std::lock_guard lock(g_mutex);
    name_ = "/backup-" + std::to_string(++serial);
    g_open[name_] = std::make_shared<Pieces>(repository, manifest);
}

SnapshotFile::~SnapshotFile()
{
    const std::lock_guard lock(g_mutex);
    g_open.erase(name_);
}

std::string SnapshotFile::uri() const { return "file:" + name_ + "?vfs=" + kVfs + "&immutable=1&mode=ro"; }

std::string immutableUri(const std::string& path)
{
    std::string out = "file:";
    for (const char c : std::filesystem::absolute(path).string()) {
        static constexpr const char* kDigits = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        if (c == '%' || c == '?' || c == '#' || byte < 0x21 || byte > 0x7E)
            out.append("%").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
        else
            out += c;
    }
    return out + "?immutable=1&mode=ro";
}

void checkDatabase(Connection& db, const std::string& path, const std::map<std::string, std::uint64_t>& bodies,
                   const std::map<std::string, std::uint64_t>& missing, std::vector<Finding>& findings)
{
    try {
        requireKnownVersion(db);
    } catch (const base::Refused& e) {
        findings.push_back({e.what(), path, false});
        return;
    }
    Statement check = db.query("PRAGMA integrity_check");
    while (check.step())
        if (check.bytes(0) != "ok")
            findings.push_back({check.text(0), path, false});
    Statement row = db.query("SELECT b.id, b.hash, b.size, b.encoding, c.data FROM body b LEFT JOIN content c ON c.body_id = b.id");
    while (row.step()) {
        const std::string name = path + ", body " + std::to_string(row.integer(0));
        try {
            const base::Sha256 hash = asSha256(row.bytes(1));
            const auto encoding = static_cast<Encoding>(row.integer(3));
            if (encoding == Encoding::file) {
                const std::string known = base::hex(hash);
                if (!bodies.contains(known))
                    findings.push_back({missing.contains(known) ? "it was damaged when the backup was made" : "its file is not in the backup",
                                        name, false});
            } else if (base::sha256(decodeBody(encoding, hash, static_cast<std::uint64_t>(row.integer(2)), row.bytes(4))) != hash)
                findings.push_back({"its bytes are not those of its hash", name, false});
        } catch (const Error& e) {
            findings.push_back({e.what(), name, false});
        }
    }
}

std::vector<Finding> checkSnapshot(const Repository& repository, const Manifest& manifest)
{
    std::vector<Finding> findings;
    const std::string path = repository.manifestPath(manifest.info.id);
    try {
        const SnapshotFile file(repository, manifest);
        Connection db(file.uri(), Connection::Role::reader);
        checkDatabase(db, path, manifest.bodies, manifest.missing, findings);
    } catch (const Error& e) {
        findings.push_back({e.what(), path, false});
    }
    return findings;
}

} // namespace postfach::store::sqlite
