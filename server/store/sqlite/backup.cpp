// Writing a backup. The order is what keeps it honest:
//   1. what no whole backup names goes (the rest of one that was interrupted);
//   2. the database, as one moment between two commits saw it, in pieces; only those that are new are written;
//   3. the large bodies it names; its ticket keeps their files while that takes;
//   4. all of it is made durable, and read again;
//   5. the manifest. Before it there is no backup, with it there is a whole one.
// The read transaction spans step 2 alone. Mail flows on; the write-ahead log grows by what comes in meanwhile.
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"
#include "server/store/sqlite/archive.h"
#include "server/store/sqlite/repository.h"
#include "server/store/sqlite/sqlite_store.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <system_error>

#include <unistd.h>

namespace postfach::store {
namespace {

using namespace sqlite;
namespace fs = std::filesystem;

constexpr std::uint32_t kPagesInPiece = kPiece / kPageSize;
constexpr std::chrono::seconds kStretch{1}; // of reading before the transaction that counts
constexpr std::uintmax_t kLargestFile = kLargestPiece; // beside the database; a certificate has a few KiB

base::Counter g_written{"postfach_backup_written_bytes_total", "Bytes that backups have written"};

class BackupWriter {
public:
    BackupWriter(SqliteStore& store, const BackupOptions& options, const Progress& progress)
        : store_(store), options_(options), repository_(options.folder, Repository::Use::write), meter_(progress, 0)
    {
    }

    BackupInfo run();

private:
    void clean();
    void copyAhead();
    void copyOnce();
    void copyDatabase(PageReader& pages);
    void copyBodies();
    void copyFiles();
    void put(const base::Sha256& hash, std::string_view bytes);
    std::vector<std::string> readBack();
    void retain();
    void heedStop() const
    {
        if (options_.stop.stop_requested())
            throw base::Refused("the backup was stopped; the earlier ones are as they were", 1);
    }

    SqliteStore& store_;
    const BackupOptions& options_;
    const Repository repository_;
    Meter meter_;
    std::vector<Manifest> earlier_;
    HashSet pieces_;                  // that are there
    std::set<std::string> bodies_;    // the same
    HashSet fresh_pieces_;
    std::set<std::string> fresh_bodies_;
    Manifest manifest_;
};

void BackupWriter::clean()
{
    earlier_ = repository_.manifests();
    const bool all_known = std::none_of(earlier_.begin(), earlier_.end(), [](const Manifest& m) { return !m.info.problem.empty(); });
    if (all_known)
        repository_.sweep(earlier_);
    else // what a damaged manifest names is not known: leave it where it is
        base::logWarning("store", "a damaged manifest keeps a folder of backups from being tidied up", {{"folder", repository_.folder()}});
    std::error_code ignored;
    for (const Manifest& manifest : earlier_) {
        for (const base::Sha256& hash : manifest.pieces)
            if (!pieces_.contains(hash) && fs::exists(repository_.piecePath(hash), ignored))
                pieces_.insert(hash);
        for (const auto& [hash, size] : manifest.bodies)
            if (!bodies_.contains(hash) && fs::file_size(repository_.bodyPath(hash), ignored) == size && !ignored)
                bodies_.insert(hash);
    }
}

void BackupWriter::put(const base::Sha256& hash, std::string_view bytes)
{
    if (!pieces_.insert(hash).second)
        return;
    const std::uint64_t size = repository_.writePiece(hash, bytes);
    manifest_.info.written += size;
    g_written.add(size);
    fresh_pieces_.insert(hash);
}

void readPages(PageReader& pages, std::uint32_t first, std::string& bytes)
{
    pages.read(first, std::min(kPagesInPiece, pages.pages() - first + 1), bytes);
    if (first == 1)
        bytes[18] = bytes[19] = 1; // in rollback mode: it can be read where nothing may be written beside it
}

// The first time all of it is new, and a slow disk may take hours: a transaction that long would keep the write-ahead log growing.
// So the pieces are written before, each as it is then; copyDatabase() has only to write those that changed meanwhile.
void BackupWriter::copyAhead()
{
    std::string bytes;
    for (std::uint32_t first = 1;;) {
        const auto pinned = store_.pin();
        if (first == 1)
            meter_.expect(std::uint64_t{pinned.pages->pages()} * kPageSize);
        for (const auto until = std::chrono::steady_clock::now() + kStretch; std::chrono::steady_clock::now() < until; first += kPagesInPiece) {
            if (first > pinned.pages->pages())
                return;
            heedStop();
            readPages(*pinned.pages, first, bytes);
            put(base::sha256(bytes), bytes);
            meter_.add(bytes.size());
        }
    }
}

void BackupWriter::copyDatabase(PageReader& pages)
{
    manifest_.info.database = std::uint64_t{pages.pages()} * kPageSize;
    manifest_.pieces.clear();
    std::string bytes;
    for (std::uint32_t first = 1; first <= pages.pages(); first += kPagesInPiece) {
        heedStop();
        readPages(pages, first, bytes);
        const base::Sha256 hash = base::sha256(bytes);
        put(hash, bytes);
        manifest_.pieces.push_back(hash);
        meter_.add(bytes.size());
    }
}

void BackupWriter::copyBodies()
{
    for (auto it = manifest_.bodies.begin(); it != manifest_.bodies.end();) {
        heedStop();
        const auto& [hash, size] = *it;
        const std::string to = repository_.bodyPath(hash);
        bool have = bodies_.contains(hash);
        if (!have) {
            base::makeFolders(fs::path(to).parent_path().string());
            const std::string from = shardedBody(store_.folder() + "/bodies", hash);
            std::error_code error;
            have = fs::exists(from, error) && copyVerified(from, to, asSha256(base::unhex(hash).value()));
            if (have) {
                bodies_.insert(hash);
                fresh_bodies_.insert(hash);
                manifest_.info.written += size;
                g_written.add(size);
            }
        }
        meter_.add(size);
        if (have) {
            ++it;
            continue;
        }
        base::logError("store", "a body is damaged and not in the backup", {{"body", hash}}); // the rest is worth having all the same
        manifest_.missing.insert(*it);
        it = manifest_.bodies.erase(it);
    }
}

// The certificate: a server that was restored is the one that its clients know.
void BackupWriter::copyFiles()
{
    manifest_.files.clear();
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(store_.folder() + "/tls", error)) {
        if (!entry.is_regular_file() || entry.file_size() > kLargestFile || entry.path().extension() == ".tmp")
            continue;
        const std::string bytes = base::readFile(entry.path().string(), kLargestFile);
        const base::Sha256 hash = base::sha256(bytes);
        put(hash, bytes);
        manifest_.files.push_back({entry.path().filename().string(), hash});
    }
}

void BackupWriter::copyOnce()
{
    manifest_.bodies.clear();
    manifest_.missing.clear();
    const auto ticket = store_.keepFiles();
    {
        const auto pinned = store_.pin();
        Connection& db = pinned.transaction->db();
        std::uint64_t bytes = 0;
        {
            Statement row = db.query("SELECT hash, size FROM body WHERE encoding = 2");
            while (row.step()) {
                manifest_.bodies[base::hex(asSha256(row.bytes(0)))] = static_cast<std::uint64_t>(row.integer(1));
                bytes += static_cast<std::uint64_t>(row.integer(1));
            }
        }
        Statement counts = db.query("SELECT (SELECT count(*) FROM account), (SELECT coalesce(sum(messages), 0) FROM mailbox)");
        counts.step();
        manifest_.info.accounts = static_cast<std::uint64_t>(counts.integer(0));
        manifest_.info.messages = static_cast<std::uint64_t>(counts.integer(1));
        bytes += std::uint64_t{pinned.pages->pages()} * kPageSize;
        meter_.expect(options_.check == BackupCheck::all ? 2 * bytes : bytes);
        copyDatabase(*pinned.pages);
    }
    copyBodies();
    copyFiles();
    repository_.sync();
}

// From the disk itself where the kernel lets us. Returns the files that are not what they should be.
std::vector<std::string> BackupWriter::readBack()
{
    std::vector<std::string> wrong;
    if (options_.check == BackupCheck::none)
        return wrong;
    const bool all = options_.check == BackupCheck::all;
    HashSet seen;
    for (const base::Sha256& hash : manifest_.pieces) {
        heedStop();
        const bool first = seen.insert(hash).second;
        if (first && (all || fresh_pieces_.contains(hash)))
            try {
                repository_.readPiece(hash, true);
            } catch (const Error&) {
                wrong.push_back(repository_.piecePath(hash));
                pieces_.erase(hash);
            }
        if (all)
            meter_.add(kPiece);
    }
    for (const auto& [hash, size] : manifest_.bodies) {
        heedStop();
        if (!all && !fresh_bodies_.contains(hash))
            continue;
        const std::string path = repository_.bodyPath(hash);
        bool whole = false;
        try {
            whole = base::hex(hashFile(path, true).sha256) == hash;
        } catch (const std::system_error& e) {
            base::logError("store", "a backup cannot be read back", {{"file", path}, {"why", e.what()}});
        }
        if (!whole) {
            wrong.push_back(path);
            bodies_.erase(hash);
        }
        if (all)
            meter_.add(size);
    }
    return wrong;
}

void BackupWriter::retain()
{
    std::vector<Manifest> whole;
    for (Manifest& manifest : earlier_)
        if (manifest.info.problem.empty())
            whole.push_back(std::move(manifest));
    whole.push_back(manifest_);
    if (options_.keep == 0 || whole.size() <= options_.keep)
        return;
    const auto gone = static_cast<std::ptrdiff_t>(whole.size() - options_.keep);
    for (auto at = whole.begin(); at != whole.begin() + gone; ++at)
        repository_.removeManifest(at->info.id);
    whole.erase(whole.begin(), whole.begin() + gone);
    if (repository_.ids().size() == whole.size()) // else there are damaged manifests, and nobody knows what they name
        repository_.sweep(whole);
}

BackupInfo BackupWriter::run()
{
    try {
        clean();
        manifest_.info.id = repository_.newId(options_.now);
        manifest_.info.created = options_.now;
        if (pieces_.empty())
            copyAhead();
        copyOnce();
        // What an earlier backup wrote may have been damaged since: it is written anew, which mends that one too.
        if (auto wrong = readBack(); !wrong.empty()) {
            for (const std::string& path : wrong) {
                base::logWarning("store", "a damaged file of a backup is written anew", {{"file", path}});
                ::unlink(path.c_str());
            }
            copyOnce();
            if (wrong = readBack(); !wrong.empty())
                throw Error(Error::Kind::unavailable, "what was written is not what is read back: " + wrong.front()
                                                          + "; check the disk, or give a folder on another one");
        }
        repository_.writeManifest(manifest_);
    } catch (const std::system_error& e) {
        const int code = e.code().value();
        try {
            clean(); // so that there is room again, and nothing half done
        } catch (const std::exception&) { // the next backup does it
        }
        if (code == ENOSPC || code == EDQUOT)
            throw base::Refused("there is no room for the backup in " + repository_.folder()
                                    + "; the earlier ones are whole. Make room, keep fewer (--keep N), or give another folder", 1);
        throw asStoreError(e);
    } catch (...) {
        try {
            clean();
        } catch (const std::exception&) {
        }
        throw;
    }
    std::vector<Finding> findings;
    if (options_.check == BackupCheck::all)
        findings = checkSnapshot(repository_, manifest_);
    if (findings.empty()) // else an earlier one may have what this one has not
        retain();
    manifest_.info.bodies = manifest_.bodies.size();
    manifest_.info.missing = manifest_.missing.size();
    manifest_.info.bytes = manifest_.info.database;
    for (const auto& [hash, size] : manifest_.bodies)
        manifest_.info.bytes += size;
    if (!findings.empty())
        throw Error(Error::Kind::damaged, "the backup was written as the store is, but the store is damaged (" + findings.front().what
                                              + "); run `postfach check`, and keep the earlier backups");
    return manifest_.info;
}

} // namespace

BackupInfo createBackup(Store& store, const BackupOptions& options, const Progress& progress)
{
    auto* source = dynamic_cast<SqliteStore*>(&store);
    if (!source)
        throw std::logic_error("this store has no backup of its own");
    BackupInfo info;
    if (options.must_be_there && !Repository::isOne(options.folder))
        throw base::Refused(options.folder + " held backups and holds none now: is its disk mounted? If it is a new one, begin with"
                                " `postfach backup create " + options.folder + "`", 1);
    try {
        info = BackupWriter(*source, options, progress).run();
    } catch (const std::system_error& e) {
        throw asStoreError(e);
    }
    if (info.missing > 0)
        throw Error(Error::Kind::damaged, "backup " + info.id + " is complete but for " + std::to_string(info.missing)
                                              + " damaged bodies; see the log");
    return info;
}

std::uint64_t commitsOf(Store& store)
{
    auto* source = dynamic_cast<SqliteStore*>(&store);
    if (!source)
        return 0;
    const auto transaction = source->readTransaction();
    transaction->db().query("SELECT 1 FROM tally").step(); // now it has begun
    const auto state = walState(transaction->db());
    return state ? std::uint64_t{state->changes} + 1 : 0;
}

std::vector<BackupInfo> listBackups(const std::string& folder)
{
    if (!Repository::isOne(folder) && fs::exists(folder + "/manifest")) {
        Manifest plain = plainManifest(folder);
        return {plain.info};
    }
    const Repository repository(folder, Repository::Use::look);
    std::vector<BackupInfo> all;
    for (const Manifest& manifest : repository.manifests())
        all.push_back(manifest.info);
    return all;
}

} // namespace postfach::store
