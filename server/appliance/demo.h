#pragma once
// The demo office: example.org with alice and bob and a few mails, so that a client has something to show.
#include "server/base/clock.h"
#include "server/delivery/delivery.h"
#include "server/store/store.h"

#include <string>
#include <vector>

namespace postfach::appliance {

struct DemoAccount {
    std::string address, password;
};
// Nothing when the store has a domain already. The mails pass the delivery door like any other; on the calling thread.
std::vector<DemoAccount> makeDemoOffice(store::Store& store, delivery::Delivery& delivery, const base::Clock& clock, std::uint64_t quota);

} // namespace postfach::appliance
