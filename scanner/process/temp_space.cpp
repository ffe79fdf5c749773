#include "scanner/process/temp_space.h"
#include "server/base/file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace postfach::scanner {

std::string TempSpace::shortage(std::uint64_t needed) const
{
    struct statvfs about {};
    if (::statvfs(".", &about) != 0)
        return std::string("temporary folder: ") + std::strerror(errno);
    if (static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize < needed)
        return "temporary folder: too little space";
    // File systems without a fixed number of inodes (btrfs) say 0 of 0.
    if (about.f_files != 0 && about.f_favail < inodes_)
        return "temporary folder: too few inodes";
    return {};
}

bool TempSpace::low() const { return !shortage(reserve_).empty(); }

std::string TempSpace::problemAfter() const
{
    if (std::string text = shortage(reserve_); !text.empty())
        return text;
    // A folder that was removed under us still has numbers, but takes no file; so do quotas and read-only remounts.
    constexpr const char* kProbe = "./postfach-probe";
    std::array<char, 4096> block{};
    const base::Fd fd(::open(kProbe, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
    const bool written = fd && ::write(fd.get(), block.data(), block.size()) == static_cast<ssize_t>(block.size());
    const int error = errno;
    if (fd)
        ::unlink(kProbe);
    return written ? std::string() : std::string("temporary folder: ") + std::strerror(error);
}

void emptyFolder(const std::string& folder) noexcept
{
    try {
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
            std::filesystem::remove_all(entry.path(), ignored); // follows no symbolic link
    } catch (const std::exception&) {
        // What cannot be removed shows as space that is missing: TempSpace speaks of it.
    }
}

} // namespace postfach::scanner
