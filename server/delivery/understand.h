#pragma once
// The middle of a delivery that needs neither store nor network: what the message is, and what of it must be scanned.
#include "scanner/client.h"

#include <string>
#include <string_view>
#include <vector>

namespace postfach::delivery {

struct Understood {
    std::string summary;          // mail::serialize()
    std::string sender, subject;  // decoded and bounded, for people: notices, quarantine, logs
    std::string message_id;       // for the log
    std::vector<scanner::Finding> findings; // that need no scanner: something is left out of the content, a refused file name
    Understood() = default;
};
// `refused`: attachment types; the content asks the scanner for them too.
Understood understand(std::string_view message, scanner::Content& content, const std::string& refused = {});


// In one line, without control characters (an administrator's terminal obeys some), trimmed; cut between characters at `most` bytes or just behind.
std::string inOneLine(std::string_view words, std::size_t most);

} // namespace postfach::delivery
