// Traps of Poco, of OpenSSL and of TCP that are met by construction: README.md has the table of all and where each is tested.
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <sys/socket.h>

#include <stdexcept>

using namespace postfach::net;
using namespace postfach::test;

namespace {
// Echoes under TLS until LOGOUT.
Task<> echoTls(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    try {
        auto context = testContext();
        co_await stream.startTls(std::move(context));
        for (;;) {
            const std::string line(co_await stream.line(100));
            if (line == "LOGOUT")
                break;
            stream.write(line + "\r\n");
        }
    } catch (const PeerGone&) {
    }
    co_await stream.close();
}

Task<> echo(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    for (;;) {
        const std::string line(co_await stream.line(100));
        stream.write(line + "\r\n");
    }
}

// Says whether Nagle's algorithm is off, then ten lines, each written by itself.
Task<> tenLines(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    const std::string line(co_await stream.line(100));
    stream.write(socket.getNoDelay() ? "at once\r\n" : "delayed\r\n");
    for (int i = 0; i < 10; ++i)
        stream.write(line + "\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("a TLS 1.2 client that asks for a second handshake gets none", "[net][tls][threats-28][renegotiation]")
{
    House house(echoTls);
    Client client(house.port());
    Client::TlsWish wish;
    wish.version = TLS1_2_VERSION;
    REQUIRE(client.startTls(wish));
    CHECK(client.talk("x") == "x");
    REQUIRE(SSL_renegotiate(client.ssl()) == 1);
    CHECK(SSL_do_handshake(client.ssl()) != 1);
    CHECK(ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
}

TEST_CASE("who stops in the middle of the handshake, or says nothing, keeps no worker", "[net][tls][slowloris]")
{
    House house(echoTls, {}, 1);
    std::vector<Client> silent;
    for (int i = 0; i < 20; ++i) {
        silent.emplace_back(house.port());
        if (i % 2 == 1)
            silent.back().send("\x16\x03\x01\x02"); // the first bytes of a ClientHello
    }
    Client client(house.port());
    REQUIRE(client.startTls());
    CHECK(client.talk("x") == "x");
    for (Client& one : silent)
        one.reset();
    CHECK(client.talk("y") == "y");
}

TEST_CASE("closing TLS waits for nobody's close_notify", "[net][tls][close]")
{
    House house(echoTls, {}, 1);
    std::vector<Client> mute; // they hear the end and never say theirs
    for (int i = 0; i < 10; ++i) {
        mute.emplace_back(house.port());
        REQUIRE(mute.back().startTls());
        mute.back().send("LOGOUT\r\n");
    }
    for (Client& one : mute)
        CHECK(one.line() == "<end>");
    Client client(house.port());
    REQUIRE(client.startTls());
    CHECK(client.talk("x") == "x");
    client.finish();
    CHECK(house.empties()); // with the mute still there
}

TEST_CASE("an answer leaves whole and at once: no delayed ACK is waited for", "[net][stream][delayed-ack]")
{
    House house(tenLines);
    Client client(house.port());
    client.send("0123456789\r\n");
    char first[1000];
    const auto got = ::recv(client.fd(), first, sizeof first, 0);
    CHECK(std::string(first, got > 0 ? static_cast<std::size_t>(got) : 0).substr(0, 9) == "at once\r\n");
    CHECK(got == 9 + 10 * 12); // one segment
}

TEST_CASE("what throws while a connection is taken costs that connection alone, however often", "[net][service][factory]")
{
    std::atomic<int> left{10}; // Poco would have lost its only thread at the first
    ServiceOptions options;
    options.name = "imap";
    options.addresses = {"127.0.0.1"};
    options.allowed = [&left](const std::string&) -> bool {
        if (left.fetch_sub(1) > 0)
            throw std::runtime_error("no luck");
        return true;
    };
    House house(echo, std::move(options));
    for (int i = 0; i < 10; ++i) {
        Client unlucky(house.port());
        CHECK(unlucky.line() == "<end>");
    }
    Client client(house.port());
    CHECK(client.talk("x") == "x");
}

TEST_CASE("a crowd that comes at once is served to the last", "[net][service][pool]")
{
    Scheduler scheduler(1, 1);
    postfach::base::SystemClock clock;
    Sessions sessions({1000, 1000, 1000}, clock);
    ServiceOptions options;
    options.name = "imap";
    options.addresses = {"127.0.0.1"};
    Service service(scheduler, sessions, std::move(options), echo);
    std::vector<Client> crowd; // in the backlog, so that all of them are accepted in one go
    for (int i = 0; i < 300; ++i)
        crowd.emplace_back(service.port());
    service.start();
    int served = 0;
    for (Client& one : crowd)
        served += one.talk("x") == "x" ? 1 : 0;
    CHECK(served == 300);
    service.stop();
    scheduler.stop();
}
