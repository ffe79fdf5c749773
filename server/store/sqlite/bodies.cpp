#include "server/store/sqlite/bodies.h"
#include "server/base/file.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <unordered_set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postfach::store::sqlite {
namespace {

[[noreturn]] void damaged(const std::string& what) { throw Error(Error::Kind::damaged, what); }

struct EndOfContext {
    void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
    void operator()(ZSTD_DCtx* d) const { ZSTD_freeDCtx(d); }
};

// Level 1 with zstd's own checksum: damage is found while decompressing, without hashing the body again.
std::optional<std::string> compressed(std::string_view bytes)
{
    thread_local const std::unique_ptr<ZSTD_CCtx, EndOfContext> context(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    const std::size_t size = ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(size) || size > bytes.size() - bytes.size() / 8)
        return std::nullopt; // an eighth is what the work of reading it is worth
    out.resize(size);
    out.shrink_to_fit();
    return out;
}

std::string decompressed(std::string_view data, std::uint64_t size)
{
    thread_local const std::unique_ptr<ZSTD_DCtx, EndOfContext> context(ZSTD_createDCtx());
    std::string out(size, '\0');
    const std::size_t got = ZSTD_decompressDCtx(context.get(), out.data(), out.size(), data.data(), data.size());
    if (ZSTD_isError(got) || got != size)
        damaged("a body does not decompress to its size");
    return out;
}

base::Fd openBody(const std::string& path, std::uint64_t size)
{
    base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        throw Error(Error::Kind::unavailable, path + ": " + std::strerror(errno));
    if (!fd)
        damaged(path + ": " + std::strerror(errno));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0 || static_cast<std::uint64_t>(info.st_size) != size)
        damaged(path + ": not the size its row says");
    return fd;
}

std::string readAt(int fd, const std::string& path, std::uint64_t offset, std::uint64_t length)
{
    std::string bytes(length, '\0');
    std::uint64_t have = 0;
    while (have < length) {
        const ssize_t got = ::pread(fd, bytes.data() + have, length - have, static_cast<off_t>(offset + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            damaged(path + ": " + (got == 0 ? "ends early" : std::strerror(errno)));
        have += static_cast<std::uint64_t>(got);
    }
    return bytes;
}

std::optional<base::Sha256> hashInName(const std::string& name)
{
    const auto raw = name.size() == 64 ? base::unhex(name) : std::nullopt;
    if (!raw || raw->size() != 32)
        return std::nullopt;
    return asSha256(*raw);
}

void eachFile(const std::string& folder, const std::function<void(const std::filesystem::path&)>& visit)
{
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (std::error_code ignored; it->is_regular_file(ignored))
            visit(it->path());
}

} // namespace

std::size_t HashOfSha256::operator()(const base::Sha256& digest) const noexcept
{
    std::size_t start = 0;
    std::memcpy(&start, digest.data(), sizeof start);
    return start;
}

std::string_view asBytes(const base::Sha256& digest)
{
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

base::Sha256 asSha256(std::string_view bytes)
{
    base::Sha256 digest{};
    if (bytes.size() != digest.size())
        damaged("a body's hash has " + std::to_string(bytes.size()) + " bytes");
    std::memcpy(digest.data(), bytes.data(), digest.size());
    return digest;
}

std::string BodyFiles::path(const base::Sha256& hash) const
{
    const std::string name = base::hex(hash);
    return folder_ + "/" + name.substr(0, 2) + "/" + name.substr(2, 2) + "/" + name;
}

std::string BodyFiles::read(const base::Sha256& hash, std::uint64_t size) const
{
    const std::string file = path(hash);
    const base::Fd fd = openBody(file, size);
    std::string bytes = readAt(fd.get(), file, 0, size);
    if (base::sha256(bytes) != hash)
        damaged(file + ": its bytes are not those of its name");
    return bytes;
}

// A part is not hashed: that would cost the whole. Its length is checked.
std::string BodyFiles::readRange(const base::Sha256& hash, std::uint64_t size, std::uint64_t offset, std::uint64_t length) const
{
    const std::string file = path(hash);
    const base::Fd fd = openBody(file, size);
    return readAt(fd.get(), file, offset, length);
}

BodyFiles::Pin::Pin(std::shared_ptr<BodyFiles> files, const base::Sha256& hash) : files_(std::move(files)), hash_(hash)
{
    const std::lock_guard lock(files_->mutex_);
    ++files_->pins_[hash_];
}

BodyFiles::Pin::~Pin()
{
    const std::lock_guard lock(files_->mutex_);
    if (--files_->pins_[hash_] > 0)
        return;
    files_->pins_.erase(hash_);
    files_->candidates_.push_back({hash_, files_->ticket_}); // if no row came to name it, the writer removes it
}

// Whoever made the folder may not have come to sync its name yet: each process does so itself before it relies on one.
void BodyFiles::makeFolderDurable(const base::Sha256& hash, const std::string& folder)
{
    const std::size_t number = static_cast<std::size_t>(hash[0]) << 8 | hash[1];
    {
        const std::lock_guard lock(mutex_);
        if (durable_folders_.test(number))
            return;
    }
    base::makeFolders(folder);
    base::syncFolder(std::filesystem::path(folder).parent_path().string());
    base::syncFolder(folder_);
    const std::lock_guard lock(mutex_);
    durable_folders_.set(number);
}

void BodyFiles::write(const base::Sha256& hash, std::string_view bytes)
{
    const std::string file = path(hash);
    const std::string folder = std::filesystem::path(file).parent_path().string();
    makeFolderDurable(hash, folder);
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0 && static_cast<std::size_t>(info.st_size) == bytes.size()) {
        base::syncFolder(folder); // whoever renamed it may not have come to this yet
        return;
    }
    base::writeFileDurably(file, bytes);
}

std::uint64_t BodyFiles::enterReader()
{
    const std::lock_guard lock(mutex_);
    readers_.insert(ticket_);
    return ticket_;
}

void BodyFiles::leaveReader(std::uint64_t ticket)
{
    const std::lock_guard lock(mutex_);
    readers_.erase(readers_.find(ticket));
}

void BodyFiles::dropped(const std::vector<base::Sha256>& hashes)
{
    const std::lock_guard lock(mutex_);
    ++ticket_;
    for (const base::Sha256& hash : hashes)
        candidates_.push_back({hash, ticket_});
}

bool BodyFiles::anythingToRemove() const
{
    const std::lock_guard lock(mutex_);
    return !candidates_.empty();
}

void BodyFiles::removeUnneeded(const std::function<bool(const base::Sha256&)>& named)
{
    {
        const std::lock_guard lock(mutex_);
        const std::uint64_t oldest = readers_.empty() ? ticket_ : *readers_.begin();
        std::deque<Candidate> later;
        for (const Candidate& candidate : candidates_)
            (candidate.ticket <= oldest ? due_ : later).push_back(candidate);
        std::unordered_set<base::Sha256, HashOfSha256> wait;
        for (const Candidate& candidate : later)
            wait.insert(candidate.hash);
        // Who pinned it ended before its last row went, and there are readers who still see that row.
        std::erase_if(due_, [&](const Candidate& candidate) { return wait.contains(candidate.hash); });
        candidates_ = std::move(later);
    }
    for (const Candidate& candidate : due_) { // this thread alone changes it, and under the mutex
        if (named(candidate.hash))
            continue;
        // Under the mutex: who pins from now on finds no file and writes it anew. Who pinned before comes back by ~Pin.
        const std::lock_guard lock(mutex_);
        if (!pins_.contains(candidate.hash))
            ::unlink(path(candidate.hash).c_str());
    }
    const std::lock_guard lock(mutex_);
    due_.clear();
}

void BodyFiles::sweep(const std::function<bool(const base::Sha256&)>& named)
{
    eachFile(folder_, [&](const std::filesystem::path& file) {
        const auto hash = hashInName(file.filename().string());
        if (hash ? !named(*hash) : file.extension() == ".tmp") // what we did not make we do not remove
            ::unlink(file.c_str());
    });
}

// Whether somebody works with a file is asked before its row is: a body that is committed meanwhile is found by one of both.
std::vector<base::Sha256> BodyFiles::orphans(const std::function<bool(const base::Sha256&)>& named) const
{
    std::vector<base::Sha256> found;
    eachFile(folder_, [&](const std::filesystem::path& file) {
        const auto hash = hashInName(file.filename().string());
        if (!hash)
            return;
        {
            const std::lock_guard lock(mutex_);
            const auto leaving = [&](const Candidate& candidate) { return candidate.hash == *hash; };
            if (pins_.contains(*hash) || std::any_of(candidates_.begin(), candidates_.end(), leaving) ||
                std::any_of(due_.begin(), due_.end(), leaving))
                return;
        }
        if (!named(*hash) && std::filesystem::exists(file)) // or it went while we asked
            found.push_back(*hash);
    });
    return found;
}

StoredBody::StoredBody(const std::shared_ptr<BodyFiles>& files, std::string_view bytes)
    : size_(bytes.size()), hash_(base::sha256(bytes))
{
    if (bytes.size() >= 128 && bytes.size() <= kCompressible)
        if (auto smaller = compressed(bytes); smaller && smaller->size() <= kInline) {
            data_ = std::move(*smaller);
            encoding_ = Encoding::zstd;
            return;
        }
    if (bytes.size() <= kInline) {
        data_ = bytes;
        return;
    }
    encoding_ = Encoding::file;
    pin_ = std::make_unique<BodyFiles::Pin>(files, hash_);
    try {
        files->write(hash_, bytes);
    } catch (const std::filesystem::filesystem_error& e) {
        throw std::system_error(e.code(), e.what());
    }
}

std::string decodeBody(Encoding encoding, const base::Sha256& hash, std::uint64_t size, std::string_view data)
{
    if (encoding == Encoding::zstd) {
        if (size > kCompressible)
            damaged("a compressed body claims " + std::to_string(size) + " bytes");
        return decompressed(data, size);
    }
    if (data.size() != size || base::sha256(data) != hash)
        damaged("body " + base::hex(hash) + " is not what its row says");
    return std::string(data);
}

Error asStoreError(const std::system_error& error)
{
    const int code = error.code().value();
    return {code == ENOSPC || code == EDQUOT ? Error::Kind::diskFull : Error::Kind::unavailable, error.what()};
}

} // namespace postfach::store::sqlite
