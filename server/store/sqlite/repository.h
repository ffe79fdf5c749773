#pragma once
// A folder of backups. FORMAT.md, "Backups", has the layout; this is the only file that knows it.
//   repository        says what the folder is
//   lock              held by who writes (exclusive) or reads (shared)
//   snapshots/ID      one backup each: a manifest. It is written last; what no manifest names is no backup's
//   pieces/ab/H       a piece of a database: a zstd frame and its SHA-256. H is the SHA-256 of the piece itself
//   bodies/ab/cd/H    large bodies, raw, as in a data directory
#include "server/base/file.h"
#include "server/store/backup.h"
#include "server/store/sqlite/bodies.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace postfach::store::sqlite {

inline constexpr std::size_t kPiece = 64 * 1024; // 16 pages: a changed row costs 64 KiB, a gigabyte is 16,384 files
inline constexpr std::size_t kLargestPiece = 1 << 20;

using HashSet = std::unordered_set<base::Sha256, HashOfSha256>;

struct Manifest {
    struct File { // beside the database: the certificate
        std::string name;
        base::Sha256 hash{};
    };
    BackupInfo info;
    std::vector<base::Sha256> pieces;               // of the database, in order
    std::map<std::string, std::uint64_t> bodies;    // hash as hex, size
    std::map<std::string, std::uint64_t> missing;   // damaged when it was made
    std::vector<File> files;

    std::string text() const;
    static std::optional<Manifest> parse(const std::string& id, std::string_view text); // nullopt: damaged
};

class Repository {
public:
    // look: the manifests alone, which come and go whole, whoever works there meanwhile.
    enum class Use { look, read, write };
    // Refused: no repository (look, read), not empty (write), somebody else works there (read, write).
    Repository(std::string folder, Use use);
    static bool isOne(const std::string& folder);

    const std::string& folder() const { return folder_; }
    std::vector<std::string> ids() const;                    // by name, which is by time
    Manifest manifest(const std::string& id) const;          // info.problem is set where it cannot be read
    std::vector<Manifest> manifests() const;                 // oldest first
    Manifest newest(const std::string& id) const;            // that one, or the newest whole one; Refused
    std::string newId(base::Time time) const;

    std::string piecePath(const base::Sha256& hash) const;
    std::string bodyPath(const std::string& hash) const;
    std::string manifestPath(const std::string& id) const { return folder_ + "/snapshots/" + id; }
    std::string headPath() const { return folder_ + "/repository"; }
    bool headIsWhole() const;

    std::uint64_t writePiece(const base::Sha256& hash, std::string_view bytes) const; // its size there. Not yet durable
    std::string readPiece(const base::Sha256& hash, bool from_disk = false) const;    // damaged
    void writeManifest(const Manifest& manifest) const;      // durable
    void removeManifest(const std::string& id) const;
    void sync() const;                                       // all that was written before is durable
    // Removes what none of these names, and what an interrupted backup has left.
    void sweep(const std::vector<Manifest>& named) const;

private:
    const std::string folder_;
    base::Fd lock_;
};

// --- helpers that backups, restores and copies share; they throw std::system_error

struct Hashed {
    std::uint64_t size = 0;
    base::Sha256 sha256{};
};
Hashed hashFile(const std::string& path, bool from_disk = false);
// Copies while hashing; removed again, and false, when the hash is another or `from` cannot be read to its end. Not synced.
bool copyVerified(const std::string& from, const std::string& to, const base::Sha256& hash);
void syncVolume(const std::string& path);
bool isEmptyFolder(const std::string& folder);
std::string shardedBody(const std::string& folder, const std::string& hash); // folder/ab/cd/hash
[[noreturn]] void incomplete(const std::string& folder, const std::string& why); // Refused

class Meter { // calls Progress, which never goes back
public:
    Meter(const Progress& progress, std::uint64_t total) : progress_(progress), total_(total) {}
    void add(std::uint64_t bytes)
    {
        done_ += bytes;
        total_ = std::max(done_, total_);
        if (progress_)
            progress_(done_, total_);
    }
    void expect(std::uint64_t more) { total_ += more; }

private:
    const Progress& progress_;
    std::uint64_t done_ = 0, total_;
};

} // namespace postfach::store::sqlite
