#pragma once
// Reading times as base::rfc3339 writes them.
#include "server/base/clock.h"

#include <optional>
#include <string_view>

namespace postfach::admin {

// RFC 3339 5.6, years 1970 to 9999, fractions cut to milliseconds, leap seconds refused.
std::optional<base::Time> parseRfc3339(std::string_view text);

} // namespace postfach::admin
