#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>

using namespace postfach::test;
using Catch::StartsWith;

namespace {

bool has(const Lines& lines, const std::string& part)
{
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

} // namespace

TEST_CASE("IMAP4rev2 is spoken to who enables it, IMAP4rev1 to all others", "[imap][rev2][rfc9051-E]")
{
    TestServer server;
    server.fill(3);
    auto old = server.imap();
    auto fresh = server.imap();
    CHECK_THAT(old.talk("CAPABILITY").front(), StartsWith("* CAPABILITY IMAP4rev1 IMAP4rev2 "));
    CHECK(fresh.talk("ENABLE IMAP4rev2").front() == "* ENABLED IMAP4REV2");

    SECTION("SELECT names the mailbox and says nothing of recent or unseen messages")
    {
        const auto answers = fresh.select();
        CHECK(has(answers, "* LIST () \"/\" INBOX"));
        CHECK_FALSE(has(answers, "RECENT"));
        CHECK_FALSE(has(answers, "UNSEEN"));
        CHECK(fresh.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS ())");
        server.fill(1);
        CHECK(fresh.talk("NOOP") == Lines{"* 4 EXISTS", "OK NOOP completed"});
        CHECK_FALSE(has(old.examine(), "* LIST"));
    }
    SECTION("SEARCH answers as ESEARCH")
    {
        fresh.select();
        const auto tag = fresh.sendTagged("SEARCH 2:3");
        CHECK(fresh.until(tag).front() == "* ESEARCH (TAG \"" + tag + "\") ALL 2:3");
        old.select();
        CHECK(old.talk("SEARCH 2:3").front() == "* SEARCH 2 3");
    }
    SECTION("mailbox names are UTF-8 in both directions, and an ampersand is one")
    {
        CHECK_THAT(fresh.talk("CREATE \"Entw\xc3\xbcrfe & mehr\"").back(), StartsWith("OK "));
        CHECK(has(fresh.talk("LIST \"\" \"Entw\xc3\xbcrfe*\""), "\"/\" \"Entw\xc3\xbcrfe & mehr\""));
        CHECK(has(old.talk("LIST \"\" Entw*"), "\"/\" \"Entw&APw-rfe &- mehr\""));
        CHECK_THAT(fresh.talk("STATUS \"Entw\xc3\xbcrfe & mehr\" (MESSAGES)").front(), StartsWith("* STATUS \"Entw\xc3\xbcrfe & mehr\" ("));
        CHECK(has(fresh.talk("SELECT \"Entw\xc3\xbcrfe & mehr\""), "* LIST () \"/\" \"Entw\xc3\xbcrfe & mehr\""));
        for (const auto* wrong : {"CREATE \"\xff\"", "CREATE \"a\xc3\"", "LIST \"\" \"\xff*\""})
            CHECK_THAT(fresh.talk(wrong).back(), StartsWith("NO [CANNOT]"));
    }
    SECTION("a name that is kept in another form is told by its old and its new one")
    {
        const std::string apart = "\"U\xcc\x88" "bung\"", together = "\"\xc3\x9c" "bung\"";
        const std::string renamed = "* LIST () \"/\" " + together + " (\"OLDNAME\" (" + apart + "))";
        auto answers = fresh.talk("CREATE " + apart);
        CHECK_THAT(answers.back(), StartsWith("OK [MAILBOXID ("));
        CHECK(answers.front() == renamed);
        CHECK(has(fresh.talk("LIST \"\" " + apart), "* LIST (\\HasNoChildren) \"/\" " + together));
        CHECK(has(fresh.talk("SELECT " + apart), renamed));
        CHECK_FALSE(has(fresh.talk("SELECT " + together), "OLDNAME"));
        CHECK_THAT(fresh.talk("CREATE " + together).back(), StartsWith("NO [ALREADYEXISTS]"));
        CHECK(fresh.talk("SUBSCRIBE " + apart).back() == "OK SUBSCRIBE completed");
        CHECK(has(fresh.talk("LIST (SUBSCRIBED) \"\" " + together), together));

        // The old name is the client's, the new one the one that is kept.
        CHECK(fresh.talk("RENAME " + apart + " lesson")
            == Lines{"* LIST () \"/\" lesson (\"OLDNAME\" (" + apart + "))", "OK RENAME completed"});
        CHECK(fresh.talk("RENAME lesson inbox/lesson")
            == Lines{"* LIST () \"/\" INBOX/lesson (\"OLDNAME\" (lesson))", "OK RENAME completed"});
        CHECK(fresh.talk("RENAME INBOX/lesson lesson") == Lines{"OK RENAME completed"});
        CHECK(fresh.talk("RENAME lesson " + together) == Lines{"OK RENAME completed"});
        // INBOX is the same in any case, and stays when its messages leave.
        CHECK(fresh.talk("RENAME inbox old") == Lines{"OK RENAME completed"});
        CHECK(fresh.talk("RENAME inbox \"A\xcc\x88\"")
            == Lines{"* LIST () \"/\" \"\xc3\x84\" (\"OLDNAME\" (\"A\xcc\x88\"))", "OK RENAME completed"});
        CHECK_FALSE(has(fresh.talk("SELECT iNbOx"), "OLDNAME"));
        CHECK(fresh.talk("CREATE level/").size() == 1);
        CHECK(fresh.talk("DELETE " + apart)
            == Lines{"* LIST (\\NonExistent) \"/\" " + together + " (\"OLDNAME\" (" + apart + "))", "OK DELETE completed"});

        // IMAP4rev1 has no such answer; the name is the same one all the same.
        CHECK(old.talk("CREATE U&Awg-bung").size() == 1);
        CHECK(has(old.talk("LIST \"\" *bung"), "\"/\" &ANw-bung"));
        CHECK(old.talk("DELETE U&Awg-bung") == Lines{"OK DELETE completed"});
    }
    SECTION("who did not enable it may name in UTF-8 what is there, not what is to be")
    {
        fresh.talk("CREATE \"\xc3\x9c" "bung & \xe2\x98\x83\"");
        CHECK(has(old.talk("LIST \"\" \"\xc3\x9c" "bung & *\""), "\"&ANw-bung &- &JgM-\""));
        CHECK_THAT(old.talk("CREATE \"\xc3\x9c" "bungen\"").back(), StartsWith("NO [CANNOT]"));
        CHECK_THAT(old.talk("LIST \"\" \"\xff*\"").back(), StartsWith("NO [CANNOT]"));
        CHECK(old.talk("DELETE \"\xc3\x9c" "bung & \xe2\x98\x83\"").back() == "OK DELETE completed");
    }
    SECTION("flags of others come with their UID")
    {
        fresh.select();
        old.select();
        old.talk("STORE 2 +FLAGS.SILENT (\\Seen)");
        CHECK(fresh.talk("NOOP").front() == "* 2 FETCH (UID 2 FLAGS (\\Seen))");
    }
}
