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
    SECTION("new messages that match are shown as was asked, before they are named (RFC 5465 7)")
    {
        for (const auto* wrong : {"UPDATE ()", "UPDATE (NONSENSE)", "UPDATE (UID", "UPDATE (UID) (FLAGS)", "COUNT (UID)"})
            CHECK_THAT(client.talk(std::string("SEARCH RETURN (") + wrong + ") ALL").back(), Catch::StartsWith("BAD"));
        const auto one = keep(client, "UID SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (SUBJECT)])) SUBJECT offer");
        const auto two = keep(client, "UID SEARCH RETURN (UPDATE(RFC822.SIZE UID)) BODY needle");
        const auto all = keep(client, "UID SEARCH RETURN (UPDATE) UNSEEN");
        other.talk("UNSELECT"); // what comes is recent here
        const std::string head = "BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: offer\r\n\r\n";
        other.append("INBOX", "Subject: offer\r\n\r\nA needle.\r\n");
        other.append("INBOX", "Subject: other\r\n\r\nNothing.\r\n");
        other.append("INBOX", "Subject: offer\r\n\r\nNothing.\r\n");
        CHECK(client.talk("NOOP")
            == Lines{"* 8 EXISTS", "* 8 RECENT", "* 8 FETCH (UID 8 " + head + ")", "* 6 FETCH (UID 6 RFC822.SIZE 29 " + head + ")",
                esearch(one, " UID ADDTO (0 6,8)"), esearch(two, " UID ADDTO (0 6)"), esearch(all, " UID ADDTO (0 6:8)"),
                "OK NOOP completed"});
        // Nothing of it was marked as read; and what begins to match by its flags is not new.
        const auto seen = keep(client, "UID SEARCH RETURN (UPDATE (UID ENVELOPE)) SEEN");
        other.select();
        other.talk("UID STORE 7 +FLAGS.SILENT (\\Seen)");
        other.talk("UNSELECT");
        const Lines news = client.talk("NOOP");
        REQUIRE(news.size() == 4);
        CHECK_THAT(news[0], Catch::StartsWith("* 7 FETCH (FLAGS ("));
        CHECK(news[1] == esearch(all, " UID REMOVEFROM (0 7)"));
        CHECK(news[2] == esearch(seen, " UID ADDTO (0 7)"));
        client.talk("CANCELUPDATE \"" + one + "\" \"" + two + "\" \"" + all + "\" \"" + seen + "\"");

        // With NOTIFY each new message is shown once, with all that was asked for.
        const auto both = keep(client, "UID SEARCH RETURN (UPDATE (UID RFC822.SIZE)) SUBJECT offer");
        client.talk("NOTIFY SET (selected MessageNew (UID FLAGS) MessageExpunge)");
        other.append("INBOX", "Subject: other\r\n\r\nA.\r\n");
        CHECK(client.line() == "* 9 EXISTS");
        CHECK_THAT(client.line(), Catch::EndsWith(" RECENT"));
        CHECK(client.line() == "* 9 FETCH (UID 9 FLAGS (\\Recent))");
        other.append("INBOX", "Subject: offer\r\n\r\nB.\r\n");
        CHECK(client.line() == "* 10 EXISTS");
        CHECK_THAT(client.line(), Catch::EndsWith(" RECENT"));
        CHECK(client.line() == "* 10 FETCH (UID 10 FLAGS (\\Recent) RFC822.SIZE 22)");
        CHECK(client.line() == esearch(both, " UID ADDTO (0 10)"));
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
