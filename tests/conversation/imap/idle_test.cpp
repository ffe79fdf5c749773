#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <chrono>

using namespace postfach::test;

TEST_CASE("IDLE tells what others do as it happens", "[imap][idle][rfc9051-6.3.13]")
{
    TestServer server;
    server.fill(2);
    auto waiting = server.imap();
    waiting.select();
    auto other = server.imap();
    other.select();

    SECTION("anything but DONE is BAD")
    {
        CHECK_THAT(waiting.talk("IDLE now").back(), Catch::StartsWith("BAD"));
        const auto tag = waiting.sendTagged("IDLE");
        CHECK_THAT(waiting.line(), Catch::StartsWith("+ "));
        waiting.send("x NOOP\r\n");
        CHECK_THAT(waiting.until(tag).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(waiting.talk("NOOP").back(), Catch::StartsWith("OK"));
    }
    SECTION("flags, expunges and new mail, soon")
    {
        const auto tag = waiting.sendTagged("IDLE");
        CHECK_THAT(waiting.line(), Catch::StartsWith("+ "));
        CHECK(waiting.waits());
        other.talk("STORE 1 +FLAGS (\\Deleted)");
        CHECK(waiting.line() == "* 1 FETCH (FLAGS (\\Deleted \\Recent))");
        other.talk("EXPUNGE");
        CHECK(waiting.line() == "* 1 EXPUNGE");
        const auto before = std::chrono::steady_clock::now();
        auto lmtp = server.lmtp();
        CHECK_THAT(lmtp.deliver({"alice@example.org"}, sampleMessage(9)).front(), Catch::StartsWith("250"));
        CHECK(waiting.line() == "* 2 EXISTS");
        CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(1));
        CHECK_THAT(waiting.line(), Catch::EndsWith(" RECENT"));
        waiting.send("DONE\r\n");
        CHECK(waiting.until(tag) == Lines{"OK IDLE completed"});
    }
    SECTION("news that came before IDLE are told at once; DONE in the same packet is heard")
    {
        other.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
        const auto tag = waiting.sendTagged("IDLE\r\nDONE");
        CHECK_THAT(waiting.line(), Catch::StartsWith("+ "));
        CHECK(waiting.until(tag) == Lines{"* 1 FETCH (FLAGS (\\Seen \\Recent))", "OK IDLE completed"});
    }
    SECTION("without a mailbox it waits for DONE all the same")
    {
        auto idle = server.imap();
        const auto tag = idle.sendTagged("IDLE");
        CHECK_THAT(idle.line(), Catch::StartsWith("+ "));
        idle.send("done\r\n");
        CHECK(idle.until(tag) == Lines{"OK IDLE completed"});
    }
}
