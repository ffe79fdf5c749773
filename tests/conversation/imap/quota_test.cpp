#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach;
using namespace postfach::test;

namespace {

void limit(TestServer& server, const std::string& address, std::uint64_t bytes, std::uint64_t messages)
{
    server.store().writeAndWait([&](store::WriteTx& tx) {
        store::AccountPatch patch;
        patch.quota = bytes;
        patch.quota_messages = messages;
        tx.changeAccount(tx.findAccount(address)->id, patch);
    });
}

} // namespace

TEST_CASE("quotas are told to their owner, and nobody changes them", "[imap][quota][rfc9208-4.1]")
{
    TestServer server;
    auto client = server.imap();
    auto stranger = server.connect<ImapClient>("imap");
    stranger.line();
    SECTION("refusals")
    {
        CHECK_THAT(stranger.talk("GETQUOTAROOT INBOX").back(), Catch::StartsWith("BAD"));
        for (const auto* command : {"GETQUOTA", "GETQUOTAROOT", "GETQUOTA \"User quota\" more", "GETQUOTAROOT INBOX Sent",
                 "SETQUOTA \"User quota\"", "SETQUOTA \"User quota\" STORAGE 5", "SETQUOTA \"User quota\" (STORAGE)",
                 "SETQUOTA \"User quota\" (STORAGE much)", "SETQUOTA \"User quota\" (STORAGE 5"})
            CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("GETQUOTA \"bob@example.org\"").back(), Catch::StartsWith("NO [NONEXISTENT]"));
        CHECK_THAT(client.talk("GETQUOTA \"\"").back(), Catch::StartsWith("NO [NONEXISTENT]"));
        CHECK_THAT(client.talk("GETQUOTAROOT &Jjo").back(), Catch::StartsWith("NO [CANNOT]"));
        CHECK_THAT(client.talk("SETQUOTA \"User quota\" (STORAGE 512 MESSAGE 5)").back(), Catch::StartsWith("NO [NOPERM]"));
        CHECK_THAT(client.talk("SETQUOTA \"User quota\" ()").back(), Catch::StartsWith("NO [NOPERM]"));
    }
    SECTION("without a limit nothing is named")
    {
        CHECK(client.talk("GETQUOTAROOT inbox")
            == Lines{"* QUOTAROOT INBOX \"User quota\"", "* QUOTA \"User quota\" ()", "OK GETQUOTAROOT completed"});
    }
    SECTION("bytes and messages, rounded up, also for a mailbox that is not there yet")
    {
        limit(server, "alice@example.org", 10'000, 0);
        CHECK(client.talk("GETQUOTA \"User quota\"") == Lines{"* QUOTA \"User quota\" (STORAGE 0 10)", "OK GETQUOTA completed"});
        limit(server, "alice@example.org", 10'240, 50);
        client.append("INBOX", sampleMessage(1));
        client.append("Sent", sampleMessage(2, std::string(1'000, 'x')));
        CHECK(client.talk("GETQUOTAROOT later/on")
            == Lines{"* QUOTAROOT later/on \"User quota\"", "* QUOTA \"User quota\" (STORAGE 2 10 MESSAGE 2 50)",
                "OK GETQUOTAROOT completed"});
        limit(server, "alice@example.org", 0, 50);
        CHECK(client.talk("GETQUOTA {10+}\r\nUser quota").front() == "* QUOTA \"User quota\" (MESSAGE 2 50)");
        auto bob = server.imap("bob@example.org");
        CHECK(bob.talk("GETQUOTA \"User quota\"").front() == "* QUOTA \"User quota\" ()");
    }
    SECTION("what is too much is OVERQUOTA, by APPEND and by COPY")
    {
        limit(server, "alice@example.org", 0, 2);
        client.append("INBOX", sampleMessage(1));
        client.append("INBOX", sampleMessage(2));
        CHECK_THAT(client.append("INBOX", sampleMessage(3)).back(), Catch::StartsWith("NO [OVERQUOTA]"));
        client.select();
        CHECK_THAT(client.talk("COPY 1 Sent").back(), Catch::StartsWith("NO [OVERQUOTA]"));
        CHECK_THAT(client.talk("MOVE 1 Sent").back(), Catch::StartsWith("OK"));
    }
}
