#include "server/base/limits.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <chrono>
#include <utility>

using namespace postfach::test;
using namespace postfach;

namespace {

ImapClient greeted(TestServer& server)
{
    auto client = server.connect<ImapClient>("imap");
    CHECK_THAT(client.line(), Catch::StartsWith("* OK [CAPABILITY IMAP4rev1 "));
    return client;
}

TestServer::Settings tlsOnly()
{
    TestServer::Settings settings;
    settings.config.emplace_back("auth.plaintext", "tls");
    return settings;
}

} // namespace

TEST_CASE("commands are refused outside their state", "[imap][session][rfc9051-3]")
{
    TestServer server;
    auto client = greeted(server);
    CHECK_THAT(client.talk("SELECT INBOX").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("FETCH 1 FLAGS").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("LOGIN alice@example.org secret").back(), Catch::StartsWith("OK [CAPABILITY "));
    CHECK_THAT(client.talk("LOGIN alice@example.org secret").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("STARTTLS").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("FETCH 1 FLAGS").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("NOOP").back(), Catch::StartsWith("OK"));
}

TEST_CASE("malformed commands are BAD and end the connection after a few", "[imap][session][threats-27]")
{
    TestServer server;
    SECTION("before login the third is the last")
    {
        auto client = greeted(server);
        CHECK_THAT(client.talk("FOO").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("NOOP now").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("UID").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.line(), Catch::StartsWith("* BYE"));
        CHECK(client.closed());
    }
    SECTION("after login the twentieth in a row; a good one forgives")
    {
        auto client = server.imap();
        for (int i = 1; i < base::limits::kBadCommandsAfterLogin; ++i)
            CHECK_THAT(client.talk("FOO").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("NOOP").back(), Catch::StartsWith("OK"));
        for (int i = 0; i < base::limits::kBadCommandsAfterLogin; ++i)
            CHECK_THAT(client.talk("FOO").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.line(), Catch::StartsWith("* BYE"));
        CHECK(client.closed());
    }
    SECTION("a tag that is none is not echoed")
    {
        auto client = greeted(server);
        client.send("*\x01x NOOP\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("* BAD"));
        client.send("\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("* BAD"));
    }
    SECTION("thousands of parentheses are BAD")
    {
        auto client = greeted(server);
        CHECK_THAT(client.talk("NOOP " + std::string(4'000, '(')).back(), Catch::StartsWith("BAD"));
    }
}

TEST_CASE("a browser that speaks HTTP is sent away before its body is read", "[imap][session][threats-27]")
{
    TestServer server;
    auto client = greeted(server);
    client.send("POST / HTTP/1.1\r\nHost: x\r\n\r\na LOGIN alice@example.org secret\r\n");
    const auto said = client.rest();
    CHECK_THAT(said, Catch::StartsWith("* BYE"));
    CHECK(said.find("OK") == std::string::npos);
}

TEST_CASE("lines and literals are bounded before memory is taken", "[imap][literal][threats-4][threats-6]")
{
    TestServer server;
    SECTION("a literal that waits is refused with BAD [TOOBIG], and the session goes on")
    {
        auto client = greeted(server);
        CHECK_THAT(client.talk("LOGIN {4294967296}").back(), Catch::StartsWith("BAD [TOOBIG]"));
        CHECK_THAT(client.talk("LOGIN {18446744073709551616}").back(), Catch::StartsWith("BAD [TOOBIG]"));
        CHECK_THAT(client.talk("LOGIN alice@example.org secret").back(), Catch::StartsWith("OK"));
    }
    SECTION("one that is already on its way ends the connection")
    {
        auto client = greeted(server);
        client.send("a LOGIN {104857600+}\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("* BYE [TOOBIG]"));
        CHECK(client.closed());
    }
    SECTION("a line without end, before login and after")
    {
        auto client = greeted(server);
        client.send("a " + std::string(base::limits::kLineBeforeLogin + 10, 'X'));
        CHECK_THAT(client.line(), Catch::StartsWith("* BYE"));
        auto known = server.imap();
        known.send("a " + std::string(base::limits::kLineAfterLogin + 10, 'X'));
        CHECK_THAT(known.line(), Catch::StartsWith("* BYE"));
    }
    SECTION("many small literals are bounded together")
    {
        auto client = server.imap();
        std::string command = "a SEARCH";
        for (int i = 0; i < 20; ++i)
            command += " SUBJECT {60000+}\r\n" + std::string(60'000, 'x');
        try {
            client.send(command + "\r\n");
        } catch (const std::exception&) { // it may hang up while we send
        }
        bool ended = false;
        try {
            ended = client.line().rfind("* BYE", 0) == 0;
        } catch (const Closed&) {
            ended = true;
        }
        CHECK(ended);
    }
    SECTION("literals work: waiting, not waiting, empty, several")
    {
        auto client = greeted(server);
        client.send("a LOGIN {17}\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("+ "));
        client.send("alice@example.org {6+}\r\nsecret\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("a OK"));
        CHECK_THAT(client.talk("SELECT {5+}\r\nINBOX").back(), Catch::StartsWith("OK"));
        CHECK_THAT(client.talk("SELECT {0+}\r\n").back(), Catch::StartsWith("NO"));
    }
    SECTION("NUL is refused wherever it stands")
    {
        using namespace std::string_literals;
        auto client = server.imap();
        CHECK_THAT(client.talk("CREATE \"x\0y\""s).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("CREATE {3+}\r\nx\0y"s).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("CREATE x\0y"s).back(), Catch::StartsWith("BAD"));
        CHECK(client.talk("LIST \"\" x*") == Lines{"OK LIST completed"});
    }
}

TEST_CASE("nothing said in the clear behind STARTTLS is answered under TLS", "[imap][starttls][threats-1][threats-2]")
{
    TestServer server(tlsOnly());
    auto client = greeted(server);
    SECTION("an injected command ends the connection")
    {
        client.send("a STARTTLS\r\nb NOOP\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("a BAD"));
        CHECK_THAT(client.line(), Catch::StartsWith("* BYE"));
        CHECK(client.closed());
    }
    SECTION("passwords in the clear are refused, under TLS taken")
    {
        CHECK_THAT(client.talk("CAPABILITY").front(), Catch::ContainsSubstring("STARTTLS LOGINDISABLED"));
        CHECK_THAT(client.talk("LOGIN alice@example.org secret").back(), Catch::StartsWith("NO [PRIVACYREQUIRED]"));
        CHECK_THAT(client.talk("AUTHENTICATE PLAIN AGEAYg==").back(), Catch::StartsWith("NO [PRIVACYREQUIRED]"));
        CHECK_THAT(client.talk("STARTTLS").back(), Catch::StartsWith("OK"));
        client.startTls();
        const auto capability = client.talk("CAPABILITY").front();
        CHECK_THAT(capability, Catch::ContainsSubstring("AUTH=PLAIN AUTH=LOGIN AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS"));
        CHECK(capability.find("LOGINDISABLED") == std::string::npos);
        CHECK(capability.find("STARTTLS") == std::string::npos);
        CHECK_THAT(client.talk("STARTTLS").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("LOGIN alice@example.org secret").back(), Catch::StartsWith("OK"));
        CHECK_THAT(client.select().back(), Catch::StartsWith("OK"));
    }
    SECTION("who the client said it was in the clear is forgotten")
    {
        Http http(server, server.token());
        const auto clients = [&http] { return http.get("/api/v1/sessions?service=imap").column("client"); };
        CHECK(client.talk("ID (\"name\" \"forged\")").back() == "OK ID completed");
        CHECK(clients() == std::vector<std::string>{"forged"});
        CHECK_THAT(client.talk("STARTTLS").back(), Catch::StartsWith("OK"));
        client.startTls();
        CHECK_THAT(client.talk("LOGIN alice@example.org secret").back(), Catch::StartsWith("OK"));
        CHECK(clients() == std::vector<std::string>{"null"});
        client.talk("ID (\"name\" \"true\")");
        CHECK(clients() == std::vector<std::string>{"true"});
    }
    SECTION("port 993 speaks TLS from the first byte")
    {
        auto secure = server.connect<ImapClient>("imaps", true);
        CHECK_THAT(secure.line(), Catch::StartsWith("* OK "));
        CHECK_THAT(secure.talk("LOGIN alice@example.org secret").back(), Catch::StartsWith("OK"));
    }
}

TEST_CASE("who may enter: LOGIN and AUTHENTICATE", "[imap][login][rfc9051-6.2][threats-24][threats-25]")
{
    TestServer server;
    auto client = greeted(server);
    SECTION("unknown users and wrong passwords get the same words, and the third ends it")
    {
        const auto wrong = client.talk("LOGIN alice@example.org wrong").back();
        CHECK_THAT(wrong, Catch::StartsWith("NO [AUTHENTICATIONFAILED]"));
        CHECK(client.talk("LOGIN nobody@example.org wrong").back() == wrong);
        CHECK(client.talk("LOGIN \"\" \"\"").back() == wrong);
        CHECK_THAT(client.line(), Catch::StartsWith("* BYE"));
        CHECK(client.closed());
    }
    SECTION("AUTHENTICATE: with an initial response, with a continuation, given up, not base64")
    {
        client.send("a AUTHENTICATE PLAIN\r\n");
        CHECK(client.line() == "+ ");
        client.send("*\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("a BAD"));
        CHECK_THAT(client.talk("AUTHENTICATE PLAIN !!!!").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("AUTHENTICATE MAGIC").back(), Catch::StartsWith("NO"));
        client.send("b AUTHENTICATE PLAIN\r\n");
        CHECK(client.line() == "+ ");
        client.send("AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==\r\n"); // \0alice@example.org\0secret
        CHECK_THAT(client.line(), Catch::StartsWith("b OK [CAPABILITY"));
    }
    SECTION("SASL-IR")
    {
        CHECK_THAT(client.talk("AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==").back(), Catch::StartsWith("OK"));
    }
}

TEST_CASE("ID, ENABLE, NAMESPACE, CHECK and LOGOUT answer as their RFCs say", "[imap][session]")
{
    TestServer server;
    auto client = server.imap();
    CHECK_THAT(client.talk("ID").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("ID (\"name\")").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("ID NIL").front(), Catch::StartsWith("* ID (\"name\" \"Postfach\""));
    CHECK_THAT(client.talk("ID (\"name\" \"a\" \"version\" NIL)").back(), Catch::StartsWith("OK"));
    CHECK_THAT(client.talk("ENABLE").back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("ENABLE IDLE X-UNKNOWN") == Lines{"* ENABLED", "OK ENABLE completed"});
    CHECK(client.talk("NAMESPACE") == Lines{"* NAMESPACE ((\"\" \"/\")) NIL NIL", "OK NAMESPACE completed"});
    CHECK_THAT(client.talk("CHECK").back(), Catch::StartsWith("BAD"));
    client.select();
    CHECK(client.talk("CHECK") == Lines{"OK CHECK completed"});
    const auto goodbye = client.talk("LOGOUT");
    REQUIRE(goodbye.size() == 2);
    CHECK_THAT(goodbye.front(), Catch::StartsWith("* BYE"));
    CHECK(client.closed());
}

TEST_CASE("pipelined commands are answered in order", "[imap][session][rfc9051-5.5]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    std::string all;
    for (int i = 0; i < 500; ++i)
        all += "n" + std::to_string(i) + " NOOP\r\n";
    client.send("s SELECT INBOX\r\n" + all + "f FETCH 1:3 UID\r\n");
    CHECK_THAT(client.until("s").back(), Catch::StartsWith("OK"));
    for (int i = 0; i < 500; ++i)
        REQUIRE(client.line() == "n" + std::to_string(i) + " OK NOOP completed");
    CHECK(client.until("f").size() == 4);
}

TEST_CASE("a stranger has so long to log in, whatever he says meanwhile", "[imap][session][threats-26]")
{
    TestServer::Settings settings;
    settings.login_timeout = std::chrono::milliseconds(1500);
    TestServer server(std::move(settings));
    auto known = server.imap();
    auto client = server.connect<ImapClient>("imap");
    client.line();

    SECTION("nothing") {}
    SECTION("a byte now and then")
    {
        for (int i = 0; i < 40 && client.waits(); ++i)
            client.send("a");
        CHECK_FALSE(client.waits()); // it was dropped
    }
    SECTION("a command now and then")
    {
        for (int i = 0; i < 40 && client.waits(); ++i) {
            client.send("a NOOP\r\n");
            if (const auto said = client.line(); said.starts_with("*")) {
                CHECK(said == "* BYE Log in sooner");
                CHECK(client.closed());
                return;
            }
        }
        CHECK_FALSE(client.waits());
    }
    CHECK(client.line() == "* BYE Log in sooner");
    CHECK(client.closed());
    CHECK(known.talk("NOOP").back() == "OK NOOP completed");
}
