#pragma once
// What may be on the disk after the power went: from the calls that were made (disk.h) up to some moment, everything that was
// synced, and of the rest whatever a file system may have written by itself, in any order.
#include "tests/fault/store/disk.h"

#include <random>
#include <string>
#include <vector>

namespace postfach::test {

enum class Survival : std::uint8_t {
    nothing,  // only what was synced
    all,      // everything, as after a kill
    any,      // each sector and each name by itself
    torn,     // all in order up to one write, of which a part
};

struct Cut {
    std::size_t after = 0;      // this many calls had been made
    Survival survival = Survival::any;
    std::size_t sector = 512;   // what the disk writes whole
    std::uint64_t seed = 0;
};

// Builds the folder as it may be found. Names need a sync of their folder, bytes and sizes one of their file. Where the size
// grew and the bytes did not come, there are zeros.
void afterPowerCut(const std::vector<disk::Op>& ops, const Cut& cut, const std::string& folder);

} // namespace postfach::test
