#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach::test;
using Catch::StartsWith;

TEST_CASE("commands out of their order are refused", "[lmtp][rfc2033]")
{
    TestServer server;
    auto client = server.lmtp();
    CHECK_THAT(client.talk("MAIL FROM:<>"), StartsWith("503"));
    CHECK_THAT(client.talk("EHLO x"), StartsWith("500"));
    CHECK_THAT(client.talk("LHLO"), StartsWith("501"));
    CHECK_THAT(client.talk("LHLO x"), StartsWith("250 SIZE 52428800"));
    CHECK_THAT(client.talk("RCPT TO:<alice@example.org>"), StartsWith("503"));
    CHECK_THAT(client.talk("DATA"), StartsWith("503"));
    CHECK_THAT(client.talk("MAIL FROM:<a@b.example>"), StartsWith("250"));
    CHECK_THAT(client.talk("MAIL FROM:<a@b.example>"), StartsWith("503"));
    CHECK_THAT(client.talk("DATA"), StartsWith("503"));
    CHECK_THAT(client.talk("BDAT 18446744073709551615 LAST"), StartsWith("500"));
    CHECK_THAT(client.talk("RSET"), StartsWith("250"));
    CHECK_THAT(client.talk("QUIT"), StartsWith("221"));
    CHECK(client.closed());
}

TEST_CASE("who is not here is refused, aliases, details and case find their account", "[lmtp][recipients]")
{
    TestServer server;
    server.store().writeAndWait([](postfach::store::WriteTx& tx) { tx.putAlias("office@example.org", {"alice@example.org", "bob@example.org"}); });
    auto client = server.lmtp();
    client.talk("LHLO x");
    client.talk("MAIL FROM:<>");
    CHECK(client.talk("RCPT TO:<nobody@example.org>").substr(0, 9) == "550 5.1.1");
    CHECK(client.talk("RCPT TO:<alice@elsewhere.example>").substr(0, 9) == "550 5.1.1");
    for (const auto* bad : {"RCPT TO:<>", "RCPT TO:<\"\"@localhost>", "RCPT TO:alice@example.org", "RCPT TO:<a\xC3@example.org>"})
        CHECK_THAT(client.talk(bad), StartsWith("553"));
    CHECK_THAT(client.talk("RCPT TO:<%{env:PATH}@example.org>"), StartsWith("553"));
    CHECK_THAT(client.talk("RCPT TO:<%{PATH}@example.org>"), StartsWith("550"));
    for (const auto* good : {"RCPT TO:<Alice@EXAMPLE.org>", "RCPT TO:<alice+lists/../x@example.org>", "RCPT TO:<office@example.org>"})
        CHECK_THAT(client.talk(good), StartsWith("250"));
    CHECK_THAT(client.talk("DATA"), StartsWith("354"));
    client.send("Subject: x\r\n\r\nx\r\n.\r\n");
    for (int i = 0; i < 3; ++i)
        CHECK_THAT(client.line(), StartsWith("250 2.0.0"));
    // One copy each, however many of the recipients led there.
    CHECK(server.pop3("alice@example.org").talk("STAT").substr(0, 6) == "+OK 1 ");
    CHECK(server.pop3("bob@example.org").talk("STAT").substr(0, 6) == "+OK 1 ");
}

TEST_CASE("recipients past the bound are asked to come in another session", "[lmtp][hostile]")
{
    TestServer server;
    auto client = server.lmtp();
    client.talk("LHLO x");
    client.talk("MAIL FROM:<>");
    std::string many;
    for (int i = 0; i < 1001; ++i)
        many += "RCPT TO:<alice+" + std::to_string(i) + "@example.org>\r\n";
    client.send(many);
    for (int i = 0; i < 1000; ++i)
        REQUIRE_THAT(client.line(), StartsWith("250"));
    CHECK_THAT(client.line(), StartsWith("452 4.5.3"));
    client.talk("DATA");
    client.send("Subject: x\r\n\r\nx\r\n.\r\n");
    for (int i = 0; i < 1000; ++i)
        REQUIRE_THAT(client.line(), StartsWith("250"));
    CHECK_THAT(client.talk("NOOP"), StartsWith("250"));
}

TEST_CASE("only CRLF.CRLF ends a mail: smuggled commands arrive as text", "[lmtp][smuggling]")
{
    using namespace std::string_literals;
    TestServer server;
    auto client = server.lmtp();
    int mails = 0;
    for (const auto& end : {"\n.\n"s, "\n.\r\n"s, "\r\n.\n"s, "\r.\r"s, "\r\n.\r"s, "\r.\r\n"s, "\r\n\0.\r\n"s, "\n.\r.\n"s}) {
        const auto message = "Subject: smuggle\r\n\r\ntext" + end + "MAIL FROM:<x@y.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n";
        CHECK_THAT(client.deliver({"alice@example.org"}, message).at(0), StartsWith("250"));
        ++mails;
        CHECK(server.pop3().talk("STAT").substr(0, 6) == "+OK " + std::to_string(mails) + " ");
    }
}

TEST_CASE("bare line ends become CRLF and nothing else changes", "[lmtp]")
{
    using namespace std::string_literals;
    TestServer server;
    const auto message = "Subject: bytes\r\n\r\nlf\nend cr\rend nul\0 8bit \xff\xc3 "s + std::string(5000, 'x') + "\r\n";
    server.lmtp().deliver({"alice@example.org"}, message);
    auto expected = "Subject: bytes\r\n\r\nlf\r\nend cr\r\nend nul\0 8bit \xff\xc3 "s + std::string(5000, 'x') + "\r\n";
    CHECK_THAT(server.pop3().retrieve("RETR 1"), Catch::EndsWith(expected));
}

TEST_CASE("messages over the limit are refused, told or not", "[lmtp][limits]")
{
    TestServer::Settings settings;
    settings.config = {{"limits.message_size", "100 KiB"}};
    TestServer server(settings);
    auto client = server.lmtp();
    client.talk("LHLO x");
    CHECK(client.talk("MAIL FROM:<> SIZE=102401").substr(0, 9) == "552 5.3.4");
    CHECK_THAT(client.talk("MAIL FROM:<> SIZE=99999999999999999999"), StartsWith("501"));
    const std::string line(998, 'x');
    std::string large = "Subject: large\r\n\r\n";
    while (large.size() < 300'000)
        large += line + "\r\n";
    CHECK_THAT(client.deliver({"alice@example.org", "bob@example.org"}, large).at(1), StartsWith("552 5.3.4"));
    std::string grows = "Subject: line ends of one byte\n\n"; // kept with two: IMAP's APPENDLIMIT would not let it back in
    while (grows.size() < 80'000)
        grows += "x\n";
    CHECK_THAT(client.deliver({"alice@example.org"}, grows).at(0), StartsWith("552 5.3.4"));
    CHECK_THAT(client.deliver({"alice@example.org"}, "Subject: small\r\n\r\nx\r\n").at(0), StartsWith("250"));
    CHECK(server.pop3().talk("STAT").substr(0, 6) == "+OK 1 ");
}

TEST_CASE("a line of ten megabytes is kept as it came", "[lmtp][hostile][threat-32]")
{
    TestServer server;
    const std::string message = "Subject: long\r\n\r\n" + std::string(10 << 20, 'x') + "\r\n.dot\r\n";
    CHECK_THAT(server.lmtp().deliver({"alice@example.org"}, message).at(0), StartsWith("250"));
    CHECK_THAT(server.pop3().retrieve("RETR 1"), Catch::EndsWith(message));
}

TEST_CASE("an address beyond ASCII is taken from who says SMTPUTF8", "[lmtp][recipients][rfc6531][threat-30]")
{
    const std::string address = "gr\xC3\xBC\xC3\x9F" "e@example.org";
    TestServer server;
    server.store().writeAndWait([&](postfach::store::WriteTx& tx) { tx.putAlias(address, {"alice@example.org"}); });
    auto client = server.lmtp();
    client.talk("LHLO x");
    CHECK_THAT(client.talk("MAIL FROM:<" + address + ">"), StartsWith("553 5.6.7"));
    CHECK_THAT(client.talk("MAIL FROM:<> BODY=8BITMIME"), StartsWith("250"));
    CHECK_THAT(client.talk("RCPT TO:<" + address + ">"), StartsWith("553 5.6.7"));
    CHECK_THAT(client.talk("RSET"), StartsWith("250"));
    CHECK_THAT(client.talk("MAIL FROM:<" + address + "> SMTPUTF8"), StartsWith("250"));
    CHECK_THAT(client.talk("RCPT TO:<" + address + ">"), StartsWith("250"));
    CHECK_THAT(client.talk("RSET"), StartsWith("250"));
    CHECK_THAT(client.talk("MAIL FROM:<>"), StartsWith("250"));
    CHECK_THAT(client.talk("RCPT TO:<" + address + ">"), StartsWith("553 5.6.7")); // it ended with its transaction
}

TEST_CASE("a full mailbox is its own recipient's answer", "[lmtp][quota]")
{
    TestServer server;
    server.addAccount("small@example.org", "secret", 2000);
    auto client = server.lmtp();
    const std::string message = "Subject: big\r\n\r\n" + std::string(3000, 'x') + "\r\n";
    const auto answers = client.deliver({"small@example.org", "alice@example.org"}, message);
    CHECK(answers.at(0).substr(0, 9) == "452 4.2.2");
    CHECK_THAT(answers.at(1), StartsWith("250"));
    CHECK(client.deliver({"small@example.org"}, message).at(0).substr(0, 9) == "452 4.2.2");
    CHECK(server.pop3("small@example.org").talk("STAT") == "+OK 0 0");
}

TEST_CASE("an alias with one full mailbox does not fill the others with copies", "[lmtp][quota]")
{
    TestServer server;
    server.addAccount("small@example.org", "secret", 2000);
    server.store().writeAndWait([](postfach::store::WriteTx& tx) { tx.putAlias("team@example.org", {"alice@example.org", "small@example.org"}); });
    const std::string message = "Subject: big\r\n\r\n" + std::string(3000, 'x') + "\r\n";
    CHECK_THAT(server.lmtp().deliver({"team@example.org"}, message).at(0), StartsWith("552 5.2.2"));
    CHECK(server.pop3().talk("STAT").substr(0, 6) == "+OK 1 ");
}

TEST_CASE("infected mail is kept aside and a notice stands in its place", "[lmtp][scan]")
{
    TestServer server;
    const auto answers = server.lmtp().deliver({"alice@example.org", "bob@example.org"}, "From: Evil <evil@example.com>\r\nSubject: invoice\r\n\r\n" + eicar() + "\r\n");
    CHECK_THAT(answers.at(0), StartsWith("250"));
    auto client = server.pop3();
    CHECK(client.talk("STAT").substr(0, 6) == "+OK 1 ");
    const auto notice = client.retrieve("RETR 1");
    CHECK(notice.find(eicar()) == std::string::npos);
    for (const auto* wanted : {"evil@example.com", "invoice", "Eicar-Test-Signature", "administrator"})
        CHECK_THAT(notice, Catch::ContainsSubstring(wanted));
    CHECK(server.store().read()->quarantine({}).size() == 2);
}

TEST_CASE("a mail that comes again is not scanned again, and none is taken on a known word while the scanner is away", "[lmtp][scan]")
{
    TestServer server;
    auto client = server.lmtp();
    client.talk("LHLO x");
    const auto deliver = [&client](const std::string& to, const std::string& text) {
        client.talk("MAIL FROM:<>");
        client.talk("RCPT TO:<" + to + ">");
        CHECK_THAT(client.talk("DATA"), StartsWith("354"));
        return client.talk("Subject: x\r\n\r\n" + text + "\r\n.").substr(0, 3);
    };
    CHECK(deliver("alice@example.org", eicar()) == "250"); // kept aside
    CHECK(deliver("bob@example.org", eicar()) == "250");
    CHECK(server.scanner().scans == 2); // what is not clean is scanned each time
    CHECK(deliver("alice@example.org", "one") == "250");
    CHECK(deliver("bob@example.org", "one") == "250");
    CHECK(server.scanner().scans == 3);
    CHECK(deliver("bob@example.org", "one more") == "250");
    CHECK(server.scanner().scans == 4);
    CHECK(server.pop3("bob@example.org").talk("STAT").substr(0, 6) == "+OK 3 ");
    server.scanner().available = false;
    CHECK(deliver("alice@example.org", "one") == "451");
}

TEST_CASE("a mail that is brought again is the same to the scanner, whatever head it gets here", "[lmtp][scan]")
{
    TestServer server;
    server.scanner().available = false;
    auto client = server.lmtp();
    for (const auto* text : {"Subject: one\r\n\r\ntext\r\n", "Subject: one\r\n\r\ntext\r\n", "Subject: two\r\n\r\ntext\r\n"})
        CHECK_THAT(client.deliver({"alice@example.org"}, text).at(0), Catch::StartsWith("451 4.7.0"));
    const auto pieces = server.scanner().looked();
    const auto keys = server.scanner().keys();
    REQUIRE(keys.size() == 3);
    CHECK(pieces[0] != pieces[1]);
    CHECK_FALSE(keys[0].empty());
    CHECK(keys[0] == keys[1]);
    CHECK(keys[2] != keys[0]);
}

TEST_CASE("policies of the scanner: reject, tempfail, accept", "[lmtp][scan]")
{
    const std::string clean = "Subject: clean\r\n\r\nx\r\n", infected = "Subject: x\r\n\r\n" + eicar() + "\r\n";
    TestServer::Settings settings;
    settings.config = {{"scanner.infected", "reject"}};
    TestServer server(settings);
    auto client = server.lmtp();
    const auto refused = client.deliver({"alice@example.org"}, infected).at(0);
    CHECK_THAT(refused, StartsWith("550 5.7.1") && Catch::ContainsSubstring("Eicar"));
    server.scanner().available = false;
    CHECK(client.deliver({"alice@example.org"}, clean).at(0).substr(0, 9) == "451 4.7.0");
    CHECK(server.pop3().talk("STAT") == "+OK 0 0");

    settings.config = {{"scanner.unavailable", "accept"}};
    TestServer accepting(settings);
    accepting.scanner().available = false;
    CHECK_THAT(accepting.lmtp().deliver({"alice@example.org"}, clean).at(0), StartsWith("250"));
    auto imap = accepting.imap();
    imap.select();
    CHECK_THAT(imap.talk("FETCH 1 FLAGS").at(0), Catch::ContainsSubstring("$Unscanned"));
}

TEST_CASE("a client that leaves in the middle leaves nothing behind", "[lmtp][hostile]")
{
    TestServer server;
    auto canary = server.lmtp();
    canary.talk("LHLO canary");
    auto client = server.lmtp();
    client.talk("LHLO x");
    client.talk("MAIL FROM:<>");
    client.talk("RCPT TO:<alice@example.org>");
    client.talk("DATA");
    client.send("Subject: half\r\n\r\nhalf a mess");
    client.hangUp();
    auto browser = server.connect<LmtpClient>("lmtp");
    browser.line();
    browser.send("GET / HTTP/1.1\r\nLHLO x\r\nMAIL FROM:<>\r\n\r\n");
    CHECK(browser.rest().find("250") == std::string::npos);
    CHECK_THAT(canary.deliver({"alice@example.org"}, "Subject: whole\r\n\r\nwhole\r\n").at(0), StartsWith("250"));
    CHECK(server.pop3().talk("STAT").substr(0, 6) == "+OK 1 ");
}

TEST_CASE("STARTTLS forgets what was said in the clear and runs nothing behind it", "[lmtp][tls]")
{
    TestServer server;
    auto injected = server.lmtp();
    injected.talk("LHLO x");
    injected.send("STARTTLS\r\nRSET\r\n");
    CHECK(injected.rest().find("forgotten") == std::string::npos);

    auto client = server.lmtp();
    client.talk("LHLO x");
    CHECK_THAT(client.talk("STARTTLS"), StartsWith("220"));
    client.startTls();
    CHECK_THAT(client.talk("MAIL FROM:<>"), StartsWith("503"));
    CHECK_THAT(client.deliver({"alice@example.org"}, "Subject: x\r\n\r\nx\r\n").at(0), StartsWith("250"));
    CHECK_THAT(server.pop3().retrieve("RETR 1"), Catch::ContainsSubstring("with LMTPS"));
}

TEST_CASE("a peer that says nothing is told so and let go, between commands and in the middle of a mail", "[lmtp][idle][rfc5321-4.5.3.2.7]")
{
    TestServer::Settings settings;
    settings.lmtp_idle = std::chrono::milliseconds(1500);
    TestServer server(std::move(settings));
    auto lmtp = server.lmtp();

    SECTION("at once") {}
    SECTION("in a transaction")
    {
        for (const char* command : {"LHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<alice@example.org>"})
            CHECK_THAT(lmtp.talk(command), Catch::StartsWith("250"));
    }
    SECTION("in the middle of DATA")
    {
        for (const char* command : {"LHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<alice@example.org>", "DATA"})
            lmtp.talk(command);
        lmtp.send("Subject: half\r\n\r\nand no");
    }
    CHECK_THAT(lmtp.line(), Catch::StartsWith("421 4.4.2"));
    CHECK(lmtp.closed());
    CHECK(server.imap().talk("STATUS INBOX (MESSAGES)").front() == "* STATUS INBOX (MESSAGES 0)");
}
