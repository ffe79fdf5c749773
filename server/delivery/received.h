#pragma once
#include <string_view>

namespace postfach::delivery {

// A stored message as it came in by LMTP: without the Return-Path: and Received: that delivery put before it. One without these two is
// whole as it is.
std::string_view withoutOwnHead(std::string_view message);

} // namespace postfach::delivery
