// What a stranger can do to the admin port: THREATS 33, row by row, over real TLS.
#include "server/base/text.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach::test;

TEST_CASE("A request whose framing is ambiguous gets 400 and the end of the connection", "[admin][http][threats-33]")
{
    TestServer server;
    const std::string start = "POST /api/v1/scans HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + server.token() + "\r\n";
    const std::string smuggled = "GET /api/v1/tokens HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + server.token() + "\r\n\r\n";
    const std::vector<std::string> requests{
        start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
        start + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + smuggled,
        start + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled,
        start + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
        "GET /healthz HTTP/1.1\nHost: a\n\n" + smuggled,
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\n\r\n" + smuggled,
        "GET /healthz HTTP/1.1\r\nHost: a\r\n X: y\r\n\r\n" + smuggled,
        "GET /healthz HTTP/1.1\r\n\r\n" + smuggled,
    };
    for (const auto& request : requests) {
        INFO(request);
        Http http(server);
        CHECK(http.raw(request) == 400);
        CHECK(http.closed()); // and nothing of what was smuggled is answered
    }
}

TEST_CASE("A body that nobody read is never the next request", "[admin][http][threats-33]")
{
    TestServer server;
    const std::string smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    SECTION("refused before it was read: the connection ends")
    {
        Http http(server);
        CHECK(http.raw("PUT /api/v1/domains/x.org HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n" + smuggled) == 401);
        CHECK(http.closed());
    }
    SECTION("of a GET: read and thrown away")
    {
        Http http(server);
        http.send("GET /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n" + smuggled);
        CHECK(http.reply().body.find("components") != std::string::npos);
        CHECK(http.get("/metrics").headers["content-type"].starts_with("text/plain")); // the next answer is the next request's
    }
    SECTION("a limit is said before the body comes")
    {
        Http http(server, server.token());
        CHECK(http.request("PUT", "/api/v1/domains/x.org", {}, {{"Content-Length", "104857600"}}).status == 413);
        Http expecting(server, server.token());
        CHECK(expecting.request("PUT", "/api/v1/domains/x.org", {}, {{"Content-Length", "104857600"}, {"Expect", "100-continue"}}).status == 413);
        Http chunked(server, server.token());
        chunked.send("PUT /api/v1/domains/x.org HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + server.token() + "\r\nTransfer-Encoding: chunked\r\n\r\n");
        CHECK(chunked.raw("200000\r\n") == 413);
    }
}

TEST_CASE("100 Continue is said when the body is wanted", "[admin][http][rfc9110-10.1.1]")
{
    TestServer server;
    Http http(server);
    http.send("PUT /api/v1/domains/x.org HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + server.token() + "\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(http.reply().status == 100);
    http.send("{}");
    CHECK(http.reply().status == 201);
}

TEST_CASE("A header of 1 MiB is refused while it comes", "[admin][http][threats-33]")
{
    TestServer server;
    Http large(server);
    CHECK(large.raw("GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + std::string(32 * 1024, 'x')) == 431);
    Http target(server);
    CHECK(target.raw("GET /" + std::string(32 * 1024, 'x')) == 414);
    Http all(server);
    const int status = all.raw("GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + std::string(1024 * 1024, 'x') + "\r\n\r\n");
    CHECK((status == 431 || status == 0)); // 0: the rest met a closed connection
    CHECK(Http(server).get("/healthz").status == 200);
}

TEST_CASE("Who has no token learns nothing, not even which paths there are", "[admin][auth][threats-33]")
{
    TestServer server;
    const std::string& good = server.token();
    std::string other = good;
    other.back() = other.back() == '0' ? '1' : '0';
    for (const std::string& authorization : {std::string(), std::string("Bearer"), std::string("Bearer "), std::string("Bearer null"), "Bearer " + other,
                                            "Bearer " + good.substr(0, good.size() - 1), "Bearer " + good + "0", "Basic " + good, good, "Bearer " + std::string(5000, 'x'),
                                            "Bearer " + good + " " + good, "Bearer \"" + good + "\""})
        for (const std::string path : {"/api/v1/accounts", "/api/v1/no-such-thing", "/api/v2", "/api"}) {
            INFO(authorization << " " << path);
            HttpHeaders headers;
            if (!authorization.empty())
                headers.emplace_back("Authorization", authorization);
            Http http(server);
            const auto reply = http.request("GET", path, {}, headers);
            CHECK(reply.status == 401);
            CHECK(reply.headers.at("www-authenticate").starts_with("Bearer"));
            CHECK(reply.text("code") == "unauthorized");
        }
    CHECK(Http(server, good).get("/api/v1/accounts").status == 200);
    CHECK(Http(server).get("/api/v1/accounts", {{"authorization", "bEARER " + good}}).status == 200);
    SECTION("what a proxy or a framework would believe is not believed")
    {
        for (const HttpHeaders& headers : {HttpHeaders{{"X-Forwarded-For", "127.0.0.1"}}, HttpHeaders{{"X-Original-URL", "/healthz"}},
                                           HttpHeaders{{"Cookie", "token=" + good}}})
            CHECK(Http(server).get("/api/v1/accounts", headers).status == 401);
        CHECK(Http(server).get("/api/v1/accounts?token=" + good).status == 401);
        CHECK(Http(server, good).request("GET", "/api/v1/accounts/alice%40example.org", {}, {{"X-HTTP-Method-Override", "DELETE"}}).status == 200);
        CHECK(Http(server, good).get("/api/v1/accounts/alice@example.org").status == 200); // still there
        CHECK(Http(server, good).request("GET", "/healthz", {}, {{"X-Forwarded-Host", "evil"}}).status == 200);
    }
}

TEST_CASE("A path that could be read in two ways is refused", "[admin][http][threats-33]")
{
    TestServer server;
    for (const std::string path : {"/..%2f", "//admin", "/api/v1/../v1/accounts", "/%00", "/api/v1/accounts%00", "/api%2f..%2fhealthz", "/.", "/healthz/", "/a\\b"}) {
        INFO(path);
        Http http(server, server.token());
        CHECK(http.get(path).status == 400);
    }
    CHECK(Http(server, server.token()).get("/HEALTHZ").status == 404);
    CHECK(Http(server, server.token()).get("/api/v1/Accounts").status == 404);
}

TEST_CASE("A page of another origin cannot change anything", "[admin][http][csrf][threats-33]")
{
    TestServer server;
    for (const std::string origin : {"https://evil.example", "null", "http://mail.example.org", "https://mail.example.org.evil.example", ""}) {
        INFO(origin);
        Http http(server, server.token());
        CHECK(http.put("/api/v1/domains/x.org", "{}", {{"Origin", origin}, {"Cookie", "session=1"}}).status == 403);
    }
    CHECK(Http(server, server.token()).put("/api/v1/domains/x.org", "{}", {{"Origin", "https://mail.example.org"}}).status == 201);
    // What a form or a script may send without asking first is no JSON.
    for (const std::string type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"})
        CHECK(Http(server, server.token()).request("PUT", "/api/v1/domains/y.org", "{}", {{"Content-Type", type}}).status == 415);
}

TEST_CASE("Any Host is answered alike, and nothing is made of it", "[admin][http][threats-33]")
{
    TestServer server;
    Http http(server);
    http.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    const auto reply = http.reply();
    CHECK(reply.status == 200);
    CHECK(reply.body.find("evil") == std::string::npos);
}

TEST_CASE("JSON nested 100,000 deep is refused and the server lives", "[admin][json][threats-33]")
{
    TestServer server;
    std::string deep;
    for (int i = 0; i < 100'000; ++i)
        deep += "{\"a\":";
    Http http(server, server.token());
    CHECK(http.put("/api/v1/accounts/x@example.org", deep).status == 400);
    CHECK(http.put("/api/v1/accounts/x@example.org", "{\"name\":" + std::string(100'000, '[')).status == 400);
    CHECK(http.get("/healthz").status == 200);
}

TEST_CASE("A body of a mebibyte that is all entries is refused, and what an owner sends is short", "[admin][json][threats-33]")
{
    TestServer server;
    std::string wide = "{\"a\":[{}";
    while (wide.size() < 1'000'000)
        wide += ",{}";
    Http http(server, server.token());
    const auto refused = http.put("/api/v1/accounts/x@example.org", wide + "]}");
    CHECK(refused.status == 400);
    CHECK(refused.text("code") == "malformed_json");
    Http owner(server);
    const std::string basic = "Basic " + postfach::base::base64("alice@example.org:secret");
    const HttpHeaders own{{"Authorization", basic}, {"Content-Type", "application/json"}};
    CHECK(owner.request("POST", "/api/v1/me/app-passwords", "{\"label\":\"" + std::string(17'000, ' ') + "\"}", own).status == 413);
}

TEST_CASE("Methods, media types and parameters that do not fit get their own status", "[admin][http]")
{
    TestServer server;
    Http http(server, server.token());
    const auto reply = http.request("POST", "/api/v1/accounts/alice@example.org");
    CHECK(reply.status == 405);
    CHECK(reply.headers.at("allow") == "GET, HEAD, PUT, PATCH, DELETE");
    CHECK(http.request("TRACE", "/healthz").status == 405);
    CHECK(http.get("/api/v1/accounts?offset=3").status == 422);
    CHECK(http.get("/api/v1/accounts?limit=0").status == 422);
    CHECK(http.get("/api/v1/accounts?limit=1001").status == 422);
    CHECK(http.get("/api/v1/accounts?cursor=%21").status == 422);
    const auto head = http.request("HEAD", "/api/v1/accounts");
    CHECK(head.status == 200);
    CHECK(std::stoi(head.headers.at("content-length")) > 100);
    CHECK(http.get("/healthz").status == 200); // HEAD had no body
}

TEST_CASE("Garbage and early ends harm nobody else", "[admin][http]")
{
    TestServer server;
    Http other(server, server.token());
    CHECK(other.get("/healthz").status == 200);
    Client plain(server.port("admin"));
    plain.send("GET / HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer " + server.token() + "\r\n\r\n"); // no TLS
    const auto hint = plain.rest();
    CHECK(hint.starts_with("HTTP/1.1 307 "));
    CHECK(hint.find("\r\nLocation: https://mail.example.org:" + std::to_string(server.port("admin")) + "/\r\n") != std::string::npos);
    CHECK(hint.find("evil") == std::string::npos);
    for (int i = 0; i < 20; ++i) {
        Http gone(server, server.token());
        gone.send("PUT /api/v1/domains/x.org HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + server.token() + "\r\nContent-Length: 100\r\n\r\n{");
    }
    Http garbage(server);
    CHECK(garbage.raw(std::string(3000, '\xFF') + "\r\n\r\n") == 400);
    CHECK(other.get("/api/v1/domains").column("name") == std::vector<std::string>{"example.org"});
}

TEST_CASE("Requests on one connection are answered in order, also when they come together", "[admin][http]")
{
    TestServer server;
    Http http(server);
    http.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    CHECK(http.reply().status == 200);
    CHECK(http.reply().status == 404);
    const auto last = http.reply();
    CHECK(last.body.find("postfach_ready 1\n") != std::string::npos);
    CHECK(http.closed());
    for (const auto* name : {"x-content-type-options", "content-security-policy", "cache-control"})
        CHECK(last.headers.contains(name));
}
