#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"
#include "tests/unit/store/store_fixture.h"

using namespace postfach::test;

namespace {
std::string infected(const std::string& subject) { return "From: Eve <eve@evil.example>\r\nSubject: " + subject + "\r\n\r\n" + eicar() + "\r\n"; }
} // namespace

TEST_CASE("Quarantined mail is listed, shown, released and deleted", "[admin][quarantine]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(http.get("/api/v1/quarantine").column("id").empty());
    CHECK(http.get("/api/v1/quarantine/1").status == 404);
    CHECK(http.get("/api/v1/quarantine/x").status == 404);
    CHECK(http.get("/api/v1/quarantine/99999999999999999999").status == 404);
    CHECK(http.request("POST", "/api/v1/quarantine/1/release").status == 404);

    for (const std::string subject : {"one", "=?utf-8?q?zw=C3=B6lf?=", "three"})
        REQUIRE(server.lmtp().deliver({"alice@example.org"}, infected(subject), "eve@evil.example").at(0).substr(0, 3) == "250");
    const auto list = http.get("/api/v1/quarantine");
    const auto ids = list.column("id");
    REQUIRE(ids.size() == 3);
    CHECK(list.column("subject") == std::vector<std::string>{"one", "zw\xC3\xB6lf", "three"});
    CHECK(http.get("/api/v1/quarantine?limit=2").column("id") == std::vector<std::string>{ids[0], ids[1]});
    CHECK(http.get("/api/v1/quarantine?limit=2&cursor=" + http.get("/api/v1/quarantine?limit=2").text("next")).column("id") == std::vector<std::string>{ids[2]});
    const auto one = http.get("/api/v1/quarantine/" + ids[0]);
    CHECK(one.text("account") == "alice@example.org");
    CHECK(one.text("signature").find("Eicar") != std::string::npos);
    CHECK(one.text("way_in") == "lmtp");
    CHECK(one.body.find("EICAR-STANDARD") == std::string::npos); // never the content

    auto imap = server.imap();
    imap.select();
    CHECK(imap.talk("SEARCH TEXT EICAR-STANDARD").front() == "* SEARCH");
    CHECK(http.request("POST", "/api/v1/quarantine/" + ids[0] + "/release").status == 204);
    CHECK(http.get("/api/v1/quarantine/" + ids[0]).status == 404);
    CHECK(http.remove("/api/v1/quarantine/" + ids[1]).status == 204);
    CHECK(http.remove("/api/v1/quarantine/" + ids[1]).status == 404);
    CHECK(http.get("/api/v1/quarantine").column("id") == std::vector<std::string>{ids[2]});
    auto again = server.imap();
    again.select();
    CHECK(again.talk("SEARCH SUBJECT one TEXT EICAR-STANDARD").front() != "* SEARCH"); // the released one is there, as it was
}

TEST_CASE("An imported message passes the scanner like any other", "[admin][import]")
{
    TestServer server;
    Http admin(server, server.token());
    const auto secret = admin.post("/api/v1/tokens", "{\"name\":\"mover\",\"scopes\":[\"mail\"]}").text("token");
    Http http(server, secret);
    const std::string inbox = "/api/v1/accounts/alice@example.org/mailboxes/INBOX/messages";
    const HttpHeaders type{{"Content-Type", "message/rfc822"}};
    CHECK(http.request("POST", inbox + "?flags=seen,loud", "Subject: x\r\n\r\n", type).status == 422);
    CHECK(Http(server, secret).request("POST", inbox, "{}", {{"Content-Type", "application/json"}}).status == 415);
    CHECK(http.request("POST", "/api/v1/accounts/nobody@example.org/mailboxes/INBOX/messages", "Subject: x\r\n\r\n", type).status == 404);
    const auto stored = http.request("POST", inbox + "?flags=seen,flagged&keywords=$Label1&date=2020-02-02T02:02:02Z", "Subject: x\n\nhello\n", type);
    REQUIRE(stored.status == 201);
    CHECK(stored.text("outcome") == "stored");
    CHECK(http.request("POST", inbox, infected("bad"), type).text("outcome") == "quarantined");
    CHECK(http.request("POST", "/api/v1/accounts/alice@example.org/mailboxes/Old%2F2020/messages", "Subject: y\r\n\r\n", type).status == 201);
    auto imap = server.imap();
    imap.select();
    CHECK(imap.talk("FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])").front().find("Subject: x\r\n\r\nhello\r\n") != std::string::npos);
    CHECK(imap.talk("SEARCH KEYWORD $Label1 SEEN FLAGGED ON 2-Feb-2020").front() == "* SEARCH 1");
    CHECK(imap.talk("STATUS Old/2020 (MESSAGES)").front() == "* STATUS Old/2020 (MESSAGES 1)");
    const auto messages = http.get(inbox);
    CHECK(messages.json()->getArray("items")->getObject(0)->get("date").convert<std::string>() == "2020-02-02T02:02:02.000Z");
    CHECK(http.get(inbox + "/" + stored.text("uid")).body == "Subject: x\r\n\r\nhello\r\n");
    CHECK(http.get(inbox + "/4000000000").status == 404);
    server.scanner().available = false;
    CHECK(http.request("POST", inbox, "Subject: new\r\n\r\n", type).status == 503);
}

TEST_CASE("Readiness says which component is not ready", "[admin][health]")
{
    TestServer server;
    Http http(server);
    CHECK(http.get("/healthz").status == 200);
    CHECK(http.get("/readyz").text("status") == "ready");
    server.scanner().available = false;
    const auto reply = http.get("/readyz");
    CHECK(reply.status == 503);
    CHECK_FALSE(reply.json()->getObject("components")->getObject("scanner")->getValue<bool>("ready"));
    CHECK(reply.json()->getObject("components")->getObject("store")->getValue<bool>("ready"));
    CHECK(http.get("/metrics").body.find("postfach_ready 0\n") != std::string::npos);
    CHECK(http.get("/healthz").status == 200);
    Http admin(server, server.token());
    CHECK(admin.get("/api/v1/scans").text("ready") == "false");
    CHECK(admin.request("POST", "/api/v1/scans").status == 202);
    CHECK(server.scanner().reloads == 1);
}

TEST_CASE("A fault that endangers no mail is told with the readiness, and takes it from nobody", "[admin][health][check]")
{
    TestServer server;
    server.fill(1);
    const auto byHand = [&](const std::string& text) { postfach::store::test::sql(server.data() + "/data", text); };
    Http http(server);
    const auto store = [&] { return http.get("/readyz").json()->getObject("components")->getObject("store"); };
    const auto metric = [&](const std::string& line) { return http.get("/metrics").body.find(line + "\n") != std::string::npos; };
    CHECK(store()->isNull("detail"));
    byHand("UPDATE account SET pop3_retention = -2 WHERE address = 'bob@example.org'");
    REQUIRE(server.store().check(false).size() == 1);
    CHECK(http.get("/readyz").status == 200);
    CHECK(store()->getValue<bool>("ready"));
    CHECK(store()->getValue<std::string>("detail") == "A check found faults that endanger no mail; run `postfach check`.");
    CHECK(metric("postfach_store_warnings 1"));
    CHECK(metric("postfach_ready 1"));

    // A mail that is at risk is another matter.
    byHand("UPDATE message SET modseq = 0 WHERE uid = 1");
    REQUIRE(server.store().check(false).size() == 2);
    CHECK(http.get("/readyz").status == 503);
    CHECK(store()->getValue<std::string>("detail") == "The store cannot be used.");
    CHECK(metric("postfach_ready 0"));

    // Both end with a check that finds nothing.
    byHand("UPDATE message SET modseq = 1 WHERE uid = 1");
    REQUIRE(server.store().check(false).size() == 1);
    CHECK(http.get("/readyz").status == 200);
    CHECK_FALSE(store()->isNull("detail"));
    byHand("UPDATE account SET pop3_retention = NULL");
    REQUIRE(server.store().check(false).empty());
    CHECK(http.get("/readyz").status == 200);
    CHECK(store()->isNull("detail"));
    CHECK(metric("postfach_store_warnings 0"));
}
