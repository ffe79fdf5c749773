#pragma once
#include "server/store/store.h"

#include <cstdint>
#include <stop_token>

namespace postfach::delivery {

// Deletes what came into quarantine before that time, in small transactions; how many went. The notices stay: they are their owners'
// mail. Blocks; any thread but the workers.
std::uint64_t expireQuarantine(store::Store& store, store::Time before, const std::stop_token& stop);

} // namespace postfach::delivery
