#pragma once
// A listening service: a Poco TCPServer on plain ServerSockets with its own thread pool accepts; admission is asked; the
// socket goes to the Scheduler. The factory never throws (Poco loses a thread for each throw).
#include "server/net/strand.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postfach::net {

// Live connections in all and by address (an IPv6 address counts as its /64). Any thread. Outlives every place it gave.
class Admission {
public:
    Admission(std::size_t in_all, std::size_t per_address) : in_all_(in_all), per_address_(per_address) {}

    // A place, held until destroyed.
    class Place {
    public:
        Place(Admission& admission, std::string key) : admission_(admission), key_(std::move(key)) {}
        ~Place() { admission_.leave(key_); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

    private:
        Admission& admission_;
        const std::string key_;
    };

    enum class Refusal { none, full, address };
    // A place, or none and why. Loopback is counted but not bounded per address.
    std::unique_ptr<Place> enter(const std::string& address, Refusal& refusal);
    std::size_t now() const;
    void setLimits(std::size_t in_all, std::size_t per_address); // any thread; whoever is in stays

private:
    void leave(const std::string& key);
    mutable std::mutex mutex_;
    std::size_t in_all_, per_address_;              // guarded by mutex_
    std::size_t count_ = 0;                         // guarded by mutex_
    std::map<std::string, std::size_t> by_address_; // guarded by mutex_
};

struct ServiceOptions {
    std::string name;                            // "imap", "imaps": for logs and metrics
    std::vector<std::string> addresses;          // to bind
    std::uint16_t port = 0;                      // 0: any free port (the same on all addresses)
    // The words for a connection that is turned away, whole line(s) with CRLF; sent in plain without waiting. Empty: none
    // (implicit TLS has nothing it could say).
    std::string refusal;
    std::function<bool(const std::string& address)> allowed; // optional: networks that may connect at all
};

class Service {
public:
    // Binds (throws base::Refused: "port 143 is in use …", "permission …") but does not accept before start().
    Service(Scheduler& scheduler, Admission& admission, ServiceOptions options, Scheduler::Session session);
    ~Service();                                  // stops
    void start();
    void stop();                                 // accepts no more; live sessions stay
    std::uint16_t port() const;
    const std::string& name() const;

private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

// "192.0.2.0/24", "fc00::/7", "::1": true when `address` lies in it. nullopt for a malformed network.
std::optional<bool> inNetwork(const std::string& address, const std::string& network);

} // namespace postfach::net
