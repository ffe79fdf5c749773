// Reading backups: every byte verified, and a data directory made of one.
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/store/sqlite/archive.h"
#include "server/store/sqlite/page_check.h"
#include "server/store/sqlite/schema.h"
#include "server/store/sqlite/sqlite_store.h"

#include <filesystem>
#include <set>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace postfach::store {
namespace {

using namespace sqlite;
namespace fs = std::filesystem;

constexpr std::size_t kNamedMessages = 1000; // of those that a restore misses

std::string joinedIds(const std::vector<std::string>& ids)
{
    std::string out;
    for (const std::string& id : ids)
        out += (out.empty() ? "" : ", ") + id;
    return out;
}

// The bodies that could be had; the others are returned.
std::vector<std::string> copyBodies(const std::string& from, const std::string& to, const Manifest& manifest, Meter& meter)
{
    std::vector<std::string> lost;
    for (const auto& [hash, size] : manifest.missing)
        lost.push_back(hash);
    for (const auto& [hash, size] : manifest.bodies) {
        const std::string source = shardedBody(from, hash), target = shardedBody(to, hash);
        base::makeFolders(fs::path(target).parent_path().string());
        std::error_code error;
        if (!fs::exists(source, error) || !copyVerified(source, target, asSha256(base::unhex(hash).value()))) {
            base::logError("store", "a body of the backup is damaged", {{"body", hash}});
            lost.push_back(hash);
        }
        meter.add(size);
    }
    return lost;
}

std::vector<Finding> messagesOf(Connection& db, const std::vector<std::string>& lost)
{
    std::vector<Finding> findings;
    for (const std::string& hash : lost) {
        bool named = false;
        const std::string raw = base::unhex(hash).value();
        Statement row = db.query("SELECT a.address, b.name, m.uid FROM body x JOIN message m ON m.body_id = x.id"
                                 " JOIN mailbox b ON b.id = m.mailbox_id"
                                 " JOIN account a ON a.id = b.account_id WHERE x.encoding = 2 AND x.hash = ?", Blob{raw});
        while (row.step() && findings.size() < kNamedMessages) {
            named = true;
            findings.push_back({"its content is damaged in the backup", row.text(0) + ", " + row.text(1) + ", UID " + row.text(2), false});
        }
        if (!named)
            findings.push_back({"it is damaged in the backup", "body " + hash, false});
    }
    return findings;
}

// What a restore that failed had made: the folder was empty, so all of it is ours, and the next try finds it empty again.
void removeRestored(const std::string& data_folder)
{
    std::error_code ignored;
    for (const char* made : {"/postfach.db.restoring", "/postfach.db.restoring-wal", "/postfach.db.restoring-shm", "/bodies", "/tls", "/lock"})
        fs::remove_all(data_folder + made, ignored);
}

// One that was killed: nothing lies there but what a restore makes, and the database has not come to its name.
bool isInterruptedRestore(const std::string& data_folder)
{
    static const std::set<std::string> made{"bodies", "lock", "lost+found", "tls", "postfach.db.restoring", "postfach.db.restoring-wal",
                                            "postfach.db.restoring-shm"};
    std::error_code ignored;
    bool begun = false, foreign = false;
    for (const auto& entry : fs::directory_iterator(data_folder, ignored)) {
        const std::string name = entry.path().filename().string();
        begun = begun || name == "postfach.db.restoring";
        foreign = foreign || !made.contains(name);
    }
    return begun && !foreign;
}

} // namespace

namespace sqlite {

void assembleDatabase(const Repository& repository, const Manifest& manifest, const std::string& path, Meter& meter)
{
    const base::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd)
        throw std::system_error(errno, std::generic_category(), path);
    std::uint64_t offset = 0;
    bool sealed = false;
    for (const base::Sha256& hash : manifest.pieces) {
        std::string bytes;
        try {
            bytes = repository.readPiece(hash);
        } catch (const Error& e) {
            throw base::Refused("the database of backup " + manifest.info.id + " is damaged (" + e.what() + "); restore another one with --snapshot: "
                                    "`postfach backup verify " + repository.folder() + "` says which are whole", 1);
        }
        meter.add(bytes.size());
        sealed = offset == 0 ? saysSealed(bytes) : sealed;
        if (sealed)
            sealPages(bytes, offset);
        base::writeAll(fd.get(), bytes);
        offset += bytes.size();
    }
    if (::fsync(fd.get()) != 0)
        throw std::system_error(errno, std::generic_category(), path);
}

} // namespace sqlite

std::vector<Finding> verifyBackups(const std::string& folder, const Progress& progress, const std::string& id)
{
    if (isPlainBackup(folder))
        return verifyPlain(folder, progress);
    std::vector<Finding> findings;
    std::optional<Repository> opened;
    try {
        opened.emplace(folder, Repository::Use::read);
    } catch (const base::Refused& e) {
        return {{e.what(), folder, false}};
    }
    const Repository& repository = *opened;
    if (!repository.headIsWhole())
        findings.push_back({"it is damaged or of a newer version", repository.headPath(), false});
    std::vector<Manifest> whole;
    for (const std::string& name : id.empty() ? repository.ids() : std::vector<std::string>{id}) {
        Manifest manifest = repository.manifest(name);
        if (manifest.info.problem.empty())
            whole.push_back(std::move(manifest));
        else
            findings.push_back({manifest.info.problem, repository.manifestPath(name), false});
    }
    if (whole.empty()) {
        if (findings.empty())
            findings.push_back({"there is no backup in it", folder, false});
        return findings;
    }

    std::unordered_map<base::Sha256, std::vector<std::string>, HashOfSha256> pieces; // and who names them
    std::map<std::string, std::pair<std::uint64_t, std::vector<std::string>>> bodies;
    std::uint64_t total = 0;
    for (const Manifest& manifest : whole) {
        HashSet mine(manifest.pieces.begin(), manifest.pieces.end());
        for (const Manifest::File& file : manifest.files)
            mine.insert(file.hash);
        for (const base::Sha256& hash : mine)
            pieces[hash].push_back(manifest.info.id);
        for (const auto& [hash, size] : manifest.bodies) {
            auto& body = bodies[hash];
            body.first = size;
            body.second.push_back(manifest.info.id);
        }
    }
    total = pieces.size() * kPiece;
    for (const auto& [hash, body] : bodies)
        total += body.first;
    Meter meter(progress, total);
    bool newest_is_whole = true;
    const auto wrong = [&](const std::string& what, const std::string& path, const std::vector<std::string>& by) {
        findings.push_back({what + "; needed by " + joinedIds(by), path, false});
    };
    for (const auto& [hash, by] : pieces) {
        try {
            repository.readPiece(hash);
        } catch (const Error& e) {
            const std::string text = e.what(), path = repository.piecePath(hash);
            wrong(text.starts_with(path + ": ") ? text.substr(path.size() + 2) : text, path, by);
            newest_is_whole = newest_is_whole && by.back() != whole.back().info.id;
        }
        meter.add(kPiece);
    }
    for (const auto& [hash, body] : bodies) {
        const std::string path = repository.bodyPath(hash);
        try {
            const Hashed hashed = hashFile(path);
            if (hashed.size != body.first || base::hex(hashed.sha256) != hash)
                wrong("its bytes are not those of its name", path, body.second);
        } catch (const std::system_error& e) {
            wrong(e.code().message(), path, body.second);
        }
        meter.add(body.first);
    }
    // The older ones were looked into when they were the newest, and their bytes are the same as then.
    if (newest_is_whole)
        for (Finding& finding : checkSnapshot(repository, whole.back()))
            findings.push_back(std::move(finding));
    return findings;
}

std::vector<Finding> restoreStore(const std::string& folder, const std::string& data_folder, const Progress& progress, const std::string& id)
{
    if (isInterruptedRestore(data_folder)) {
        const base::Fd lock = lockFolder(data_folder); // or it is not interrupted
        removeRestored(data_folder);
    }
    if (!isEmptyFolder(data_folder))
        throw base::Refused(data_folder + " is not empty; restore into a new data directory", 1);
    const bool plain = isPlainBackup(folder);
    std::optional<Repository> repository;
    if (!plain)
        repository.emplace(folder, Repository::Use::read);
    const Manifest manifest = plain ? plainManifest(folder) : repository->newest(id);
    Meter meter(progress, manifest.info.bytes);
    std::vector<Finding> findings;
    try {
        base::makeFolders(data_folder);
        const std::string fresh = data_folder + "/postfach.db.restoring";
        base::writeFileDurably(fresh, ""); // first of all: it says that this is a restore, should it be killed
        const base::Fd lock = lockFolder(data_folder);
        base::makeFolders(data_folder + "/bodies");
        if (!plain)
            assembleDatabase(*repository, manifest, fresh, meter);
        else if (!copyVerified(folder + "/postfach.db", fresh, manifest.pieces.front()))
            incomplete(folder, "its database is damaged");
        const auto lost = copyBodies(folder + "/bodies", data_folder + "/bodies", manifest, meter);
        for (const Manifest::File& file : manifest.files)
            try {
                base::makeFolders(data_folder + "/tls");
                base::writeFileDurably(data_folder + "/tls/" + file.name, repository->readPiece(file.hash));
            } catch (const Error& e) { // a new one is made at the next start
                findings.push_back({"it is damaged in the backup", "tls/" + file.name, false});
            }
        {
            Connection db(fresh, Connection::Role::writer);
            requireKnownVersion(db);
            skipNumbers(db);
            const auto messages = messagesOf(db, lost);
            findings.insert(findings.end(), messages.begin(), messages.end());
        }
        syncVolume(data_folder);
        fs::rename(fresh, data_folder + "/postfach.db");
        base::syncFolder(data_folder);
    } catch (const std::system_error& e) {
        removeRestored(data_folder);
        throw asStoreError(e);
    } catch (...) {
        removeRestored(data_folder);
        throw;
    }
    return findings;
}

} // namespace postfach::store
