// The older form of a backup, one to a folder:
//   postfach.db   the database, in rollback mode
//   bodies/       the large bodies it names
//   manifest      what belongs to it, with SHA-256
// FORMAT.md promises that it is read for ever. Nothing writes it any more.
#include "server/base/error.h"
#include "server/base/text.h"
#include "server/store/sqlite/archive.h"

#include <filesystem>
#include <system_error>

namespace postfach::store::sqlite {
namespace {
constexpr std::string_view kHead = "postfach-backup 1\n";
constexpr std::size_t kManifest = 1U << 30;
} // namespace

bool isPlainBackup(const std::string& folder)
{
    std::error_code ignored;
    return !Repository::isOne(folder)
           && (std::filesystem::exists(folder + "/manifest", ignored) || std::filesystem::exists(folder + "/postfach.db", ignored));
}

Manifest plainManifest(const std::string& folder)
{
    std::string text;
    try {
        text = base::readFile(folder + "/manifest", kManifest);
    } catch (const std::system_error&) {
        incomplete(folder, "its manifest is missing");
    }
    if (!text.starts_with(kHead))
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
        const auto hash = base::unhex(words[2]);
        if (words[2].size() != 64 || !hash)
            incomplete(folder, "its manifest is damaged");
        if (words[0] == "database") {
            manifest.info.database = size;
            manifest.pieces = {asSha256(*hash)};
        } else
            manifest.bodies[std::string(words[2])] = size;
    }
    if (manifest.pieces.empty())
        incomplete(folder, "its manifest is damaged");
    manifest.info.id = "plain";
    manifest.info.bodies = manifest.bodies.size();
    manifest.info.bytes = manifest.info.database;
    for (const auto& [hash, size] : manifest.bodies)
        manifest.info.bytes += size;
    return manifest;
}

std::vector<Finding> verifyPlain(const std::string& folder, const Progress& progress)
{
    std::vector<Finding> findings;
    Manifest manifest;
    try {
        manifest = plainManifest(folder);
    } catch (const base::Refused& e) {
        return {{e.what(), folder, false}};
    }
    Meter meter(progress, manifest.info.bytes);
    const auto verify = [&](const std::string& path, std::uint64_t size, const std::string& sha256) {
        try {
            const Hashed hashed = hashFile(path);
            if (hashed.size != size || base::hex(hashed.sha256) != sha256)
                findings.push_back({"its bytes are not those of the manifest", path, false});
        } catch (const std::system_error& e) {
            findings.push_back({e.what(), path, false});
        }
        meter.add(size);
    };
    const std::string database = folder + "/postfach.db";
    verify(database, manifest.info.database, base::hex(manifest.pieces.front()));
    for (const auto& [hash, size] : manifest.bodies)
        verify(shardedBody(folder + "/bodies", hash), size, hash);
    try {
        if (std::filesystem::exists(database)) {
            Connection db(immutableUri(database), Connection::Role::reader);
            checkDatabase(db, database, manifest.bodies, {}, findings);
        }
    } catch (const Error& e) {
        findings.push_back({e.what(), database, false});
    }
    return findings;
}

} // namespace postfach::store::sqlite
