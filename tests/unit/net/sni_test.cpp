// Certificates chosen by the name a client asks for, and kept in step with their files.
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include "server/base/error.h"
#include "server/base/file.h"
#include "server/net/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <malloc.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

using namespace postfach::net;
using namespace postfach::test;
namespace fs = std::filesystem;

namespace {
Task<> echo(Strand& strand, Poco::Net::StreamSocket socket, const TlsSource& source)
{
    Stream stream(strand, socket);
    auto context = source.current();
    co_await stream.startTls(std::move(context), "imap");
    for (;;) {
        const std::string line(co_await stream.line(100));
        stream.write(line + "\r\n");
    }
}

struct Shop {
    explicit Shop(const TlsSource& source)
        : house([&source](Strand& strand, Poco::Net::StreamSocket socket) { return echo(strand, std::move(socket), source); })
    {
    }
    // Whose certificate a client sees that asks for this name ("": for none).
    std::string shows(const std::string& name, int version = 0)
    {
        Client client(house.port());
        Client::TlsWish wish;
        wish.sni = name;
        wish.version = version;
        if (!client.startTls(wish))
            return "<refused>";
        return client.talk("x") == "x" ? client.commonName() : "<silent>";
    }
    House house;
};

// Gives the certificate another issuer, as if an authority had signed it.
void signBy(const std::string& certificate, const std::string& issuer, const std::string& issuer_key)
{
    const auto read = [](const std::string& path) {
        FILE* const file = std::fopen(path.c_str(), "r");
        X509* const one = PEM_read_X509(file, nullptr, nullptr, nullptr);
        std::fclose(file);
        return one;
    };
    X509* const signed_one = read(certificate);
    X509* const authority = read(issuer);
    FILE* file = std::fopen(issuer_key.c_str(), "r");
    EVP_PKEY* const key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
    std::fclose(file);
    X509_set_issuer_name(signed_one, X509_get_subject_name(authority));
    X509_sign(signed_one, key, EVP_sha256());
    file = std::fopen(certificate.c_str(), "w");
    PEM_write_X509(file, signed_one);
    std::fclose(file);
    EVP_PKEY_free(key);
    X509_free(authority);
    X509_free(signed_one);
}

std::string makePair(const std::string& certificate, const std::string& key, const std::vector<std::string>& names)
{
    makeSelfSigned(certificate, key, names);
    return names.front();
}

void copyOver(const std::string& from, const std::string& to) { fs::copy_file(from, to, fs::copy_options::overwrite_existing); }
} // namespace

TEST_CASE("the certificate is chosen by the name a client asks for", "[net][tls][sni][rfc6066]")
{
    const TempFolder folder;
    fs::create_directories(folder / "more/letsencrypt");
    fs::create_directories(folder / "more/kubernetes");
    fs::create_directories(folder / "more/empty");
    makePair(folder / "a.pem", folder / "a.key", {"standard.example.org"});
    makePair(folder / "more/one.crt", folder / "more/one.key", {"Mail.Example.COM", "imap.example.com"});
    makePair(folder / "more/wild.pem", folder / "more/wild.key", {"*.example.net", "example.net"});
    makePair(folder / "more/letsencrypt/fullchain.pem", folder / "more/letsencrypt/privkey.pem", {"mail.example.net"});
    makePair(folder / "more/kubernetes/tls.crt", folder / "more/kubernetes/tls.key", {"standard.example.org", "pod"});
    postfach::base::writeFileDurably(folder / "more/README", "not a certificate");
    postfach::base::writeFileDurably(folder / "more/chain.pem", "without a key: somebody's chain");
    Certificates certificates({folder / "a.pem", folder / "a.key"}, folder / "more");
    Shop shop(certificates.source());

    SECTION("no name, an unknown one, one that no name can be: the standard certificate")
    {
        CHECK(shop.shows("unknown.example.com") == "standard.example.org");
        CHECK(shop.shows("*.example.net") == "*.example.net"); // silly, and harmless
        CHECK(shop.shows("a.b.example.net") == "standard.example.org"); // a wildcard stands for one label
        CHECK(shop.shows(".example.net") == "standard.example.org");
        CHECK(shop.shows(std::string(255, 'a')) == "standard.example.org");
        CHECK(shop.shows("") == "standard.example.org");
    }
    SECTION("whole names in any case, wildcards after them, under both versions of TLS")
    {
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            CHECK(shop.shows("mail.example.com", version) == "Mail.Example.COM");
            CHECK(shop.shows("IMAP.example.com", version) == "Mail.Example.COM");
            CHECK(shop.shows("other.EXAMPLE.net", version) == "*.example.net");
            CHECK(shop.shows("example.net", version) == "*.example.net");
            CHECK(shop.shows("mail.example.net", version) == "mail.example.net");
        }
    }
    SECTION("the chosen settings have lost nothing: ALPN is still asked, old versions are still refused")
    {
        Client wrong(shop.house.port());
        Client::TlsWish wish;
        wish.sni = "mail.example.com";
        wish.alpn = "http/1.1";
        CHECK_FALSE(wrong.startTls(wish));
        Client old(shop.house.port());
        wish.alpn.clear();
        wish.version = TLS1_1_VERSION;
        CHECK_FALSE(old.startTls(wish));
    }
    SECTION("a name that two speak for: what an authority signed goes before what the server signed itself")
    {
        CHECK(shop.shows("standard.example.org") == "standard.example.org");
        CHECK(certificates.source().current()->forName("standard.example.org") != nullptr); // the folder's
        CHECK(certificates.source().current()->forName("pod") == certificates.source().current()->forName("standard.example.org"));
        makePair(folder / "ca.pem", folder / "ca.key", {"authority"});
        signBy(folder / "a.pem", folder / "ca.pem", folder / "ca.key");
        makePair(folder / "more/any.crt", folder / "more/any.key", {"*.example.org"});
        fs::remove_all(folder / "more/kubernetes");
        certificates.readAgain();
        CHECK(shop.shows("standard.example.org") == "standard.example.org"); // its own whole name before the folder's wildcard
        CHECK(shop.shows("some.example.org") == "*.example.org");
    }
}

TEST_CASE("names that nobody knows leave nothing behind", "[net][tls][sni][threats-28]")
{
    const TempFolder folder;
    fs::create_directories(folder / "more");
    makePair(folder / "a.pem", folder / "a.key", {"standard.example.org"});
    makePair(folder / "more/wild.crt", folder / "more/wild.key", {"*.example.net"});
    Certificates certificates({folder / "a.pem", folder / "a.key"}, folder / "more");
    Shop shop(certificates.source());
    std::mt19937 random(28); // NOLINT: the same names in every run
    const auto someName = [&random](std::size_t most) {
        std::string name;
        for (std::size_t i = 0, length = 1 + random() % most; i < length; ++i)
            name += "abcdefghijklmnopqrstuvwxyz0123456789-."[random() % 38];
        return name;
    };
    const auto used = [] { return mallinfo2().uordblks; };
    const auto context = certificates.source().current();
    const auto before_lookups = used();
    for (int i = 0; i < 10'000; ++i) {
        const std::string name = someName(300);
        context->forName(name);
    }
    CHECK(used() <= before_lookups + 1024);

    const auto handshakes = [&](int count) {
        for (int i = 0; i < count; ++i) {
            Client client(shop.house.port());
            Client::TlsWish wish;
            wish.sni = i % 3 == 0 ? "x" + std::to_string(random()) + ".example.net" : "n" + someName(250);
            client.startTls(wish); // names that are none are refused by OpenSSL itself
        }
        REQUIRE(shop.house.empties());
    };
    handshakes(1'500); // buffers of threads and of the allocator have their final size then
    const auto before = used();
    handshakes(1'000);
    CHECK(used() <= before + 48 * 1024); // a name each would be 150 KiB, a context each 30 MiB
}

TEST_CASE("a renewed pair is taken once both its files are there, and no connection is dropped", "[net][tls][certificate][reload]")
{
    const TempFolder folder;
    fs::create_directories(folder / "more");
    makePair(folder / "a.pem", folder / "a.key", {"standard"});
    makePair(folder / "more/b.crt", folder / "more/b.key", {"old.example.org", "b.example.org"});
    makePair(folder / "more/c.crt", folder / "more/c.key", {"c.example.org"});
    makePair(folder / "new.pem", folder / "new.key", {"new.example.org", "b.example.org"});
    Certificates certificates({folder / "a.pem", folder / "a.key"}, folder / "more");
    Shop shop(certificates.source());
    Client live(shop.house.port());
    Client::TlsWish wish;
    wish.sni = "b.example.org";
    REQUIRE(live.startTls(wish));

    SECTION("nothing has changed: nothing is read")
    {
        const auto before = certificates.source().current();
        certificates.look();
        certificates.look();
        certificates.look();
        CHECK(certificates.source().current() == before);
    }
    SECTION("half of it keeps the old one, whole it is taken at the second look that finds it still")
    {
        copyOver(folder / "new.pem", folder / "more/b.crt");
        certificates.look();
        certificates.look();
        certificates.look();
        CHECK(shop.shows("b.example.org") == "old.example.org");
        CHECK(shop.shows("c.example.org") == "c.example.org");
        copyOver(folder / "new.key", folder / "more/b.key");
        certificates.look();
        CHECK(shop.shows("b.example.org") == "old.example.org"); // somebody may still be writing
        certificates.look();
        CHECK(shop.shows("b.example.org") == "new.example.org");
    }
    SECTION("an administrator who asks is obeyed at once, and a half pair keeps the old one then too")
    {
        copyOver(folder / "new.pem", folder / "more/b.crt");
        certificates.readAgain();
        CHECK(shop.shows("b.example.org") == "old.example.org");
        copyOver(folder / "new.key", folder / "more/b.key");
        certificates.readAgain();
        CHECK(shop.shows("b.example.org") == "new.example.org");
    }
    SECTION("one that stays broken does not keep the others from being renewed")
    {
        postfach::base::writeFileDurably(folder / "more/b.crt", "garbage");
        copyOver(folder / "new.pem", folder / "a.pem");
        copyOver(folder / "new.key", folder / "a.key");
        makePair(folder / "more/d.crt", folder / "more/d.key", {"d.example.org"});
        fs::remove(folder / "more/c.crt");
        certificates.look();
        certificates.look();
        CHECK(shop.shows("") == "new.example.org");
        CHECK(shop.shows("d.example.org") == "d.example.org");
        CHECK(shop.shows("c.example.org") == "new.example.org"); // gone from the folder, gone from the server
        CHECK(live.commonName() == "old.example.org");
    }
    SECTION("a standard pair or a folder that vanishes leaves all as it was")
    {
        fs::remove(folder / "a.pem");
        fs::rename(folder / "more", folder / "elsewhere");
        for (int i = 0; i < 3; ++i)
            certificates.look();
        certificates.readAgain();
        CHECK(shop.shows("") == "standard");
        CHECK(shop.shows("c.example.org") == "c.example.org");
    }
    SECTION("links are followed: a renewal that swaps one is seen")
    {
        fs::rename(folder / "more/b.crt", folder / "b1.crt");
        fs::create_symlink(folder / "b1.crt", folder / "more/b.crt");
        certificates.look();
        certificates.look();
        copyOver(folder / "new.key", folder / "more/b.key");
        fs::remove(folder / "more/b.crt");
        fs::create_symlink(folder / "new.pem", folder / "more/b.crt");
        certificates.look();
        certificates.look();
        CHECK(shop.shows("b.example.org") == "new.example.org");
    }
    SECTION("other places: all or nothing")
    {
        CHECK_THROWS_AS(certificates.move({folder / "new.pem", folder / "a.key"}, folder / "more"), postfach::base::Refused);
        CHECK_THROWS_AS(certificates.move({folder / "new.pem", folder / "new.key"}, folder / "nowhere"), postfach::base::Refused);
        CHECK(shop.shows("") == "standard");
        certificates.move({folder / "new.pem", folder / "new.key"}, "");
        CHECK(shop.shows("c.example.org") == "new.example.org");
    }
    CHECK(live.talk("still here") == "still here");
}

TEST_CASE("a bad standard pair is refused at the start, a bad one in the folder is left out", "[net][tls][certificate]")
{
    const TempFolder folder;
    fs::create_directories(folder / "more");
    makePair(folder / "a.pem", folder / "a.key", {"standard"});
    makePair(folder / "more/c.crt", folder / "more/c.key", {"c.example.org"});
    makePair(folder / "more/d.crt", folder / "more/unused", {"d.example.org"}); // its key is missing
    CHECK_THROWS_AS(Certificates({folder / "a.pem", folder / "more/c.key"}, ""), postfach::base::Refused);
    CHECK_THROWS_AS(Certificates({folder / "a.pem", folder / "a.key"}, folder / "none"), postfach::base::Refused);
    Certificates certificates({folder / "a.pem", folder / "a.key"}, folder / "more");
    Shop shop(certificates.source());
    CHECK(shop.shows("d.example.org") == "standard");
    CHECK(shop.shows("c.example.org") == "c.example.org");
    CHECK(certificates.source().current()->isSelfSigned());
}
