// Who did what: every change is in the audit, in the words of whoever made it, and what was done behind the server's back is seen.
#include "server/base/housekeeper.h"
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"
#include "tests/unit/store/store_fixture.h"

#include <unistd.h>

using namespace postfach::test;

namespace {

using Texts = std::vector<std::string>;

std::string after(const HttpReply& list, unsigned row, const std::string& field)
{
    const auto object = list.json()->getArray("items")->getObject(row);
    return object->isNull("after") ? "null" : object->getObject("after")->optValue<std::string>(field, "-");
}

} // namespace

TEST_CASE("The audit says who changed what, and what it was before, secrets never", "[admin][audit]")
{
    TestServer server;
    Http admin(server, server.token());
    const auto secret = admin.post("/api/v1/tokens", R"({"name":"office","scopes":["accounts","audit"]})").text("token");
    Http http(server, secret);
    REQUIRE(http.put("/api/v1/accounts/carol@new.org", R"({"password":"hunter2","name":"Carol"})").status == 201);
    REQUIRE(
        http.patch("/api/v1/accounts/carol@new.org", R"({"password":"hunter3","name":"Caroline","quota":1000})").status == 200);
    REQUIRE(http.remove("/api/v1/accounts/carol@new.org").status == 204);

    const auto list = http.get("/api/v1/audit?actor=token:office");
    CHECK(list.column("action") == Texts{"account.remove", "account.change", "account.create", "domain.create"});
    CHECK(list.column("target") == Texts{"carol@new.org", "carol@new.org", "carol@new.org", "new.org"});
    CHECK(list.column("address") == Texts(4, "127.0.0.1"));
    const auto change = list.json()->getArray("items")->getObject(1);
    CHECK(change->getObject("before")->getValue<std::string>("name") == "Carol");
    CHECK(change->getObject("after")->getValue<std::string>("name") == "Caroline");
    CHECK(change->getObject("after")->getValue<std::string>("password") == "new");
    CHECK_FALSE(change->getObject("after")->has("services")); // what is the same is not said
    CHECK(list.json()->getArray("items")->getObject(0)->getObject("before")->getValue<int>("quota") == 1000);

    const auto all = http.get("/api/v1/audit");
    for (const std::string& hidden : {std::string("hunter"), secret, server.token()})
        CHECK(all.body.find(hidden) == std::string::npos);
    CHECK(all.column("action").back() == "token.create"); // the first one, by the server itself
    CHECK(all.column("actor").back() == "server");
    CHECK(http.get("/api/v1/audit?action=token").column("target") == Texts{"office", "administrator"});
    CHECK(http.get("/api/v1/audit?target=carol@new.org&limit=1").column("action") == Texts{"account.remove"});
    CHECK(http.get("/api/v1/audit?since=2030-01-01T00:00:00Z").column("id").empty());
    CHECK(http.get("/api/v1/audit?since=yesterday").status == 422);
}

TEST_CASE("What is refused leaves no entry, and reading the audit wants its scope", "[admin][audit]")
{
    TestServer server;
    Http admin(server, server.token());
    const auto count = [&] { return admin.get("/api/v1/audit").column("id").size(); };
    const auto before = count();
    CHECK(admin.remove("/api/v1/domains/example.org").status == 409);
    CHECK(admin.put("/api/v1/accounts/alice@example.org", R"({"name":"x"})", {{"If-None-Match", "*"}}).status == 412);
    CHECK(admin.remove("/api/v1/aliases/nobody@example.org").status == 404);
    CHECK(admin.patch("/api/v1/accounts/alice@example.org", R"({"quota":-1})").status == 422);
    CHECK(count() == before);
    const auto reader =
        admin.post("/api/v1/tokens", R"({"name":"reader","scopes":["read","accounts","scan","mail"]})").text("token");
    Http http(server, reader);
    CHECK(http.get("/api/v1/audit").status == 403);
    CHECK(http.get("/api/v1/audit/verify").status == 403);
}

TEST_CASE("Who reads an account's mail through the API leaves an entry that names it", "[admin][audit]")
{
    TestServer server;
    server.fill(3);
    Http admin(server, server.token());
    Http http(server, admin.post("/api/v1/tokens", R"({"name":"curious","scopes":["mail","audit"]})").text("token"));
    const std::string inbox = "/api/v1/accounts/alice@example.org/mailboxes/INBOX/messages";
    CHECK(http.get(inbox + "/99").status == 404);
    CHECK(http.get("/api/v1/audit?target=alice@example.org").column("id").empty());
    for (const char* uid : {"/1", "/2", "/1"})
        CHECK(http.get(inbox + uid).status == 200);
    CHECK(http.get(inbox).status == 200);
    const auto list = http.get("/api/v1/audit?target=alice@example.org");
    CHECK(list.column("action") == Texts{"mail.list", "mail.read"}); // once an hour
    CHECK(list.column("target") == Texts(2, "alice@example.org/INBOX"));
    server.clock().advance(std::chrono::hours(1));
    CHECK(http.get(inbox + "/1").status == 200);
    CHECK(http.get("/api/v1/audit?action=mail.read").column("actor") == Texts(2, "token:curious"));
}

TEST_CASE("Configuration that is read again and what the clock removes stand in the audit", "[admin][audit]")
{
    TestServer server;
    Http http(server, server.token());
    server.configure("quota.default", "7 GiB");
    server.reload();
    const auto list = http.get("/api/v1/audit?action=configuration.change");
    CHECK(list.column("target") == Texts{"quota.default"});
    CHECK(after(list, 0, "value") == "7 GiB");
    CHECK(list.column("actor") == Texts{"server"});

    server.fill(2, "Trash");
    server.clock().advance(std::chrono::hours(24 * 31));
    server.appliance().housekeeper().runDue();
    CHECK(after(http.get("/api/v1/audit?action=retention.trash"), 0, "messages") == "2");
}

TEST_CASE("An entry that was changed in the database is named", "[admin][audit]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string domains = "/api/v1/domains/";
    for (const char* name : {"a.org", "b.org", "c.org"})
        REQUIRE(http.put(domains + name, "{}").status == 201);
    const auto good = http.get("/api/v1/audit/verify");
    CHECK(good.text("whole") == "true");
    CHECK(good.text("entries") == "4");
    const std::string head = good.text("head");
    CHECK(http.get("/api/v1/audit/verify?head=" + head).text("whole") == "true");
    CHECK(http.get("/api/v1/audit/verify?head=7").status == 422);

    postfach::store::test::sql(
        server.data() + "/data", "UPDATE audit SET actor = 'token:somebody', before = 'no JSON' WHERE id = 3");
    const auto bad = http.get("/api/v1/audit/verify");
    CHECK(bad.text("whole") == "false");
    CHECK(bad.json()->getArray("findings")->size() == 1);
    CHECK(bad.json()->getArray("findings")->getObject(0)->getValue<std::string>("where") == "audit 3");
    CHECK(http.get("/api/v1/audit").status == 200); // it is shown all the same
    CHECK(http.get("/api/v1/audit/verify?head=1:" + std::string(64, '0')).json()->getArray("findings")->size() == 2);
}

TEST_CASE("The command line is in the audit by its user, lists it, verifies it, and exits 1 where it was changed",
    "[admin][audit][cli]")
{
    TestServer server;
    const std::string data = server.data() + "/data";
    CHECK(command({"domain", "add", "new.org", "--data", data}).status == 0);
    const auto list = command({"audit", "list", "--action", "domain", "--json", "--data", data}).list();
    REQUIRE(list->size() == 1);
    CHECK(list->getObject(0)->getValue<std::string>("actor") == "local:" + std::to_string(getuid()));
    CHECK(list->getObject(0)->isNull("address"));
    CHECK(command({"audit", "list", "--data", data}).out.find("domain.create") != std::string::npos);
    const auto good = command({"audit", "verify", "--data", data});
    CHECK(good.status == 0);
    CHECK(good.out.starts_with("the audit is whole: 2 entries, head 2:"));
    const std::string head = good.out.substr(good.out.find("2:"), 66);
    CHECK(command({"audit", "verify", "--head", head, "--data", data}).status == 0);
    CHECK(command({"audit", "verify", "--head", "7", "--data", data}).status == 1);
    CHECK(command({"event", "list", "--kind", "audit", "--json", "--data", data}).list()->size() == 2);
    CHECK(command({"task", "list", "--data", data}).status == 0);
    CHECK(command({"task", "cancel", "nothing", "--data", data}).status == 1);
    CHECK(command({"token", "create", "office", "--scope", "read", "--from", "192.0.2.1,2001:db8::/32", "--data", data}).status
        == 0);
    CHECK(command({"token", "rotate", "office", "--data", data}).out.starts_with("pf_"));

    postfach::store::test::sql(data, "DELETE FROM audit WHERE id = 2");
    const auto bad = command({"audit", "verify", "--data", data});
    CHECK(bad.status == 1);
    CHECK(bad.out.find("audit 3: ") != std::string::npos);
    CHECK(bad.out.find("the audit is NOT as it was written: 3 entries") != std::string::npos);
}
