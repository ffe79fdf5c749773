// Tokens: from where, how long, and what wrong ones cost.
#include "admin/token_guard.h"
#include "server/base/text.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach;
using namespace postfach::test;
using namespace std::chrono_literals;

TEST_CASE("A token may be used from its networks alone, and until its end", "[admin][tokens]")
{
    TestServer server;
    Http admin(server, server.token());
    const auto make = [&](const std::string& name, const std::string& more) {
        return admin.post("/api/v1/tokens", R"({"name":")" + name + R"(","scopes":["read"])" + more + "}");
    };
    CHECK(make("bad", R"(,"networks":["10.0.0.0/99"])").status == 422);
    CHECK(make("bad", R"(,"networks":["everywhere"])").status == 422);
    const auto near = make("near", R"(,"networks":["192.0.2.0/24","127.0.0.0/8"])");
    CHECK(near.json()->getArray("networks")->size() == 2);
    const auto far = make("far", R"(,"networks":["192.0.2.0/24","2001:db8::/32"])");
    CHECK(Http(server, near.text("token")).get("/api/v1/accounts").status == 200);
    const auto refused = Http(server, far.text("token")).get("/api/v1/accounts");
    CHECK(refused.status == 401);
    CHECK(refused.body == Http(server, "pf_wrong").get("/api/v1/accounts").body); // a thief does not learn that it is one

    const auto brief = make("brief", R"(,"expires":"2026-03-01T01:00:00Z")");
    Http http(server, brief.text("token"));
    CHECK(http.get("/api/v1/accounts").status == 200);
    server.clock().advance(1h);
    CHECK(http.get("/api/v1/accounts").status == 401); // also on a connection that was good a moment ago
}

TEST_CASE("A token that is rotated has another secret, and the old one ends at once", "[admin][tokens]")
{
    TestServer server;
    Http admin(server, server.token());
    const auto first =
        admin.post("/api/v1/tokens", R"({"name":"office","scopes":["read"],"networks":["127.0.0.1"]})").text("token");
    Http old(server, first);
    CHECK(old.get("/api/v1/accounts").status == 200);
    const auto reply = admin.request("POST", "/api/v1/tokens/office/rotate");
    REQUIRE(reply.status == 200);
    CHECK(old.get("/api/v1/accounts").status == 401);
    CHECK(Http(server, reply.text("token")).get("/api/v1/accounts").status == 200);
    CHECK(reply.json()->getArray("networks")->size() == 1); // all else stays
    CHECK(admin.request("POST", "/api/v1/tokens/nobody/rotate").status == 404);
    CHECK(admin.get("/api/v1/audit?action=token.rotate").column("target") == std::vector<std::string>{"office"});
}

TEST_CASE("A right that is taken back while the body of a request is on its way is none when that is there", "[admin][tokens][me]")
{
    TestServer server;
    Http admin(server, server.token());
    const auto begun = [&](const std::string& line, const std::string& authorization, const std::string& body) {
        Http http(server);
        http.send(line + " HTTP/1.1\r\nHost: mail.example.org\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: "
                  + std::to_string(body.size()) + "\r\nAuthorization: " + authorization + "\r\n\r\n");
        CHECK(http.reply(true).status == 100); // who he is has been looked at
        return http;
    };
    const std::string token = R"({"name":"another","scopes":["admin"]})", password = R"({"password":"a thief's own words"})";
    const auto lost = admin.post("/api/v1/tokens", R"({"name":"lost","scopes":["admin"]})").text("token");
    const std::string owner = "Basic " + base::base64("alice@example.org:secret");
    auto by_token = begun("POST /api/v1/tokens", "Bearer " + lost, token);
    auto by_password = begun("PUT /api/v1/me/password", owner, password);
    auto in_time = begun("PUT /api/v1/me/password", "Basic " + base::base64("bob@example.org:secret"), password);
    CHECK(admin.request("POST", "/api/v1/tokens/lost/rotate").status == 200);
    CHECK(admin.patch("/api/v1/accounts/alice@example.org", R"({"password":"what alice has now"})").status == 200);
    CHECK(by_token.raw(token) == 401);
    CHECK(by_password.raw(password) == 401);
    CHECK(in_time.raw(password) < 300);
    const std::string now = "Basic " + base::base64("alice@example.org:what alice has now");
    CHECK(Http(server).get("/api/v1/me", {{"Authorization", now}}).status == 200);
    CHECK(admin.get("/api/v1/tokens").body.find("another") == std::string::npos);
}

TEST_CASE("Wrong tokens are told of, slowed down and in the end sent away, good ones never", "[admin][tokens][threats-33]")
{
    TestServer server;
    Http http(server, "pf_wrong");
    for (unsigned i = 0; i < admin::TokenGuard::kFree; ++i)
        REQUIRE(http.get("/api/v1/accounts").status == 401);
    const auto begun = std::chrono::steady_clock::now();
    CHECK(http.get("/api/v1/accounts").status == 401);
    CHECK(std::chrono::steady_clock::now() - begun >= 100ms);
    CHECK(Http(server, "pf_wrong").put("/api/v1/domains/x.org", "{}").status == 401); // with a body too
    const auto good = std::chrono::steady_clock::now();
    Http admin(server, server.token());
    CHECK(admin.get("/healthz").status == 200);
    const auto connected = std::chrono::steady_clock::now();
    CHECK(admin.get("/api/v1/accounts").status == 200);
    CHECK(std::chrono::steady_clock::now() - connected < std::max<std::chrono::steady_clock::duration>(5s, connected - good));
    const auto events = admin.get("/api/v1/events?kind=token", {{"Accept", "application/json"}});
    CHECK(events.column("kind") == std::vector<std::string>{"token.refused"}); // once a minute
    CHECK(events.body.find("127.0.0.1") != std::string::npos);
    CHECK(events.body.find("pf_wrong") == std::string::npos);
}

TEST_CASE("Who goes on with wrong tokens is told to come again later, and good tokens are taken from there all the same", "[admin][tokens][threats-33]")
{
    TestServer::Settings settings;
    settings.config = {{"limits.connections_per_address", "1000"}};
    TestServer server(settings);
    for (unsigned i = 0; i < admin::TokenGuard::kRefused; ++i) // nobody waits for these answers
        Http(server).send("GET /api/v1/accounts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer pf_wrong\r\n\r\n");
    HttpReply reply;
    for (int i = 0; i < 20 && reply.status != 429; ++i) // the last of them may just be on their way
        reply = Http(server, "pf_wrong").get("/api/v1/accounts");
    CHECK(reply.status == 429);
    CHECK(reply.text("code") == "too_many_attempts");
    CHECK(reply.headers.at("retry-after") == "600");
    CHECK(reply.headers.at("content-type").substr(0, 24) == "application/problem+json");
    CHECK(Http(server, server.token()).get("/api/v1/accounts").status == 200);
}

TEST_CASE("wrong tokens cost more and more, and are forgotten after ten quiet minutes", "[admin][tokens]")
{
    auto now = std::chrono::steady_clock::time_point(1h);
    admin::TokenGuard guard([&now] { return now; });
    for (unsigned i = 1; i <= admin::TokenGuard::kFree; ++i) {
        const auto decision = guard.failed("192.0.2.7");
        CHECK(decision.delay == 0ms);
        CHECK(decision.tell == (i == 1 ? 1U : 0U));
    }
    CHECK(guard.failed("192.0.2.7").delay == 100ms);
    CHECK(guard.failed("192.0.2.8").delay == 0ms);
    for (unsigned i = admin::TokenGuard::kFree + 2; i <= admin::TokenGuard::kRefused; ++i) {
        const auto decision = guard.failed("192.0.2.7");
        CHECK_FALSE(decision.refused);
        CHECK(decision.delay <= 4s);
    }
    CHECK(guard.failed("192.0.2.7").refused);
    now += 1min;
    CHECK(guard.failed("192.0.2.7").tell == 201);
    now += 11min;
    CHECK_FALSE(guard.failed("192.0.2.7").refused);
    for (unsigned i = 0; i <= admin::TokenGuard::kFree; ++i) // a /64 is one
        guard.failed("2001:db8::" + std::to_string(i));
    CHECK(guard.failed("2001:db8::ffff").delay > 0ms);
}
