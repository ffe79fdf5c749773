// Conditional requests, the same POST twice, refusals that name each field, lists that are filtered and sorted.
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

using namespace postfach::test;

namespace {
std::vector<std::string> fieldsOf(const HttpReply& reply)
{
    std::vector<std::string> out;
    const auto errors = reply.json()->getArray("errors");
    for (std::size_t i = 0; errors && i < errors->size(); ++i) {
        const auto one = errors->getObject(static_cast<unsigned>(i));
        out.push_back(one->getValue<std::string>("field") + " " + one->getValue<std::string>("code"));
    }
    return out;
}
} // namespace

TEST_CASE("What has changed in the meantime is not overwritten, and what has not is not sent again", "[admin][conditions]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string domain = "/api/v1/domains/new.example", alias = "/api/v1/aliases/info@example.org";
    const std::string to_alice = R"({"targets":["alice@example.org"]})", to_bob = R"({"targets":["bob@example.org"]})";

    SECTION("what is not there has no state to rely on")
    {
        CHECK(http.put(domain, "{}", {{"If-Match", "*"}}).text("code") == "changed");
        CHECK(http.put(alias, to_alice, {{"If-Match", "\"x\""}}).status == 412);
        CHECK(http.get(domain).status == 404);
    }
    SECTION("a domain")
    {
        const auto first = http.put(domain, "{}");
        CHECK(first.headers.at("location") == domain);
        const auto made = first.headers.at("etag");
        CHECK(http.get(domain).headers.at("etag") == made);
        CHECK(http.get(domain, {{"If-None-Match", made}}).status == 304);
        CHECK(http.get(domain, {{"If-None-Match", "\"other\", W/" + made}}).status == 304);
        CHECK(http.get(domain, {{"If-None-Match", "*"}}).status == 304);
        CHECK(http.get(domain, {{"If-None-Match", "\"other\""}}).status == 200);
        const auto changed = http.patch(domain, R"({"pop3":{"seen":false}})", {{"If-Match", made}});
        REQUIRE(changed.status == 200);
        CHECK(changed.headers.at("etag") != made);
        CHECK(http.patch(domain, R"({"pop3":null})", {{"If-Match", made}}).status == 412);
        CHECK(http.put(domain, "{}", {{"If-Match", made}}).status == 412);
        CHECK(http.remove(domain, {{"If-Match", made}}).status == 412);
        CHECK(http.patch(domain, "{}", {{"If-Match", "W/" + changed.headers.at("etag")}}).status == 412); // weak: RFC 9110 13.1.1
        CHECK(http.remove(domain, {{"If-Match", "\"other\", " + changed.headers.at("etag")}}).status == 204);
    }
    SECTION("an account: mail makes it another to read, and the same to change")
    {
        const std::string account = "/api/v1/accounts/alice@example.org";
        const auto read = http.get(account).headers.at("etag");
        CHECK(http.get(account, {{"If-None-Match", read}}).status == 304);
        REQUIRE_THAT(server.lmtp().deliver({"alice@example.org"}, "Subject: more\r\n\r\nmore\r\n").at(0), Catch::StartsWith("250"));
        const auto again = http.get(account, {{"If-None-Match", read}});
        REQUIRE(again.status == 200);
        CHECK(again.text("messages") == "1");
        CHECK(http.patch(account, R"({"name":"Alice"})", {{"If-Match", read}}).status == 200);
        CHECK(http.patch(account, R"({"name":"Eve"})", {{"If-Match", read}}).status == 412);
        CHECK(http.patch(account, R"({"name":"Eve"})", {{"If-Match", again.headers.at("etag")}}).status == 412);
        CHECK(http.remove(account, {{"If-Match", "\"other\", " + http.get(account).headers.at("etag")}}).status == 204);
    }
    SECTION("an alias")
    {
        const auto made = http.put(alias, to_alice, {{"If-None-Match", "*"}}).headers.at("etag");
        CHECK(http.put(alias, to_bob, {{"If-None-Match", "*"}}).status == 412);
        const auto changed = http.put(alias, to_bob, {{"If-Match", made}});
        CHECK(changed.status == 200);
        CHECK(http.put(alias, to_alice, {{"If-Match", made}}).status == 412);
        CHECK(http.remove(alias, {{"If-Match", made}}).status == 412);
        CHECK(http.get(alias).json()->getArray("targets")->getElement<std::string>(0) == "bob@example.org");
        CHECK(http.remove(alias, {{"If-Match", "*"}}).status == 204);
    }
    SECTION("a mailbox")
    {
        const std::string mailbox = "/api/v1/accounts/alice@example.org/mailboxes/Projects";
        CHECK(http.put(mailbox, "{}", {{"If-Match", "*"}}).status == 412);
        REQUIRE(http.put(mailbox, "{}").status == 201);
        const auto made = http.get(mailbox).headers.at("etag");
        CHECK(http.put(mailbox, R"({"subscribed":false})", {{"If-Match", made}}).status == 200);
        CHECK(http.put(mailbox, R"({"subscribed":true})", {{"If-Match", made}}).status == 412);
    }
    SECTION("a list")
    {
        const auto tag = http.get("/api/v1/accounts").headers.at("etag");
        const auto unchanged = http.get("/api/v1/accounts", {{"If-None-Match", tag}});
        CHECK(unchanged.status == 304);
        CHECK(unchanged.body.empty());
        server.addAccount("carol@example.org");
        CHECK(http.get("/api/v1/accounts", {{"If-None-Match", tag}}).status == 200);
    }
}

TEST_CASE("A POST that is sent again under its Idempotency-Key is answered again and does nothing twice", "[admin][idempotency]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string tokens = "/api/v1/tokens", body = R"({"name":"t1","scopes":["admin"]})";
    const auto post = [](Http& who, const std::string& target, const std::string& json, const std::string& key) {
        return who.request("POST", target, json, {{"Content-Type", "application/json"}, {"Idempotency-Key", key}});
    };

    SECTION("refusals")
    {
        CHECK(post(http, tokens, body, std::string(256, 'k')).status == 400);
        CHECK(post(http, tokens, body, "").status == 400);
        CHECK(http.get(tokens).column("name") == std::vector<std::string>{"administrator"});
        CHECK(post(http, tokens, body, "k1").status == 201);
        CHECK(post(http, tokens, R"({"name":"t2","scopes":["read"]})", "k1").text("code") == "key_used");
        CHECK(post(http, "/api/v1/checks", body, "k1").status == 422);
        CHECK(http.post(tokens, body).status == 409); // without a key it is another wish
    }
    SECTION("the same answer")
    {
        const auto first = post(http, tokens, body, "k1"), again = post(http, tokens, body, "k1");
        CHECK(first.status == 201);
        CHECK(again.status == 201);
        CHECK(again.body == first.body);
        CHECK_FALSE(first.headers.contains("idempotent-replayed"));
        CHECK(again.headers.at("idempotent-replayed") == "true");
        CHECK(http.get(tokens).column("name").size() == 2);
        Http other(server, first.text("token")); // somebody else's key of the same name
        CHECK(post(other, tokens, R"({"name":"t3","scopes":["read"]})", "k1").status == 201);
    }
    SECTION("a refusal is not kept: what was wrong may be right now")
    {
        const std::string wanted = R"({"label":"phone","scopes":["imap"]})",
                          path = "/api/v1/accounts/carol@example.org/app-passwords";
        CHECK(post(http, path, wanted, "k1").status == 404);
        server.addAccount("carol@example.org");
        CHECK(post(http, path, wanted, "k1").status == 201);
    }
    SECTION("a thousand are remembered")
    {
        const auto first = post(http, "/api/v1/scans", "", "first");
        CHECK(first.status == 202);
        CHECK(post(http, "/api/v1/scans", "", "first").headers.contains("idempotent-replayed"));
        for (int i = 0; i < 1001; ++i)
            post(http, "/api/v1/scans", "", "key" + std::to_string(i));
        CHECK_FALSE(post(http, "/api/v1/scans", "", "first").headers.contains("idempotent-replayed"));
    }
}

TEST_CASE("A refusal names every field that is wrong", "[admin][problems]")
{
    TestServer server;
    Http http(server, server.token());
    const auto reply = http.put("/api/v1/accounts/carol@example.org",
        R"({"quota":-1,"enabled":"yes","colour":"red","used":5,"pop3":{"retention":"never","seen":1,"shade":2},"services":[1]})");
    CHECK(reply.status == 422);
    CHECK(fieldsOf(reply)
        == std::vector<std::string>{"used read_only_field", "quota invalid_field", "enabled invalid_field",
            "services invalid_field", "pop3.retention invalid_field", "pop3.seen invalid_field", "pop3.shade unknown_field",
            "colour unknown_field"});
    CHECK(reply.text("code") == "read_only_field");
    CHECK(reply.text("detail").find("And 7 more") != std::string::npos);
    CHECK(http.get("/api/v1/accounts/carol@example.org").status == 404);
    // What only the service finds out names its field too.
    CHECK(fieldsOf(http.put("/api/v1/accounts/carol@example.org", R"({"services":["http"]})"))
        == std::vector<std::string>{"services invalid_field"});
    CHECK_FALSE(http.get("/api/v1/accounts/carol@example.org").json()->has("errors")); // no field is wrong there
    std::string many = "{";
    for (int i = 0; i < 500; ++i)
        many += (i == 0 ? "\"f" : ",\"f") + std::to_string(i) + "\":1";
    CHECK(fieldsOf(http.put("/api/v1/accounts/carol@example.org", many + "}")).size() == 50);
}

TEST_CASE("Accounts are listed by domain, state and text, in four orders, page by page", "[admin][lists]")
{
    TestServer server;
    Http http(server, server.token());
    const std::vector<std::string> added{"anna@b.example", "bert@a.example", "carl@b.example", "dora@b.example"};
    for (const auto& address : added)
        server.addAccount(address);
    http.patch("/api/v1/accounts/carl@b.example", R"({"enabled":false,"name":"Karl Nagel"})");
    server.fill(2);
    server.imap("dora@b.example");
    server.store().writeAndWait([](postfach::store::WriteTx&) {}); // behind the note of the login
    const auto list = [&](const std::string& query) { return http.get("/api/v1/accounts?" + query).column("address"); };
    using Names = std::vector<std::string>;

    for (const std::string bad : {"enabled=yes", "sort=colour", "sort=", "sort=--used", "colour=red", "sort=password"}) {
        INFO(bad);
        CHECK(http.get("/api/v1/accounts?" + bad).status == 422);
    }
    CHECK(list("domain=B.example") == Names{"anna@b.example", "carl@b.example", "dora@b.example"});
    CHECK(list("domain=nowhere.example").empty());
    CHECK(list("domain=b.example&enabled=false") == Names{"carl@b.example"});
    CHECK(list("q=NAGEL") == Names{"carl@b.example"});
    CHECK(list("q=%40a.") == Names{"bert@a.example"});
    CHECK(list("sort=-address&domain=b.example") == Names{"dora@b.example", "carl@b.example", "anna@b.example"});
    CHECK(list("sort=-used&limit=1") == Names{"alice@example.org"});
    CHECK(list("sort=-last_login&limit=1") == Names{"dora@b.example"});
    CHECK(list("sort=last_login").back() == "dora@b.example");
    for (const std::string order : {"sort=used", "sort=-used", "sort=created", "sort=-address", "sort=address&q=a"}) {
        INFO(order);
        Names paged;
        std::string target = "/api/v1/accounts?limit=2&" + order;
        for (int i = 0; i < 10 && !target.empty(); ++i) {
            const auto page = http.get(target);
            const auto names = page.column("address");
            paged.insert(paged.end(), names.begin(), names.end());
            const auto link = page.headers.contains("link") ? page.headers.at("link") : "";
            target = link.empty() ? "" : link.substr(1, link.find('>') - 1); // the filters come along
        }
        CHECK(paged == list(order));
    }
}
