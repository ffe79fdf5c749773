#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach::test;

TEST_CASE("COPY and MOVE, all or none, with COPYUID", "[imap][copy][move][rfc9051-6.4.7][rfc6851]")
{
    TestServer server;
    server.fill(4);
    auto laptop = server.imap();
    laptop.select();
    auto phone = server.imap();
    phone.select();
    laptop.talk("CREATE box");
    const auto validity = [&] {
        const auto line = laptop.talk("STATUS box (UIDVALIDITY)").front();
        const auto from = line.rfind(' ') + 1;
        return line.substr(from, line.size() - 1 - from);
    }();

    SECTION("refusals")
    {
        for (const auto* command : {"COPY", "COPY 1", "COPY 9 box", "COPY 0 box", "MOVE 1", "UID MOVE x box", "COPY 1 box more"})
            CHECK_THAT(laptop.talk(command).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(laptop.talk("COPY 1 nowhere").back(), Catch::StartsWith("NO [TRYCREATE]"));
        CHECK_THAT(laptop.talk("UID MOVE 1 nowhere").back(), Catch::StartsWith("NO [TRYCREATE]"));
        CHECK_THAT(laptop.talk("UID COPY 99 box").back(), Catch::StartsWith("OK UID COPY"));
    }
    SECTION("COPY keeps flags, and a whole set goes in one step")
    {
        laptop.talk("STORE 2 +FLAGS.SILENT (\\Flagged mine)");
        CHECK(laptop.talk("COPY 2,4 box").back() == "OK [COPYUID " + validity + " 2,4 1:2] COPY completed");
        laptop.select("box");
        CHECK(laptop.talk("FETCH 1:* (UID FLAGS)")
              == Lines{"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent mine))", "* 2 FETCH (UID 2 FLAGS (\\Recent))", "OK FETCH completed"});
    }
    SECTION("MOVE expunges here and there")
    {
        CHECK(laptop.talk("UID MOVE 1:2 box")
              == Lines{"* OK [COPYUID " + validity + " 1:2 1:2] Moved", "* 2 EXPUNGE", "* 1 EXPUNGE", "OK UID MOVE completed"});
        CHECK(phone.talk("NOOP") == Lines{"* 2 EXPUNGE", "* 1 EXPUNGE", "OK NOOP completed"});
        CHECK(laptop.talk("STATUS box (MESSAGES)").front() == "* STATUS box (MESSAGES 2)");
    }
    SECTION("into the selected mailbox itself")
    {
        CHECK_THAT(laptop.talk("COPY 1 INBOX").back(), Catch::StartsWith("OK [COPYUID"));
        CHECK(laptop.talk("SEARCH ALL").front() == "* SEARCH 1 2 3 4 5");
        CHECK_THAT(laptop.talk("MOVE 1 INBOX").back(), Catch::StartsWith("OK"));
        CHECK(laptop.talk("UID SEARCH ALL").front() == "* SEARCH 2 3 4 5 6");
    }
    SECTION("what others removed cannot be copied any more")
    {
        phone.talk("STORE 3 +FLAGS.SILENT (\\Deleted)");
        phone.talk("EXPUNGE");
        CHECK_THAT(laptop.talk("UID COPY 3 box").back(), Catch::StartsWith("NO [EXPUNGEISSUED]"));
    }
    SECTION("from an examined mailbox one may copy, not move")
    {
        laptop.examine();
        CHECK_THAT(laptop.talk("COPY 1 box").back(), Catch::StartsWith("OK [COPYUID"));
        CHECK_THAT(laptop.talk("MOVE 1 box").back(), Catch::StartsWith("NO [READ-ONLY]"));
    }
}
