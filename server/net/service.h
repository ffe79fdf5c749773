#pragma once
// A listening service: a Poco TCPServer on plain ServerSockets with its own thread pool accepts; Sessions is asked for a
// place; the socket goes to the Scheduler. The factory never throws (Poco loses a thread for each throw).
#include "server/net/sessions.h"
#include "server/net/strand.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace postfach::net {

struct ServiceOptions {
    std::string name;                            // "imap", "imaps": for logs and metrics
    std::vector<std::string> addresses;          // to bind
    std::uint16_t port = 0;                      // 0: any free port (the same on all addresses)
    // The words for a connection that is turned away, whole line(s) with CRLF; sent in plain without waiting. Empty: none
    // (implicit TLS has nothing it could say).
    std::string refusal;
    std::function<bool(const std::string& address)> allowed; // optional: networks that may connect at all
    // Optional: trusted proxies. From them a header of the PROXY protocol is wanted, and who it names is the peer; from
    // nobody else is one believed.
    std::function<bool(const std::string& address)> proxy;
};

class Service {
public:
    // Binds (throws base::Refused: "port 143 is in use …", "permission …") but does not accept before start().
    Service(Scheduler& scheduler, Sessions& sessions, ServiceOptions options, Scheduler::Session session);
    ~Service();                                  // stops
    void start();
    void stop();                                 // accepts no more; live sessions stay
    std::uint16_t port() const;
    const std::string& name() const;

private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

} // namespace postfach::net
