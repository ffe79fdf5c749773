#include "server/store/sqlite/repository.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postfach::store::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHead = "postfach-repository 1\n";       // of the folder; the first line never changes its meaning
constexpr std::string_view kManifestHead = "postfach-backup 2\n";   // of a manifest
constexpr std::size_t kManifestMost = 1U << 30;                     // ten million bodies
constexpr std::size_t kHashBytes = 32;

struct EndOfContext {
    void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
};

[[noreturn]] void fail(int code, const std::string& path) { throw std::system_error(code, std::generic_category(), path); }

base::Fd openFile(const std::string& path, int flags)
{
    base::Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
    if (!fd)
        fail(errno, path);
    return fd;
}

std::optional<base::Sha256> hashOf(std::string_view hex)
{
    const auto raw = hex.size() == 2 * kHashBytes ? base::unhex(hex) : std::nullopt;
    if (!raw || raw->size() != kHashBytes)
        return std::nullopt;
    return asSha256(*raw);
}

void addLine(std::string& text, std::string_view word, std::uint64_t number)
{
    text.append(word).append(" ").append(std::to_string(number)).append("\n");
}

template <class Visit>
void eachFile(const std::string& folder, Visit visit)
{
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (std::error_code ignored; it->is_regular_file(ignored))
            visit(it->path());
}

bool isName(std::string_view name) // of a file beside the database: nothing that leads elsewhere
{
    return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos;
}

} // namespace

// --- the manifest

std::string Manifest::text() const
{
    std::string text(kManifestHead);
    addLine(text, "created", static_cast<std::uint64_t>(base::toMillis(info.created)));
    addLine(text, "accounts", info.accounts);
    addLine(text, "messages", info.messages);
    addLine(text, "written", info.written);
    addLine(text, "database", info.database);
    for (const base::Sha256& piece : pieces)
        text.append("piece ").append(base::hex(piece)).append("\n");
    for (const auto& [hash, size] : bodies)
        text.append("body ").append(hash).append(" ").append(std::to_string(size)).append("\n");
    for (const auto& [hash, size] : missing)
        text.append("missing ").append(hash).append(" ").append(std::to_string(size)).append("\n");
    for (const File& file : files)
        text.append("file ").append(base::hex(file.hash)).append(" ").append(file.name).append("\n");
    return text + "end " + base::hex(base::sha256(text)) + "\n";
}

std::optional<Manifest> Manifest::parse(const std::string& id, std::string_view text)
{
    const auto end = text.rfind("end ");
    if (!text.starts_with(kManifestHead) || end == std::string_view::npos
        || text.substr(end) != "end " + base::hex(base::sha256(text.substr(0, end))) + "\n")
        return std::nullopt;
    Manifest manifest;
    manifest.info.id = id;
    text = text.substr(0, end);
    text.remove_prefix(kManifestHead.size());
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const auto space = line.find(' ');
        const auto word = line.substr(0, space);
        const auto rest = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
        if (word == "piece" || word == "body" || word == "missing" || word == "file") {
            const auto hash = hashOf(rest.substr(0, 2 * kHashBytes));
            const auto more = rest.size() > 2 * kHashBytes + 1 ? rest.substr(2 * kHashBytes + 1) : std::string_view();
            if (!hash || (word == "file" && !isName(more)))
                return std::nullopt;
            if (word == "piece")
                manifest.pieces.push_back(*hash);
            else if (word == "file")
                manifest.files.push_back({std::string(more), *hash});
            else
                (word == "body" ? manifest.bodies : manifest.missing)[base::hex(*hash)] = base::parseU64(more).value_or(0);
            continue;
        }
        const std::uint64_t number = base::parseU64(rest).value_or(0);
        if (word == "created")
            manifest.info.created = base::fromMillis(static_cast<std::int64_t>(number));
        else if (word == "accounts")
            manifest.info.accounts = number;
        else if (word == "messages")
            manifest.info.messages = number;
        else if (word == "written")
            manifest.info.written = number;
        else if (word == "database")
            manifest.info.database = number;
        // Other words are those of a later version that this one can do without.
    }
    manifest.info.bodies = manifest.bodies.size();
    manifest.info.missing = manifest.missing.size();
    manifest.info.bytes = manifest.info.database;
    for (const auto& [hash, size] : manifest.bodies)
        manifest.info.bytes += size;
    return manifest;
}

// --- the folder

bool Repository::isOne(const std::string& folder)
{
    std::error_code ignored;
    return fs::exists(folder + "/repository", ignored) || fs::is_directory(folder + "/snapshots", ignored);
}

Repository::Repository(std::string folder, Use use) : folder_(std::move(folder))
{
    if (!isOne(folder_)) {
        if (use != Use::write)
            incomplete(folder_, "there is no backup in it");
        if (!isEmptyFolder(folder_))
            throw base::Refused(folder_ + " is not empty and holds no backups of this kind; give a new folder", 1);
    }
    std::error_code ignored;
    if (use == Use::write && ids().empty() && !fs::exists(headPath(), ignored)) { // new, or a first backup was killed right here
        for (const char* part : {"/snapshots", "/pieces", "/bodies"})
            base::makeFolders(folder_ + part);
        base::writeFileDurably(headPath(), kHead);
    } else if (use == Use::write && !headIsWhole())
        throw base::Refused(headPath() + " is damaged or of a newer version; give another folder", 1);
    if (use == Use::look)
        return;
    // Read-only media have no lock, and nobody writes to them.
    lock_.reset(::open((folder_ + "/lock").c_str(), (use == Use::write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600));
    if (!lock_ && use == Use::write)
        fail(errno, folder_ + "/lock");
    if (lock_ && ::flock(lock_.get(), (use == Use::write ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && (errno == EWOULDBLOCK || use == Use::write))
        throw base::Refused("somebody else is at work in " + folder_ + "; try again when that has ended", 1);
}

bool Repository::headIsWhole() const
{
    try {
        return base::readFile(headPath(), 1000) == kHead;
    } catch (const std::system_error&) {
        return false;
    }
}

std::vector<std::string> Repository::ids() const
{
    std::vector<std::string> all;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_ + "/snapshots", error))
        if (entry.path().extension() != ".tmp")
            all.push_back(entry.path().filename().string());
    std::sort(all.begin(), all.end());
    return all;
}

Manifest Repository::manifest(const std::string& id) const
{
    Manifest broken;
    broken.info.id = id;
    broken.info.problem = "its manifest is damaged";
    if (!isName(id))
        return broken;
    try {
        if (auto whole = Manifest::parse(id, base::readFile(manifestPath(id), kManifestMost)))
            return *std::move(whole);
    } catch (const std::system_error& e) {
        broken.info.problem = e.code() == std::errc::no_such_file_or_directory ? "there is none of this name" : e.what();
    }
    return broken;
}

std::vector<Manifest> Repository::manifests() const
{
    std::vector<Manifest> all;
    for (const std::string& id : ids()) {
        Manifest one = manifest(id);
        if (one.info.problem.empty() || fs::exists(manifestPath(id))) // or it went meanwhile
            all.push_back(std::move(one));
    }
    return all;
}

Manifest Repository::newest(const std::string& id) const
{
    if (!id.empty()) {
        Manifest one = manifest(id);
        if (!one.info.problem.empty())
            throw base::Refused("backup " + base::printable(id, 100) + " in " + folder_ + " cannot be used: " + one.info.problem
                                + "; `postfach backup list " + folder_ + "` names them all", 1);
        return one;
    }
    const auto all = ids();
    for (auto at = all.rbegin(); at != all.rend(); ++at)
        if (Manifest one = manifest(*at); one.info.problem.empty())
            return one;
        else
            base::logWarning("store", "a backup cannot be used", {{"backup", *at}, {"why", one.info.problem}});
    incomplete(folder_, "there is no whole manifest in it");
}

std::string Repository::newId(base::Time time) const
{
    const std::time_t seconds = base::toMillis(time) / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
    std::string id = text.data();
    // Names are in the order of time, also where a clock was set back, and none is given twice.
    if (const auto all = ids(); !all.empty() && id <= all.back()) {
        id = all.back();
        const auto dash = id.rfind('-');
        const auto last = dash == std::string::npos ? 0 : base::parseU32(std::string_view(id).substr(dash + 1)).value_or(0);
        std::snprintf(text.data(), text.size(), "-%04u", last + 1);
        id = id.substr(0, dash) + text.data();
    }
    return id;
}

std::string Repository::piecePath(const base::Sha256& hash) const
{
    const std::string name = base::hex(hash);
    return folder_ + "/pieces/" + name.substr(0, 2) + "/" + name;
}

std::string Repository::bodyPath(const std::string& hash) const { return shardedBody(folder_ + "/bodies", hash); }

// The frame's own SHA-256 stands behind it: zstd ignores some bits of its header, and a byte that fell must be found.
std::uint64_t Repository::writePiece(const base::Sha256& hash, std::string_view bytes) const
{
    thread_local const std::unique_ptr<ZSTD_CCtx, EndOfContext> context(ZSTD_createCCtx());
    std::string frame(ZSTD_compressBound(bytes.size()), '\0');
    const std::size_t size = ZSTD_compressCCtx(context.get(), frame.data(), frame.size(), bytes.data(), bytes.size(), 1);
    if (ZSTD_isError(size))
        throw Error(Error::Kind::unavailable, "a piece of the database cannot be compressed");
    frame.resize(size);
    frame += asBytes(base::sha256(frame));
    const std::string path = piecePath(hash), temporary = path + ".tmp";
    std::error_code ignored;
    fs::create_directory(fs::path(path).parent_path(), ignored);
    {
        const base::Fd fd = openFile(temporary, O_WRONLY | O_CREAT | O_TRUNC);
        base::writeAll(fd.get(), frame);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        fail(errno, path);
    return frame.size();
}

std::string Repository::readPiece(const base::Sha256& hash, bool from_disk) const
{
    const std::string path = piecePath(hash);
    const auto damaged = [&](const std::string& why) { return Error(Error::Kind::damaged, path + ": " + why); };
    std::string frame;
    try {
        if (from_disk) {
            const base::Fd fd = openFile(path, O_RDONLY);
            ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
        }
        frame = base::readFile(path, 2 * kLargestPiece);
    } catch (const std::system_error& e) {
        throw damaged(e.code().message());
    }
    const char* const wrong = "its bytes are not those of its name";
    if (frame.size() < kHashBytes)
        throw damaged(wrong);
    const std::string_view content = std::string_view(frame).substr(0, frame.size() - kHashBytes);
    if (base::sha256(content) != asSha256(std::string_view(frame).substr(content.size())))
        throw damaged(wrong);
    frame.resize(frame.size() - kHashBytes);
    const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
    if (size > kLargestPiece) // also where it is not said
        throw damaged(wrong);
    std::string bytes(size, '\0');
    const std::size_t got = ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
    if (ZSTD_isError(got) || got != size || base::sha256(bytes) != hash)
        throw damaged(wrong);
    return bytes;
}

void Repository::writeManifest(const Manifest& manifest) const { base::writeFileDurably(manifestPath(manifest.info.id), manifest.text()); }

void Repository::removeManifest(const std::string& id) const
{
    if (::unlink(manifestPath(id).c_str()) != 0 && errno != ENOENT)
        fail(errno, manifestPath(id));
    base::syncFolder(folder_ + "/snapshots");
}

void Repository::sync() const { syncVolume(folder_); }

void Repository::sweep(const std::vector<Manifest>& named) const
{
    HashSet pieces, bodies;
    for (const Manifest& manifest : named) {
        pieces.insert(manifest.pieces.begin(), manifest.pieces.end());
        for (const Manifest::File& file : manifest.files)
            pieces.insert(file.hash);
        for (const auto& [hash, size] : manifest.bodies)
            bodies.insert(*hashOf(hash));
    }
    const auto clean = [](const std::string& folder, const HashSet& wanted) {
        eachFile(folder, [&](const fs::path& file) {
            const auto hash = hashOf(file.filename().string());
            if (hash ? !wanted.contains(*hash) : file.extension() == ".tmp") // what we did not make we do not remove
                ::unlink(file.c_str());
        });
    };
    clean(folder_ + "/pieces", pieces);
    clean(folder_ + "/bodies", bodies);
    clean(folder_ + "/snapshots", {});
}

// --- helpers

// To the end of the file; nullopt where it cannot be read (errno). Written on where `copy` is open.
static std::optional<Hashed> hashThrough(int fd, int copy)
{
    base::Sha256Stream stream;
    Hashed result;
    std::string piece(1 << 20, '\0');
    for (;;) {
        const ssize_t got = ::read(fd, piece.data(), piece.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return std::nullopt;
        if (got == 0)
            break;
        const std::string_view bytes(piece.data(), static_cast<std::size_t>(got));
        stream.update(bytes);
        if (copy >= 0)
            base::writeAll(copy, bytes);
        result.size += bytes.size();
    }
    result.sha256 = stream.finish();
    return result;
}

Hashed hashFile(const std::string& path, bool from_disk)
{
    const base::Fd fd = openFile(path, O_RDONLY);
    if (from_disk)
        ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
    const auto hashed = hashThrough(fd.get(), -1);
    if (!hashed)
        fail(errno, path);
    return *hashed;
}

// Where the file system can share blocks it does; the bytes are read and compared either way.
bool copyVerified(const std::string& from, const std::string& to, const base::Sha256& hash)
{
    const std::string temporary = to + ".tmp";
    {
        const base::Fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
        if (!source && errno == EIO)
            return false;
        if (!source)
            fail(errno, from);
        const base::Fd target = openFile(temporary, O_WRONLY | O_CREAT | O_TRUNC);
        const bool shared = ::ioctl(target.get(), FICLONE, source.get()) == 0;
        const auto hashed = hashThrough(source.get(), shared ? -1 : target.get());
        if (!hashed || hashed->sha256 != hash) {
            ::unlink(temporary.c_str());
            return false;
        }
    }
    if (::rename(temporary.c_str(), to.c_str()) != 0)
        fail(errno, to);
    return true;
}

void syncVolume(const std::string& path)
{
    const base::Fd fd = openFile(path, O_RDONLY | O_DIRECTORY);
    if (::syncfs(fd.get()) != 0)
        fail(errno, path);
}

bool isEmptyFolder(const std::string& folder)
{
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.path().filename() != "lost+found")
            return false;
    return true;
}

std::string shardedBody(const std::string& folder, const std::string& hash)
{
    return folder + "/" + hash.substr(0, 2) + "/" + hash.substr(2, 2) + "/" + hash;
}

void incomplete(const std::string& folder, const std::string& why)
{
    throw base::Refused(folder + " is no complete backup: " + why, 1);
}

} // namespace postfach::store::sqlite
