// The life of domains, accounts, aliases and tokens over HTTP; what the API says is what IMAP does.
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <algorithm>

using namespace postfach::test;

TEST_CASE("An account lives and ends over HTTP", "[admin][accounts]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string path = "/api/v1/accounts/carol@new.example";

    SECTION("refusals")
    {
        CHECK(http.get(path).text("code") == "not_found");
        CHECK(http.patch(path, "{}").status == 404);
        CHECK(http.remove(path).status == 404);
        CHECK(http.put(path, "{\"colour\":\"red\"}").text("code") == "unknown_field");
        CHECK(http.put(path, "{\"used\":0}").text("code") == "read_only_field");
        CHECK(http.put(path, "{\"address\":\"dave@new.example\"}").status == 422);
        CHECK(http.put(path, "{\"quota\":-1}").status == 422);
        CHECK(http.put(path, "{\"quota\":\"5\"}").status == 422);
        CHECK(http.put(path, "{\"enabled\":\"yes\"}").status == 422);
        CHECK(http.put(path, "{\"services\":[\"http\"]}").status == 422);
        CHECK(http.put(path, "{\"password\":\"\"}").status == 422);
        CHECK(http.put(path, "{\"password\":null}").status == 422);
        CHECK(http.put(path, "[]").status == 422);
        CHECK(http.put(path, "{").status == 400);
        CHECK(http.put(path, "{}", {{"If-Match", "\"1-1\""}}).status == 412);
        for (const std::string bad : {"carol", "carol%40", "%40new.example", "a+b@new.example", "a%20b@new.example", "a@-x.example", "a@x..example", ".a@x.example"}) {
            INFO(bad);
            CHECK(http.put("/api/v1/accounts/" + bad, "{}").text("code") == "invalid_name");
        }
        CHECK(http.get("/api/v1/domains").column("name") == std::vector<std::string>{"example.org"}); // nothing was made
    }
    SECTION("create, read, log in, change, disable, remove")
    {
        const auto created = http.put(path, "{\"password\":\"first secret\",\"name\":\"Carol \xC3\x84\",\"quota\":1048576}", {{"If-None-Match", "*"}});
        REQUIRE(created.status == 201);
        CHECK(created.headers.at("location") == "/api/v1/accounts/carol%40new.example");
        CHECK(created.body.find("secret") == std::string::npos);
        CHECK(http.put(path, "{}", {{"If-None-Match", "*"}}).status == 412);
        CHECK(http.get("/api/v1/domains/new.example").text("accounts") == "1"); // its domain came with it

        const auto read = http.get("/api/v1/accounts/Carol@NEW.example");
        CHECK(read.text("address") == "carol@new.example");
        CHECK(read.text("name") == "Carol \xC3\x84");
        CHECK(read.text("enabled") == "true");
        CHECK(read.text("quota") == "1048576");
        CHECK(read.text("used") == "0");
        CHECK(read.text("created") == "2026-03-01T00:00:00.000Z");
        CHECK(read.text("last_login") == "null");
        CHECK(read.json()->getArray("services")->size() == 3);
        CHECK(http.get(path, {{"If-None-Match", read.headers.at("etag")}}).status == 304);

        const auto login = [&](const std::string& password) {
            auto imap = server.connect<ImapClient>("imap");
            imap.line();
            return imap.talk("LOGIN carol@new.example \"" + password + "\"").back().substr(0, 2);
        };
        CHECK(login("first secret") == "OK");
        CHECK(http.get("/api/v1/accounts/carol@new.example/mailboxes").column("name").size() >= 6);

        server.store().writeAndWait([](postfach::store::WriteTx&) {}); // behind the note of the login
        const auto before = http.get(path);
        CHECK(before.text("last_login") != "null");
        const auto changed = http.patch(path, "{\"password\":\"second secret\",\"quota\":0}", {{"If-Match", before.headers.at("etag")}});
        REQUIRE(changed.status == 200);
        CHECK(changed.text("quota") == "0");
        CHECK(changed.text("name") == "Carol \xC3\x84"); // a patch leaves the rest
        CHECK(changed.headers.at("etag") != before.headers.at("etag"));
        CHECK(http.patch(path, "{\"name\":\"x\"}", {{"If-Match", before.headers.at("etag")}}).text("code") == "changed");
        CHECK(login("second secret") == "OK");
        CHECK(login("first secret") == "NO"); // also though it was remembered a moment ago

        CHECK(http.patch(path, "{\"enabled\":false}").text("enabled") == "false");
        CHECK(login("second secret") == "NO");
        CHECK(http.put(path, "{\"services\":[\"pop3\"]}").text("enabled") == "true"); // PUT: defaults for what is not said
        CHECK(http.get(path).text("name").empty());
        CHECK(login("second secret") == "NO"); // pop3 alone
        CHECK(http.patch(path, "{\"services\":null}").status == 200);
        CHECK(login("second secret") == "OK"); // PUT without a password leaves it

        CHECK(http.remove("/api/v1/domains/new.example").status == 409);
        CHECK(http.remove(path, {{"If-Match", "\"0-0\""}}).status == 412);
        CHECK(http.remove(path).status == 204);
        CHECK(http.get(path).status == 404);
        CHECK(login("second secret") == "NO");
        CHECK(http.remove("/api/v1/domains/new.example").status == 204);
    }
}

TEST_CASE("Domains of one label are names like any other", "[admin][domains]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(http.put("/api/v1/domains/localhost", "{}").status == 201);
    CHECK(http.put("/api/v1/domains/localhost", "{}").status == 200);
    CHECK(http.put("/api/v1/domains/LOCALHOST", "{}", {{"If-None-Match", "*"}}).status == 412);
    CHECK(http.request("PUT", "/api/v1/domains/empty.example").status == 201); // no body says nothing more
    CHECK(http.put("/api/v1/accounts/root@localhost", "{\"password\":\"x\"}").status == 201);
    for (const std::string bad : {"-a", "a..b", "a%20b", "a%40b", "a_%3Fb"})
        CHECK(http.put("/api/v1/domains/" + bad, "{}").status == 422);
}

TEST_CASE("A list comes in pages that miss nothing and repeat nothing", "[admin][lists]")
{
    TestServer server;
    Http http(server, server.token());
    for (int i = 0; i < 23; ++i)
        server.addAccount("user" + std::to_string(100 + i) + "@example.org");
    std::vector<std::string> seen;
    std::string query = "?limit=5";
    for (int pages = 0; pages < 10; ++pages) {
        const auto reply = http.get("/api/v1/accounts" + query);
        REQUIRE(reply.status == 200);
        const auto page = reply.column("address");
        CHECK(page.size() == 5);
        seen.insert(seen.end(), page.begin(), page.end());
        if (reply.text("next") == "null") {
            CHECK_FALSE(reply.headers.contains("link"));
            break;
        }
        query = "?limit=5&cursor=" + reply.text("next");
        CHECK(reply.headers.at("link").find(query) != std::string::npos);
    }
    CHECK(seen.size() == 25);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(http.get("/api/v1/accounts").column("address") == seen);
    // A cursor stays good when its entry goes.
    const auto first = http.get("/api/v1/accounts?limit=3");
    http.remove("/api/v1/accounts/" + seen[2]);
    CHECK(http.get("/api/v1/accounts?limit=1&cursor=" + first.text("next")).column("address") == std::vector<std::string>{seen[3]});
}

TEST_CASE("An account that is removed is no alias's target any more", "[admin][aliases][office]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(http.put("/api/v1/aliases/bobby@example.org", R"({"targets":["bob@example.org"]})").status == 201);
    CHECK(http.put("/api/v1/aliases/bobs@example.org", R"({"targets":["bobby@example.org"]})").status == 201);
    CHECK(http.put("/api/v1/aliases/office@example.org", R"({"targets":["alice@example.org","bob@example.org","bobs@example.org"]})").status == 201);
    CHECK(http.remove("/api/v1/accounts/bob@example.org").status == 204);
    CHECK(http.get("/api/v1/aliases").column("address") == std::vector<std::string>{"office@example.org"});
    CHECK(http.get("/api/v1/aliases/office@example.org").json()->getArray("targets")->size() == 1);
    CHECK(http.get("/api/v1/audit?action=alias.remove").column("target").size() == 2);
    const auto office = http.get("/api/v1/configuration/snapshot"); // it describes an office that can be
    CHECK(http.post("/api/v1/configuration/apply?dry_run=true", office.body).status == 200);
    server.addAccount("bob@example.org"); // another one
    CHECK(server.lmtp().deliver({"bobby@example.org"}, "Subject: x\r\n\r\nx\r\n").front().starts_with("550"));
}

TEST_CASE("An alias leads to accounts and to nothing else", "[admin][aliases]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(http.put("/api/v1/aliases/info@example.org", "{}").status == 422);
    CHECK(http.put("/api/v1/aliases/info@example.org", "{\"targets\":[\"nobody@example.org\"]}").status == 422);
    CHECK(http.put("/api/v1/aliases/info@example.org", "{\"targets\":[\"info@example.org\"]}").status == 422);
    CHECK(http.put("/api/v1/aliases/alice@example.org", "{\"targets\":[\"bob@example.org\"]}").status == 409);
    CHECK(http.put("/api/v1/aliases/info@example.org", "{\"targets\":[\"alice@example.org\",\"bob@example.org\"]}").status == 201);
    CHECK(http.put("/api/v1/aliases/info@example.org", "{\"targets\":[\"bob@example.org\"]}").status == 200);
    CHECK(http.put("/api/v1/accounts/info@example.org", "{\"password\":\"x\"}").status == 409);
    CHECK(http.get("/api/v1/aliases").column("address") == std::vector<std::string>{"info@example.org"});
    CHECK(server.lmtp().deliver({"info@example.org"}, "Subject: x\r\n\r\nhello\r\n").at(0).substr(0, 3) == "250");
    CHECK(server.imap("bob@example.org").talk("STATUS INBOX (MESSAGES)").at(0) == "* STATUS INBOX (MESSAGES 1)");
    CHECK(http.remove("/api/v1/aliases/info@example.org").status == 204);
    CHECK(http.get("/api/v1/aliases/info@example.org").status == 404);
}

TEST_CASE("A token may what its scopes say, until it ends", "[admin][tokens]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(http.post("/api/v1/tokens", "{\"name\":\"x\",\"scopes\":[]}").status == 422);
    CHECK(http.post("/api/v1/tokens", "{\"name\":\"x\",\"scopes\":[\"root\"]}").status == 422);
    CHECK(http.post("/api/v1/tokens", "{\"name\":\"\",\"scopes\":[\"read\"]}").status == 422);
    CHECK(http.post("/api/v1/tokens", "{\"name\":\"x\",\"scopes\":[\"read\"],\"expires\":\"2020-01-01T00:00:00Z\"}").status == 422);
    const auto created = http.post("/api/v1/tokens", "{\"name\":\"reader\",\"scopes\":[\"read\"],\"expires\":\"2026-03-02T00:00:00Z\"}");
    REQUIRE(created.status == 201);
    CHECK(http.post("/api/v1/tokens", "{\"name\":\"reader\",\"scopes\":[\"read\"]}").status == 409);
    const auto secret = created.text("token");
    CHECK(http.get("/api/v1/tokens").body.find(secret) == std::string::npos);
    CHECK(http.get("/api/v1/tokens").column("name") == std::vector<std::string>{"administrator", "reader"});

    Http reader(server, secret);
    CHECK(reader.get("/api/v1/accounts").status == 200);
    CHECK(reader.put("/api/v1/accounts/x@example.org", "{}").status == 403);
    CHECK(Http(server, secret).get("/api/v1/tokens").text("code") == "scope");
    CHECK(Http(server, secret).get("/api/v1/accounts/alice@example.org/mailboxes/INBOX/messages").status == 403);
    CHECK(Http(server, server.token()).get("/api/v1/accounts/alice@example.org/mailboxes/INBOX/messages").status == 403); // admin reads no mail
    server.clock().advance(std::chrono::hours(25));
    CHECK(Http(server, secret).get("/api/v1/accounts").status == 401);
    CHECK(http.remove("/api/v1/tokens/reader").status == 204);
    CHECK(http.remove("/api/v1/tokens/reader").status == 404);
    CHECK(http.remove("/api/v1/tokens/administrator").status == 204);
    CHECK(http.get("/api/v1/accounts").status == 401); // on the same connection
}

TEST_CASE("The administrator's token is told once and outlives a restart", "[admin][tokens]")
{
    TestServer server;
    const auto token = server.token();
    server.restart();
    CHECK(Http(server, token).get("/api/v1/accounts").status == 200);
    CHECK(server.token().empty());
}
