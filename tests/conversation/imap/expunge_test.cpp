#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach::test;

TEST_CASE("EXPUNGE removes what is flagged \\Deleted and tells every session", "[imap][expunge][rfc9051-6.4.3]")
{
    TestServer server;
    server.fill(4);
    auto laptop = server.imap();
    auto phone = server.imap();
    laptop.select();
    phone.select();

    SECTION("refusals")
    {
        CHECK_THAT(laptop.talk("EXPUNGE now").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(laptop.talk("UID EXPUNGE").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(laptop.talk("UID EXPUNGE 0").back(), Catch::StartsWith("BAD"));
        laptop.examine();
        CHECK_THAT(laptop.talk("EXPUNGE").back(), Catch::StartsWith("NO [READ-ONLY]"));
        CHECK_THAT(laptop.talk("UID EXPUNGE 1").back(), Catch::StartsWith("NO [READ-ONLY]"));
        laptop.talk("UNSELECT");
        CHECK_THAT(laptop.talk("EXPUNGE").back(), Catch::StartsWith("BAD"));
    }
    SECTION("nothing is flagged: OK, and silence") { CHECK(laptop.talk("EXPUNGE") == Lines{"OK EXPUNGE completed"}); }
    SECTION("numbers are announced highest first, to the other session at its next NOOP")
    {
        laptop.talk("STORE 1,3 +FLAGS.SILENT (\\Deleted)");
        CHECK(laptop.talk("EXPUNGE") == Lines{"* 3 EXPUNGE", "* 1 EXPUNGE", "OK EXPUNGE completed"});
        CHECK(phone.talk("NOOP") == Lines{"* 3 EXPUNGE", "* 1 EXPUNGE", "OK NOOP completed"});
        CHECK(phone.talk("NOOP") == Lines{"OK NOOP completed"});
        CHECK(phone.talk("UID SEARCH ALL") == Lines{"* SEARCH 2 4", "OK UID SEARCH completed"});
    }
    SECTION("UID EXPUNGE keeps flagged messages outside its set")
    {
        laptop.talk("STORE 1,3 +FLAGS.SILENT (\\Deleted)");
        CHECK(laptop.talk("UID EXPUNGE 3") == Lines{"* 3 EXPUNGE", "OK UID EXPUNGE completed"});
        CHECK(laptop.talk("SEARCH DELETED") == Lines{"* SEARCH 1", "OK SEARCH completed"});
    }
    SECTION("CLOSE expunges in silence, UNSELECT does not")
    {
        laptop.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
        CHECK(laptop.talk("UNSELECT") == Lines{"OK UNSELECT completed"});
        CHECK(phone.talk("NOOP") == Lines{"* 1 FETCH (FLAGS (\\Deleted))", "OK NOOP completed"});
        laptop.select();
        CHECK(laptop.talk("CLOSE") == Lines{"OK CLOSE completed"});
        CHECK(phone.talk("NOOP") == Lines{"* 1 EXPUNGE", "OK NOOP completed"});
    }
    SECTION("CLOSE after EXAMINE removes nothing")
    {
        laptop.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
        laptop.examine();
        CHECK(laptop.talk("CLOSE") == Lines{"OK CLOSE completed"});
        CHECK(phone.talk("SEARCH DELETED").front() == "* SEARCH 1");
    }
    SECTION("no EXPUNGE is said during FETCH, STORE and SEARCH by number, and numbers stay")
    {
        laptop.talk("STORE 2 +FLAGS.SILENT (\\Deleted)");
        laptop.talk("EXPUNGE");
        CHECK(phone.talk("FETCH 4 UID") == Lines{"* 4 FETCH (UID 4)", "OK FETCH completed"});
        CHECK(phone.talk("SEARCH UID 3:4") == Lines{"* SEARCH 3 4", "OK SEARCH completed"});
        CHECK(phone.talk("STORE 4 +FLAGS (\\Seen)") == Lines{"* 4 FETCH (FLAGS (\\Seen))", "OK STORE completed"});
        CHECK_THAT(phone.talk("STORE 2 +FLAGS (\\Seen)").back(), Catch::StartsWith("OK [EXPUNGEISSUED]"));
        CHECK(phone.talk("UID FETCH 4 FLAGS") == Lines{"* 4 FETCH (UID 4 FLAGS (\\Seen))", "* 2 EXPUNGE", "OK UID FETCH completed"});
        CHECK(phone.talk("FETCH 3 UID") == Lines{"* 3 FETCH (UID 4)", "OK FETCH completed"});
    }
    SECTION("what another session expunged answers what is still had, and more arrives only with the EXPUNGE")
    {
        laptop.talk("STORE 2 +FLAGS.SILENT (\\Deleted)");
        laptop.talk("EXPUNGE");
        server.fill(1);
        CHECK(phone.talk("FETCH 2 (UID RFC822.SIZE)").size() == 2);
        CHECK(phone.talk("NOOP") == Lines{"* 2 EXPUNGE", "* 4 EXISTS", "* 1 RECENT", "OK NOOP completed"});
    }
}
