#include "server/base/file.h"
#include "server/base/id.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postfach::base {
namespace {
[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

Fd openOrFail(const std::string& path, int flags, unsigned mode = 0)
{
    Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd)
        fail(path);
    return fd;
}
} // namespace

Fd& Fd::operator=(Fd&& other) noexcept
{
    if (this != &other)
        reset(other.release());
    return *this;
}

void Fd::reset(int fd)
{
    if (fd_ >= 0)
        ::close(fd_);
    fd_ = fd;
}

void syncFolder(const std::string& path)
{
    const Fd fd = openOrFail(path, O_RDONLY | O_DIRECTORY);
    if (::fsync(fd.get()) != 0)
        fail(path);
}

void makeFolders(const std::string& path, unsigned mode)
{
    for (std::size_t at = 1; at <= path.size(); ++at)
        if (at == path.size() || path[at] == '/')
            if (::mkdir(path.substr(0, at).c_str(), mode) != 0 && errno != EEXIST)
                fail(path.substr(0, at));
}

std::string readFile(const std::string& path, std::size_t most)
{
    const Fd fd = openOrFail(path, O_RDONLY);
    std::string bytes;
    char piece[65536];
    for (;;) {
        const ssize_t got = ::read(fd.get(), piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail(path);
        if (got == 0)
            return bytes;
        bytes.append(piece, static_cast<std::size_t>(got));
        if (bytes.size() > most) {
            errno = EFBIG;
            fail(path);
        }
    }
}

void writeAll(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t done = ::write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            fail("write");
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
}

void writeFileDurably(const std::string& path, std::string_view bytes, unsigned mode)
{
    const std::string temporary = path + "." + newReference() + ".tmp";
    try {
        const Fd fd = openOrFail(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
        writeAll(fd.get(), bytes);
        if (::fsync(fd.get()) != 0)
            fail(temporary);
        if (::rename(temporary.c_str(), path.c_str()) != 0)
            fail(path);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    const auto folder = std::filesystem::path(path).parent_path();
    syncFolder(folder.empty() ? "." : folder.string());
}

} // namespace postfach::base
