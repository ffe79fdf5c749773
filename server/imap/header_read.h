#pragma once
// The HeaderKeys of many messages: from the cache, else read on helpers, several at a time.
#include "server/imap/session.h"
#include "server/mail/header_keys.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace postfach::imap {

// Calls `take` once for each of `places` of `numbered`, here or on helpers, several at once and in any order; `at` counts within
// `places`. What is gone or damaged has an empty header. What `take` captures by reference must live in the caller's frame.
using TakeHeader = std::function<void(std::size_t at, const store::Message& message, const HeaderCache::Keys& header)>;
net::Task<> eachHeader(
    Session& session, const store::Snapshot& numbered, const std::vector<std::uint32_t>& places, TakeHeader take);

} // namespace postfach::imap
