// TLS: what is refused, what is chosen, what the session learns; and the traps of OpenSSL's thread-wide error state.
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include "server/base/error.h"
#include "server/base/file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

using namespace postfach::net;
using namespace postfach::test;

namespace {
struct Seen {
    std::mutex mutex;
    TlsInfo info;       // guarded by mutex
    std::string ending; // guarded by mutex: why the session ended
    Tally ended;
    void end(const std::string& why)
    {
        {
            const std::lock_guard lock(mutex);
            ending = why;
        }
        ended.add();
    }
    TlsInfo tls()
    {
        const std::lock_guard lock(mutex);
        return info;
    }
};

Task<> secured(Strand& strand, Poco::Net::StreamSocket socket, Seen& seen, std::string_view protocol)
{
    Stream stream(strand, socket);
    std::string why = "logout";
    try {
        auto context = testContext();
        co_await stream.startTls(std::move(context), protocol);
        {
            const std::lock_guard lock(seen.mutex);
            seen.info = stream.tls();
        }
        for (;;) {
            // What another connection on this worker may have left behind.
            errno = EINTR;
            ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
            const std::string line(co_await stream.line(100));
            if (line == "LOGOUT")
                break;
            errno = EINTR;
            ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
            stream.write(line + "\r\n");
        }
    } catch (const PeerGone& gone) {
        why = gone.what();
    }
    if (stream.isTls() && why == "closed by peer") {
        errno = EINTR; // with it, reading on after close_notify has been seen to spin
        bool again = false;
        try {
            co_await stream.line(100);
        } catch (const PeerGone&) {
            again = true;
        }
        why += again ? ", told again" : "";
    }
    co_await stream.close();
    ERR_clear_error();
    seen.end(why);
}

struct TlsHouse {
    explicit TlsHouse(std::string_view protocol = {})
        : house([this, protocol](Strand& strand, Poco::Net::StreamSocket socket) {
              return secured(strand, std::move(socket), seen, protocol);
          })
    {
    }
    Seen seen;
    House house;
};

Task<> starttls(Strand& strand, Poco::Net::StreamSocket socket, Seen& seen)
{
    Stream stream(strand, socket);
    std::string why = "logout";
    try {
        for (;;) {
            const std::string line(co_await stream.line(100));
            if (line == "LOGOUT")
                break;
            stream.write((stream.isTls() ? "tls " : "plain ") + line + "\r\n");
            if (line != "STARTTLS")
                continue;
            if (stream.hasInput())
                seen.ended.add();
            auto context = testContext();
            co_await stream.startTls(std::move(context));
        }
    } catch (const PeerGone& gone) {
        why = gone.what();
    }
    co_await stream.close();
    seen.end(why);
}
} // namespace

TEST_CASE("what is no TLS handshake ends the connection quietly", "[net][tls]")
{
    TlsHouse tls;
    SECTION("an IMAP client on the wrong port")
    {
        Client client(tls.house.port());
        client.send("a1 CAPABILITY\r\na2 LOGOUT\r\n");
        client.rest();
    }
    SECTION("a browser on the wrong port")
    {
        Client client(tls.house.port());
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        client.rest();
    }
    SECTION("nothing at all, then FIN")
    {
        Client client(tls.house.port());
        client.finish();
        client.rest();
    }
    SECTION("half a ClientHello, then FIN")
    {
        Client client(tls.house.port());
        client.send(std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7));
        client.finish();
        client.rest();
    }
    CHECK(tls.seen.ended.reaches(1));
    CHECK_THAT(tls.seen.ending, Catch::StartsWith("TLS handshake"));
    Client client(tls.house.port());
    REQUIRE(client.startTls());
    CHECK(client.talk("fine") == "fine");
}

TEST_CASE("TLS below 1.2 is refused, 1.2 and 1.3 are served with forward secrecy", "[net][tls]")
{
    TlsHouse tls;
    {
        Client client(tls.house.port());
        Client::TlsWish wish;
        wish.version = TLS1_1_VERSION;
        CHECK_FALSE(client.startTls(wish));
    }
    {
        Client client(tls.house.port());
        Client::TlsWish wish;
        wish.version = TLS1_2_VERSION;
        REQUIRE(client.startTls(wish));
        CHECK(client.talk("x") == "x");
        CHECK(tls.seen.tls().protocol == "TLSv1.2");
        CHECK_THAT(tls.seen.tls().cipher, Catch::StartsWith("ECDHE-ECDSA-"));
    }
    {
        Client client(tls.house.port());
        REQUIRE(client.startTls());
        CHECK(client.talk("x") == "x");
        CHECK(tls.seen.tls().protocol == "TLSv1.3");
        CHECK_THAT(tls.seen.tls().cipher, Catch::StartsWith("TLS_"));
    }
    {
        Client client(tls.house.port());
        Client::TlsWish wish;
        wish.version = TLS1_2_VERSION;
        REQUIRE(client.startTls(wish));
        CHECK(client.talk("x") == "x");
        // Renegotiation asked for by the client is not granted, and the connection goes on or ends, but does not hang.
        SSL_renegotiate(client.ssl());
        SSL_do_handshake(client.ssl());
        client.talk("y");
    }
}

TEST_CASE("ALPN: ours is chosen, none is served, another is refused", "[net][tls][alpn]")
{
    const auto tries = [](std::string_view protocol, const std::string& offered, std::string& chosen) {
        TlsHouse tls(protocol);
        Client client(tls.house.port());
        Client::TlsWish wish;
        wish.alpn = offered;
        if (!client.startTls(wish))
            return false;
        const bool answered = client.talk("x") == "x";
        chosen = tls.seen.tls().alpn;
        return answered;
    };
    std::string chosen;
    CHECK_FALSE(tries("", "h2,http/1.1", chosen));
    CHECK_FALSE(tries("imap", "http/1.1", chosen));
    CHECK_FALSE(tries("imap", "pop3", chosen)); // ALPACA between our own ports
    CHECK(tries("imap", "http/1.1,imap", chosen));
    CHECK(chosen == "imap");
    CHECK(tries("", "pop3", chosen));
    CHECK(chosen == "pop3");
    CHECK(tries("imap", "", chosen));
    CHECK(chosen.empty());
}

TEST_CASE("the session learns SNI and the same channel binding as its client", "[net][tls][rfc9266]")
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsHouse tls;
        Client client(tls.house.port());
        Client::TlsWish wish;
        wish.sni = "mail.example.org";
        wish.version = version;
        REQUIRE(client.startTls(wish));
        CHECK(client.talk("x") == "x");
        const TlsInfo info = tls.seen.tls();
        CHECK(info.sni == "mail.example.org");
        unsigned char expected[32];
        REQUIRE(SSL_export_keying_material(client.ssl(), expected, sizeof expected, "EXPORTER-Channel-Binding", 24, nullptr, 0, 0) == 1);
        CHECK((info.exporter == std::string(reinterpret_cast<const char*>(expected), sizeof expected)));
    }
}

TEST_CASE("no byte stays behind in OpenSSL's buffer: 2,500 lines in one record are all answered", "[net][tls]")
{
    TlsHouse tls;
    Client client(tls.house.port());
    REQUIRE(client.startTls());
    std::string all;
    for (int i = 0; i < 2500; ++i)
        all += std::to_string(1000 + i) + "\r\n";
    REQUIRE(all.size() < 16384);
    client.send(all);
    for (int i = 0; i < 2500; ++i)
        REQUIRE(client.line() == std::to_string(1000 + i));
}

TEST_CASE("key updates wake nobody and lose nothing", "[net][tls]")
{
    TlsHouse tls;
    Client client(tls.house.port());
    REQUIRE(client.startTls());
    for (int i = 0; i < 50; ++i) {
        REQUIRE(SSL_key_update(client.ssl(), i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        REQUIRE(SSL_do_handshake(client.ssl()) == 1);
        if (i % 10 == 0)
            CHECK(client.talk("x") == "x");
    }
    CHECK(client.talk("last") == "last");
}

TEST_CASE("a TLS connection may end with close_notify, with FIN alone, or in the middle", "[net][tls]")
{
    TlsHouse tls;
    Client client(tls.house.port());
    REQUIRE(client.startTls());
    CHECK(client.talk("x") == "x");
    std::string expected = "closed by peer, told again";
    SECTION("close_notify, then FIN")
    {
        client.finish();
        CHECK(client.line() == "<end>");
    }
    SECTION("FIN without close_notify")
    {
        ::shutdown(client.fd(), SHUT_WR);
        CHECK(client.line() == "<end>");
    }
    SECTION("a last command, close_notify: answered all the same")
    {
        client.send("y\r\nLOGOUT\r\n");
        client.finish();
        CHECK(client.line() == "y");
        CHECK(client.line() == "<end>");
        CHECK(SSL_get_shutdown(client.ssl()) == (SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)); // it says goodbye in TLS too
        expected = "logout";
    }
    CHECK(tls.seen.ended.reaches(1));
    CHECK(tls.seen.ending == expected);
}

TEST_CASE("a record that was tampered with ends the connection", "[net][tls]")
{
    TlsHouse tls;
    Client client(tls.house.port());
    REQUIRE(client.startTls());
    CHECK(client.talk("x") == "x");
    const std::string forged = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'f');
    REQUIRE(::send(client.fd(), forged.data(), forged.size(), MSG_NOSIGNAL) == static_cast<long>(forged.size()));
    CHECK(client.line() == "<end>");
    CHECK(tls.seen.ended.reaches(1));
    CHECK_THAT(tls.seen.ending, Catch::StartsWith("TLS read"));
}

TEST_CASE("nothing sent in the clear after STARTTLS is ever answered", "[net][tls][starttls][CVE-2011-0411]")
{
    Seen seen;
    House house([&seen](Strand& strand, Poco::Net::StreamSocket socket) { return starttls(strand, std::move(socket), seen); });
    Client client(house.port());
    SECTION("in the same segment: seen by hasInput(), refused by startTls()")
    {
        client.send("STARTTLS\r\nINJECTED\r\n");
        CHECK(client.line() == "plain STARTTLS");
        CHECK(client.rest().empty());
        CHECK(seen.ended.reaches(2));
        CHECK_THAT(seen.ending, Catch::ContainsSubstring("in the clear"));
    }
    SECTION("a moment later: it is a broken handshake")
    {
        CHECK(client.talk("STARTTLS") == "plain STARTTLS");
        client.send("INJECTED\r\nLOGOUT\r\n");
        client.rest();
        CHECK(seen.ended.reaches(1));
        CHECK_THAT(seen.ending, Catch::StartsWith("TLS handshake"));
    }
    SECTION("without it the session goes on under TLS")
    {
        CHECK(client.talk("STARTTLS") == "plain STARTTLS");
        REQUIRE(client.startTls());
        CHECK(client.talk("hidden") == "tls hidden");
    }
}

namespace {
Task<> hushed(Strand& strand, Poco::Net::StreamSocket socket, Tally& ended)
{
    Stream stream(strand, socket);
    strand.deadline(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
    auto context = testContext();
    bool late = false;
    try {
        co_await stream.startTls(std::move(context));
    } catch (const DeadlinePassed&) {
        late = true;
    }
    co_await stream.close();
    if (late)
        ended.add();
}
} // namespace

TEST_CASE("a client that connects and says nothing does not outlast the deadline of the handshake", "[net][tls][slowloris]")
{
    Tally ended;
    House house([&ended](Strand& strand, Poco::Net::StreamSocket socket) { return hushed(strand, std::move(socket), ended); });
    Client client(house.port());
    CHECK(client.line() == "<end>");
    CHECK(ended.reaches(1));
}

// --- certificates

namespace {
std::string load(const std::string& certificate, const std::string& key)
{
    try {
        TlsContext::load(certificate, key);
        return "loaded";
    } catch (const postfach::base::Refused& refused) {
        return refused.what();
    }
}

std::vector<std::string> namesOf(const std::string& path)
{
    FILE* const file = std::fopen(path.c_str(), "r");
    X509* const certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
    std::fclose(file);
    std::vector<std::string> names;
    auto* const all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        int type = 0;
        const auto* const value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &type));
        const std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)), static_cast<std::size_t>(ASN1_STRING_length(value)));
        names.push_back(type == GEN_DNS ? "DNS:" + text : "IP of " + std::to_string(text.size()) + " bytes");
    }
    GENERAL_NAMES_free(all);
    X509_free(certificate);
    return names;
}
} // namespace

TEST_CASE("certificates that cannot be used are refused by name and reason", "[net][tls][certificate]")
{
    const TempFolder folder;
    makeSelfSigned(folder / "a.pem", folder / "a.key", {"a.example.org"});
    makeSelfSigned(folder / "b.pem", folder / "b.key", {"b.example.org"});
    postfach::base::writeFileDurably(folder / "empty", "");
    CHECK_THAT(load(folder / "none.pem", folder / "a.key"), Catch::StartsWith("TLS: cannot read " + (folder / "none.pem")));
    CHECK_THAT(load(folder / "a.pem", folder / "none.key"), Catch::StartsWith("TLS: cannot read " + (folder / "none.key")));
    CHECK_THAT(load(folder / "empty", folder / "a.key"), Catch::EndsWith("holds no certificate in PEM form"));
    CHECK_THAT(load(folder / "a.pem", folder / "b.pem"), Catch::EndsWith("holds no private key in PEM form"));
    CHECK_THAT(load(folder / "a.pem", folder / "b.key"), Catch::ContainsSubstring("does not belong to the certificate"));
    CHECK(load(folder / "a.pem", folder / "a.key") == "loaded");
    CHECK(ERR_peek_error() == 0);
}

TEST_CASE("a self-signed certificate carries its names and addresses, and its key is for us alone", "[net][tls][certificate]")
{
    const TempFolder folder;
    makeSelfSigned(folder / "a.pem", folder / "a.key", {"mail.example.org", "a,DNS:b.example.org", "192.0.2.1", "2001:db8::1"});
    CHECK(namesOf(folder / "a.pem") == std::vector<std::string>{"DNS:mail.example.org", "DNS:a,DNS:b.example.org", "IP of 4 bytes", "IP of 16 bytes"});
    struct stat status {};
    REQUIRE(::stat((folder / "a.key").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const auto context = TlsContext::load(folder / "a.pem", folder / "a.key");
    CHECK(context->fingerprint().size() == 32 * 3 - 1);
    CHECK(context->expires().size() == std::string("2036-03-01T09:30:00.000Z").size());
    CHECK(std::stoi(context->expires().substr(0, 4)) > 2030);
    const auto names = hostNames();
    CHECK(std::find(names.begin(), names.end(), "localhost") != names.end());
    CHECK(std::find(names.begin(), names.end(), "127.0.0.1") != names.end());
}

namespace {
Task<> reloaded(Strand& strand, Poco::Net::StreamSocket socket, TlsSource& source)
{
    Stream stream(strand, socket);
    auto context = source.current();
    co_await stream.startTls(std::move(context));
    for (;;) {
        const std::string line(co_await stream.line(100));
        stream.write(line + "\r\n");
    }
}
} // namespace

TEST_CASE("a replaced certificate is shown to the next client, live connections and ALPN go on", "[net][tls][certificate]")
{
    const TempFolder folder;
    makeSelfSigned(folder / "a.pem", folder / "a.key", {"old.example.org"});
    makeSelfSigned(folder / "b.pem", folder / "b.key", {"new.example.org"});
    TlsSource source(TlsContext::load(folder / "a.pem", folder / "a.key"));
    House house([&source](Strand& strand, Poco::Net::StreamSocket socket) { return reloaded(strand, std::move(socket), source); });
    Client before(house.port());
    REQUIRE(before.startTls());
    CHECK(before.commonName() == "old.example.org");
    source.replace(TlsContext::load(folder / "b.pem", folder / "b.key"));
    Client after(house.port());
    REQUIRE(after.startTls());
    CHECK(after.commonName() == "new.example.org");
    CHECK(before.talk("still") == "still");
    CHECK(after.talk("hello") == "hello");
    Client wrong(house.port());
    Client::TlsWish wish;
    wish.alpn = "h2";
    CHECK_FALSE(wrong.startTls(wish)); // a reloaded context has not lost its callbacks
}
