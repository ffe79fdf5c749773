#pragma once
#include <cstdint>

namespace postfach::scanner {

// What this machine, or this container if it has less, could still give to processes.
std::uint64_t availableMemory();

} // namespace postfach::scanner
