#pragma once
// File descriptors: as many as the machine allows, and no more connections than they can bear. A server that runs out of
// them fails in the middle of things; one that knows its bound refuses newcomers with words.
#include <cstddef>
#include <cstdint>

namespace postfach::appliance {

std::uint64_t raiseDescriptorLimit(); // the soft limit to the hard one; returns it
std::uint64_t openDescriptors();      // of this process, now

// How many connections `limit` bears when `open` are in use already: what connections cause (database readers, spools,
// bodies, memory for the scanner) has its share, and those that were told to make room may linger a moment.
std::size_t connectionsWithin(std::uint64_t limit, std::uint64_t open);

} // namespace postfach::appliance
