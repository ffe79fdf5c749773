// Browsers that sign in: what they must show, what ends them, and what nobody can make them do.
#include "server/base/error.h"
#include "server/base/hash.h"
#include "server/base/text.h"
#include "tests/conversation/admin/browser.h"
#include "tests/support/catch.h"

#include <chrono>
#include <set>

using namespace postfach;
using namespace postfach::test;
using namespace std::chrono_literals;

namespace {
constexpr auto kSession = "/api/v1/session";
constexpr auto kMine = "/api/v1/me/web-sessions";
const HttpHeaders kJson{{"Content-Type", "application/json"}};

std::string secretOf(const Browser& browser) { return browser.cookie().substr(browser.cookie().find('=') + 1); }

std::vector<std::string> audited(Http& admin, const std::string& action)
{
    return admin.get("/api/v1/audit?action=" + action).column("target");
}
} // namespace

TEST_CASE("Who signs in wrongly learns nothing, is slowed as everywhere, and is told of", "[admin][web-session]")
{
    TestServer server;
    Http admin(server, server.token());
    Browser browser(server);
    REQUIRE(browser.opened().status == 201);
    const auto wrong = Browser(server, "alice@example.org", "wrong").opened();
    CHECK(wrong.status == 401);
    CHECK(wrong.headers.at("www-authenticate").substr(0, 6) == "Bearer"); // no window of the browser's own
    CHECK_FALSE(wrong.headers.contains("set-cookie"));
    CHECK(Browser(server, "nobody@example.org", "secret").opened().body == wrong.body);
    CHECK(admin.get("/api/v1/events?kind=login.failed", {{"Accept", "application/json"}}).body.find("\"web\"") != std::string::npos);
    CHECK(audited(admin, "web-session.refused") == std::vector<std::string>{"nobody@example.org", "alice@example.org"});
    Browser(server, "alice@example.org", "wrong");
    CHECK(admin.get("/api/v1/bans").body.find("alice@example.org") != std::string::npos);
    CHECK(audited(admin, "web-session.refused").size() == 2); // once an hour
    server.clock().advance(61min);
    Browser(server, "alice@example.org", "wrong");
    CHECK(audited(admin, "web-session.refused").size() == 3);
    admin.remove("/api/v1/bans/127.0.0.1");

    const auto phone = admin.post("/api/v1/accounts/alice@example.org/app-passwords", R"({"label":"phone","scopes":["imap"]})").text("password");
    CHECK(Browser(server, "alice@example.org", phone).opened().body == wrong.body);
    admin.patch("/api/v1/accounts/alice@example.org", R"({"enabled":false})");
    CHECK(Browser(server, "alice@example.org", "secret").opened().body == wrong.body);
    for (const auto& [body, status] : std::vector<std::pair<std::string, int>>{
             {"", 422}, {"{}", 422}, {"[]", 422}, {"{", 400}, {R"({"account":"a","password":1})", 422},
             {R"({"account":"alice@example.org","password":"x","remember":true})", 422}, {R"({"account":"a\u0000","password":"x"})", 422}}) {
        INFO(body);
        CHECK(Http(server).request("POST", kSession, body, kJson).status == status);
    }
    CHECK(Http(server).request("POST", kSession, R"({"account":"a","password":"x"})", {{"Content-Type", "text/plain"}}).status == 415);
    CHECK(Http(server).request("POST", kSession, std::string(20'000, ' '), kJson).status == 413);
}

TEST_CASE("The cookie of a browser is kept by it alone, and the server knows its hash", "[admin][web-session]")
{
    TestServer server;
    Browser browser(server);
    const auto cookie = browser.opened().headers.at("set-cookie");
    CHECK(cookie == "__Host-postfach=" + secretOf(browser) + "; Path=/; Secure; HttpOnly; SameSite=Strict");
    CHECK(secretOf(browser).size() == 64);
    CHECK(browser.opened().headers.at("cache-control") == "no-store");
    const auto me = browser.ask("GET", kSession);
    CHECK(me.text("account") == "alice@example.org");
    CHECK(me.text("csrf_token") == browser.csrf());
    CHECK(me.body.find(secretOf(browser)) == std::string::npos);
    CHECK(browser.ask("GET", "/api/v1/me").text("address") == "alice@example.org");
    CHECK(browser.ask("GET", "/api/v1/accounts").status == 403); // an owner, no administrator
    CHECK(browser.ask("GET", "/api/v1/accounts/bob@example.org").status == 403);

    const auto alice = server.store().read()->findAccount("alice@example.org")->id;
    const auto kept = server.store().read()->webSessions(alice);
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].hash == base::hex(base::sha256(secretOf(browser))));
    server.restart(); // the store has it
    CHECK(browser.ask("GET", kSession).status == 200);
}

TEST_CASE("A browser's change needs the session's token and a page of this host", "[admin][web-session][threats-33]")
{
    TestServer server;
    Browser browser(server), other(server);
    const std::string password = R"({"password":"a new secret","current_password":"secret"})";
    const std::string origin = "https://mail.example.org";
    struct Case {
        HttpHeaders headers;
        const char* code;
    };
    const std::vector<Case> refused{
        {{{"X-CSRF-Token", browser.csrf()}}, "foreign_origin"}, // from nowhere
        {{{"Origin", origin}}, "csrf"},
        {{{"Origin", origin}, {"X-CSRF-Token", ""}}, "csrf"},
        {{{"Origin", origin}, {"X-CSRF-Token", other.csrf()}}, "csrf"},
        {{{"Origin", origin}, {"X-CSRF-Token", secretOf(browser)}}, "csrf"},
        {{{"Origin", "https://evil.example"}, {"X-CSRF-Token", browser.csrf()}}, "foreign_origin"},
        {{{"Origin", "null"}, {"X-CSRF-Token", browser.csrf()}}, "foreign_origin"},
        {{{"Origin", "http://mail.example.org"}, {"X-CSRF-Token", browser.csrf()}}, "foreign_origin"},
        {{{"Origin", origin}, {"Sec-Fetch-Site", "same-site"}, {"X-CSRF-Token", browser.csrf()}}, "foreign_origin"},
        {{{"Sec-Fetch-Site", "cross-site"}, {"X-CSRF-Token", browser.csrf()}}, "foreign_origin"},
        {{{"Sec-Fetch-Site", "none"}, {"X-CSRF-Token", browser.csrf()}}, "foreign_origin"},
    };
    for (const auto& one : refused) {
        std::string said;
        for (const auto& [name, value] : one.headers)
            said += name + ": " + value + "; ";
        INFO(said);
        for (const auto& [method, path, body] : std::vector<std::tuple<std::string, std::string, std::string>>{
                 {"PUT", "/api/v1/me/password", password}, {"POST", "/api/v1/me/app-passwords", R"({"label":"x","scopes":["imap"]})"},
                 {"DELETE", kSession, ""}}) {
            const auto reply = browser.askWith(method, path, one.headers, body);
            CHECK(reply.status == 403);
            CHECK(reply.text("code") == one.code);
        }
    }
    CHECK(browser.askWith("GET", "/api/v1/me", {{"Sec-Fetch-Site", "cross-site"}}).status == 403); // not even looked at
    CHECK(browser.askWith("GET", "/api/v1/me", {{"Sec-Fetch-Site", "none"}}).status == 200);
    CHECK(browser.askWith("GET", "/api/v1/me", {}).status == 200);
    CHECK(browser.askWith("POST", "/api/v1/me/app-passwords", {{"Origin", origin}, {"X-CSRF-Token", browser.csrf()}},
              R"({"label":"a","scopes":["imap"]})").status == 201);
    CHECK(browser.askWith("DELETE", "/api/v1/me/app-passwords/a", {{"Sec-Fetch-Site", "same-origin"}, {"X-CSRF-Token", browser.csrf()}}).status == 204);
    CHECK(Http(server, server.token()).put("/api/v1/domains/x.org", "{}").status == 201); // who has a token shows nothing else
}

TEST_CASE("No page of another site signs anybody in", "[admin][web-session][threats-33]")
{
    TestServer server;
    Browser browser(server);
    const auto before = browser.cookie();
    for (const HttpHeaders& headers : std::vector<HttpHeaders>{{{"Origin", "https://evil.example"}}, {{"Origin", "null"}}, {{"Sec-Fetch-Site", "cross-site"}},
             {{"Sec-Fetch-Site", "same-site"}}}) {
        INFO(headers[0].second);
        CHECK(browser.signIn("bob@example.org", "secret", headers).text("code") == "foreign_origin");
        CHECK(browser.cookie() == before);
    }
    CHECK(browser.ask("GET", kSession).text("account") == "alice@example.org");
}

TEST_CASE("Signing in makes a new session, signing out ends it for good", "[admin][web-session]")
{
    TestServer server;
    Http admin(server, server.token());
    Browser browser(server);
    const auto first = browser.cookie(), first_csrf = browser.csrf();
    REQUIRE(browser.signIn("alice@example.org", "secret").status == 201);
    CHECK(browser.cookie() != first);
    CHECK(browser.csrf() != first_csrf);
    CHECK(Http(server).get(kSession, {{"Cookie", first}}).status == 401); // the one it replaced is over
    CHECK(browser.ask("GET", kMine).column("id").size() == 1);

    const std::string planted = "__Host-postfach=" + std::string(64, 'a');
    const auto reply = Http(server).request("POST", kSession, R"({"account":"alice@example.org","password":"secret"})",
        {{"Content-Type", "application/json"}, {"Cookie", planted}, {"Idempotency-Key", "1"}});
    CHECK(reply.headers.at("set-cookie").find(planted) == std::string::npos);
    const auto again = Http(server).request("POST", kSession, R"({"account":"alice@example.org","password":"secret"})",
        {{"Content-Type", "application/json"}, {"Idempotency-Key", "1"}});
    CHECK(again.headers.at("set-cookie") != reply.headers.at("set-cookie")); // nobody gets another's

    const auto last = browser.cookie();
    const auto out = browser.ask("DELETE", kSession);
    CHECK(out.status == 204);
    CHECK(out.headers.at("set-cookie").find("__Host-postfach=; ") == 0);
    CHECK(browser.cookie().empty());
    const auto over = Http(server).get(kSession, {{"Cookie", last}});
    CHECK(over.status == 401);
    CHECK(over.text("code") == "session_over");
    CHECK(over.headers.at("set-cookie").find("Max-Age=0") != std::string::npos);
    CHECK(audited(admin, "web-session.open").size() == 4);
    CHECK(audited(admin, "web-session.end").size() == 2);
}

TEST_CASE("A cookie beside Authorization, or twice, is refused", "[admin][web-session][threats-33]")
{
    TestServer server;
    Browser browser(server);
    for (const std::string path : {"/api/v1/session", "/api/v1/me", "/api/v1/accounts"}) {
        INFO(path);
        for (const auto& other : std::vector<std::string>{"Bearer " + server.token(), "Basic " + base::base64("alice@example.org:secret")})
            CHECK(Http(server).get(path, {{"Cookie", browser.cookie()}, {"Authorization", other}}).status == 400);
        CHECK(Http(server).get(path, {{"Cookie", browser.cookie() + "; " + browser.cookie()}}).status == 400);
        CHECK(Http(server).get(path, {{"Cookie", browser.cookie()}, {"Cookie", "__Host-postfach=x"}}).status == 400);
    }
    for (const auto& cookie : std::vector<std::string>{"__Host-postfach=", "__Host-postfach=x", "__Host-postfach", "postfach=" + secretOf(browser), "__Host-postfach=" + std::string(64, 'f')}) {
        INFO(cookie);
        CHECK(Http(server).get(kSession, {{"Cookie", cookie}}).status == 401);
    }
    CHECK(Http(server, server.token()).get(kSession).status == 403); // a token is no browser
    CHECK(Http(server, server.token()).get("/healthz", {{"Cookie", browser.cookie()}}).status == 200);
}

TEST_CASE("A browser is signed out when it is idle, when its time is over, and when its account changes", "[admin][web-session]")
{
    TestServer server;
    Http admin(server, server.token());
    Browser browser(server);
    const auto in = [&] { return browser.askWith("GET", kSession, {}).status; };
    const std::string alice = "/api/v1/accounts/alice@example.org";

    SECTION("thirty minutes without a request")
    {
        for (int i = 0; i < 3; ++i) {
            server.clock().advance(29min);
            REQUIRE(in() == 200);
            server.store().writeAndWait([](store::WriteTx&) {}); // behind the note that it was seen
        }
        server.clock().advance(30min);
        const auto events = admin.get("/api/v1/events?kind=token", {{"Accept", "application/json"}}).column("kind").size();
        CHECK(in() == 401);
        CHECK(admin.get("/api/v1/events?kind=token", {{"Accept", "application/json"}}).column("kind").size() == events); // no attack
    }
    SECTION("twelve hours, however busy it was")
    {
        for (int i = 0; i < 36; ++i) {
            REQUIRE(in() == 200);
            server.store().writeAndWait([](store::WriteTx&) {});
            server.clock().advance(20min);
        }
        CHECK(in() == 401);
    }
    SECTION("another password, from the administrator")
    {
        admin.patch(alice, R"({"name":"Alice"})");
        REQUIRE(in() == 200); // its name is nothing to do with it
        admin.patch(alice, R"({"password":"another"})");
        CHECK(in() == 401);
    }
    SECTION("another password, from its owner, who has to know the old one")
    {
        Browser other(server);
        CHECK(browser.ask("PUT", "/api/v1/me/password", R"({"password":"another"})").status == 422);
        for (int i = 0; i < 2; ++i)
            CHECK(browser.ask("PUT", "/api/v1/me/password", R"({"password":"another","current_password":"wrong"})").text("code") == "wrong_password");
        REQUIRE(in() == 200);
        CHECK(admin.get("/api/v1/bans").json()->getArray("items")->size() > 0);
        CHECK(browser.ask("PUT", "/api/v1/me/password", R"({"password":"another","current_password":"secret"})").status == 200);
        CHECK(browser.cookie().empty());
        CHECK(other.ask("GET", kSession).status == 401);
        CHECK(browser.signIn("alice@example.org", "another").status == 201);
    }
    SECTION("disabled, also where it is enabled again")
    {
        admin.patch(alice, R"({"enabled":false})");
        CHECK(in() == 401);
        admin.patch(alice, R"({"enabled":true})");
        CHECK(Browser(server).opened().status == 201);
        CHECK(in() == 401);
    }
    SECTION("removed, and another account under its name")
    {
        admin.remove(alice);
        admin.put(alice, R"({"password":"secret"})");
        CHECK(in() == 401);
    }
}

TEST_CASE("An owner sees the browsers in which he has signed in, and ends them from afar", "[admin][web-session]")
{
    TestServer server;
    Browser browser(server), tablet(server), bob(server, "bob@example.org");
    tablet.signIn("alice@example.org", "secret", {{"User-Agent", "Tablet/1.0"}});
    const auto list = browser.ask("GET", kMine).json()->getArray("items");
    REQUIRE(list->size() == 2);
    std::string theirs;
    for (unsigned i = 0; i < 2; ++i)
        if (const auto one = list->getObject(i); !one->getValue<bool>("current")) {
            theirs = one->getValue<std::string>("id");
            CHECK(one->getValue<std::string>("client") == "Tablet/1.0");
        }
    CHECK(bob.ask("DELETE", std::string(kMine) + "/" + theirs).status == 404); // another's is none
    REQUIRE(tablet.ask("GET", kSession).status == 200);
    CHECK(browser.ask("DELETE", std::string(kMine) + "/" + theirs).status == 204);
    CHECK(tablet.ask("GET", kSession).status == 401);
    CHECK(browser.ask("GET", kSession).status == 200);

    for (int i = 0; i < 25; ++i) { // there are twenty, and the one that was not seen for longest gives way
        server.clock().advance(1min);
        Browser one(server);
        if (i < 19)
            browser.ask("GET", kSession);
    }
    CHECK(browser.ask("GET", kMine).column("id").size() == 20);
}

TEST_CASE("A stream of events ends with the token that it came under", "[admin][web-session][events]")
{
    TestServer server;
    Http admin(server, server.token());
    const auto token = admin.post("/api/v1/tokens", R"({"name":"watcher","scopes":["read"]})").text("token");
    auto watcher = server.connect("admin", true);
    watcher.send("GET /api/v1/events HTTP/1.1\r\nHost: mail.example.org\r\nAuthorization: Bearer " + token + "\r\n\r\n");
    REQUIRE(watcher.line() == "HTTP/1.1 200 OK");
    CHECK(admin.remove("/api/v1/tokens/watcher").status == 204);
    bool ended = false;
    for (int i = 0; i < 300 && !ended; ++i) { // each event is an occasion to look
        admin.put("/api/v1/domains/d" + std::to_string(i) + ".org", "{}");
        try {
            while (!watcher.waits())
                watcher.line();
        } catch (const Closed&) {
            ended = true;
        }
    }
    CHECK(ended);
}

TEST_CASE("How long a browser stays signed in has bounds", "[admin][web-session]")
{
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {"admin.session_idle", "0"}, {"admin.session_idle", "1441"}, {"admin.session_hours", "0"}, {"admin.session_hours", "721"}}) {
        INFO(key << " = " << value);
        TestServer::Settings settings;
        settings.config = {{key, value}};
        CHECK_THROWS_AS(TestServer(settings), base::Refused);
    }
    TestServer::Settings settings;
    settings.config = {{"admin.session_idle", "1"}};
    TestServer server(settings);
    Browser browser(server);
    CHECK(browser.ask("GET", kSession).status == 200);
    server.clock().advance(1min);
    CHECK(browser.ask("GET", kSession).status == 401);
}
