#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>

using namespace postfach::test;
using Catch::ContainsSubstring;
using Catch::StartsWith;

namespace {

std::uint64_t numberBehind(const std::string& text, const std::string& word)
{
    const auto at = text.find(word);
    REQUIRE(at != std::string::npos);
    return std::stoull(text.substr(at + word.size()));
}

std::uint64_t highest(const Lines& answers)
{
    for (const auto& line : answers)
        if (line.find("HIGHESTMODSEQ ") != std::string::npos)
            return numberBehind(line, "HIGHESTMODSEQ ");
    FAIL("no HIGHESTMODSEQ");
    return 0;
}

std::uint64_t validity(const Lines& answers)
{
    for (const auto& line : answers)
        if (line.find("UIDVALIDITY ") != std::string::npos)
            return numberBehind(line, "UIDVALIDITY ");
    FAIL("no UIDVALIDITY");
    return 0;
}

bool has(const Lines& lines, const std::string& line) { return std::find(lines.begin(), lines.end(), line) != lines.end(); }

} // namespace

TEST_CASE("MODSEQ is told to who asks, and to who enabled it with every change", "[imap][condstore][rfc7162-3.1]")
{
    TestServer server;
    server.fill(3);
    auto laptop = server.imap();
    auto phone = server.imap();
    phone.select();

    SECTION("refusals")
    {
        laptop.select();
        for (const auto* command : {"SELECT INBOX CONDSTORE", "SELECT INBOX (CONDSTORE CONDSTORE)", "SELECT INBOX (NONSENSE)",
                 "SELECT INBOX (QRESYNC (1 1))", "FETCH 1 FLAGS (CHANGEDSINCE)", "FETCH 1 FLAGS (CHANGEDSINCE x)",
                 "FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)", "FETCH 1 FLAGS ()", "FETCH 1 FLAGS (VANISHED)",
                 "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", "STORE 1 (UNCHANGEDSINCE) FLAGS (\\Seen)",
                 "STORE 1 (UNCHANGEDSINCE 1 FLAGS (\\Seen)", "STORE 1 () FLAGS (\\Seen)", "STORE 1 (UNCHANGEDSINCE -1) FLAGS (\\Seen)"})
            CHECK_THAT(laptop.talk(command).back(), StartsWith("BAD"));
        CHECK(laptop.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS ())"); // nothing was enabled by them
    }
    SECTION("SELECT tells the highest, with or without CONDSTORE")
    {
        const auto now = highest(laptop.select());
        CHECK(highest(laptop.talk("SELECT INBOX (CONDSTORE)")) == now);
        phone.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
        CHECK(highest(laptop.examine()) > now);
    }
    SECTION("FETCH MODSEQ enables: from then on others' changes bring it too")
    {
        laptop.select();
        phone.talk("STORE 2 +FLAGS.SILENT (\\Seen)");
        CHECK(laptop.talk("NOOP").front() == "* 2 FETCH (FLAGS (\\Seen))");
        const auto answers = laptop.talk("FETCH 1:3 MODSEQ");
        REQUIRE(answers.size() == 5);
        CHECK_THAT(answers[0], StartsWith("* OK [HIGHESTMODSEQ "));
        const auto first = numberBehind(answers[1], "* 1 FETCH (MODSEQ ("), second = numberBehind(answers[2], "* 2 FETCH (MODSEQ (");
        CHECK(second > first);
        phone.talk("STORE 1 +FLAGS.SILENT (\\Flagged)");
        const auto news = laptop.talk("NOOP").front();
        CHECK_THAT(news, StartsWith("* 1 FETCH (FLAGS (\\Flagged) MODSEQ ("));
        CHECK(numberBehind(news, "MODSEQ (") > second);
    }
    SECTION("CHANGEDSINCE leaves out what did not change, and says MODSEQ unasked")
    {
        const auto before = highest(laptop.talk("SELECT INBOX (CONDSTORE)"));
        CHECK(laptop.talk("FETCH 1:* FLAGS (CHANGEDSINCE " + std::to_string(before) + ")") == Lines{"OK FETCH completed"});
        phone.talk("STORE 1,3 +FLAGS.SILENT (\\Seen)");
        const auto answers = laptop.talk("UID FETCH 2:* (FLAGS) (CHANGEDSINCE " + std::to_string(before) + ")");
        REQUIRE(answers.size() == 3);
        CHECK_THAT(answers[0], StartsWith("* 3 FETCH (UID 3 FLAGS (\\Seen) MODSEQ ("));
        CHECK_THAT(answers[1], StartsWith("* 1 FETCH (FLAGS (\\Seen) MODSEQ (")); // the news of the other
    }
    SECTION("a plain STORE answers with MODSEQ, a silent one with MODSEQ alone, and neither is told twice")
    {
        laptop.talk("SELECT INBOX (CONDSTORE)");
        const auto loud = laptop.talk("STORE 1 +FLAGS (\\Seen)");
        REQUIRE(loud.size() == 2);
        CHECK_THAT(loud[0], StartsWith("* 1 FETCH (FLAGS (\\Seen) MODSEQ ("));
        const auto silent = laptop.talk("STORE 1:2 +FLAGS.SILENT (\\Flagged)");
        REQUIRE(silent.size() == 3);
        CHECK_THAT(silent[0], StartsWith("* 1 FETCH (UID 1 MODSEQ ("));
        CHECK_THAT(silent[1], StartsWith("* 2 FETCH (UID 2 MODSEQ ("));
        CHECK(numberBehind(silent[0], "MODSEQ (") > numberBehind(loud[0], "MODSEQ ("));
        CHECK(laptop.talk("NOOP") == Lines{"OK NOOP completed"});
        CHECK_THAT(laptop.talk("FETCH 2 BODY[TEXT]").front(), ContainsSubstring("MODSEQ (")); // \Seen was set by it
    }
}

TEST_CASE("UNCHANGEDSINCE leaves alone what somebody else changed", "[imap][condstore][rfc7162-3.1.3]")
{
    TestServer server;
    server.fill(4);
    auto laptop = server.imap();
    auto phone = server.imap();
    phone.select();
    const auto before = std::to_string(highest(laptop.talk("SELECT INBOX (CONDSTORE)")));
    phone.talk("STORE 2:3 +FLAGS.SILENT (\\Seen)");

    SECTION("by sequence number")
    {
        const auto answers = laptop.talk("STORE 1:4 (UNCHANGEDSINCE " + before + ") +FLAGS (\\Deleted)");
        CHECK_THAT(answers.back(), StartsWith("OK [MODIFIED 2:3] "));
        REQUIRE(answers.size() == 5);
        CHECK_THAT(answers[0], StartsWith("* 1 FETCH (FLAGS (\\Deleted) MODSEQ ("));
        CHECK_THAT(answers[1], StartsWith("* 2 FETCH (FLAGS (\\Seen) MODSEQ ("));
        CHECK_THAT(answers[3], StartsWith("* 4 FETCH (FLAGS (\\Deleted) MODSEQ ("));
        CHECK(phone.talk("UID FETCH 1:* FLAGS").size() == 5);
        CHECK(phone.talk("FETCH 2 FLAGS").front() == "* 2 FETCH (FLAGS (\\Seen \\Recent))");
    }
    SECTION("by UID, silently")
    {
        phone.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        laptop.talk("NOOP");
        const auto answers = laptop.talk("UID STORE 2:4 (UNCHANGEDSINCE " + before + ") +FLAGS.SILENT (\\Flagged)");
        CHECK_THAT(answers.back(), StartsWith("OK [MODIFIED 2:3] "));
        REQUIRE(answers.size() == 2);
        CHECK_THAT(answers[0], StartsWith("* 3 FETCH (UID 4 MODSEQ ("));
    }
    SECTION("0 matches nothing that is there")
    {
        CHECK_THAT(laptop.talk("STORE 1:* (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Flagged)").back(), StartsWith("OK [MODIFIED 1:4] "));
    }
}

TEST_CASE("QRESYNC: a client that comes back hears what it missed in one answer", "[imap][qresync][rfc7162-3.2]")
{
    TestServer server;
    server.fill(10);
    auto phone = server.imap();
    phone.select();
    auto laptop = server.imap();
    const auto first = laptop.select();
    const auto resync = [&](const std::string& more = "") {
        return "SELECT INBOX (QRESYNC (" + std::to_string(validity(first)) + ' ' + std::to_string(highest(first)) + more + "))";
    };

    SECTION("refusals")
    {
        CHECK_THAT(laptop.talk(resync()).back(), StartsWith("BAD")); // not enabled
        CHECK(laptop.talk("ENABLE QRESYNC").front() == "* ENABLED QRESYNC");
        for (const auto* wrong : {"(QRESYNC)", "(QRESYNC ())", "(QRESYNC (1))", "(QRESYNC (0 1))", "(QRESYNC (1 x))", "(QRESYNC (1 1 x))",
                 "(QRESYNC (1 1 1:2 (1)))", "(QRESYNC (1 1 1:2 (1 2))", "(QRESYNC (1 1) QRESYNC (1 1))"})
            CHECK_THAT(laptop.talk("SELECT INBOX " + std::string(wrong)).back(), StartsWith("BAD"));
        CHECK_THAT(laptop.talk("FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)").back(), StartsWith("BAD"));
    }
    SECTION("ENABLE names what is new only, and the highest MODSEQ of the mailbox that is open")
    {
        const auto answers = laptop.talk("ENABLE CONDSTORE X-NONE QRESYNC");
        CHECK(answers[0] == "* ENABLED CONDSTORE QRESYNC");
        CHECK(highest(answers) == highest(first));
        CHECK(laptop.talk("ENABLE QRESYNC").front() == "* ENABLED");
    }
    SECTION("gone and changed since")
    {
        laptop.talk("CLOSE");
        phone.talk("STORE 2,4:6 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        phone.talk("UID STORE 9 +FLAGS.SILENT (\\Seen)");
        server.fill(1);
        laptop.talk("ENABLE QRESYNC");
        const auto answers = laptop.talk(resync());
        CHECK(has(answers, "* VANISHED (EARLIER) 2,4:6"));
        CHECK_THAT(answers[answers.size() - 3], StartsWith("* 5 FETCH (UID 9 FLAGS (\\Seen) MODSEQ ("));
        CHECK_THAT(answers[answers.size() - 2], StartsWith("* 7 FETCH (UID 11 FLAGS ("));
        CHECK_THAT(answers.back(), StartsWith("OK [READ-WRITE]"));

        const auto few = laptop.talk(resync(" 5:9,30"));
        CHECK(has(few, "* VANISHED (EARLIER) 5:6"));
        CHECK_THAT(few[few.size() - 2], StartsWith("* 5 FETCH (UID 9 "));
        CHECK(has(laptop.talk(resync(" 1:10 (1,3 1,3)")), "* VANISHED (EARLIER) 2,4:6"));
        // Another UIDVALIDITY: what the client knows is of another mailbox, and it starts from nothing.
        for (const auto& line : laptop.talk("SELECT INBOX (QRESYNC (1 1))"))
            CHECK((line.find("VANISHED") == std::string::npos && line.find("FETCH") == std::string::npos));
    }
    SECTION("EXPUNGE becomes VANISHED, with HIGHESTMODSEQ in the answer of who did it")
    {
        laptop.talk("ENABLE QRESYNC");
        laptop.talk(resync());
        phone.talk("STORE 1,3,4 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        const auto news = laptop.talk("NOOP");
        CHECK(news == Lines{"* VANISHED 1,3:4", "OK NOOP completed"});
        laptop.talk("UID STORE 10 +FLAGS.SILENT (\\Deleted)");
        const auto mine = laptop.talk("UID EXPUNGE 10");
        CHECK(mine[0] == "* VANISHED 10");
        CHECK_THAT(mine.back(), StartsWith("OK [HIGHESTMODSEQ "));
        laptop.talk("CREATE box");
        const auto moved = laptop.talk("UID MOVE 9 box");
        CHECK_THAT(moved[0], StartsWith("* OK [COPYUID "));
        CHECK(moved[1] == "* VANISHED 9");
        CHECK_THAT(moved.back(), StartsWith("OK [HIGHESTMODSEQ "));
        CHECK(phone.talk("NOOP") == Lines{"* 7 EXPUNGE", "* 6 EXPUNGE", "OK NOOP completed"});
    }
    SECTION("flags of others come with UID and MODSEQ")
    {
        laptop.talk("ENABLE QRESYNC");
        laptop.talk(resync());
        phone.talk("STORE 3 +FLAGS.SILENT (\\Seen)");
        CHECK_THAT(laptop.talk("NOOP").front(), StartsWith("* 3 FETCH (UID 3 FLAGS (\\Seen) MODSEQ ("));
    }
    SECTION("while an EXPUNGE waits, the highest MODSEQ that may be believed is said again")
    {
        laptop.talk("ENABLE QRESYNC");
        const auto now = highest(laptop.talk(resync()));
        phone.talk("STORE 3 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        phone.talk("UID STORE 5 +FLAGS.SILENT (\\Seen)");
        const auto answers = laptop.talk("FETCH 5 (FLAGS MODSEQ)");
        CHECK(numberBehind(answers[0], "MODSEQ (") > now);
        CHECK(highest(answers) == now);
        CHECK(laptop.talk("NOOP").front() == "* VANISHED 3");
    }
    SECTION("UID FETCH with VANISHED")
    {
        laptop.talk("ENABLE QRESYNC");
        laptop.talk(resync());
        phone.talk("STORE 3:5 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        phone.talk("UID STORE 6 +FLAGS.SILENT (\\Seen)");
        const std::string command = "UID FETCH 4:8 (FLAGS) (CHANGEDSINCE " + std::to_string(highest(first)) + " VANISHED)";
        // Numbered here still: no EARLIER, but the news that every command ends with.
        auto answers = laptop.talk(command);
        CHECK_THAT(answers[0], StartsWith("* 6 FETCH (UID 6 FLAGS (\\Seen) MODSEQ ("));
        CHECK(answers[1] == "* VANISHED 3:5");
        answers = laptop.talk(command);
        CHECK(answers[0] == "* VANISHED (EARLIER) 4:5");
        CHECK_THAT(answers[1], StartsWith("* 3 FETCH (UID 6 "));
    }
}

TEST_CASE("after ENABLE UIDONLY there are no sequence numbers", "[imap][uidonly][rfc9586]")
{
    TestServer server;
    server.fill(4);
    auto phone = server.imap();
    phone.select();
    auto laptop = server.imap();
    CHECK(laptop.talk("ENABLE UIDONLY").front() == "* ENABLED UIDONLY");
    laptop.select();

    for (const auto* command : {"FETCH 1 FLAGS", "STORE 1 FLAGS (\\Seen)", "COPY 1 Trash", "MOVE 1 Trash"})
        CHECK_THAT(laptop.talk(command).back(), StartsWith("BAD [UIDREQUIRED]"));
    CHECK(laptop.talk("UID FETCH 2 (FLAGS RFC822.SIZE)").front().substr(0, 22) == "* UIDFETCH 2 (FLAGS ()");
    CHECK(laptop.talk("UID STORE 2 +FLAGS (\\Seen)").front() == "* UIDFETCH 2 (FLAGS (\\Seen))");
    phone.talk("STORE 3 +FLAGS.SILENT (\\Deleted)");
    CHECK(laptop.talk("NOOP").front() == "* UIDFETCH 3 (FLAGS (\\Deleted))");
    phone.talk("EXPUNGE");
    CHECK(laptop.talk("NOOP").front() == "* VANISHED 3");
    CHECK_THAT(laptop.talk("UID COPY 4 Trash").back(), StartsWith("OK [COPYUID "));
}

TEST_CASE("PARTIAL fetches a page, from either end", "[imap][partial][rfc9394-3.3]")
{
    TestServer server;
    server.fill(10);
    auto laptop = server.imap();
    laptop.select();
    const auto uids = [&](const std::string& command) {
        std::string all;
        for (const auto& line : laptop.talk(command))
            if (line.starts_with("* "))
                all += line.substr(line.find("UID ") + 4, line.find(')') - line.find("UID ") - 4) + ' ';
        return all;
    };
    for (const auto* wrong : {"(PARTIAL)", "(PARTIAL 0:1)", "(PARTIAL 1)", "(PARTIAL 1:*)", "(PARTIAL -1:1)", "(PARTIAL 1:-1)",
             "(PARTIAL 1:2 PARTIAL 1:2)"})
        CHECK_THAT(laptop.talk("UID FETCH 1:* (UID) " + std::string(wrong)).back(), StartsWith("BAD"));
    CHECK(uids("UID FETCH 1:* (UID) (PARTIAL 1:3)") == "1 2 3 ");
    CHECK(uids("UID FETCH 3:5,8:* (UID) (PARTIAL 5:3)") == "5 8 9 ");
    CHECK(uids("UID FETCH 1:* (UID) (PARTIAL -1:-3)") == "8 9 10 ");
    CHECK(uids("UID FETCH 1:* (UID) (PARTIAL -9:-30)") == "1 2 ");
    CHECK(uids("UID FETCH 1:* (UID) (PARTIAL 20:30)").empty());
}
