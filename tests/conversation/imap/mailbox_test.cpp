#include "tests/support/catch.h"
#include "tests/support/test_server.h"
#include "tests/support/work.h"

#include <algorithm>
#include <chrono>

using namespace postfach;
using namespace postfach::test;

namespace {
bool has(const Lines& lines, const std::string& line) { return std::find(lines.begin(), lines.end(), line) != lines.end(); }
} // namespace

TEST_CASE("LIST tells hierarchy, children and special use", "[imap][list][rfc9051-6.3.9][rfc6154]")
{
    TestServer server;
    auto client = server.imap();
    client.talk("CREATE work/2026/march");
    SECTION("refusals")
    {
        CHECK_THAT(client.talk("LIST").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("LIST \"\"").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("LIST (NONSENSE) \"\" *").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("LIST (RECURSIVEMATCH) \"\" *").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("LIST \"\" * RETURN (NONSENSE)").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("LIST \"\" &Jjo").back(), Catch::StartsWith("NO"));
    }
    SECTION("a fresh account")
    {
        const auto lines = client.talk("LIST \"\" %");
        CHECK(lines.front() == "* LIST (\\HasNoChildren) \"/\" INBOX");
        for (const auto* line : {"* LIST (\\HasNoChildren \\Drafts) \"/\" Drafts", "* LIST (\\HasNoChildren \\Sent) \"/\" Sent",
                                 "* LIST (\\HasNoChildren \\Junk) \"/\" Junk", "* LIST (\\HasNoChildren \\Trash) \"/\" Trash",
                                 "* LIST (\\HasNoChildren \\Archive) \"/\" Archive", "* LIST (\\HasChildren) \"/\" work"})
            CHECK(has(lines, line));
        CHECK(lines.size() == 8);
    }
    SECTION("patterns and references")
    {
        CHECK(client.talk("LIST \"\" \"\"") == Lines{"* LIST (\\Noselect) \"/\" \"\"", "OK LIST completed"});
        CHECK(client.talk("LIST \"\" work*").size() == 4);
        CHECK(client.talk("LIST work/ %") == Lines{"* LIST (\\HasChildren) \"/\" work/2026", "OK LIST completed"});
        CHECK(client.talk("LIST \"\" inbox").size() == 2);
        CHECK(client.talk("LIST \"\" nothing") == Lines{"OK LIST completed"});
    }
    SECTION("a bomb of wildcards is answered at once")
    {
        client.talk("CREATE " + std::string(200, 'a'));
        std::string bomb;
        for (int i = 0; i < 100; ++i)
            bomb += "*a";
        CHECK(client.talk("LIST \"\" \"" + bomb + "*b\"") == Lines{"OK LIST completed"});
    }
    SECTION("selection and return options")
    {
        CHECK(client.talk("LIST (SPECIAL-USE) \"\" *").size() == 6);
        client.talk("SUBSCRIBE work/2026");
        CHECK(client.talk("LIST (SUBSCRIBED) \"\" work*") == Lines{"* LIST (\\HasChildren \\Subscribed) \"/\" work/2026", "OK LIST completed"});
        CHECK(client.talk("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" work")
              == Lines{"* LIST (\\HasChildren) \"/\" work (\"CHILDINFO\" (\"SUBSCRIBED\"))", "OK LIST completed"});
        CHECK(client.talk("LIST \"\" (INBOX work) RETURN (CHILDREN STATUS (MESSAGES))")
              == Lines{"* LIST (\\HasNoChildren) \"/\" INBOX", "* STATUS INBOX (MESSAGES 0)", "* LIST (\\HasChildren) \"/\" work",
                       "* STATUS work (MESSAGES 0)", "OK LIST completed"});
        CHECK(client.talk("LIST \"\" work/2026 RETURN (SUBSCRIBED)").front() == "* LIST (\\HasChildren \\Subscribed) \"/\" work/2026");
    }
}

TEST_CASE("bombs of wildcards over many long names are answered soon, and more of them than anybody needs are refused", "[imap][list][threats-19]")
{
    TestServer server;
    server.store().writeAndWait([](store::WriteTx& tx) {
        const auto account = tx.findAccount("alice@example.org");
        for (int i = 0; i < 1'000; ++i)
            tx.createMailbox(account->id, std::to_string(i) + std::string(990, 'a'));
    });
    auto client = server.imap();
    std::string bombs, bomb;
    for (int i = 0; i < 130; ++i)
        bomb += "*a";
    for (int i = 0; i < 30; ++i)
        bombs += (i == 0 ? "\"" : " \"") + bomb + "*b\"";
    const auto begun = std::chrono::steady_clock::now();
    CHECK(client.talk("LIST \"\" (" + bombs + ")") == Lines{"OK LIST completed"});
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(kIsSanitized ? 9 : 3));
    CHECK(client.talk("LIST \"\" \"9*" + bomb + "*\"").size() == 112);
    CHECK_THAT(client.talk("LIST \"\" (" + bombs + " \"" + bomb + "\"" + " \"" + bomb + "\")").back(), Catch::StartsWith("NO [LIMIT]"));
}

TEST_CASE("subscriptions outlive their mailbox", "[imap][subscribe][rfc9051-6.3.7]")
{
    TestServer server;
    auto client = server.imap();
    CHECK_THAT(client.talk("SUBSCRIBE nowhere").back(), Catch::StartsWith("NO [NONEXISTENT]"));
    CHECK_THAT(client.talk("UNSUBSCRIBE").back(), Catch::StartsWith("BAD"));
    client.talk("CREATE a/b");
    client.talk("SUBSCRIBE a/b");
    CHECK(client.talk("LSUB \"\" a/*") == Lines{"* LSUB () \"/\" a/b", "OK LSUB completed"});
    CHECK(client.talk("LSUB \"\" a%") == Lines{"* LSUB (\\Noselect) \"/\" a", "OK LSUB completed"});
    client.talk("DELETE a/b");
    CHECK(client.talk("LIST (SUBSCRIBED) \"\" a/b") == Lines{"* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" a/b", "OK LIST completed"});
    CHECK(client.talk("LIST \"\" a/b") == Lines{"OK LIST completed"});
    client.talk("UNSUBSCRIBE a/b");
    CHECK(client.talk("LSUB \"\" a/*") == Lines{"OK LSUB completed"});
}

TEST_CASE("mailboxes are made, renamed and deleted", "[imap][create][delete][rename][rfc9051-6.3]")
{
    TestServer server;
    auto client = server.imap();
    SECTION("refusals")
    {
        CHECK_THAT(client.talk("CREATE").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("CREATE INBOX").back(), Catch::StartsWith("NO [ALREADYEXISTS]"));
        CHECK_THAT(client.talk("CREATE inbox").back(), Catch::StartsWith("NO [ALREADYEXISTS]"));
        CHECK_THAT(client.talk("CREATE Sent").back(), Catch::StartsWith("NO [ALREADYEXISTS]"));
        CHECK_THAT(client.talk("DELETE nowhere").back(), Catch::StartsWith("NO [NONEXISTENT]"));
        CHECK_THAT(client.talk("DELETE INBOX").back(), Catch::StartsWith("NO [CANNOT]"));
        CHECK_THAT(client.talk("RENAME nowhere there").back(), Catch::StartsWith("NO [NONEXISTENT]"));
        CHECK_THAT(client.talk("CREATE x (USE (\\All))").back(), Catch::StartsWith("NO [USEATTR]"));
        CHECK_THAT(client.talk("CREATE x (USE (\\Trash))").back(), Catch::StartsWith("NO [USEATTR]"));
        client.talk("CREATE a");
        client.talk("CREATE b");
        CHECK_THAT(client.talk("RENAME a b").back(), Catch::StartsWith("NO [ALREADYEXISTS]"));
    }
    SECTION("names that lead elsewhere or are none (THREATS 22, 23)")
    {
        for (const auto* name : {"../../../../var/pwn", "/etc/passwd", "a/../../b", "a//b", "\"\"", "&AC8-etc", "\"&AAA-\"", "\"&AGEAYg-\"",
                                 "\"&Jjo\"", "\"&2AA-\"", "\"&U,BTFw-&ZeVnLIqe-\"", "\"\x80\xff\"", "\"a\x07\""})
            CHECK_THAT(client.talk(std::string("CREATE ") + name).back(), Catch::StartsWith("NO [CANNOT]"));
        std::string deep;
        for (int i = 0; i < 1000; ++i)
            deep += "a/";
        CHECK_THAT(client.talk("CREATE " + deep + "a").back(), Catch::StartsWith("NO"));
        CHECK_THAT(client.talk("CREATE " + std::string(5'000, 'a')).back(), Catch::StartsWith("NO"));
        CHECK(client.talk("LIST \"\" *").size() == 7);
    }
    SECTION("a trailing delimiter is forgiven, parents come along, children go along")
    {
        CHECK_THAT(client.talk("CREATE x/y/").back(), Catch::StartsWith("OK"));
        CHECK(client.talk("LIST \"\" x*").size() == 3);
        CHECK_THAT(client.talk("DELETE x").back(), Catch::StartsWith("NO [HASCHILDREN]"));
        CHECK_THAT(client.talk("RENAME x z").back(), Catch::StartsWith("OK"));
        CHECK(client.talk("LIST \"\" z*") == Lines{"* LIST (\\HasChildren) \"/\" z", "* LIST (\\HasNoChildren) \"/\" z/y", "OK LIST completed"});
        CHECK_THAT(client.talk("DELETE z/y").back(), Catch::StartsWith("OK"));
        CHECK_THAT(client.talk("DELETE z").back(), Catch::StartsWith("OK"));
    }
    SECTION("names beyond ASCII go out as they came in")
    {
        CHECK_THAT(client.talk("CREATE Entw&APw-rfe").back(), Catch::StartsWith("OK"));
        CHECK(client.talk("LIST \"\" Entw*") == Lines{"* LIST (\\HasNoChildren) \"/\" Entw&APw-rfe", "OK LIST completed"});
        CHECK_THAT(client.select("Entw&APw-rfe").back(), Catch::StartsWith("OK"));
    }
    SECTION("RENAME of INBOX moves its messages and leaves it")
    {
        server.fill(2);
        CHECK_THAT(client.talk("RENAME INBOX old").back(), Catch::StartsWith("OK"));
        CHECK(client.talk("STATUS INBOX (MESSAGES)").front() == "* STATUS INBOX (MESSAGES 0)");
        CHECK(client.talk("STATUS old (MESSAGES)").front() == "* STATUS old (MESSAGES 2)");
    }
    SECTION("DELETE of the selected mailbox: here it is closed, there it ends the session")
    {
        client.talk("CREATE gone");
        client.select("gone");
        auto other = server.imap();
        other.select("gone");
        auto waiting = server.imap();
        waiting.select("gone");
        waiting.sendTagged("IDLE");
        CHECK_THAT(waiting.line(), Catch::StartsWith("+ "));
        CHECK_THAT(client.talk("DELETE gone").back(), Catch::StartsWith("OK"));
        CHECK_THAT(client.talk("FETCH 1 FLAGS").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.select().back(), Catch::StartsWith("OK"));
        CHECK_THAT(other.talk("NOOP").back(), Catch::StartsWith("OK"));
        CHECK_THAT(other.line(), Catch::StartsWith("* BYE"));
        CHECK_THAT(waiting.line(), Catch::StartsWith("* BYE"));
    }
}

TEST_CASE("STATUS counts, for mailboxes that are not selected and for the one that is", "[imap][status][rfc9051-6.3.11]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    CHECK_THAT(client.talk("STATUS INBOX").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("STATUS INBOX ()").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("STATUS INBOX (WEATHER)").back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("STATUS nowhere (MESSAGES)").back(), Catch::StartsWith("NO [NONEXISTENT]"));
    CHECK(client.talk("STATUS inbox (MESSAGES RECENT UIDNEXT UNSEEN)").front() == "* STATUS INBOX (MESSAGES 3 RECENT 3 UIDNEXT 4 UNSEEN 3)");
    client.select();
    client.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
    CHECK(client.talk("STATUS INBOX (UNSEEN RECENT)").front() == "* STATUS INBOX (UNSEEN 2 RECENT 0)");
}

TEST_CASE("STATUS knows sizes, and what an EXPUNGE would give back", "[imap][status][quota][rfc8438][rfc9208-4.1.4]")
{
    TestServer server;
    server.fill(3);
    const auto size = sampleMessage(1).size();
    auto client = server.imap();
    CHECK(client.talk("STATUS INBOX (SIZE DELETED DELETED-STORAGE)").front()
          == "* STATUS INBOX (SIZE " + std::to_string(3 * size) + " DELETED 0 DELETED-STORAGE 0)");
    client.select();
    client.talk("STORE 1:2 +FLAGS.SILENT (\\Deleted)");
    CHECK(client.talk("STATUS INBOX (DELETED DELETED-STORAGE)").front()
          == "* STATUS INBOX (DELETED 2 DELETED-STORAGE " + std::to_string(2 * size) + ")");
    client.talk("EXPUNGE");
    CHECK(client.talk("LIST \"\" INBOX RETURN (STATUS (SIZE DELETED-STORAGE))")[1]
          == "* STATUS INBOX (SIZE " + std::to_string(size) + " DELETED-STORAGE 0)");
}

TEST_CASE("HIGHESTMODSEQ of STATUS grows with every change", "[imap][status][condstore][rfc7162-3.1.7]")
{
    TestServer server;
    server.fill(1);
    auto client = server.imap();
    const auto now = [&client] {
        const std::string line = client.talk("STATUS INBOX (HIGHESTMODSEQ)").front();
        const std::string before = "* STATUS INBOX (HIGHESTMODSEQ ";
        REQUIRE(line.rfind(before, 0) == 0);
        return std::stoull(line.substr(before.size()));
    };
    const auto first = now();
    CHECK(first > 0);
    CHECK(now() == first);
    client.select();
    client.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
    CHECK(now() > first);
}

TEST_CASE("SELECT tells what a client needs to trust its cache", "[imap][select][rfc9051-6.3.2]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    SECTION("refusals leave nothing selected")
    {
        client.select();
        CHECK_THAT(client.select("nowhere").back(), Catch::StartsWith("NO [NONEXISTENT]"));
        CHECK_THAT(client.talk("FETCH 1 FLAGS").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("SELECT").back(), Catch::StartsWith("BAD"));
    }
    SECTION("all of it")
    {
        const auto lines = client.select();
        CHECK_THAT(lines.front(), Catch::StartsWith("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft"));
        CHECK(has(lines, "* 3 EXISTS"));
        CHECK(has(lines, "* 3 RECENT"));
        CHECK(has(lines, "* OK [UNSEEN 1] First unseen"));
        CHECK(has(lines, "* OK [UIDNEXT 4] Predicted next UID"));
        CHECK(std::any_of(lines.begin(), lines.end(), [](const auto& l) { return l.rfind("* OK [UIDVALIDITY ", 0) == 0; }));
        CHECK(std::any_of(lines.begin(), lines.end(), [](const auto& l) { return l.rfind("* OK [PERMANENTFLAGS (", 0) == 0; }));
        CHECK(lines.back() == "OK [READ-WRITE] SELECT completed");
        CHECK(client.select().front() == "* OK [CLOSED] The mailbox before is closed");
    }
    SECTION("\\Recent goes to one session only, and EXAMINE takes nothing")
    {
        CHECK(has(client.examine(), "* 3 RECENT"));
        auto second = server.imap();
        CHECK(has(second.select(), "* 3 RECENT"));
        CHECK(second.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS (\\Recent))");
        auto third = server.imap();
        CHECK(has(third.select(), "* 0 RECENT"));
        CHECK(third.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS ())");
        server.fill(1);
        const auto news = third.talk("NOOP");
        CHECK(news == Lines{"* 4 EXISTS", "* 1 RECENT", "OK NOOP completed"});
        CHECK(second.talk("NOOP") == Lines{"* 4 EXISTS", "* 3 RECENT", "OK NOOP completed"});
    }
    SECTION("EXAMINE lets nothing be changed")
    {
        CHECK(client.examine().back() == "OK [READ-ONLY] EXAMINE completed");
        CHECK_THAT(client.talk("STORE 1 +FLAGS (\\Seen)").back(), Catch::StartsWith("NO [READ-ONLY]"));
        CHECK_THAT(client.talk("MOVE 1 Trash").back(), Catch::StartsWith("NO [READ-ONLY]"));
        CHECK_THAT(client.talk("FETCH 1 BODY[]").back(), Catch::StartsWith("OK"));
        CHECK(client.talk("SEARCH SEEN").front() == "* SEARCH");
    }
    SECTION("no account sees another's mailboxes")
    {
        client.talk("CREATE secret");
        auto bob = server.imap("bob@example.org");
        CHECK_THAT(bob.select("secret").back(), Catch::StartsWith("NO [NONEXISTENT]"));
        CHECK(has(bob.select(), "* 0 EXISTS"));
    }
}
