#pragma once
// LMTP (RFC 2033): the way in for a mail transfer agent. One answer a recipient after DATA, each after its commit.
#include "server/base/clock.h"
#include "server/base/limits.h"
#include "server/delivery/delivery.h"
#include "server/net/stream.h"
#include "server/net/tls.h"
#include "server/store/store.h"

#include <chrono>
#include <string>

namespace postfach::lmtp {

struct Context { // everything outlives every session
    store::Store& store;
    delivery::Delivery& delivery;
    const net::TlsSource& tls;
    std::string server_name;
    std::chrono::steady_clock::duration idle = base::limits::kLmtpIdleTimeout; // between two lines or pieces of data
};

// One connection, from greeting to goodbye. For net::Service.
net::Task<> serve(net::Strand& strand, Poco::Net::StreamSocket socket, const Context& context);

} // namespace postfach::lmtp
