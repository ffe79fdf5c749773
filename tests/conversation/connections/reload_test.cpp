// What changes while the server serves: certificates by name, their renewal, and the configuration.
#include "server/base/error.h"
#include "server/base/housekeeper.h"
#include "server/net/tls.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <chrono>
#include <filesystem>
#include <thread>

using namespace postfach;
using namespace postfach::test;
namespace fs = std::filesystem;

namespace {
struct Folder {
    explicit Folder(const std::string& name) : path(parent.path() + "/" + name) { fs::create_directories(path); }
    void put(const std::string& name) const { net::makeSelfSigned(path + "/" + name + ".crt", path + "/" + name + ".key", {name}); }
    TemporaryFolder parent;
    const std::string path;
};

TestServer::Settings with(std::vector<std::pair<std::string, std::string>> config)
{
    TestServer::Settings settings;
    settings.config = std::move(config);
    return settings;
}

// Whose certificate a client of this service sees that asks for `name`; the handshake as this service starts it.
std::string shows(TestServer& server, const std::string& service, const std::string& name)
{
    auto client = server.connect<Client>(service);
    if (service == "imap" || service == "pop3" || service == "lmtp") {
        client.line();
        if (service == "lmtp") {
            client.send("LHLO x\r\n");
            while (client.line().rfind("250 ", 0) != 0) {
            }
        }
        client.send(service == "imap" ? "a STARTTLS\r\n" : service == "pop3" ? "STLS\r\n" : "STARTTLS\r\n");
        client.line();
    }
    client.startTls(name);
    return client.shownName();
}

// The watch looks on its own thread; ten seconds are more than it ever needs.
bool comes(TestServer& server, const std::string& name, const std::string& expected)
{
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < until) {
        if (shows(server, "imaps", name) == expected)
            return true;
        std::this_thread::yield();
    }
    return false;
}
} // namespace

TEST_CASE("every door shows the certificate of the name it is asked for", "[tls][sni]")
{
    const Folder folder("more");
    folder.put("mail.example.com");
    TestServer server(with({{"tls.folder", folder.path}}));
    for (const auto* service : {"imap", "imaps", "pop3", "pop3s", "lmtp", "admin"}) {
        INFO(service);
        CHECK(shows(server, service, "mail.example.com") == "mail.example.com");
        CHECK(shows(server, service, "unknown.example.com") == "mail.example.org");
        CHECK(shows(server, service, "") == "mail.example.org");
    }
}

TEST_CASE("a folder of certificates that is not there refuses the start", "[tls][configuration]")
{
    CHECK_THROWS_AS(TestServer(with({{"tls.folder", "/nonexistent"}})), base::Refused);
}

TEST_CASE("certificates are taken when their files change, and nobody is dropped", "[tls][reload]")
{
    const Folder folder("more");
    folder.put("one.example.com");
    TestServer server(with({{"tls.folder", folder.path}}));
    auto before = server.imap();
    auto under_tls = server.connect<ImapClient>("imaps", true);
    under_tls.line();
    CHECK(shows(server, "imaps", "one.example.com") == "one.example.com");

    folder.put("two.example.com");
    REQUIRE(comes(server, "two.example.com", "two.example.com"));
    fs::copy_file(folder.path + "/two.example.com.crt", folder.path + "/one.example.com.crt", fs::copy_options::overwrite_existing);
    fs::remove(folder.path + "/two.example.com.crt"); // gone: the sign that the half pair was looked at too
    REQUIRE(comes(server, "two.example.com", "mail.example.org"));
    CHECK(shows(server, "imaps", "one.example.com") == "one.example.com"); // new certificate, old key: the old pair stays
    fs::copy_file(folder.path + "/two.example.com.key", folder.path + "/one.example.com.key", fs::copy_options::overwrite_existing);
    CHECK(comes(server, "two.example.com", "two.example.com"));
    CHECK(shows(server, "admin", "two.example.com") == "two.example.com");

    CHECK(before.talk("NOOP").back() == "OK NOOP completed");
    CHECK(under_tls.talk("NOOP").back() == "OK NOOP completed");
}

TEST_CASE("a reload takes the standard certificate from where the configuration now says", "[tls][reload][configuration]")
{
    const Folder folder("own");
    folder.put("new.example.com");
    TestServer server;
    auto before = server.connect<ImapClient>("imaps", true);
    before.line();
    CHECK(shows(server, "imaps", "") == "mail.example.org");
    server.configure("tls.certificate", folder.path + "/new.example.com.crt");
    server.reload(); // without its key: refused as a whole
    CHECK(shows(server, "imaps", "") == "mail.example.org");
    server.configure("tls.key", folder.path + "/new.example.com.key");
    server.reload();
    for (const auto* service : {"imap", "imaps", "pop3s", "lmtp", "admin"})
        CHECK(shows(server, service, "") == "new.example.com");
    CHECK(before.talk("NOOP").back() == "OK NOOP completed");
}

TEST_CASE("a reload changes what may change while serving, for who is there too", "[reload][configuration]")
{
    TestServer server;
    auto alice = server.imap();
    auto lmtp = server.lmtp();

    SECTION("a bad value: nothing of it is taken, not even what is good")
    {
        server.configure("auth.plaintext", "tls");
        server.configure("lmtp.allow", "not-a-network");
        server.reload();
        CHECK_THAT(server.connect<ImapClient>("imap").line(), Catch::ContainsSubstring("AUTH=PLAIN"));
    }
    SECTION("an unknown word for a choice is refused by the reader, and the old one stays")
    {
        server.configure("auth.plaintext", "sometimes");
        server.reload();
        CHECK_THAT(server.connect<ImapClient>("imap").line(), Catch::ContainsSubstring("AUTH=PLAIN"));
    }
    SECTION("limits.message_size")
    {
        server.configure("limits.message_size", "1000");
        server.reload();
        CHECK_THAT(alice.append("INBOX", std::string(2000, 'x')).back(), Catch::StartsWith("NO [TOOBIG]"));
        lmtp.talk("LHLO x");
        CHECK_THAT(lmtp.talk("MAIL FROM:<a@b.example> SIZE=2000"), Catch::StartsWith("552"));
        CHECK_THAT(alice.talk("CAPABILITY").front(), Catch::ContainsSubstring("APPENDLIMIT=1000"));
    }
    SECTION("auth.plaintext")
    {
        server.configure("auth.plaintext", "tls");
        server.reload();
        CHECK_THAT(server.connect<ImapClient>("imap").line(), Catch::ContainsSubstring("LOGINDISABLED"));
        CHECK(alice.talk("NOOP").back() == "OK NOOP completed");
    }
    SECTION("lmtp.allow")
    {
        server.configure("lmtp.allow", "192.0.2.0/24");
        server.reload();
        CHECK_THAT(server.connect<Client>("lmtp").line(), Catch::StartsWith("421"));
        CHECK_THAT(lmtp.talk("NOOP"), Catch::StartsWith("250")); // who is in stays
    }
    SECTION("scanner.infected and scanner.unavailable")
    {
        const std::string infected = "Subject: x\r\n\r\n" + eicar() + "\r\n";
        CHECK_THAT(lmtp.deliver({"alice@example.org"}, infected).back(), Catch::StartsWith("250"));
        server.configure("scanner.infected", "reject");
        server.reload();
        CHECK_THAT(lmtp.deliver({"alice@example.org"}, infected).back(), Catch::StartsWith("550"));
        server.scanner().available = false;
        CHECK_THAT(lmtp.deliver({"alice@example.org"}, sampleMessage(1)).back(), Catch::StartsWith("451"));
        server.configure("scanner.unavailable", "accept");
        server.reload();
        CHECK_THAT(lmtp.deliver({"alice@example.org"}, sampleMessage(2)).back(), Catch::StartsWith("250"));
    }
    SECTION("limits.connections")
    {
        for (const char* command : {"LHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<alice@example.org>"}) // who has a recipient makes room for nobody
            lmtp.talk(command);
        server.configure("limits.connections", "2");
        server.reload();
        CHECK_THAT(server.connect<Client>("imap").line(), Catch::StartsWith("* BYE [UNAVAILABLE]"));
        server.configure("limits.connections", "10");
        server.reload();
        CHECK_THAT(server.connect<Client>("imap").line(), Catch::StartsWith("* OK"));
    }
    SECTION("quota.default")
    {
        server.configure("quota.default", "7 MiB");
        server.reload();
        auto http = server.connect<Client>("admin", true);
        http.send("GET /api/v1/server HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + server.token() + "\r\nConnection: close\r\n\r\n");
        CHECK_THAT(http.rest(), Catch::ContainsSubstring("\"default_quota\":7340032"));
    }
    SECTION("trash.days")
    {
        server.fill(2);
        alice.select();
        alice.talk("STORE 1:2 +FLAGS.SILENT (\\Deleted)");
        alice.talk("EXPUNGE");
        server.clock().advance(std::chrono::hours(24 * 3));
        server.appliance().housekeeper().run("trash");
        CHECK(alice.talk("STATUS Trash (MESSAGES)").front() == "* STATUS Trash (MESSAGES 2)");
        server.configure("trash.days", "0"); // never
        server.reload();
        server.clock().advance(std::chrono::hours(24 * 100));
        server.appliance().housekeeper().run("trash");
        CHECK(server.imap().talk("STATUS Trash (MESSAGES)").front() == "* STATUS Trash (MESSAGES 2)");
        server.configure("trash.days", "2");
        server.reload();
        server.appliance().housekeeper().run("trash");
        CHECK(server.imap().talk("STATUS Trash (MESSAGES)").front() == "* STATUS Trash (MESSAGES 0)");
        return; // alice has been away for too long
    }
    SECTION("recovery.days")
    {
        const auto account = server.store().read()->findAccount("alice@example.org")->id;
        const auto recoverable = [&] { return server.store().read()->recoverable(account, {}, {"", 100}).size(); };
        const auto remove = [&] {
            server.fill(1, "Trash");
            alice.select("Trash");
            alice.talk("STORE 1:* +FLAGS.SILENT (\\Deleted)");
            alice.talk("EXPUNGE");
        };
        remove();
        CHECK(recoverable() == 1);
        server.configure("recovery.days", "0");
        server.reload();
        remove();
        CHECK(recoverable() == 1); // at once, nothing is kept; what was stays until the job comes
        server.clock().advance(std::chrono::seconds(1));
        server.appliance().housekeeper().run("recovery");
        CHECK(recoverable() == 0);
        server.configure("recovery.days", "3");
        server.reload();
        remove();
        CHECK(recoverable() == 1);
        server.clock().advance(std::chrono::hours(24 * 2));
        server.appliance().housekeeper().run("recovery");
        CHECK(recoverable() == 1);
        server.configure("recovery.days", "1");
        server.reload();
        server.appliance().housekeeper().run("recovery");
        CHECK(recoverable() == 0);
        return;
    }
    SECTION("a port needs a restart: said, not done, and the rest is taken")
    {
        server.configure("imap.port", "off");
        server.configure("limits.message_size", "1000");
        server.reload();
        CHECK_THAT(server.imap().talk("CAPABILITY").front(), Catch::ContainsSubstring("APPENDLIMIT=1000"));
    }
    CHECK(alice.talk("NOOP").back() == "OK NOOP completed");
}
