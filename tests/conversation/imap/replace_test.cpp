#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>

using namespace postfach;
using namespace postfach::test;

namespace {

std::string sent(const std::string& text) { return "{" + std::to_string(text.size()) + "+}\r\n" + text; }

std::vector<std::string> recoverableFrom(TestServer& server, const std::string& mailbox)
{
    const auto tx = server.store().read();
    store::RecoverableFilter filter;
    filter.mailbox = mailbox;
    std::vector<std::string> bodies;
    for (const auto& one : tx->recoverable(tx->findAccount("alice@example.org")->id, filter, {}))
        bodies.push_back(tx->body(one.body));
    return bodies;
}

} // namespace

TEST_CASE("REPLACE puts a new message in the place of an old one", "[imap][replace][rfc8508]")
{
    TestServer server;
    server.fill(3, "Drafts");
    auto client = server.imap();
    const std::string fresh = sampleMessage(7);

    SECTION("refusals change nothing, and read away what is on its way")
    {
        CHECK_THAT(client.talk("REPLACE 1 Drafts " + sent(fresh)).back(), Catch::StartsWith("BAD"));
        client.select("Drafts");
        const std::vector<std::string> refused{"REPLACE", "REPLACE 1", "REPLACE 1 Drafts", "REPLACE 0 Drafts " + sent(fresh),
            "REPLACE 4 Drafts " + sent(fresh), "REPLACE 1:2 Drafts " + sent(fresh), "REPLACE x Drafts " + sent(fresh),
            "UID REPLACE 1,3 Drafts " + sent(fresh), "REPLACE 1 Drafts (\\Nonsense) " + sent(fresh),
            "REPLACE 1 Drafts " + sent(fresh) + " " + sent(fresh), "REPLACE 1 Drafts \"text\""};
        for (const std::string& wrong : refused)
            CHECK_THAT(client.talk(wrong).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("UID REPLACE 99 Drafts " + sent(fresh)).back(), Catch::StartsWith("NO [NONEXISTENT]"));
        CHECK_THAT(client.talk("REPLACE 1 nowhere " + sent(fresh)).back(), Catch::StartsWith("NO [TRYCREATE]"));
        CHECK_THAT(client.talk("REPLACE 1 Drafts " + sent("Subject: x\r\n\r\n" + eicar())).back(),
            Catch::StartsWith("NO [CANNOT] message contains"));
        CHECK(client.talk("STATUS Drafts (MESSAGES UIDNEXT)").front() == "* STATUS Drafts (MESSAGES 3 UIDNEXT 4)");
        client.examine("Drafts");
        CHECK_THAT(client.talk("REPLACE 1 Drafts " + sent(fresh)).back(), Catch::StartsWith("NO [READ-ONLY]"));
    }
    SECTION("the answer says where it is before the old number goes; others hear of both at once")
    {
        auto other = server.imap();
        client.select("Drafts");
        other.select("Drafts");
        const auto lines = client.talk("REPLACE 2 Drafts (\\Draft $Seal) \" 5-Feb-2026 12:00:00 +0000\" " + sent(fresh));
        REQUIRE(lines.size() >= 4);
        CHECK_THAT(lines[0], Catch::StartsWith("* OK [APPENDUID "));
        CHECK_THAT(lines[0], Catch::ContainsSubstring(" 4] "));
        CHECK(lines[1] == "* 2 EXPUNGE");
        CHECK(lines[2] == "* 3 EXISTS");
        CHECK(lines.back() == "OK REPLACE completed");
        const auto news = other.talk("NOOP");
        CHECK(news[0] == "* 2 EXPUNGE");
        CHECK(news[1] == "* 3 EXISTS");
        client.talk("FETCH 3 FLAGS"); // learns the keyword
        CHECK(client.talk("FETCH 3 (UID FLAGS INTERNALDATE)").front()
            == "* 3 FETCH (UID 4 FLAGS (\\Draft \\Recent $Seal) INTERNALDATE \"05-Feb-2026 12:00:00 +0000\")");
        CHECK(client.talk("UID FETCH 4 BODY.PEEK[]").front()
            == "* 3 FETCH (UID 4 BODY[] {" + std::to_string(fresh.size()) + "}\r\n" + fresh + ")");
        CHECK(client.talk("STATUS Trash (MESSAGES)").front() == "* STATUS Trash (MESSAGES 0)");
        CHECK(recoverableFrom(server, "Drafts") == std::vector<std::string>{sampleMessage(2)});
    }
    SECTION("by UID, into another mailbox, made of the old one")
    {
        client.select("Drafts");
        const auto lines =
            client.talk("UID REPLACE 1 Sent (\\Seen) CATENATE (TEXT " + sent("X-Sent: yes\r\n") + " URL \"/Drafts/;UID=1\")");
        CHECK_THAT(lines[0], Catch::StartsWith("* OK [APPENDUID "));
        CHECK(lines[1] == "* 1 EXPUNGE");
        CHECK(lines.back() == "OK UID REPLACE completed");
        client.select("Sent");
        const std::string sent_mail = "X-Sent: yes\r\n" + sampleMessage(1);
        CHECK(client.talk("FETCH 1 BODY.PEEK[]").front()
            == "* 1 FETCH (BODY[] {" + std::to_string(sent_mail.size()) + "}\r\n" + sent_mail + ")");
    }
    SECTION("only the difference counts against the quota")
    {
        server.addAccount("full@example.org", "secret", 1'500);
        auto full = server.imap("full@example.org");
        const std::string big = sampleMessage(1, std::string(900, 'x') + "\r\n");
        CHECK_THAT(full.append("Drafts", big).back(), Catch::StartsWith("OK"));
        CHECK_THAT(full.append("Drafts", big).back(), Catch::StartsWith("NO [OVERQUOTA]"));
        full.select("Drafts");
        CHECK(full.talk("REPLACE 1 Drafts " + sent(big + "more\r\n")).back() == "OK REPLACE completed");
        CHECK_THAT(full.talk("REPLACE 1 Drafts {3000}").back(), Catch::StartsWith("NO [OVERQUOTA]"));
        CHECK(full.talk("STATUS Drafts (MESSAGES)").front() == "* STATUS Drafts (MESSAGES 1)");
    }
    SECTION("what another session took away meanwhile is not replaced")
    {
        auto other = server.imap();
        client.select("Drafts");
        other.select("Drafts");
        client.send("r REPLACE 2 Drafts {" + std::to_string(fresh.size()) + "}\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("+ "));
        other.talk("MOVE 2 Archive");
        client.send(fresh + "\r\n");
        CHECK_THAT(client.until("r").back(), Catch::StartsWith("NO [EXPUNGEISSUED]"));
        CHECK(client.talk("STATUS Drafts (MESSAGES UIDNEXT)").front() == "* STATUS Drafts (MESSAGES 2 UIDNEXT 4)");
    }
}
