#pragma once
// The real appliance in this process, started in milliseconds: free ports, an empty data directory that goes at the end, a clock
// that stands still, a scanner that answers at once. alice and bob of example.org exist; their password is "secret".
#include "server/appliance/appliance.h"
#include "server/base/clock.h"
#include "server/store/store.h"
#include "tests/support/client.h"
#include "tests/support/fake_scanner.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace postfach::test {

class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

class TestServer {
public:
    struct Settings {
        std::vector<std::pair<std::string, std::string>> config; // over what tests need (ports 0, plain logins allowed)
        bool real_scanner = false;                               // the built postfach-scanner with its own test signature
        bool accounts = true;                                    // alice and bob
        bool demo = false;
        std::optional<std::chrono::milliseconds> lmtp_idle;      // defaults: as in production
        std::optional<std::chrono::milliseconds> login_timeout;
        std::optional<std::chrono::milliseconds> imap_progress;
        std::optional<std::uint32_t> imap_messages_at_once;
        std::chrono::milliseconds rescan_look = std::chrono::hours(1); // the rescan begins when a test asks for it
        std::function<std::unique_ptr<store::Store>(std::unique_ptr<store::Store>)> wrap_store; // as in appliance::Options
    };
    TestServer() : TestServer(Settings{}) {}
    explicit TestServer(Settings settings);
    ~TestServer();

    ImapClient imap(const std::string& user = "alice@example.org");  // greeted and logged in
    Pop3Client pop3(const std::string& user = "alice@example.org");  // the same
    LmtpClient lmtp();                                               // greeted
    template <class AnyClient = Client>
    AnyClient connect(const std::string& service, bool tls = false, const std::string& from = {}) { return AnyClient(port(service), tls, from); }

    std::uint16_t port(const std::string& service) const { return appliance_->port(service); }
    appliance::Appliance& appliance() { return *appliance_; }
    store::Store& store() { return appliance_->store(); }
    FakeScanner& scanner() { return *scanner_; }                     // without real_scanner
    base::FakeClock& clock() { return clock_; }
    const std::string& data() const { return folder_.path(); }
    const std::string& token() const { return appliance_->token(); }
    const Lines& said() const { return said_; }                      // what the person at the first start was told

    // Puts `count` small messages into a mailbox of alice, through the store. The n-th has Subject: message n.
    void fill(int count, const std::string& mailbox = "INBOX");
    void addAccount(const std::string& address, const std::string& password = "secret", std::uint64_t quota = 0);
    void restart();                                                  // stops, starts again on the same directory
    void configure(const std::string& key, const std::string& value); // what the next reload or restart reads
    void reload();                                                   // as SIGHUP does

private:
    base::Config config() const;
    void start();
    Settings settings_;
    TemporaryFolder folder_;
    base::FakeClock clock_;
    FakeScanner* scanner_ = nullptr;
    Lines said_;
    std::unique_ptr<appliance::Appliance> appliance_;
};

std::uint64_t metric(const std::string& name); // of all servers in this process

// Waits for a condition, and no longer than that.
template <class Condition>
bool within(std::chrono::seconds bound, Condition condition)
{
    for (const auto end = std::chrono::steady_clock::now() + bound; std::chrono::steady_clock::now() < end; std::this_thread::yield())
        if (condition())
            return true;
    return condition();
}

std::string sampleMessage(int number, const std::string& text = "Hello,\r\n\r\nthis is a small message.\r\n");

} // namespace postfach::test
