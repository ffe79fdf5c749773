#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach::test;

TEST_CASE("STORE changes flags, and says so to whom it must", "[imap][store][rfc9051-6.4.6]")
{
    TestServer server;
    server.fill(3);
    auto phone = server.imap();
    phone.select(); // takes \Recent, so that flags below are bare
    auto laptop = server.imap();
    laptop.select();
    laptop.talk("NOOP");

    SECTION("refusals")
    {
        for (const auto* command : {"STORE", "STORE 1", "STORE 1 FLAGS", "STORE 9 FLAGS (\\Seen)", "STORE 1 FLAG (\\Seen)", "STORE 1 FLAGS (\\Recent)",
                                    "STORE 1 FLAGS (\\Nonsense)", "STORE 1 FLAGS (\\Seen", "STORE 1 *FLAGS (\\Seen)", "STORE 1 +FLAGS ({1+}\r\nx)"})
            CHECK_THAT(laptop.talk(command).back(), Catch::StartsWith("BAD"));
        CHECK(laptop.talk("SEARCH SEEN").front() == "* SEARCH");
    }
    SECTION("replace, add, remove")
    {
        CHECK(laptop.talk("STORE 1 FLAGS (\\Seen \\Flagged)") == Lines{"* 1 FETCH (FLAGS (\\Flagged \\Seen))", "OK STORE completed"});
        CHECK(laptop.talk("STORE 1 -FLAGS (\\Flagged)") == Lines{"* 1 FETCH (FLAGS (\\Seen))", "OK STORE completed"});
        CHECK(laptop.talk("STORE 1:2 +FLAGS \\Answered")
              == Lines{"* 1 FETCH (FLAGS (\\Answered \\Seen))", "* 2 FETCH (FLAGS (\\Answered))", "OK STORE completed"});
        CHECK(laptop.talk("UID STORE 2 FLAGS ()") == Lines{"* 2 FETCH (UID 2 FLAGS ())", "OK UID STORE completed"});
        CHECK(laptop.talk("UID STORE 77 FLAGS ()") == Lines{"OK UID STORE completed"});
        CHECK(phone.talk("NOOP") == Lines{"* 1 FETCH (FLAGS (\\Answered \\Seen \\Recent))", "OK NOOP completed"});
    }
    SECTION("silent for the one, not for the other")
    {
        CHECK(laptop.talk("STORE 1 +FLAGS.SILENT (\\Seen)") == Lines{"OK STORE completed"});
        CHECK(laptop.talk("NOOP") == Lines{"OK NOOP completed"});
        CHECK(phone.talk("NOOP") == Lines{"* 1 FETCH (FLAGS (\\Seen \\Recent))", "OK NOOP completed"});
    }
    SECTION("silent about its own change, not about another's")
    {
        phone.talk("STORE 1 +FLAGS.SILENT (\\Flagged)");
        CHECK(laptop.talk("STORE 1 +FLAGS.SILENT (\\Seen)") == Lines{"* 1 FETCH (FLAGS (\\Flagged \\Seen))", "OK STORE completed"});
    }
    SECTION("keywords: made by use, told to others with the list of flags")
    {
        const auto lines = laptop.talk("STORE 1 +FLAGS ($Forwarded Later)");
        CHECK(lines[lines.size() - 2] == "* 1 FETCH (FLAGS ($Forwarded Later))");
        CHECK_THAT(lines.front(), Catch::StartsWith("* FLAGS ("));
        const auto news = phone.talk("NOOP");
        CHECK_THAT(news.front(), Catch::ContainsSubstring("$Forwarded Later"));
        CHECK(news[news.size() - 2] == "* 1 FETCH (FLAGS (\\Recent $Forwarded Later))");
        CHECK(phone.talk("SEARCH KEYWORD later").front() == "* SEARCH 1");
        CHECK(phone.talk("SEARCH UNKEYWORD later").front() == "* SEARCH 2 3");
        CHECK(laptop.talk("STORE 1 -FLAGS.SILENT (later never-seen)") == Lines{"OK STORE completed"});
        CHECK(laptop.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS ($Forwarded))");
    }
}
