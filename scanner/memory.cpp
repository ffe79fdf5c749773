#include "scanner/memory.h"
#include "server/base/file.h"
#include "server/base/text.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <string>

namespace postfach::scanner {
namespace {

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

std::uint64_t numberIn(const std::string& path)
{
    try {
        return base::parseU64(base::trim(base::readFile(path))).value_or(kUnknown); // "max" is no number
    } catch (const std::exception&) {
        return kUnknown;
    }
}

std::uint64_t machine()
{
    try {
        const std::string text = base::readFile("/proc/meminfo");
        for (const std::string_view line : base::split(text, '\n')) {
            if (!line.starts_with("MemAvailable:"))
                continue;
            std::string_view value = base::trim(line.substr(13));
            value = value.substr(0, value.find(' '));
            if (const auto kib = base::parseU64(value))
                return *kib * 1024;
        }
    } catch (const std::exception&) {
    }
    return kUnknown;
}

std::uint64_t container()
{
    const std::uint64_t most = numberIn("/sys/fs/cgroup/memory.max");
    const std::uint64_t used = numberIn("/sys/fs/cgroup/memory.current");
    if (most == kUnknown || used == kUnknown)
        return kUnknown;
    return most > used ? most - used : 0;
}

} // namespace

std::uint64_t availableMemory() { return std::min(machine(), container()); }

} // namespace postfach::scanner
