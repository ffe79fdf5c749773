#pragma once
// What the appliance itself has to tell: of a configuration that was read again, of signatures that came into use.
#include "scanner/client.h"
#include "server/base/config.h"
#include "server/store/store.h"

namespace postfach::appliance {

// Each key that has another value now: an entry of the audit and an event. A value that may hold a password is not said. Logs a refusal of
// the store: a disk that is full must not keep a configuration from being read.
void tellConfig(store::Store& store, const base::Config& before, const base::Config& now);

// An event when the set in use is another than the last that was told of, also across restarts.
void tellSignatures(store::Store& store, const scanner::Status& now);

} // namespace postfach::appliance
