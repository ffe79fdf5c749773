#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <chrono>

using namespace postfach::test;

namespace {

std::string esearch(const std::string& tag, const std::string& rest) { return "* ESEARCH (TAG \"" + tag + "\")" + rest; }

// Keeps a search up to date; its tag.
std::string keep(ImapClient& client, const std::string& command)
{
    const std::string tag = client.sendTagged(command);
    CHECK_THAT(client.until(tag).back(), Catch::StartsWith("OK"));
    return tag;
}

} // namespace

TEST_CASE("a search that is kept up to date tells what begins and ceases to match", "[imap][search][context][rfc5267-4.3]")
{
    TestServer server;
    server.fill(5);
    auto client = server.imap();
    auto other = server.imap();
    client.select();
    other.select();

    SECTION("refusals")
    {
        for (const auto* command : {"CANCELUPDATE", "CANCELUPDATE x", "CANCELUPDATE \"x", "CANCELUPDATE (\"x\")"})
            CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
        client.send("same SEARCH RETURN (UPDATE COUNT) SEEN\r\n");
        CHECK_THAT(client.until("same").back(), Catch::StartsWith("OK"));
        client.send("same SEARCH RETURN (UPDATE COUNT) SEEN\r\n");
        CHECK_THAT(client.until("same").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("CANCELUPDATE \"same\" \"none\"").back(), Catch::StartsWith("NO"));
        CHECK(client.talk("CANCELUPDATE \"same\"") == Lines{"OK CANCELUPDATE completed"});
        CHECK_THAT(client.talk("CANCELUPDATE \"same\"").back(), Catch::StartsWith("NO"));
    }
    SECTION("flags of others and of oneself")
    {
        const auto tag = client.sendTagged("UID SEARCH RETURN (UPDATE COUNT) SEEN");
        CHECK(client.until(tag) == Lines{esearch(tag, " UID COUNT 0"), "OK UID SEARCH completed"});
        other.talk("STORE 2:3 +FLAGS.SILENT (\\Seen)");
        Lines news = client.talk("NOOP");
        CHECK(news.size() == 4);
        CHECK(news[2] == esearch(tag, " UID ADDTO (0 2:3)"));
        CHECK(client.talk("NOOP").size() == 1);
        news = client.talk("STORE 3:4 FLAGS.SILENT ()");
        CHECK(news == Lines{esearch(tag, " UID REMOVEFROM (0 3)"), "OK STORE completed"});
        other.talk("STORE 2 -FLAGS.SILENT (\\Seen)");
        other.talk("STORE 5 +FLAGS.SILENT (\\Seen)");
        news = client.talk("NOOP");
        CHECK(news[news.size() - 2] == esearch(tag, " UID REMOVEFROM (0 2) ADDTO (0 5)"));
    }
    SECTION("arrivals behind their EXISTS, expunged ones before their EXPUNGE, by the numbers of then")
    {
        const auto tag = keep(client, "SEARCH RETURN (UPDATE ALL) SUBJECT message");
        server.fill(1);
        CHECK(client.talk("NOOP") == Lines{"* 6 EXISTS", "* 6 RECENT", esearch(tag, " ADDTO (0 6)"), "OK NOOP completed"});
        other.talk("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
        other.talk("EXPUNGE");
        // Numbers may not move now: the messages and their number stay.
        CHECK(client.talk("SEARCH 1:3") == Lines{"* SEARCH 1 2 3", "OK SEARCH completed"});
        server.fill(1);
        CHECK(client.talk("SEARCH 1:3") == Lines{"* SEARCH 1 2 3", "OK SEARCH completed"});
        const Lines news = client.talk("NOOP");
        REQUIRE(news.size() == 7);
        CHECK(news[0] == esearch(tag, " REMOVEFROM (0 2,4)"));
        CHECK(news[1] == "* 4 EXPUNGE");
        CHECK(news[2] == "* 2 EXPUNGE");
        CHECK(news[3] == "* 5 EXISTS");
        CHECK(news[5] == esearch(tag, " ADDTO (0 5)"));
        CHECK(client.talk("CANCELUPDATE \"" + tag + "\"").size() == 1);
        server.fill(1);
        CHECK(client.talk("NOOP").size() == 3);
    }
    SECTION("text is read for it, in IDLE too, and several searches are told of each")
    {
        const auto one = keep(client, "UID SEARCH RETURN (UPDATE) BODY needle");
        const auto two = keep(client, "UID SEARCH RETURN (UPDATE CONTEXT) NOT FLAGGED UNSEEN");
        const auto idle = client.sendTagged("IDLE");
        CHECK(client.line() == "+ Idling");
        other.append("INBOX", "Subject: x\r\n\r\nA needle.\r\n");
        CHECK(client.line() == "* 6 EXISTS");
        CHECK_THAT(client.line(), Catch::EndsWith(" RECENT"));
        CHECK(client.line() == esearch(one, " UID ADDTO (0 6)"));
        CHECK(client.line() == esearch(two, " UID ADDTO (0 6)"));
        client.send("DONE\r\n");
        CHECK(client.until(idle).size() == 1);
    }
    SECTION("they end with the mailbox")
    {
        const auto tag = keep(client, "SEARCH RETURN (UPDATE) SEEN");
        client.select();
        other.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
        CHECK(client.talk("NOOP").size() == 2);
        CHECK_THAT(client.talk("CANCELUPDATE \"" + tag + "\"").back(), Catch::StartsWith("NO"));
    }
    SECTION("not too many, and not what changes without news")
    {
        for (const auto* keys : {"1:3", "$", "UID $", "YOUNGER 60", "NOT (SEEN OLDER 60)"}) {
            const auto tag = client.sendTagged(std::string("SEARCH RETURN (UPDATE COUNT) ") + keys);
            const Lines lines = client.until(tag);
            REQUIRE(lines.size() == 3);
            CHECK_THAT(lines[1], Catch::StartsWith("* NO [NOUPDATE \"" + tag + "\"]"));
            CHECK(lines[2] == "OK SEARCH completed");
        }
        for (int i = 0; i < 8; ++i)
            CHECK(client.talk("SEARCH RETURN (UPDATE COUNT) SEEN").size() == 2);
        CHECK_THAT(client.talk("SEARCH RETURN (UPDATE COUNT) SEEN")[1], Catch::StartsWith("* NO [NOUPDATE "));
    }
}
