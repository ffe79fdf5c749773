#pragma once
// What a worker gives up before it sees the first foreign byte. Each step that the machine allows is taken; those that need
// root (other user, own network, own temporary file system) are skipped without it, the last ones (no new rights, limits,
// system call filter) hold for everybody.
#include <cstdint>
#include <string>

namespace postfach::scanner {

struct Confinement {
    std::string folder;            // temporary folder, absolute, present; becomes the working directory
    std::uint64_t temp_bytes = 0;  // size of the temporary file system, where one can be mounted
    std::uint64_t temp_inodes = 0;
    bool temp_in_memory = true;    // mount one, if we may
    std::uint64_t memory = 0;      // address space beyond what is mapped now
};

// Both end in the working directory `folder`. Throws std::system_error where going on would be careless.
void enterTempFolder(const Confinement& with); // namespaces and mount; first, needs root for its full effect
void giveUpRights(const Confinement& with);    // user, limits, file access outside the folder
void filterSystemCalls();                      // last: nothing but scanning is possible from here

} // namespace postfach::scanner
