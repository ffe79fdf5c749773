#include "server/base/limits.h"
#include "tests/support/catch.h"
#include "tests/support/compressed.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <string>

using namespace postfach;
using namespace postfach::test;
using Catch::StartsWith;

namespace {

const std::string kBob = "LOGIN bob@example.org secret";

std::string answerTo(ImapClient& client, const std::string& command) { return client.talk(command).back(); }

} // namespace

TEST_CASE("UNAUTHENTICATE: when it is refused, and what comes behind it", "[imap][unauthenticate][rfc8437-3]")
{
    TestServer server;
    server.fill(2);
    SECTION("before login, with arguments, twice")
    {
        auto client = server.connect<ImapClient>("imap");
        CHECK(client.line().find(" UNAUTHENTICATE") != std::string::npos);
        CHECK_THAT(answerTo(client, "UNAUTHENTICATE"), StartsWith("BAD"));
        CHECK_THAT(answerTo(client, "LOGIN alice@example.org secret"), StartsWith("OK"));
        CHECK_THAT(answerTo(client, "UNAUTHENTICATE now"), StartsWith("BAD"));
        client.select();
        const auto left = client.talk("UNAUTHENTICATE");
        REQUIRE(left.size() == 1); // the mailbox goes in silence
        CHECK_THAT(left.front(), StartsWith("OK [CAPABILITY IMAP4rev1 "));
        CHECK(left.front().find(" LITERAL- ") != std::string::npos);
        CHECK(left.front().find(" AUTH=PLAIN") != std::string::npos);
        CHECK(left.front().find("COMPRESS") == std::string::npos);
        CHECK_THAT(answerTo(client, "UNAUTHENTICATE"), StartsWith("BAD"));
        CHECK_THAT(answerTo(client, "LIST \"\" *"), StartsWith("BAD"));
        CHECK_THAT(client.talk("FETCH 1 FLAGS").back(), StartsWith("BAD"));
        CHECK_THAT(client.line(), StartsWith("* BYE")); // three bad ones are what a stranger has
    }
    SECTION("the limits are a stranger's again")
    {
        auto client = server.imap();
        for (int i = 0; i < base::limits::kBadCommandsAfterLogin - 1; ++i)
            client.talk("FOO");
        client.talk("UNAUTHENTICATE");
        CHECK_THAT(answerTo(client, "FOO"), StartsWith("BAD"));
        CHECK_THAT(answerTo(client, "NOOP"), StartsWith("OK")); // those of before are not counted
        client.send("l LOGIN {5000+}\r\n");
        CHECK_THAT(client.line(), StartsWith("* BYE"));
    }
    SECTION("wrong passwords stay counted")
    {
        auto client = server.connect<ImapClient>("imap");
        client.line();
        CHECK_THAT(answerTo(client, "LOGIN bob@example.org wrong"), StartsWith("NO"));
        CHECK_THAT(answerTo(client, "LOGIN alice@example.org secret"), StartsWith("OK"));
        client.talk("UNAUTHENTICATE");
        CHECK_THAT(answerTo(client, "LOGIN bob@example.org wrong"), StartsWith("NO"));
        CHECK_THAT(answerTo(client, "LOGIN bob@example.org wrong"), StartsWith("NO"));
        CHECK_THAT(client.line(), StartsWith("* BYE"));
    }
    SECTION("in one piece with the next login")
    {
        auto client = server.imap();
        client.select();
        client.send("a UNAUTHENTICATE\r\nb AUTHENTICATE PLAIN AGJvYkBleGFtcGxlLm9yZwBzZWNyZXQ=\r\nc SELECT INBOX\r\n");
        CHECK_THAT(client.line(), StartsWith("a OK"));
        CHECK_THAT(client.line(), StartsWith("b OK"));
        const auto opened = client.until("c");
        CHECK(std::find(opened.begin(), opened.end(), "* 0 EXISTS") != opened.end()); // bob's
    }
    SECTION("under TLS, which stays")
    {
        auto client = server.connect<ImapClient>("imap");
        client.line();
        CHECK_THAT(answerTo(client, "STARTTLS"), StartsWith("OK"));
        client.startTls();
        client.talk("LOGIN alice@example.org secret");
        CHECK(answerTo(client, "UNAUTHENTICATE").find("STARTTLS") == std::string::npos);
        CHECK_THAT(answerTo(client, "STARTTLS"), StartsWith("BAD"));
        CHECK_THAT(answerTo(client, kBob), StartsWith("OK"));
    }
}

TEST_CASE("of the account that was left nothing is left on the connection", "[imap][unauthenticate][rfc8437-4.1]")
{
    TestServer server;
    server.fill(3);
    auto other = server.imap();
    other.select();
    auto client = server.imap();
    const auto become = [&client](const std::string& login) {
        CHECK_THAT(answerTo(client, "UNAUTHENTICATE"), StartsWith("OK"));
        CHECK_THAT(answerTo(client, login), StartsWith("OK"));
    };
    // bob has one mail, without a flag.
    become(kBob);
    client.append("INBOX", sampleMessage(1));
    become("LOGIN alice@example.org secret");

    SECTION("what was enabled")
    {
        client.talk("ENABLE IMAP4rev2 QRESYNC UIDONLY UTF8=ACCEPT");
        become(kBob);
        const auto opened = client.select();
        CHECK(std::find(opened.begin(), opened.end(), "* 1 RECENT") != opened.end()); // rev1
        CHECK(client.talk("FETCH 1 UID") == Lines{"* 1 FETCH (UID 1)", "OK FETCH completed"}); // no UIDONLY
        CHECK(client.talk("STORE 1 +FLAGS (\\Seen)") == Lines{"* 1 FETCH (FLAGS (\\Seen \\Recent))", "OK STORE completed"});
        CHECK_THAT(answerTo(client, "SELECT INBOX (QRESYNC (1 1))"), StartsWith("BAD"));
        client.talk("CREATE \"&AOQ-\"");
        CHECK(client.talk("LIST \"\" \"&AOQ-\"").front().find("&AOQ-") != std::string::npos);
        client.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
        CHECK(client.talk("EXPUNGE") == Lines{"* 1 EXPUNGE", "OK EXPUNGE completed"}); // no VANISHED
        CHECK(client.talk("ENABLE CONDSTORE").front() == "* ENABLED CONDSTORE"); // it was not
    }
    SECTION("the saved search result")
    {
        client.select();
        client.talk("SEARCH RETURN (SAVE) ALL");
        become(kBob);
        client.select();
        CHECK(client.talk("SEARCH $") == Lines{"* SEARCH", "OK SEARCH completed"});
    }
    SECTION("searches that are kept up to date, and news of the mailbox")
    {
        client.select();
        client.talk("SEARCH RETURN (UPDATE ALL) SEEN");
        become(kBob);
        other.talk("STORE 1:3 +FLAGS (\\Seen)");
        CHECK(client.talk("NOOP") == Lines{"OK NOOP completed"});
        client.select();
        CHECK(client.talk("NOOP") == Lines{"OK NOOP completed"});
        CHECK(client.talk("STORE 1 +FLAGS.SILENT (\\Seen)") == Lines{"OK STORE completed"});
    }
    SECTION("NOTIFY, of the selected mailbox and of others")
    {
        client.select("Archive");
        client.talk("NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName))");
        become(kBob);
        other.talk("CREATE New");
        server.fill(1);
        CHECK(client.waits());
        CHECK(client.talk("NOOP") == Lines{"OK NOOP completed"});
        client.select();
        other.talk("COPY 1 New");
        CHECK(client.waits());
    }
    SECTION("keywords")
    {
        client.select();
        client.talk("STORE 1 +FLAGS (AlicesOwn)");
        become(kBob);
        for (const auto& line : client.select())
            CHECK(line.find("AlicesOwn") == std::string::npos);
    }
}

TEST_CASE("UNAUTHENTICATE ends the compression behind its answer", "[imap][unauthenticate][compress][rfc8437-4.1]")
{
    TestServer server;
    server.fill(2);
    const bool tls = GENERATE(false, true);
    auto client = server.connect<ImapClient>(tls ? "imaps" : "imap", tls);
    client.line();
    client.talk("LOGIN alice@example.org secret");
    client.talk("COMPRESS DEFLATE");
    Compressed packed(client);
    packed.talk("SELECT INBOX");
    SECTION("a command behind it that is compressed ends the connection")
    {
        packed.send("u UNAUTHENTICATE\r\nl " + kBob + "\r\n");
        CHECK_THAT(packed.line(), StartsWith("* BYE"));
        CHECK(client.closed());
    }
    SECTION("BAD leaves it as it is")
    {
        CHECK_THAT(packed.talk("UNAUTHENTICATE now").back(), StartsWith("BAD"));
        CHECK(packed.talk("NOOP") == Lines{"OK NOOP completed"});
    }
    SECTION("the next login is text, in one piece with it or not, and may be compressed again")
    {
        const bool together = GENERATE(false, true);
        const std::string next = "l " + kBob + "\r\n";
        client.send(packed.pack("u UNAUTHENTICATE\r\n") + (together ? next : ""));
        const std::string answer = packed.line();
        CHECK_THAT(answer, StartsWith("u OK [CAPABILITY "));
        CHECK(answer.find("COMPRESS") == std::string::npos);
        CHECK(packed.ends());
        if (!together)
            client.send(next);
        const std::string welcome = client.line();
        CHECK_THAT(welcome, StartsWith("l OK"));
        CHECK(welcome.find(" COMPRESS=DEFLATE") != std::string::npos);
        CHECK(client.talk("COMPRESS DEFLATE") == Lines{"OK DEFLATE active"});
        Compressed anew(client);
        CHECK(anew.talk("NOOP") == Lines{"OK NOOP completed"});
        client.send(anew.pack("u UNAUTHENTICATE\r\n"));
        CHECK_THAT(anew.line(), StartsWith("u OK"));
        CHECK(anew.ends());
        CHECK_THAT(client.talk("LOGOUT").front(), StartsWith("* BYE"));
        CHECK(client.closed());
    }
}
