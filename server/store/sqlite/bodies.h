#pragma once
// Bodies outside the database: how bytes are encoded, and the files of large ones under DIR/bodies/ab/cd/<sha256>.
//
// A file is written (temporary, fsync, rename, fsync of the folder) before the row that names it, and removed after the
// commit that removed its row. Between the two stand:
//   pins      - a prepared body relies on its file from before it looks for it until after its commit;
//   readers   - a read transaction may still see a row that is gone now, and open its file.
// A crash leaves files without rows, never the reverse; sweep() removes them at start.
#include "server/store/sqlite/database.h"
#include "server/store/store.h"

#include <bitset>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postfach::store::sqlite {

enum class Encoding { plain = 0, zstd = 1, file = 2 }; // as in column body.encoding; never renumbered

inline constexpr std::size_t kInline = 128 * 1024;       // stored bytes; above, files are faster to write and to read
inline constexpr std::size_t kCompressible = 512 * 1024; // larger ones are not tried: a range would cost a whole decompression

struct HashOfSha256 { // a digest is its own hash
    std::size_t operator()(const base::Sha256& digest) const noexcept;
};

std::string_view asBytes(const base::Sha256& digest);
base::Sha256 asSha256(std::string_view bytes); // damaged unless 32 bytes

class BodyFiles : public std::enable_shared_from_this<BodyFiles> {
public:
    explicit BodyFiles(std::string folder) : folder_(std::move(folder)) {}

    const std::shared_ptr<Alarm> alarm = std::make_shared<Alarm>(); // also of the connections beside these files

    std::string path(const base::Sha256& hash) const;
    std::string read(const base::Sha256& hash, std::uint64_t size) const;                    // damaged
    std::string readRange(const base::Sha256& hash, std::uint64_t size, std::uint64_t offset, std::uint64_t length) const;

    class Pin {
    public:
        Pin(std::shared_ptr<BodyFiles> files, const base::Sha256& hash);
        ~Pin();
        Pin(const Pin&) = delete;
        Pin& operator=(const Pin&) = delete;

    private:
        std::shared_ptr<BodyFiles> files_;
        base::Sha256 hash_;
    };
    void write(const base::Sha256& hash, std::string_view bytes); // pinned by the caller; std::system_error

    std::uint64_t enterReader();
    void leaveReader(std::uint64_t ticket);

    // The writer's thread, after the commit: these rows are gone.
    void dropped(const std::vector<base::Sha256>& hashes);
    // The writer's thread, now and then: removes what nobody needs. `named` asks the database for a row.
    bool anythingToRemove() const;
    void removeUnneeded(const std::function<bool(const base::Sha256&)>& named);
    // At start, before anybody writes: removes every file for which `named` says no, and every temporary one.
    void sweep(const std::function<bool(const base::Sha256&)>& named);
    // At any time: the files that nobody names, prepares, or is about to remove.
    std::vector<base::Sha256> orphans(const std::function<bool(const base::Sha256&)>& named) const;

private:
    struct Candidate {
        base::Sha256 hash;
        std::uint64_t ticket; // readers that entered with a lower one may still need it
    };
    void makeFolderDurable(const base::Sha256& hash, const std::string& folder);

    const std::string folder_;
    mutable std::mutex mutex_; // guards what follows
    std::bitset<65536> durable_folders_; // whose names this process has synced, by the first two bytes of their hashes
    std::unordered_map<base::Sha256, int, HashOfSha256> pins_;
    std::multiset<std::uint64_t> readers_;
    std::deque<Candidate> candidates_;
    std::deque<Candidate> due_; // of them, those being removed right now
    std::uint64_t ticket_ = 1;
};

class StoredBody final : public PreparedBody {
public:
    // Hashes; compresses or writes the file.
    StoredBody(const std::shared_ptr<BodyFiles>& files, std::string_view bytes);
    std::uint64_t size() const override { return size_; }
    const base::Sha256& sha256() const override { return hash_; }
    Encoding encoding() const { return encoding_; }
    const std::string& data() const { return data_; } // what the row holds; empty for a file

private:
    std::uint64_t size_;
    base::Sha256 hash_;
    Encoding encoding_ = Encoding::plain;
    std::string data_;
    std::unique_ptr<BodyFiles::Pin> pin_;
};

// The bytes of a row that is no file; damaged where they do not match.
std::string decodeBody(Encoding encoding, const base::Sha256& hash, std::uint64_t size, std::string_view data);

// ENOSPC and EDQUOT are diskFull, anything else unavailable.
Error asStoreError(const std::system_error& error);

} // namespace postfach::store::sqlite
