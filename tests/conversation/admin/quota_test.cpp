// Who comes near the quota is told: the owner by a mail, the administrator by the account's row; once for each threshold.
#include "server/appliance/appliance.h"
#include "server/base/housekeeper.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach::test;

namespace {

const std::string kAlice = "/api/v1/accounts/alice@example.org";

void patch(Http& http, const std::string& change)
{
    REQUIRE(http.request("PATCH", kAlice, change, {{"Content-Type", "application/merge-patch+json"}}).status == 200);
}

std::string inbox(TestServer& server)
{
    const auto answer = server.imap().talk("STATUS INBOX (MESSAGES)").front();
    return answer.substr(answer.find('('));
}

void look(TestServer& server) { server.appliance().housekeeper().run("quota"); }

} // namespace

TEST_CASE("A quota's thresholds are told by one mail each, and by the account's row", "[admin][quota]")
{
    TestServer server;
    Http http(server, server.token());
    patch(http, R"({"quota_messages":40})");
    server.fill(31);
    look(server);
    CHECK(http.get(kAlice).text("quota_level") == "0");
    CHECK(inbox(server) == "(MESSAGES 31)");

    server.fill(1);
    CHECK(http.get(kAlice).text("quota_level") == "80"); // whether or not anybody was told yet
    look(server);
    CHECK(inbox(server) == "(MESSAGES 33)");
    auto imap = server.imap();
    imap.select();
    const auto fetched = imap.talk("FETCH 33 (FLAGS BODY.PEEK[])");
    std::string notice;
    for (const auto& line : fetched)
        notice += line + "\n";
    CHECK_THAT(notice, Catch::ContainsSubstring("Subject: Your mailbox is 80 % full"));
    CHECK_THAT(notice, Catch::ContainsSubstring("Auto-Submitted: auto-generated"));
    CHECK_THAT(notice, Catch::ContainsSubstring("32 of 40"));
    CHECK_THAT(imap.talk("FETCH 33 ENVELOPE").front(), Catch::ContainsSubstring("Your mailbox is 80 % full")); // it has its summary
    look(server);
    look(server);
    CHECK(inbox(server) == "(MESSAGES 33)"); // once

    server.fill(3);
    look(server);
    CHECK(inbox(server) == "(MESSAGES 37)"); // 90 %
    CHECK(http.get(kAlice).text("quota_level") == "90");

    server.fill(3); // to the brim
    look(server);
    CHECK(inbox(server) == "(MESSAGES 40)"); // no room: the notice is no exception
    CHECK(http.get(kAlice).text("quota_level") == "95");
    look(server);
    CHECK(inbox(server) == "(MESSAGES 40)");
    CHECK_THAT(server.lmtp().deliver({"alice@example.org"}, sampleMessage(1)).back(), Catch::StartsWith("452"));

    imap.talk("STORE 1:20 +FLAGS.SILENT (\\Deleted)");
    patch(http, R"({"expunge_to_trash":false})");
    imap.talk("EXPUNGE");
    look(server);
    CHECK(http.get(kAlice).text("quota_level") == "0");
    server.fill(12);
    look(server);
    CHECK(inbox(server) == "(MESSAGES 33)"); // a new crossing is told again
    CHECK(http.request("PATCH", kAlice, R"({"quota_level":0})", {{"Content-Type", "application/merge-patch+json"}}).status == 422);
}

TEST_CASE("Bytes count as messages do, and quota.notice = off sends no mail", "[admin][quota][reload]")
{
    TestServer server;
    Http http(server, server.token());
    server.fill(4);
    const auto used = std::stoull(http.get(kAlice).text("used"));
    server.configure("quota.notice", "off");
    server.reload();
    patch(http, "{\"quota\":" + std::to_string(used + used / 10) + "}"); // 90.9 %
    look(server);
    CHECK(http.get(kAlice).text("quota_level") == "90");
    CHECK(inbox(server) == "(MESSAGES 4)");

    server.configure("quota.notice", "on");
    server.reload();
    look(server);
    CHECK(inbox(server) == "(MESSAGES 4)"); // 90 was told, in the log
    patch(http, R"({"quota":100000})");
    look(server);
    patch(http, "{\"quota\":" + std::to_string(used + used / 10) + "}");
    look(server);
    CHECK(inbox(server) == "(MESSAGES 4)"); // nor does a notice fit that is larger than what is left
    patch(http, R"({"quota":100000,"quota_messages":6})");
    look(server);
    patch(http, R"({"quota_messages":5})");
    look(server);
    CHECK(inbox(server) == "(MESSAGES 5)");
}
