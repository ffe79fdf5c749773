#pragma once
// Retention carried out by the clock: what has stayed its days after the first download leaves the maildrop.
#include "server/store/store.h"

#include <cstddef>
#include <stop_token>

namespace postfach::pop3 {

// Blocks: for the housekeeper. In pieces, each a transaction of its own; returns how many messages left. Logged per account as audit.
std::size_t carryOutRetention(store::Store& store, const base::Clock& clock, const std::stop_token& stop);

} // namespace postfach::pop3
