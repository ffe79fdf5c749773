// Deleted is not lost: from an EXPUNGE over Trash and its days to the administrator who puts it back.
#include "server/appliance/appliance.h"
#include "server/base/housekeeper.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach::test;
using namespace std::chrono_literals;

TEST_CASE("What is expunged is in Trash, after its days recoverable, after those gone", "[admin][imap][deleted]")
{
    TestServer server;
    server.fill(2);
    Http http(server, server.token());
    const std::string deleted = "/api/v1/accounts/alice@example.org/deleted";
    auto laptop = server.imap();
    auto phone = server.imap();
    laptop.select();
    phone.talk("SELECT Trash");
    laptop.talk("STORE 1 +FLAGS.SILENT (\\Deleted \\Flagged kept)");

    // A client that moves by COPY has put it there itself: it does not come twice.
    laptop.talk("COPY 2 Trash");
    laptop.talk("STORE 2 +FLAGS.SILENT (\\Deleted)");
    CHECK(laptop.talk("EXPUNGE") == Lines{"* 2 EXPUNGE", "* 1 EXPUNGE", "OK EXPUNGE completed"});
    CHECK(laptop.talk("STATUS Trash (MESSAGES DELETED)").front() == "* STATUS Trash (MESSAGES 2 DELETED 0)");
    CHECK(phone.talk("NOOP").front() == "* 2 EXISTS"); // the other session hears of it
    const auto fetched = phone.talk("FETCH 2 FLAGS"); // may begin with the new keyword's "* FLAGS"
    const auto flags = fetched.at(fetched.size() - 2);
    CHECK_THAT(flags, Catch::StartsWith("* 2 FETCH"));
    CHECK(flags.find("\\Flagged") != std::string::npos);
    CHECK(flags.find("kept") != std::string::npos);
    CHECK(flags.find("\\Deleted") == std::string::npos);
    CHECK(http.get(deleted).column("id").empty());

    server.clock().advance(29 * 24h);
    server.appliance().housekeeper().runDue();
    CHECK(phone.talk("STATUS Trash (MESSAGES)").front() == "* STATUS Trash (MESSAGES 2)");
    server.clock().advance(2 * 24h);
    server.appliance().housekeeper().runDue();
    CHECK(server.imap().talk("STATUS Trash (MESSAGES)").front() == "* STATUS Trash (MESSAGES 0)");
    const auto ids = http.get(deleted).column("id");
    REQUIRE(ids.size() == 2);
    CHECK(http.get(deleted + "?mailbox=INBOX").column("id").empty());
    CHECK(http.get(deleted + "?mailbox=Trash").column("cause") == std::vector<std::string>{"trash", "trash"});

    const std::string other = "/api/v1/accounts/bob@example.org/deleted/";
    CHECK(http.request("POST", other + ids[0] + "/restore").status == 404); // no way to another's mail
    CHECK(http.remove(other + ids[0]).status == 404);
    CHECK(http.request("POST", deleted + "/x/restore").status == 404);
    CHECK(http.get("/api/v1/accounts/nobody@example.org/deleted").status == 404);
    const auto restored = http.request("POST", deleted + "/" + ids[0] + "/restore");
    REQUIRE(restored.status == 200);
    CHECK(restored.text("mailbox") == "Trash");
    CHECK(http.request("POST", deleted + "/" + ids[0] + "/restore").status == 404);

    server.clock().advance(8 * 24h);
    server.appliance().housekeeper().runDue();
    CHECK(http.get(deleted).column("id").empty());
    CHECK(server.imap().talk("STATUS Trash (MESSAGES)").front() == "* STATUS Trash (MESSAGES 1)");
}

TEST_CASE("Where an account's policy says so, EXPUNGE goes past Trash, and a quota of messages is kept", "[admin][imap][deleted][quota]")
{
    TestServer server;
    server.fill(2);
    Http http(server, server.token());
    const std::string account = "/api/v1/accounts/alice@example.org";
    const HttpHeaders merge{{"Content-Type", "application/merge-patch+json"}};
    CHECK(http.request("PATCH", account, "{\"recoverable\":1}", merge).status == 422); // counted, not written
    CHECK(http.request("PATCH", account, "{\"expunge_to_trash\":\"no\"}", merge).status == 422);
    REQUIRE(http.request("PATCH", account, "{\"expunge_to_trash\":false,\"quota_messages\":2}", merge).status == 200);
    CHECK(http.get(account).text("expunge_to_trash") == "false");
    CHECK(server.lmtp().deliver({"alice@example.org"}, "Subject: one too many\r\n\r\n").at(0).substr(0, 9) == "452 4.2.2");
    auto imap = server.imap();
    imap.select();
    imap.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
    imap.talk("CLOSE");
    CHECK(imap.talk("STATUS Trash (MESSAGES)").front() == "* STATUS Trash (MESSAGES 0)");
    CHECK(http.get(account + "/deleted").column("cause") == std::vector<std::string>{"imap"});
    CHECK(http.get(account).text("recoverable") != "0");
    CHECK(http.get(account).text("messages") == "1");
}

TEST_CASE("What POP3 deleted, or went with its mailbox, comes back to its place", "[admin][pop3][deleted]")
{
    TestServer server;
    server.fill(1);
    auto imap = server.imap();
    imap.talk("CREATE Work/Project");
    imap.select();
    imap.talk("STORE 1 +FLAGS.SILENT (\\Answered)");
    imap.talk("COPY 1 Work/Project");
    CHECK(imap.talk("DELETE Work/Project").back().substr(0, 2) == "OK");
    auto pop3 = server.pop3();
    pop3.talk("DELE 1");
    pop3.talk("QUIT");
    CHECK(server.imap().talk("STATUS INBOX (MESSAGES)").front() == "* STATUS INBOX (MESSAGES 0)");

    Http http(server, server.token());
    const std::string deleted = "/api/v1/accounts/alice@example.org/deleted";
    const auto list = http.get(deleted);
    CHECK(list.column("mailbox") == std::vector<std::string>{"Work/Project", "INBOX"});
    CHECK(list.column("cause") == std::vector<std::string>{"mailbox", "pop3"});
    for (const auto& id : list.column("id"))
        CHECK(http.request("POST", deleted + "/" + id + "/restore").status == 200);
    auto again = server.imap();
    CHECK(again.talk("STATUS Work/Project (MESSAGES)").front() == "* STATUS Work/Project (MESSAGES 1)");
    again.select();
    CHECK(again.talk("FETCH 1 FLAGS").front().find("\\Answered") != std::string::npos);
}
