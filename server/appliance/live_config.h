#pragma once
// What SIGHUP may change: which keys take effect while serving, and which wait for a restart.
#include "server/base/config.h"

#include <string>
#include <vector>

namespace postfach::appliance {

struct ConfigChanges {
    std::vector<std::string> taken;   // names of keys; values may be secrets
    std::vector<std::string> waiting; // differ from what runs, and need a restart
};

// Takes over from `next` what can change while serving; the rest of `running` stays, so that it is what truly runs.
ConfigChanges adopt(base::Config& running, const base::Config& next);

void configureLog(const base::Config& config); // log.format and log.level, to standard output

} // namespace postfach::appliance
