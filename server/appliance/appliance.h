#pragma once
// The wiring: the one place that knows every part, makes them in order and ends them in the reverse one.
//
// start() binds every port before anything serves, so a port in use stops a start before it changed anything a client could see.
// stop() takes no more connections, lets sessions say goodbye, finishes what was acknowledged, and ends the scanner.
#include "scanner/client.h"
#include "server/base/clock.h"
#include "server/base/config.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postfach::base {
class Housekeeper;
}
namespace postfach::store {
class Store;
}
namespace postfach::auth {
class Authenticator;
}
namespace postfach::delivery {
class Delivery;
class Rescan;
}

namespace postfach::appliance {

struct Options {
    base::Config config;
    std::string data;                        // DIR
    bool demo = false;                       // fill an empty directory with the demo office
    std::function<base::Config()> reread;    // SIGHUP: the configuration as it is now; throws base::Refused. Without it there is none to read
    std::chrono::milliseconds look_every{2000}; // at the files of the certificates
    std::function<void(const std::string&)> say; // lines for the person at first start; default: standard output
    std::chrono::milliseconds rescan_look{1000}; // how often the rescan asks whether there are other signatures
    std::optional<std::chrono::milliseconds> lmtp_idle; // how long an LMTP peer may say nothing; default: base/limits.h
    std::optional<std::chrono::milliseconds> login_timeout; // of IMAP and POP3; default: base/limits.h
    std::optional<std::chrono::milliseconds> imap_progress; // defaults of these two: imap/service.h
    std::optional<std::uint32_t> imap_messages_at_once;
    // Tests put their own in place of these. The clock outlives the appliance.
    const base::Clock* clock = nullptr;
    std::function<std::unique_ptr<scanner::Client>(const scanner::Options&)> start_scanner;
    std::function<std::unique_ptr<store::Store>(std::unique_ptr<store::Store>)> wrap_store; // faults between the sessions and the store
};

class Appliance {
public:
    explicit Appliance(Options options);     // throws base::Refused: one clear line, nothing serves
    ~Appliance();                            // stops
    void start();
    void stop();
    void reload();                           // SIGHUP: certificates, signatures, and what of the configuration can change while serving

    std::uint16_t port(const std::string& service) const; // imap, imaps, pop3, pop3s, lmtp, admin; 0 when off
    std::string socketPath() const;          // of the local administrator's door
    const std::string& token() const;        // the first administrator's token, when this start made it
    store::Store& store();
    auth::Authenticator& authenticator();
    delivery::Delivery& delivery();
    scanner::Client& scanner();
    delivery::Rescan& rescan();
    base::Housekeeper& copier();             // the second copy has a thread of its own: a disk that hangs holds nothing else
    base::Housekeeper& housekeeper();        // tests move their clock and call runDue()

private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

} // namespace postfach::appliance
