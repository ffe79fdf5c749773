#pragma once
// A request's target taken apart, once, for everybody: what two readers could take for different resources (dot segments,
// empty segments, encoded control characters, broken encoding) is refused with Problem 400.
#include "server/base/text.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

struct Target {
    std::vector<std::string> segments; // decoded; "/" is no segment at all. A decoded segment may hold '/': a mailbox's name
    std::map<std::string, std::string> query;
};

Target parseTarget(std::string_view target);
std::string percentDecoded(std::string_view text, bool plus_is_space); // Problem 400
using base::percentEncoded;

// Cursors are opaque: base64url of the last key.
std::string cursorOf(std::string_view key);
std::string keyOf(std::string_view cursor); // Problem 422

} // namespace postfach::admin
