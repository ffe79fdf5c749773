#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <chrono>
#include <future>

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
    // Some clients (imapfilter, Thunderbird) never look at what came in one packet with the continuation.
    SECTION("... but not in one packet with its continuation")
    {
        int apart = 0;
        for (int round = 0; round < 20 && apart == 0; ++round) { // a slow machine may read both at once all the same
            other.talk(round % 2 == 0 ? "STORE 1 +FLAGS.SILENT (\\Seen)" : "STORE 1 -FLAGS.SILENT (\\Seen)");
            const auto tag = waiting.sendTagged("IDLE");
            CHECK_THAT(waiting.line(), Catch::StartsWith("+ "));
            apart += waiting.holdsMore() ? 0 : 1;
            CHECK_THAT(waiting.line(), Catch::StartsWith("* 1 FETCH"));
            waiting.send("DONE\r\n");
            CHECK(waiting.until(tag) == Lines{"OK IDLE completed"});
        }
        CHECK(apart == 1);
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

TEST_CASE("news do not wait for the disk: a busy writer keeps nobody from hearing what is committed", "[imap][idle]")
{
    TestServer server;
    server.fill(1);
    auto waiting = server.imap();
    waiting.select();
    const auto tag = waiting.sendTagged("IDLE");
    CHECK_THAT(waiting.line(), Catch::StartsWith("+ "));

    std::promise<void> heard;
    std::shared_future<void> go_on(heard.get_future());
    const auto id = server.store().read()->findMailbox(server.store().read()->findAccount("alice@example.org")->id, "INBOX")->id;
    const auto body = server.store().prepareBody(sampleMessage(2));
    const auto append = [&body, id](postfach::store::WriteTx& tx) {
        postfach::store::NewMessage message;
        message.body = tx.addBody(*body, "");
        tx.append(id, message);
    };
    // It is committed and published when the answer is given; as long as that takes, the writer writes nothing else.
    const auto answered = [go_on](std::exception_ptr) { go_on.wait_for(std::chrono::seconds(10)); };
    server.store().write(append, answered);
    CHECK(waiting.line() == "* 2 EXISTS");
    CHECK(waiting.line() == "* 2 RECENT");
    const bool writer_waits = go_on.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
    CHECK(writer_waits);
    heard.set_value();
    waiting.send("DONE\r\n");
    CHECK(waiting.until(tag) == Lines{"OK IDLE completed"});
}
