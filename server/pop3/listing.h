#pragma once
// The lines of LIST and UIDL: a hundred thousand of them without a pause for anybody.
#include "server/pop3/session.h"

#include <cstdint>
#include <functional>
#include <string>

namespace postfach::pop3 {

void putNumber(std::string& out, std::uint32_t number);

using ListingPart = std::function<void(std::string& out, const store::Message& message)>; // what stands behind the number

// A line for each message that is not deleted, and the closing dot.
net::Task<> sendListing(Session& session, ListingPart part);

} // namespace postfach::pop3
