// The PROXY protocol, version 2: who is believed, what is refused, and that not a byte more than the header is read.
#include "server/net/proxy.h"
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include <arpa/inet.h>

#include <array>

using namespace postfach::net;
using namespace postfach::test;
using namespace std::string_literals;

namespace {
const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string shortOf(std::size_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)}; }

std::string header(int version_command, int family, const std::string& body)
{
    return kSignature + static_cast<char>(version_command) + static_cast<char>(family) + shortOf(body.size()) + body;
}

std::string addresses(const char* from, const char* to)
{
    std::array<char, 16> bytes{};
    const int family = std::string(from).find(':') == std::string::npos ? AF_INET : AF_INET6;
    const std::size_t size = family == AF_INET ? 4 : 16;
    std::string out;
    for (const char* text : {from, to}) {
        ::inet_pton(family, text, bytes.data());
        out.append(bytes.data(), size);
    }
    return out + shortOf(40000) + shortOf(143);
}

std::string tlv(int type, const std::string& value) { return static_cast<char>(type) + shortOf(value.size()) + value; }

std::string named(const char* address, const std::string& values = "")
{
    const bool six = std::string(address).find(':') != std::string::npos;
    return header(0x21, six ? 0x21 : 0x11, addresses(address, six ? "2001:db8::1" : "198.51.100.1") + values);
}
} // namespace

TEST_CASE("a header of the PROXY protocol is taken whole or not at all", "[net][proxy]")
{
    const std::string four = addresses("203.0.113.9", "198.51.100.1");
    struct Row {
        const char* what;
        std::string bytes;
    };
    const std::vector<Row> bad = {
        {"version 1", "PROXY TCP4 203.0.113.9 198.51.100.1 40000 143\r\n"},
        {"another signature", "x" + named("203.0.113.9").substr(1)},
        {"version 3", header(0x31, 0x11, four)},
        {"an unknown command", header(0x22, 0x11, four)},
        {"UDP", header(0x21, 0x12, four)},
        {"a Unix socket", header(0x21, 0x31, std::string(216, 'x'))},
        {"addresses cut off", header(0x21, 0x11, four.substr(1))},
        {"IPv6 with the length of IPv4", header(0x21, 0x21, four)},
        {"too long", header(0x21, 0x11, four + tlv(0x04, std::string(kProxyMost, 'x')))},
        {"a value past the end", header(0x21, 0x11, four + "\x04\x00\x05xx"s)},
        {"half a value", header(0x21, 0x11, four + "\x04\x00"s)},
        {"an SSL value without its fields", header(0x21, 0x11, four + tlv(0x20, "\x01\x00\x00"s))},
        {"a value inside SSL past its end", header(0x21, 0x11, four + tlv(0x20, "\x01\x00\x00\x00\x00\x21\x00\x09x"s))},
        {"bytes behind it", named("203.0.113.9") + "a"},
        {"nothing", ""},
    };
    for (const Row& row : bad) {
        CAPTURE(row.what);
        CHECK_FALSE(parseProxyHeader(row.bytes));
    }

    CHECK(parseProxyHeader(named("203.0.113.9")).value().address == "203.0.113.9");
    CHECK(parseProxyHeader(named("2001:db8:7::9")).value().address == "2001:db8:7::9");
    CHECK(parseProxyHeader(named("::ffff:203.0.113.9")).value().address == "203.0.113.9");
    CHECK(parseProxyHeader(header(0x20, 0x00, "")).value().address.empty());
    CHECK(parseProxyHeader(header(0x20, 0x11, four)).value().address.empty()); // LOCAL: what follows means nothing
    CHECK(parseProxyHeader(header(0x21, 0x00, "whatever")).value().address.empty());

    const auto plain = parseProxyHeader(named("203.0.113.9", tlv(0x04, "noop") + tlv(0x20, "\x00\x00\x00\x00\x00"s))).value();
    CHECK(plain.tls.empty());
    const std::string ssl = "\x01\x00\x00\x00\x00"s + tlv(0x21, "TLSv1.3") + tlv(0x23, "TLS_AES_128_GCM_SHA256") + tlv(0x22, "a name");
    const auto secure = parseProxyHeader(named("203.0.113.9", tlv(0x01, "h2") + tlv(0x20, ssl))).value();
    CHECK(secure.tls == "TLSv1.3");
    CHECK(secure.cipher == "TLS_AES_128_GCM_SHA256");
    CHECK(parseProxyHeader(named("203.0.113.9", tlv(0x20, "\x01\x00\x00\x00\x00"s))).value().tls == "TLS");
}

namespace {
// Says who it takes the peer for, and repeats the first line.
Task<> who(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    stream.write("* " + stream.peerAddress() + (stream.peerIsLoopback() ? " here" : "") + (stream.isProtected() ? " safe" : "") + "\r\n");
    const std::string line(co_await stream.line(100));
    stream.write(line + "\r\n");
    co_await stream.close();
}

Task<> whoUnderTls(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    co_await stream.startTls(testContext());
    stream.write("* " + stream.peerAddress() + "\r\n");
    co_await stream.close();
}

ServiceOptions trusting(bool trusts = true)
{
    ServiceOptions options;
    options.name = "imap";
    options.refusal = "* BYE not now\r\n";
    options.proxy = [trusts](const std::string& address) { return trusts && address == "127.0.0.1"; };
    return options;
}
} // namespace

TEST_CASE("from a trusted proxy the header names the peer, in one piece or byte by byte", "[net][proxy]")
{
    House house(who, trusting(), 2, 2, 100, 2);
    SECTION("in one piece with what the client says")
    {
        Client client(house.port());
        client.send(named("203.0.113.9") + "a NOOP\r\n");
        CHECK(client.line() == "* 203.0.113.9");
        CHECK(client.line() == "a NOOP");
    }
    SECTION("byte by byte")
    {
        Client client(house.port());
        const std::string bytes = named("2001:db8::77", tlv(0x20, "\x01\x00\x00\x00\x00"s));
        for (const char c : bytes)
            client.send({&c, 1});
        CHECK(client.line() == "* 2001:db8::77 safe");
        const auto info = house.sessions.list({}, "", 10).at(0);
        CHECK(info.address == "2001:db8::77");
        CHECK(info.proxy == "127.0.0.1");
        CHECK(info.tls == "TLS");
    }
    SECTION("LOCAL: the proxy itself")
    {
        Client client(house.port());
        client.send(header(0x20, 0, ""));
        CHECK(client.line() == "* 127.0.0.1 here");
    }
    SECTION("bounds count the address that was named, not the proxy's")
    {
        std::vector<Client> held;
        for (const char* address : {"203.0.113.1", "203.0.113.1", "203.0.113.2"}) {
            held.emplace_back(house.port());
            held.back().send(named(address));
            CHECK(held.back().line() == "* "s + address);
        }
        Client third(house.port());
        third.send(named("203.0.113.1"));
        CHECK(third.line() == "* BYE not now");
        CHECK(third.line() == "<end>");
    }
    SECTION("no header, no session and no words")
    {
        for (const std::string& bytes : {"a LOGIN alice secret\r\n"s, "PROXY TCP4 203.0.113.9 198.51.100.1 40000 143\r\n"s, header(0x21, 0x12, std::string(12, 'x'))}) {
            Client client(house.port());
            client.send(bytes);
            CHECK(client.rest().empty());
        }
        Client silent(house.port());
        silent.finish();
        CHECK(silent.rest().empty());
    }
    REQUIRE(house.empties());
    CHECK(house.sessions.now() == 0);
}

TEST_CASE("TLS begins behind the header, not a byte of it is missing", "[net][proxy][tls]")
{
    House house(whoUnderTls, trusting());
    Client client(house.port());
    client.send(named("203.0.113.9"));
    REQUIRE(client.startTls());
    CHECK(client.line() == "* 203.0.113.9");
}

TEST_CASE("a stranger's header is never believed", "[net][proxy]")
{
    House house(who, trusting(false));
    Client client(house.port());
    client.send(named("203.0.113.9") + "\r\n");
    CHECK(client.line() == "* 127.0.0.1 here");
    CHECK(client.rest() == "\r\n"); // its first line, to the session
}

TEST_CASE("networks are asked about the address that was named", "[net][proxy]")
{
    ServiceOptions options = trusting();
    options.allowed = [](const std::string& address) { return address == "203.0.113.9"; };
    House house(who, options);
    Client good(house.port());
    good.send(named("203.0.113.9"));
    CHECK(good.line() == "* 203.0.113.9");
    Client bad(house.port());
    bad.send(named("203.0.113.10"));
    CHECK(bad.line() == "* BYE not now");
}
