#pragma once
// For the tests of server/net: a house with a scheduler and services on free loopback ports, and a blocking client that
// gives up after ten seconds. Claims about time wait for events, never for the clock.
#include "server/net/service.h"
#include "server/net/stream.h"
#include "server/net/tls.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

typedef struct ssl_st SSL;

namespace postfach::test {

class TempFolder {
public:
    TempFolder();
    ~TempFolder();
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// One certificate for all tests of a run: localhost, 127.0.0.1, ::1.
std::shared_ptr<const net::TlsContext> testContext();

// A number that threads count up and a test waits for. False after ten seconds.
class Tally {
public:
    void add();
    bool reaches(int count);
    int now() const;

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

class House {
public:
    explicit House(net::Scheduler::Session session, net::ServiceOptions options = {}, unsigned workers = 2, unsigned helpers = 2,
                   std::size_t in_all = 10'000, std::size_t per_address = 10'000);
    ~House();
    std::uint16_t port() const { return service.port(); }
    bool empties(); // waits until no session is left

    base::SystemClock clock;
    net::Sessions sessions;
    net::Scheduler scheduler;
    net::Service service;
};

class Client {
public:
    explicit Client(std::uint16_t port, const std::string& address = "127.0.0.1");
    ~Client();
    Client(Client&& other) noexcept;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    struct TlsWish {
        TlsWish() : version(0) {}
        std::string sni, alpn; // alpn: one protocol name, or several separated by commas
        int version;           // TLS1_2_VERSION … exactly this one; 0: any
    };
    bool startTls() { return startTls(TlsWish()); }
    bool startTls(const TlsWish& wish); // false: refused
    SSL* ssl() const { return ssl_; }

    bool send(std::string_view bytes);
    std::string line();                      // without CRLF; "<end>" at the end of the stream
    std::string exactly(std::size_t bytes);
    std::string rest();                      // all until the end
    std::string talk(std::string_view text); // sends text + CRLF, one line back
    void finish();                           // half-closes (FIN; in TLS close_notify first)
    void reset();                            // closes with RST
    int fd() const { return fd_; }
    bool resetByPeer() const { return reset_; } // a read ended with ECONNRESET
    std::string commonName() const;             // of the certificate that was shown

private:
    int receive(char* into, std::size_t most);

    int fd_ = -1;
    SSL* ssl_ = nullptr;
    bool reset_ = false;
    std::string buffer_;
};

} // namespace postfach::test
