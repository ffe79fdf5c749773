#pragma once
// IMAP4rev1 as the appliance wires it: serve() is one session, from greeting to goodbye, on its strand.
// RFC.md lists what is spoken; commands.h has the table of commands.
#include "server/auth/auth.h"
#include "server/base/clock.h"
#include "server/base/limits.h"
#include "server/delivery/delivery.h"
#include "server/delivery/read_log.h"
#include "server/delivery/withheld.h"
#include "server/imap/header_cache.h"
#include "server/imap/sort_orders.h"
#include "server/imap/structure_cache.h"
#include "server/net/strand.h"
#include "server/net/tls.h"
#include "server/store/recent_bodies.h"
#include "server/store/store.h"

#include <Poco/Net/StreamSocket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace postfach::imap {

// What all sessions share; made once by the appliance. It and everything it names outlive every session.
struct Context {
    store::Store& store;
    auth::Authenticator& authenticator;
    delivery::Delivery& delivery;
    const net::TlsSource& tls;
    const base::Clock& clock;
    std::string server_name;         // in the greeting
    std::chrono::milliseconds progress_every{10'000}; // how often a client hears that its command still runs (RFC 9585)
    std::chrono::milliseconds login_timeout = base::limits::kLoginTimeout; // from the first byte to the login, whatever is said meanwhile
    std::uint32_t messages_at_once = 1'000'000;       // of one command, MESSAGELIMIT (RFC 9738): some seconds of the writer
    const delivery::Withheld* withheld = nullptr;     // contents that nobody gets any more; null: there are none
    delivery::ReadLog* reads = nullptr;               // hears of every content that is handed out; null: nobody asks
    std::shared_ptr<store::RecentBodies> recent = std::make_shared<store::RecentBodies>(0);
    std::shared_ptr<HeaderCache> headers = std::make_shared<HeaderCache>(base::limits::kHeaderCache);
    std::shared_ptr<StructureCaches> structures = std::make_shared<StructureCaches>(base::limits::kStructureCache);
    std::shared_ptr<SortOrders> sort_orders = std::make_shared<SortOrders>(base::limits::kSortOrders);
    std::uint64_t messageSize() const { return delivery.policy().message_size; } // APPENDLIMIT, bytes; may change while serving
};

// A whole session. `implicit_tls`: the handshake comes before the greeting (port 993). Never throws but for a full memory.
net::Task<> serve(net::Strand& strand, Poco::Net::StreamSocket socket, const Context& context, bool implicit_tls);

} // namespace postfach::imap
