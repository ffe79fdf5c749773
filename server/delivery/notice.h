#pragma once
// The letter that stands where a quarantined mail would have stood.
#include "server/base/clock.h"

#include <string>

namespace postfach::delivery {

struct Notice {
    std::string server_name, recipient; // recipient: address of the account
    std::string sender, subject;        // as people read them; may be empty
    std::string signature;
    base::Time received{};
};
std::string composeNotice(const Notice& notice);

} // namespace postfach::delivery
