#pragma once
// What the fault tests of the store share.
#include "server/store/store.h"
#include "tests/support/catch.h"
#include "tests/unit/store/store_fixture.h"

#include <cstdlib>
#include <string>

namespace postfach::test {

// In memory where that can be had: the disk is played, and thousands of folders come and go.
class TempFolder : public store::test::TempFolder {
public:
    TempFolder() : store::test::TempFolder(std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path().string()) {}
};

// A volume so small that the write-ahead log is copied into the database every forty pages.
inline constexpr std::uint64_t kSmallVolume = 40 * 4096 * 3 / 2 * 8;

// How much of a long test is run: CI has the short form, `./dev faults` a longer one.
inline std::size_t scaled(std::size_t times)
{
    const char* factor = std::getenv("POSTFACH_FAULT_FACTOR");
    return times * (factor != nullptr ? std::max(1UL, std::strtoul(factor, nullptr, 10)) : 1);
}

inline std::string findingsOf(store::Store& store)
{
    std::string all;
    for (const store::Finding& finding : store.check(false))
        all += finding.what + " (" + finding.where + ")\n";
    return all;
}

} // namespace postfach::test
