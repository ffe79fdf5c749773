// Everything at once: connects in the clear, under TLS and by STARTTLS, logins, IDLE woken by deliveries, COMPRESS, sessions
// ended by the administrator, reloads, and in the end the drain. What it is for is the thread sanitizer; what it claims is that
// nobody hears anything but his protocol and that no acknowledged mail is missing.
// `./dev soak` plays it POSTFACH_STORM_SECONDS long.
#include "server/net/tls.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"
#include "tests/support/compressed.h"

#include <Poco/Exception.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <tuple>

using namespace postfach;
using namespace postfach::test;

namespace {
class Storm {
public:
    explicit Storm(TestServer& server) : token_(server.token())
    {
        for (const auto* service : {"imap", "imaps", "pop3", "pop3s", "lmtp", "admin"})
            ports_[service] = server.port(service); // while the server stops nobody asks it
    }
    ~Storm() { calm(); }
    Storm(const Storm&) = delete;
    Storm& operator=(const Storm&) = delete;

    // Does it again and again on a thread of its own. A session may end at any moment: that is what happens here.
    void blow(const std::string& what, std::function<void()> once)
    {
        threads_.emplace_back([this, what, once = std::move(once)] {
            while (!over_) {
                try {
                    once();
                    count(what);
                } catch (const Closed&) {
                } catch (const Poco::Exception&) { // refused or reset: it drains
                    std::this_thread::yield();
                } catch (const std::exception& error) {
                    if (!std::string_view(error.what()).starts_with("DATA: 421"))
                        complain(what + ": " + error.what());
                }
            }
        });
    }
    void calm()
    {
        over_ = true;
        for (auto& thread : threads_)
            thread.join();
        threads_.clear();
    }

    template <class AnyClient>
    AnyClient connect(const std::string& service, bool tls = false)
    {
        return AnyClient(ports_.at(service), tls);
    }
    // The answer is as expected, or the farewell.
    void expect(const std::string& line, const std::string& start)
    {
        if (line.starts_with("* BYE") || line.starts_with("-ERR [SYS/TEMP]") || line.starts_with("421"))
            throw Closed();
        if (!line.starts_with(start))
            complain("wanted " + start + ", heard " + line);
    }
    ImapClient imap(bool tls, bool starttls)
    {
        auto client = connect<ImapClient>(tls ? "imaps" : "imap", tls);
        expect(client.line(), "* OK");
        if (starttls) {
            client.send("s STARTTLS\r\n");
            expect(client.line(), "s OK");
            client.startTls();
        }
        logIn(client);
        return client;
    }
    void logIn(ImapClient& client) { expect(client.talk("LOGIN alice@example.org secret").back(), "OK"); }

    int done(const std::string& what)
    {
        const std::lock_guard lock(mutex_);
        return done_[what];
    }
    Lines complaints()
    {
        const std::lock_guard lock(mutex_);
        return complaints_;
    }
    const std::string& token() const { return token_; }

private:
    void count(const std::string& what)
    {
        const std::lock_guard lock(mutex_);
        ++done_[what];
    }
    void complain(const std::string& text)
    {
        const std::lock_guard lock(mutex_);
        complaints_.push_back(text);
    }

    const std::string token_;
    std::map<std::string, std::uint16_t> ports_;
    std::atomic<bool> over_{false};
    std::mutex mutex_;
    std::map<std::string, int> done_; // guarded by mutex_
    Lines complaints_;                // guarded by mutex_
    std::vector<std::thread> threads_;
};

std::chrono::seconds duration()
{
    const char* const wanted = std::getenv("POSTFACH_STORM_SECONDS");
    return std::chrono::seconds(wanted != nullptr ? std::atoi(wanted) : 4);
}

void hear(Storm& storm, ImapClient& client)
{
    storm.expect(client.select().back(), "OK");
    client.send("i IDLE\r\n");
    for (auto line = client.line(); line.find(" EXISTS") == std::string::npos; line = client.line())
        storm.expect(line, line.starts_with("+") ? "+" : "* ");
    client.send("DONE\r\n");
    auto line = client.line();
    while (line.starts_with("* ")) {
        storm.expect(line, "* ");
        line = client.line();
    }
    storm.expect(line, "i OK");
}
} // namespace

TEST_CASE("a storm of connects, logins, news, compression, endings, reloads and a drain", "[storm]")
{
    const TemporaryFolder certificates;
    TestServer::Settings settings;
    settings.config = {{"tls.folder", certificates.path()}};
    TestServer server(std::move(settings));
    std::atomic<int> acknowledged{0};
    std::mutex reloading; // the server itself reloads and stops on one thread
    bool stopped = false; // guarded by reloading
    {
        Storm storm(server);
        for (const auto& [name, tls, starttls] :
            {std::tuple("plain", false, false), std::tuple("TLS", true, false), std::tuple("STARTTLS", false, true)})
            storm.blow(name, [&storm, t = tls, s = starttls] {
                auto client = storm.imap(t, s);
                storm.expect(client.talk("NOOP").back(), "OK");
                storm.expect(client.talk("LOGOUT").back(), "OK");
            });
        storm.blow("POP3", [&storm] {
            auto client = storm.connect<Pop3Client>("pop3s", true);
            storm.expect(client.line(), "+OK");
            storm.expect(client.talk("USER alice@example.org"), "+OK");
            storm.expect(client.talk("PASS secret"), "+OK");
            storm.expect(client.talk("STAT"), "+OK");
            storm.expect(client.talk("QUIT"), "+OK");
        });
        storm.blow("gone in the handshake", [&storm] {
            storm.connect<Client>("imaps").send("\x16\x03\x01");
            std::this_thread::sleep_for(std::chrono::milliseconds(2)); // it waits for no answer, and loopback has no bound per address
        });
        for (const bool tls : {false, true})
            storm.blow("IDLE", [&storm, tls] {
                auto client = storm.imap(tls, false);
                for (int i = 0; i < 3; ++i)
                    hear(storm, client);
            });
        storm.blow("COMPRESS", [&storm] {
            auto client = storm.imap(true, false);
            storm.expect(client.talk("COMPRESS DEFLATE").back(), "OK");
            Compressed compressed(client);
            for (const char* command : {"SELECT INBOX", "UID FETCH 1:50 (FLAGS)", "LOGOUT"})
                storm.expect(compressed.talk(command).back(), "OK");
        });
        storm.blow("deliver", [&storm, &acknowledged] {
            auto lmtp = storm.connect<LmtpClient>("lmtp");
            storm.expect(lmtp.line(), "220");
            for (int i = 0; i < 20; ++i) {
                const auto answer = lmtp.deliver({"alice@example.org"}, sampleMessage(i)).back();
                storm.expect(answer, "250");
                ++acknowledged;
            }
        });
        storm.blow("end a session", [&storm] {
            Http http(storm.connect<Client>("admin", true), storm.token());
            const auto ids = http.get("/api/v1/sessions?service=imap").column("id");
            if (!ids.empty())
                http.remove("/api/v1/sessions/" + ids.front());
        });
        storm.blow("reload", [&] {
            const std::string name = certificates.path() + "/one.example.com";
            net::makeSelfSigned(name + ".crt", name + ".key", {"one.example.com"});
            {
                const std::lock_guard lock(reloading);
                if (!stopped)
                    server.reload();
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20)); // else it takes the lock for ever
        });

        const std::vector<std::string> all{"plain", "TLS", "STARTTLS", "POP3", "gone in the handshake", "IDLE", "COMPRESS",
            "deliver", "end a session", "reload"};
        const auto until = std::chrono::steady_clock::now() + duration();
        const auto at_most = std::chrono::steady_clock::now() + std::chrono::seconds(60) + duration();
        const auto all_were_there = [&] {
            return std::all_of(all.begin(), all.end(), [&](const auto& what) { return storm.done(what) > 0; });
        };
        while (std::chrono::steady_clock::now() < until || (!all_were_there() && std::chrono::steady_clock::now() < at_most))
            std::this_thread::sleep_for(std::chrono::milliseconds(20)); // the length of the storm, no wait for anything
        for (const auto& what : all) {
            INFO(what << ": " << storm.done(what));
            CHECK(storm.done(what) > 0);
        }
        {
            const std::lock_guard lock(reloading);
            stopped = true;
        }
        server.appliance().stop(); // in the middle of it
        storm.calm();
        CHECK(storm.complaints() == Lines{});
    }
    server.restart();
    auto client = server.imap();
    const auto status = client.talk("STATUS INBOX (MESSAGES)").front();
    const int there = std::stoi(status.substr(status.rfind(' ') + 1));
    CHECK(there >= acknowledged);
    CHECK(there <= acknowledged + 1); // committed, and its answer not heard
}
