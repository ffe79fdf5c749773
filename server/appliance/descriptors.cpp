#include "server/appliance/descriptors.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>

#include <sys/resource.h>

namespace postfach::appliance {
namespace {
constexpr std::uint64_t kForWork = 512;   // where there are plenty: helpers read from the disk, some hundred mails are under way
constexpr std::uint64_t kLeast = 4;       // even the smallest machine serves somebody
} // namespace

std::uint64_t raiseDescriptorLimit()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

std::uint64_t openDescriptors()
{
    std::error_code error;
    const std::filesystem::directory_iterator entries("/proc/self/fd", error);
    return error ? 64 : static_cast<std::uint64_t>(std::distance(begin(entries), end(entries)));
}

std::size_t connectionsWithin(std::uint64_t limit, std::uint64_t open)
{
    const std::uint64_t left = limit > open ? limit - open : 0;
    const std::uint64_t for_work = std::min(kForWork, left / 2);
    const std::uint64_t places = (left - for_work) * 4 / 5; // a fifth for those who are on their way out
    return static_cast<std::size_t>(std::max(places, kLeast));
}

} // namespace postfach::appliance
