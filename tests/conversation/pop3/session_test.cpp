#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

using namespace postfach::test;

TEST_CASE("before login only what belongs there is answered", "[pop3][rfc1939-4]")
{
    TestServer server;
    auto client = server.connect<Pop3Client>("pop3");
    CHECK_THAT(client.line(), Catch::StartsWith("+OK"));
    for (const auto* command : {"STAT", "LIST", "RETR 1"})
        CHECK_THAT(client.talk(command), Catch::StartsWith("-ERR"));
    CHECK_THAT(client.line(), Catch::ContainsSubstring("too many")); // the third mistake ends it with a word
    CHECK(client.closed());
}

TEST_CASE("a wrong password and an unknown user get the same words", "[pop3][login]")
{
    TestServer server;
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    CHECK_THAT(client.talk("USER alice@example.org"), Catch::StartsWith("+OK"));
    const auto wrong = client.talk("PASS wrong");
    CHECK_THAT(wrong, Catch::StartsWith("-ERR [AUTH]"));
    CHECK_THAT(client.talk("USER nobody@example.org"), Catch::StartsWith("+OK"));
    CHECK(client.talk("PASS wrong") == wrong);
    client.talk("USER alice@example.org");
    CHECK(client.talk("PASS wrong") == wrong);
    CHECK(client.closed());
}

TEST_CASE("without TLS nobody logs in, and CAPA does not offer it", "[pop3][tls]")
{
    TestServer::Settings settings;
    settings.config = {{"auth.plaintext", "tls"}};
    TestServer server(settings);
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    auto capabilities = client.list("CAPA");
    CHECK(std::count(capabilities.begin(), capabilities.end(), "USER") == 0);
    CHECK(std::count(capabilities.begin(), capabilities.end(), "STLS") == 1);
    CHECK_THAT(client.talk("USER alice@example.org"), Catch::StartsWith("-ERR"));
    CHECK_THAT(client.talk("AUTH PLAIN AGFsaWNlAHNlY3JldA=="), Catch::StartsWith("-ERR"));
    CHECK_THAT(client.talk("STLS"), Catch::StartsWith("+OK"));
    client.startTls();
    capabilities = client.list("CAPA");
    CHECK(std::count(capabilities.begin(), capabilities.end(), "USER") == 1);
    CHECK(std::count(capabilities.begin(), capabilities.end(), "STLS") == 0);
    CHECK_THAT(client.talk("STLS"), Catch::StartsWith("-ERR TLS is on already"));
    client.talk("USER alice@example.org");
    CHECK_THAT(client.talk("PASS secret"), Catch::StartsWith("+OK"));
}

TEST_CASE("what is sent behind STLS in the clear is never answered under TLS", "[pop3][tls][injection]")
{
    TestServer server;
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    client.send("STLS\r\nCAPA\r\n");
    const auto answers = client.rest();
    CHECK(answers.find("CAPA") == std::string::npos);
    CHECK(answers.find("TOP") == std::string::npos);
}

TEST_CASE("who is named before STLS is nobody under TLS", "[pop3][tls][rfc2595-4]")
{
    TestServer server;
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    CHECK_THAT(client.talk("USER alice@example.org"), Catch::StartsWith("+OK"));
    CHECK_THAT(client.talk("STLS"), Catch::StartsWith("+OK"));
    client.startTls();
    CHECK_THAT(client.talk("PASS secret"), Catch::StartsWith("-ERR USER first"));
    client.talk("USER alice@example.org");
    CHECK_THAT(client.talk("PASS secret"), Catch::StartsWith("+OK"));
}

TEST_CASE("on port 995 TLS comes first", "[pop3][tls]")
{
    TestServer server;
    auto client = server.connect<Pop3Client>("pop3s", true);
    CHECK_THAT(client.line(), Catch::StartsWith("+OK"));
    client.talk("USER alice@example.org");
    CHECK_THAT(client.talk("PASS secret"), Catch::StartsWith("+OK"));
}

TEST_CASE("AUTH PLAIN takes an initial response, a prompt, or an abort", "[pop3][rfc5034]")
{
    TestServer server;
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    CHECK_THAT(client.talk("AUTH CRAM-MD5"), Catch::StartsWith("-ERR"));
    CHECK(client.talk("AUTH PLAIN") == "+ ");
    CHECK_THAT(client.talk("*"), Catch::StartsWith("-ERR"));
    CHECK_THAT(client.talk("AUTH PLAIN !!!!"), Catch::StartsWith("-ERR"));
    CHECK(client.talk("AUTH PLAIN") == "+ ");
    CHECK_THAT(client.talk("AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA=="), Catch::StartsWith("+OK"));
}

TEST_CASE("an answer in AUTH that never ends is the client's fault, as a command is that never ends", "[pop3][rfc5034][limits]")
{
    TestServer server;
    for (const bool in_auth : {false, true}) {
        auto client = server.connect<Pop3Client>("pop3");
        client.line();
        if (in_auth)
            CHECK(client.talk("AUTH PLAIN") == "+ ");
        CHECK(client.talk(std::string(10'000, 'A')) == "-ERR line too long");
        CHECK(client.closed());
    }
}

TEST_CASE("behind goodbye nothing is said, however many mistakes came before", "[pop3][rfc1939-6]")
{
    TestServer server;
    server.fill(2);
    auto client = server.pop3();
    CHECK_THAT(client.talk("DELE 1"), Catch::StartsWith("+OK"));
    for (int i = 0; i < 4; ++i)
        CHECK_THAT(client.talk("LAST"), Catch::StartsWith("-ERR"));
    client.send("QUIT\r\n");
    const auto words = client.rest();
    CHECK_THAT(words, Catch::StartsWith("+OK"));
    CHECK(words.find("-ERR") == std::string::npos);
}

TEST_CASE("numbers that name no message are refused", "[pop3]")
{
    TestServer server;
    server.fill(2);
    auto client = server.pop3();
    for (const auto* command : {"RETR 0", "RETR 3", "RETR -1", "RETR +1", "RETR 4294967297", "RETR 18446744073709551617", "RETR", "RETR 1 2", "LIST abc", "LIST 3",
                                "UIDL 0", "TOP 1", "TOP 1 -1", "TOP 0 1", "DELE 9", "NOOP 1", "STAT 1", "RSET x"})
        CHECK_THAT(client.talk(command), Catch::StartsWith("-ERR"));
    CHECK(client.talk("STAT").substr(0, 5) == "+OK 2");
}

TEST_CASE("a message is retrieved byte for byte, dots and all", "[pop3]")
{
    TestServer server;
    const std::string text = "Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n\r\nlast\r\n";
    CHECK_THAT(server.lmtp().deliver({"alice@example.org"}, text).at(0), Catch::StartsWith("250"));
    auto client = server.pop3();
    const auto got = client.retrieve("RETR 1");
    CHECK_THAT(got, Catch::StartsWith("Return-Path: <sender@example.com>\r\nReceived: from client.example.com ([127.0.0.1])"));
    CHECK_THAT(got, Catch::EndsWith(text));
    CHECK(client.talk("LIST 1") == "+OK 1 " + std::to_string(got.size()));
    CHECK(client.talk("STAT") == "+OK 1 " + std::to_string(got.size()));
    const auto top = client.retrieve("TOP 1 1");
    CHECK(got.rfind(top, 0) == 0);
    CHECK_THAT(top, Catch::EndsWith("\r\n\r\n.\r\n"));
}

TEST_CASE("DELE takes effect at QUIT alone", "[pop3][rfc1939-6]")
{
    TestServer server;
    server.fill(3);
    {
        auto client = server.pop3();
        CHECK_THAT(client.talk("DELE 2"), Catch::StartsWith("+OK"));
        CHECK_THAT(client.talk("DELE 2"), Catch::StartsWith("-ERR"));
        CHECK_THAT(client.talk("RETR 2"), Catch::StartsWith("-ERR"));
        CHECK(client.list("LIST").size() == 3); // status and two
        client.hangUp();
    }
    auto client = server.pop3();
    CHECK(client.talk("STAT").substr(0, 6) == "+OK 3 ");
    client.talk("DELE 1");
    client.talk("RSET");
    CHECK(client.talk("STAT").substr(0, 6) == "+OK 3 ");
    client.talk("DELE 1");
    CHECK_THAT(client.talk("QUIT"), Catch::StartsWith("+OK"));
    CHECK(client.closed());
    CHECK(server.pop3().talk("STAT").substr(0, 6) == "+OK 2 ");
}

TEST_CASE("the maildrop stands still while others change INBOX", "[pop3][two sessions]")
{
    TestServer server;
    server.fill(3);
    auto first = server.pop3();
    auto second = server.pop3();
    const auto ids = first.list("UIDL");
    server.lmtp().deliver({"alice@example.org"}, "Subject: new\r\n\r\nnew\r\n");
    second.talk("DELE 1");
    second.talk("DELE 2");
    CHECK_THAT(second.talk("QUIT"), Catch::StartsWith("+OK"));
    CHECK(first.talk("STAT").substr(0, 6) == "+OK 3 ");
    CHECK(first.list("UIDL") == ids);
    CHECK_THAT(first.retrieve("RETR 3"), Catch::ContainsSubstring("message 3"));
    // Deleting what another session has deleted already is success.
    first.talk("DELE 1");
    CHECK_THAT(first.talk("QUIT"), Catch::StartsWith("+OK"));
    CHECK(server.pop3().talk("STAT").substr(0, 6) == "+OK 2 ");
}

TEST_CASE("UIDLs are unique, printable and the same after a restart", "[pop3][uidl]")
{
    TestServer server;
    server.fill(20);
    const auto before = server.pop3().list("UIDL");
    REQUIRE(before.size() == 21);
    std::set<std::string> unique;
    for (std::size_t i = 1; i < before.size(); ++i) {
        const auto id = before[i].substr(before[i].find(' ') + 1);
        CHECK(id.size() <= 70);
        CHECK(std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; }));
        unique.insert(id);
    }
    CHECK(unique.size() == 20);
    server.restart();
    CHECK(server.pop3().list("UIDL") == before);
}

TEST_CASE("retrieving marks a message as read for every IMAP client, TOP does not", "[pop3][imap]")
{
    TestServer server;
    server.fill(2);
    auto client = server.pop3();
    client.retrieve("TOP 1 0");
    client.retrieve("RETR 2");
    client.talk("QUIT");
    auto imap = server.imap();
    imap.select();
    const auto flags = imap.talk("FETCH 1:2 (FLAGS)");
    REQUIRE(flags.size() == 3);
    CHECK(flags[0].find("\\Seen") == std::string::npos);
    CHECK(flags[1].find("\\Seen") != std::string::npos);
}

TEST_CASE("odd clients are forgiven what harms nobody", "[pop3]")
{
    TestServer server;
    server.fill(1);
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    client.send("user alice@example.org\npass secret\nstat \nLIST 1 \n");
    for (int i = 0; i < 4; ++i)
        CHECK_THAT(client.line(), Catch::StartsWith("+OK"));
}

TEST_CASE("a browser, an endless line and a flood of mistakes end the connection, and nobody else's", "[pop3][hostile]")
{
    TestServer server;
    server.fill(1);
    auto canary = server.pop3();
    auto browser = server.connect<Pop3Client>("pop3");
    browser.line();
    browser.send("POST / HTTP/1.1\r\nHost: x\r\n\r\nUSER alice@example.org\r\nPASS secret\r\n");
    const auto words = browser.rest();
    CHECK(words.find("+OK") == std::string::npos);

    auto endless = server.connect<Pop3Client>("pop3");
    endless.line();
    endless.send("USER " + std::string(1 << 16, 'x'));
    CHECK_THAT(endless.rest(), Catch::StartsWith("-ERR"));

    auto mistaken = server.pop3();
    for (int i = 0; i < 19; ++i)
        CHECK_THAT(mistaken.talk("FOO"), Catch::StartsWith("-ERR"));
    mistaken.send("FOO\r\n");
    CHECK_THAT(mistaken.rest(), Catch::ContainsSubstring("too many"));
    CHECK_THAT(canary.talk("NOOP"), Catch::StartsWith("+OK"));
}

TEST_CASE("shutting down says so and loses no deletion that was acknowledged", "[pop3][drain]")
{
    TestServer server;
    server.fill(2);
    auto idle = server.pop3();
    auto leaving = server.pop3();
    leaving.talk("DELE 1");
    CHECK_THAT(leaving.talk("QUIT"), Catch::StartsWith("+OK"));
    server.restart();
    CHECK_THAT(idle.rest(), Catch::StartsWith("-ERR [SYS/TEMP]"));
    CHECK(server.pop3().talk("STAT").substr(0, 6) == "+OK 1 ");
}

TEST_CASE("a stranger has so long to log in, whatever he says meanwhile", "[pop3][session][threats-26]")
{
    TestServer::Settings settings;
    settings.login_timeout = std::chrono::milliseconds(1500);
    TestServer server(std::move(settings));
    auto known = server.pop3();
    auto client = server.connect<Pop3Client>("pop3");
    client.line();

    SECTION("nothing") {}
    SECTION("a byte now and then")
    {
        for (int i = 0; i < 40 && client.waits(); ++i)
            client.send("U");
        CHECK_FALSE(client.waits()); // it was dropped
    }
    SECTION("a command now and then")
    {
        for (int i = 0; i < 40 && client.waits(); ++i) {
            client.send("USER x\r\n");
            if (const auto said = client.line(); said.starts_with("-")) {
                CHECK(said == "-ERR [SYS/TEMP] waited too long for a command");
                CHECK(client.closed());
                return;
            }
        }
        CHECK_FALSE(client.waits());
    }
    CHECK(client.line() == "-ERR [SYS/TEMP] waited too long for a command");
    CHECK(client.closed());
    CHECK(known.talk("NOOP") == "+OK still here");
}
