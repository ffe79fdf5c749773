#pragma once
// recovery.days while serving. StoreOptions::recoverable says how it is at the start.
#include "server/store/store.h"

namespace postfach::store {

// False: what would become recoverable goes at once, from the next transaction on; what is recoverable already stays until
// forgetRecoverable(). Any thread.
void keepRecoverable(Store& store, bool on);

} // namespace postfach::store
