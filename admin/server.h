#pragma once
// The administrator's two doors: HTTPS on admin.port and the local socket DIR/run/admin.sock (mode 0600, same user or root).
// Behind both stands the same strict HTTP/1.1 reader (admin/api/request_reader.h), and behind it Poco's HTTP server.
#include "admin/context.h"
#include "server/net/service.h"
#include "server/net/tls.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postfach::admin {

class Service;

struct AdminOptions {
    std::vector<std::string> addresses;        // to bind
    std::optional<std::uint16_t> port;         // nullopt: admin.port is off, the local socket alone
    std::string socket_path;                   // DIR/run/admin.sock; its folder is made when absent
    // Patience: to wait for a request on an open connection, for its header, for its body (plus a second for each 32 KiB).
    std::chrono::milliseconds idle_time{60'000}, header_time{15'000}, body_time{30'000};
    std::chrono::milliseconds heartbeat{15'000}; // a stream of events says so often that it is there
};

class AdminServer {
public:
    // All outlive it. Binds (throws base::Refused), answers nobody before start().
    AdminServer(Context context, net::Scheduler& scheduler, net::Sessions& sessions, const net::TlsSource& tls, AdminOptions options);
    ~AdminServer();                            // stops
    void start();
    void stop();                               // accepts no more, ends the local socket; HTTPS sessions end with the scheduler
    std::uint16_t port() const;                // 0 when it is off
    const std::string& socketPath() const;
    Service& service();                        // for the appliance: firstToken()

private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

} // namespace postfach::admin
