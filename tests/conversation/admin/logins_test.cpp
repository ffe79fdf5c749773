// Who logged in to an account and who tried, as its administrator and its owner see it.
#include "server/appliance/appliance.h"
#include "server/base/housekeeper.h"
#include "server/base/text.h"
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach::test;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

namespace {
const std::string kLogins = "/api/v1/accounts/alice@example.org/logins";

void tries(TestServer& server, const std::string& password, const std::string& user = "alice@example.org")
{
    auto imap = server.connect<ImapClient>("imap");
    imap.line();
    imap.talk("LOGIN " + user + " \"" + password + "\"");
}

HttpReply owner(TestServer& server, const std::string& path, const std::string& password = "secret", const std::string& user = "alice@example.org")
{
    return Http(server).get("/api/v1/me" + path, {{"Authorization", "Basic " + postfach::base::base64(user + ":" + password)}});
}
} // namespace

TEST_CASE("The history of logins is refused to whom it does not belong, and with what is no filter", "[admin][logins]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(Http(server).get(kLogins).status == 401);
    CHECK(Http(server, "pf_wrong").get(kLogins).status == 401);
    CHECK(http.get("/api/v1/accounts/nobody@example.org/logins").status == 404);
    CHECK(owner(server, "/logins", "wrong").status == 401);
    CHECK(http.get("/api/v1/me/logins").status == 401); // a token has no account
    for (const std::string query : {"?outcome=maybe", "?since=yesterday", "?until=1", "?limit=0", "?cursor=%21", "?cursor=!"})
        CHECK(http.get(kLogins + query).text("code") == "invalid_parameter");
    CHECK(http.get(kLogins + "?colour=red").text("code") == "unknown_parameter");
    const auto scan = http.post("/api/v1/tokens", R"({"name":"scan","scopes":["scan"]})");
    CHECK(Http(server, scan.text("token")).get(kLogins).status == 403);
}

TEST_CASE("Logins of each service stand in the account's history, by outcome and whence", "[admin][logins][imap][pop3]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(http.get(kLogins).column("time").empty());
    const auto made = http.post("/api/v1/accounts/alice@example.org/app-passwords", R"({"label":"phone","scopes":["pop3"]})");
    server.clock().advance(1s);
    { auto imap = server.imap(); }
    server.clock().advance(1s);
    {
        auto pop3 = server.connect<Pop3Client>("pop3s", true);
        pop3.line();
        pop3.talk("USER alice@example.org");
        CHECK(pop3.talk("PASS " + made.text("password")).substr(0, 3) == "+OK");
    }
    server.clock().advance(1s);
    tries(server, "wrong");
    tries(server, "wrong again");
    server.clock().advance(1s);
    http.patch("/api/v1/accounts/alice@example.org", R"({"enabled":false})");
    tries(server, "secret");

    auto list = http.get(kLogins); // now, whatever the housekeeper has done
    CHECK(list.column("outcome") == Texts{"disabled", "wrong", "ok", "ok"});
    CHECK(list.column("times") == Texts{"1", "2", "1", "1"});
    CHECK(list.column("service") == Texts{"imap", "imap", "pop3", "imap"});
    CHECK(list.column("tls") == Texts{"false", "false", "true", "false"});
    CHECK(list.column("app_password") == Texts{"null", "null", "phone", "null"});
    CHECK(list.column("address") == Texts(4, "127.0.0.1"));
    CHECK(list.body.find("secret") == std::string::npos);
    CHECK(http.get("/api/v1/accounts/bob@example.org/logins").column("time").empty());

    CHECK(http.get(kLogins + "?outcome=wrong").column("times") == Texts{"2"});
    CHECK(http.get(kLogins + "?service=pop3").column("app_password") == Texts{"phone"});
    CHECK(http.get(kLogins + "?address=192.0.2.1").column("time").empty());
    const auto third = list.column("time").at(2);
    CHECK(http.get(kLogins + "?since=" + third).column("outcome") == Texts{"disabled", "wrong", "ok"});
    CHECK(http.get(kLogins + "?until=" + third).column("service") == Texts{"imap"});
    // In pages.
    Texts seen;
    std::string cursor;
    do {
        const auto page = http.get(kLogins + "?limit=1" + (cursor.empty() ? "" : "&cursor=" + cursor));
        REQUIRE(page.column("outcome").size() <= 1);
        for (const auto& one : page.column("outcome"))
            seen.push_back(one);
        cursor = page.text("next") == "null" ? "" : page.text("next");
    } while (!cursor.empty());
    CHECK(seen == list.column("outcome"));
}

TEST_CASE("What fails for no account leaves nothing, and answers as for one that is there", "[admin][logins]")
{
    TestServer server;
    Http http(server, server.token());
    const auto answer = [&](const std::string& user) {
        auto imap = server.connect<ImapClient>("imap");
        imap.line();
        return imap.talk("LOGIN " + user + " wrong");
    };
    CHECK(answer("alice@example.org") == answer("nobody@example.org"));
    CHECK(owner(server, "/logins", "wrong").body == owner(server, "/logins", "wrong", "nobody@example.org").body);
    CHECK(http.get("/api/v1/accounts/nobody@example.org/logins").status == 404);
    // Nor does it when the name becomes an account's.
    server.addAccount("nobody@example.org");
    CHECK(http.get("/api/v1/accounts/nobody@example.org/logins").column("time").empty());
    CHECK(http.get(kLogins).column("outcome").size() == 2); // over IMAP and over this API
}

TEST_CASE("An owner sees where the account was used, the owner's own looking included, and nothing of others", "[admin][logins][me]")
{
    TestServer server;
    { auto imap = server.imap(); }
    { auto imap = server.imap("bob@example.org"); }
    const auto seen = owner(server, "/logins?service=imap");
    REQUIRE(seen.status == 200);
    CHECK(seen.column("outcome") == Texts{"ok"});
    CHECK(owner(server, "/logins?service=me").column("times") == Texts{"2"});
    CHECK(owner(server, "/logins?account=bob@example.org").text("code") == "unknown_parameter");
}

TEST_CASE("The history of logins outlives a restart, ends with its days and with the account", "[admin][logins]")
{
    TestServer server;
    const std::string token = server.token();
    { auto imap = server.imap(); }
    server.restart();
    Http http(server, token);
    CHECK(http.get(kLogins).column("service") == Texts{"imap"});
    server.clock().advance(89 * 24h);
    server.appliance().housekeeper().runDue();
    CHECK(http.get(kLogins).column("service") == Texts{"imap"});
    server.clock().advance(2 * 24h);
    server.appliance().housekeeper().runDue();
    CHECK(http.get(kLogins).column("service").empty());
    { auto imap = server.imap(); }
    server.appliance().housekeeper().runDue(); // written without anybody asking
    CHECK(server.store().read()->logins(server.store().read()->findAccount("alice@example.org")->id).size() <= 1);
    http.remove("/api/v1/accounts/alice@example.org");
    server.addAccount("alice@example.org");
    CHECK(http.get(kLogins).column("service").empty());
}

TEST_CASE("Where logins are not to be remembered they are not", "[admin][logins]")
{
    TestServer server;
    server.configure("logins.days", "0");
    server.reload();
    { auto imap = server.imap(); }
    CHECK(Http(server, server.token()).get(kLogins).column("time").empty());
}

TEST_CASE("The command line shows an account's logins", "[admin][logins][cli]")
{
    TestServer server;
    { auto imap = server.imap(); }
    tries(server, "wrong");
    const auto cli = [&](Texts words) {
        words.insert(words.end(), {"--data", server.data() + "/data"});
        return command(words);
    };
    const auto all = cli({"account", "logins", "alice@example.org", "--json"});
    REQUIRE(all.status == 0);
    CHECK(all.list()->size() == 2);
    CHECK(cli({"account", "logins", "alice@example.org", "--outcome", "wrong", "--json"}).list()->size() == 1);
    CHECK(cli({"account", "logins", "alice@example.org", "--address", "192.0.2.1", "--json"}).list()->empty());
    CHECK(cli({"account", "logins", "alice@example.org"}).out.find("OUTCOME") != std::string::npos);
    CHECK(cli({"account", "logins", "nobody@example.org"}).status == 1);
    CHECK(cli({"account", "logins", "alice@example.org", "--outcome", "maybe"}).status == 1);
    CHECK(cli({"account", "logins", "alice@example.org", "--since", "yesterday"}).status == 2);
    CHECK(cli({"account", "logins"}).status == 2);
}
