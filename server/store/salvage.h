#pragma once
// What can still be read of a damaged data directory, as a new one that is sound. The damaged one is only read.
#include "server/store/backup.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postfach::store {

struct Salvaged {
    std::uint64_t accounts = 0, mailboxes = 0, messages = 0; // in the new directory
    std::uint64_t from_logs = 0;                             // of these messages, what only a damaged log had
    std::uint64_t found = 0;                                 // contents that belong to nobody any more: NEW/lost+found/*.eml
    std::uint64_t pages = 0, damaged_pages = 0;              // of the database
    std::vector<Finding> lost;                               // what could not be saved, or not as it was
};

// Needs no server, and refuses while one runs on `damaged`. `fresh` is an empty folder or none yet (else Refused).
Salvaged salvageStore(const std::string& damaged, const std::string& fresh, const Progress& progress = {});

} // namespace postfach::store
