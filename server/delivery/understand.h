#pragma once
// The middle of a delivery that needs neither store nor network: what the message is, and what of it must be scanned.
#include "scanner/client.h"

#include <string>
#include <string_view>

namespace postfach::delivery {

struct Understood {
    std::string summary;          // mail::serialize()
    std::string sender, subject;  // decoded and bounded, for people: notices, quarantine, logs
    std::string message_id;       // for the log
    std::string incomplete;       // why not everything that should be is in the content to scan; empty: it is
    Understood() = default;
};
Understood understand(std::string_view message, scanner::Content& content);

} // namespace postfach::delivery
