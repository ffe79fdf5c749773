#pragma once
// POP3 (RFC 1939, 2449, 2595, 3206, 5034, 8314): what a connection is served with. server/pop3/RFC.md lists what stands where.
#include "server/auth/auth.h"
#include "server/base/limits.h"
#include "server/delivery/read_log.h"
#include "server/delivery/withheld.h"
#include "server/net/stream.h"
#include "server/net/tls.h"
#include "server/pop3/open_maildrops.h"
#include "server/store/recent_bodies.h"
#include "server/store/store.h"

#include <chrono>
#include <memory>
#include <string>

namespace postfach::pop3 {

struct Context { // everything outlives every session
    store::Store& store;
    auth::Authenticator& authenticator;
    const net::TlsSource& tls;
    std::string server_name;
    std::chrono::milliseconds login_timeout = base::limits::kLoginTimeout; // from the first byte to the login, whatever is said meanwhile
    const delivery::Withheld* withheld = nullptr; // contents that nobody gets any more; null: there are none
    delivery::ReadLog* reads = nullptr; // hears of every content that is handed out; null: nobody asks
    std::shared_ptr<store::RecentBodies> recent = std::make_shared<store::RecentBodies>(0);
    std::shared_ptr<OpenMaildrops> open_maildrops = std::make_shared<OpenMaildrops>();
};

// One connection, from greeting to goodbye. For net::Service.
net::Task<> serve(net::Strand& strand, Poco::Net::StreamSocket socket, const Context& context, bool implicit_tls);

} // namespace postfach::pop3
