// What becomes of what is deleted, set for a domain and an account: shown with its origin, refused where it cannot be meant, in the audit and
// in the office's document, and carried out by the clock while mail programs look on.
#include "server/appliance/appliance.h"
#include "server/base/housekeeper.h"
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <sstream>
#include <thread>

using namespace postfach::test;
using namespace std::chrono_literals;
using Catch::ContainsSubstring;

namespace {
const std::string kAlice = "/api/v1/accounts/alice@example.org";
const std::string kBob = "/api/v1/accounts/bob@example.org";
const std::string kDomain = "/api/v1/domains/example.org";

std::string shown(const HttpReply& reply, const std::string& field = "trash_in_force")
{
    std::ostringstream out;
    reply.json()->getObject(field)->stringify(out);
    return out.str();
}

Run cli(TestServer& server, std::vector<std::string> words)
{
    words.insert(words.end(), {"--data", server.data() + "/data"});
    return command(words);
}

// How many are in a mailbox, as a mail program that has just come sees it.
std::string messages(TestServer& server, const std::string& who, const std::string& mailbox)
{
    const auto status = server.imap(who + "@example.org").talk("STATUS " + mailbox + " (MESSAGES)").front();
    return status.substr(status.find('('));
}

void expungeOne(TestServer& server, const std::string& who)
{
    server.lmtp().deliver({who + "@example.org"}, "Subject: x\r\n\r\n");
    auto imap = server.imap(who + "@example.org");
    imap.select();
    imap.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
    CHECK(imap.talk("EXPUNGE") == Lines{"* 1 EXPUNGE", "OK EXPUNGE completed"});
}
} // namespace

TEST_CASE("A trash policy that cannot be meant is refused and changes nothing", "[admin][trash]")
{
    TestServer server;
    Http http(server, server.token());
    for (const std::string policy : {R"({"trash_days":"14"})", R"({"trash_days":-1})", R"({"junk_days":36501})", R"({"recovery_days":1.5})",
                                     R"({"recovery_days":true})", R"({"expunge_to_trash":"no"})", R"({"expunge_to_trash":1})", R"({"days":3})", "14", "[]"}) {
        CAPTURE(policy);
        for (const auto& path : {kAlice, kDomain}) {
            CHECK(http.patch(path, "{\"trash\":" + policy + "}").status == 422);
            CHECK(http.put(path, "{\"trash\":" + policy + "}").status == 422);
        }
    }
    CHECK(http.patch(kAlice, R"({"expunge_to_trash":false,"trash":{"trash_days":1}})").status == 422); // said in two places
    CHECK(http.patch(kDomain, R"({"expunge_to_trash":false})").text("code") == "unknown_field");
    CHECK(http.patch(kAlice, R"({"trash_in_force":{"trash_days":1}})").text("code") == "read_only_field");
    CHECK(http.patch("/api/v1/domains/nowhere.example", R"({"trash":null})").status == 404);
    CHECK(shown(http.get(kAlice)) == R"({"expunge_to_trash":true,"junk_days":30,"recovery_days":7,"trash_days":30})");
    CHECK(http.get("/api/v1/audit?action=account").column("id").empty());
}

TEST_CASE("A trash policy is the account's, then its domain's, then the configuration's", "[admin][trash]")
{
    TestServer server;
    server.configure("trash.days", "20");
    server.configure("junk.days", "5");
    server.reload();
    Http http(server, server.token());
    CHECK(shown(http.get(kAlice)) == R"({"expunge_to_trash":true,"junk_days":5,"recovery_days":7,"trash_days":20})");
    REQUIRE(http.patch(kDomain, R"({"trash":{"trash_days":10,"expunge_to_trash":false}})").status == 200);
    REQUIRE(http.patch(kAlice, R"({"trash":{"recovery_days":0,"junk_days":0}})").status == 200);
    CHECK(shown(http.get(kAlice)) == R"({"expunge_to_trash":false,"junk_days":0,"recovery_days":0,"trash_days":10})");
    CHECK(http.get(kAlice).text("expunge_to_trash") == "false");
    CHECK(shown(http.get(kAlice), "trash") == R"({"expunge_to_trash":null,"junk_days":0,"recovery_days":0,"trash_days":null})");
    REQUIRE(http.patch(kAlice, R"({"expunge_to_trash":true})").status == 200); // the line alone
    CHECK(shown(http.get(kAlice), "trash") == R"({"expunge_to_trash":true,"junk_days":0,"recovery_days":0,"trash_days":null})");
    REQUIRE(http.patch(kAlice, R"({"expunge_to_trash":null,"junk_days":null})").status == 422);
    REQUIRE(http.patch(kAlice, R"({"trash":{"junk_days":null}})").status == 200);
    CHECK(shown(http.get(kAlice)) == R"({"expunge_to_trash":true,"junk_days":5,"recovery_days":0,"trash_days":10})");
    const auto entry = http.get("/api/v1/audit?action=account.change&limit=1").json()->getArray("items")->getObject(0);
    CHECK(entry->getObject("before")->getObject("trash")->getValue<int>("junk_days") == 0);
    CHECK(entry->getObject("after")->getObject("trash")->isNull("junk_days"));
    CHECK(entry->getObject("after")->size() == 1);
    CHECK(http.get("/api/v1/audit?action=domain.change").column("target") == std::vector<std::string>{"example.org"});

    const std::string token = server.token();
    server.restart();
    Http again(server, token);
    CHECK(shown(again.get(kAlice)) == R"({"expunge_to_trash":true,"junk_days":5,"recovery_days":0,"trash_days":10})");
    REQUIRE(again.put(kDomain, "{}").status == 200); // PUT: what is not said is inherited
    REQUIRE(again.put(kAlice, "{}").status == 200);
    CHECK(shown(again.get(kAlice)) == R"({"expunge_to_trash":true,"junk_days":5,"recovery_days":7,"trash_days":20})");
}

TEST_CASE("Two accounts, two policies, one clock", "[admin][imap][trash][deleted]")
{
    TestServer server;
    Http http(server, server.token());
    REQUIRE(http.patch(kAlice, R"({"trash":{"trash_days":3,"recovery_days":2}})").status == 200);
    REQUIRE(http.patch(kBob, R"({"trash":{"junk_days":0}})").status == 200);
    auto watching = server.imap();
    watching.select("Trash");
    for (const std::string who : {"alice", "bob"}) {
        expungeOne(server, who);
        CHECK(messages(server, who, "Trash") == "(MESSAGES 1)");
        auto imap = server.imap(who + "@example.org");
        CHECK(imap.append("Junk", "Subject: spam\r\n\r\n").back().substr(0, 2) == "OK");
    }
    CHECK(watching.talk("NOOP").front() == "* 1 EXISTS");
    server.clock().advance(3 * 24h - 1s);
    server.appliance().housekeeper().runDue();
    CHECK(messages(server, "alice", "Trash") == "(MESSAGES 1)");
    server.clock().advance(1h);
    server.appliance().housekeeper().runDue();
    CHECK(messages(server, "alice", "Trash") == "(MESSAGES 0)");
    CHECK(messages(server, "alice", "Junk") == "(MESSAGES 1)");
    CHECK(messages(server, "bob", "Trash") == "(MESSAGES 1)");
    CHECK(http.get(kAlice + "/deleted").column("cause") == std::vector<std::string>{"trash"});
    server.clock().advance(2 * 24h + 1h);
    server.appliance().housekeeper().runDue();
    CHECK(http.get(kAlice + "/deleted").column("cause").empty()); // gone for good, in two days
    server.clock().advance(25 * 24h);
    server.appliance().housekeeper().runDue();
    CHECK(messages(server, "alice", "Junk") == "(MESSAGES 0)");
    CHECK(messages(server, "bob", "Trash") == "(MESSAGES 0)");
    CHECK(messages(server, "bob", "Junk") == "(MESSAGES 1)"); // never
    server.clock().advance(6 * 24h);
    server.appliance().housekeeper().runDue();
    CHECK(http.get(kBob + "/deleted").column("cause") == std::vector<std::string>{"trash"}); // the configuration's seven
    CHECK(http.get("/api/v1/audit?action=retention.trash").column("target").size() == 2);
}

TEST_CASE("The command line shows and changes trash policies", "[admin][cli][trash]")
{
    TestServer server;
    CHECK_THAT(cli(server, {"account", "policy", "alice@example.org"}).out, ContainsSubstring("TRASH DAYS        30 (inherited)\n"));
    CHECK_THAT(cli(server, {"domain", "policy", "example.org"}).out, ContainsSubstring("JUNK DAYS         default\n"));
    CHECK_THAT(cli(server, {"domain", "policy", "example.org", "--junk-days", "3", "--expunge-to-trash", "no"}).out, ContainsSubstring("JUNK DAYS         3\n"));
    const auto own = cli(server, {"account", "policy", "alice@example.org", "--trash-days", "0", "--recovery-days", "14"}).out;
    CHECK_THAT(own, ContainsSubstring("EXPUNGE TO TRASH  no (inherited)\n"));
    CHECK_THAT(own, ContainsSubstring("TRASH DAYS        0\n"));
    CHECK_THAT(own, ContainsSubstring("JUNK DAYS         3 (inherited)\n"));
    CHECK_THAT(own, ContainsSubstring("RECOVERY DAYS     14\n"));
    CHECK(cli(server, {"account", "policy", "alice@example.org", "--json"}).object()->getObject("trash_in_force")->getValue<int>("junk_days") == 3);
    CHECK_THAT(cli(server, {"account", "policy", "alice@example.org", "--recovery-days", "inherit"}).out, ContainsSubstring("RECOVERY DAYS     7 (inherited)\n"));
    for (const std::string wrong : {"14d", "-1", "", "never"})
        CHECK(cli(server, {"account", "policy", "alice@example.org", "--trash-days", wrong}).status == 2);
    CHECK(cli(server, {"account", "policy", "alice@example.org", "--trash-days", "36501"}).status == 1);
    CHECK(cli(server, {"account", "policy", "alice@example.org", "--expunge-to-trash", "perhaps"}).status == 2);
    CHECK(cli(server, {"account", "change", "alice@example.org", "--expunge-to-trash", "yes"}).status == 0);
    CHECK_THAT(cli(server, {"account", "policy", "alice@example.org"}).out, ContainsSubstring("EXPUNGE TO TRASH  yes\n"));
    CHECK(cli(server, {"account", "change", "alice@example.org", "--expunge-to-trash", "inherit"}).status == 0);
    CHECK_THAT(cli(server, {"account", "policy", "alice@example.org"}).out, ContainsSubstring("EXPUNGE TO TRASH  no (inherited)\n"));
}

TEST_CASE("Trash policies are in the office's document, there and back", "[admin][office][trash]")
{
    TestServer server;
    Http http(server, server.token());
    REQUIRE(http.patch(kDomain, R"({"trash":{"junk_days":4}})").status == 200);
    REQUIRE(http.patch(kAlice, R"({"trash":{"trash_days":9,"expunge_to_trash":false}})").status == 200);
    const auto kept = http.get("/api/v1/configuration/snapshot").body;
    REQUIRE(http.put(kDomain, "{}").status == 200);
    REQUIRE(http.patch(kAlice, R"({"trash":null})").status == 200);
    const std::string apply = "/api/v1/configuration/apply";
    const auto changes = http.post(apply + "?dry_run=true", kept).json()->getArray("changes");
    REQUIRE(changes->size() == 2);
    CHECK(changes->getObject(0)->getArray("fields")->getElement<std::string>(0) == "trash");
    CHECK(changes->getObject(1)->getArray("fields")->getElement<std::string>(0) == "trash");
    CHECK(http.post(apply + "?dry_run=true", R"({"accounts":[{"address":"alice@example.org","trash":{"trash_days":"x"}}]})").body.find("accounts[0].trash.trash_days")
          != std::string::npos);
    const auto task = http.post(apply, kept);
    REQUIRE(task.status == 202);
    while (http.get("/api/v1/tasks/" + task.text("id")).text("state") != "done")
        std::this_thread::yield();
    CHECK(shown(http.get(kAlice)) == R"({"expunge_to_trash":false,"junk_days":4,"recovery_days":7,"trash_days":9})");
}
