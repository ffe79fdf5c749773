// The office as one document, mailboxes by hand, and an alias for a whole domain.
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <chrono>
#include <fstream>
#include <thread>

using namespace postfach::test;

namespace {
HttpReply finished(Http& http, HttpReply reply)
{
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    const auto path = "/api/v1/tasks/" + reply.text("id");
    while (reply.text("state") != "done" && reply.text("state") != "failed" && std::chrono::steady_clock::now() < until)
        reply = http.get(path);
    return reply;
}

std::vector<std::string> changesOf(const HttpReply& reply, const std::string& list = "changes")
{
    std::vector<std::string> out;
    const auto changes = reply.json()->getArray(list);
    for (std::size_t i = 0; i < changes->size(); ++i) {
        const auto one = changes->getObject(static_cast<unsigned>(i));
        std::string line = one->getValue<std::string>("action") + " " + one->getValue<std::string>("kind") + " "
            + one->getValue<std::string>("key");
        for (const auto& field : *one->getArray("fields"))
            line += " " + field.convert<std::string>();
        out.push_back(line);
    }
    return out;
}

std::vector<std::string> wrongFields(const HttpReply& reply)
{
    std::vector<std::string> out;
    const auto errors = reply.json()->getArray("errors");
    for (std::size_t i = 0; errors && i < errors->size(); ++i)
        out.push_back(errors->getObject(static_cast<unsigned>(i))->getValue<std::string>("field"));
    return out;
}

const std::string kApply = "/api/v1/configuration/apply", kSnapshot = "/api/v1/configuration/snapshot";
using Names = std::vector<std::string>;
} // namespace

TEST_CASE("A document that cannot be meant changes nothing, and every place in it is named", "[admin][office]")
{
    TestServer server;
    Http http(server, server.token());
    const auto before = http.get(kSnapshot).body;
    CHECK(http.post(kApply, "[]").status == 422);
    CHECK(http.post(kApply + "?dry_run=perhaps", "{}").status == 422);
    CHECK(wrongFields(http.post(kApply, R"({"accounts":{},"people":[]})")) == Names{"accounts", "people"});
    CHECK(
        wrongFields(http.post(kApply,
            R"({"domains":[{"name":"a..b"},{"name":"ok.example","pop3":{"seen":5}},{"name":"OK.example"},{}, {"name":"x.example","y":1}]})"))
        == Names{"domains[0].name", "domains[1].pop3.seen", "domains[2].name", "domains[3].name", "domains[4].y"});
    CHECK(wrongFields(http.post(kApply,
              R"({"accounts":[{"address":"a@b.example","quota":"much"},{"address":"no address"},)"
              R"({"address":"c@b.example","services":["http"],"password":"x","password_hash":"y"}]})"))
        == Names{"accounts[0].quota", "accounts[1].address", "accounts[2].password_hash", "accounts[2].services"});
    CHECK(
        wrongFields(http.post(kApply,
            R"({"aliases":[{"address":"i@example.org","targets":["nobody@example.org"]},{"address":"alice@example.org","targets":["bob@example.org"]},)"
            R"({"address":"j@example.org","targets":["i@example.org"]}]})"))
        == Names{"aliases[0].targets", "aliases[1].address"});
    CHECK(http.get(kSnapshot).body == before);
    const auto token = http.post("/api/v1/tokens", R"({"name":"r","scopes":["read"]})").text("token");
    CHECK(Http(server, token).get(kSnapshot).status == 200);
    CHECK(Http(server, token).post(kApply, "{}").status == 403);
}

TEST_CASE("The office is what the document says, and applying it again changes nothing", "[admin][office]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string document =
        R"({"domains":[{"name":"example.org","pop3":{"retention":{"days":30}},"scan":{"macros":"reject"}},{"name":"new.example"}],)"
        R"("accounts":[{"address":"alice@example.org","name":"Alice","quota":1000000,"services":["imap"]},)"
        R"({"address":"carol@new.example","password":"carol's secret"},)"
        R"({"address":"dave@new.example","password_hash":"{SHA512-CRYPT}$6$saltsalt$Xl.pQ7c4RmGGmqGrhQbxMoTgpvTz4SYuNE8lZVgAzCeXNOpLNrwzMJVhOB2LzIkBqnKiBvDVJxnLa0wUPrXDe0"}],)"
        R"("aliases":[{"address":"@new.example","targets":["carol@new.example"]},{"address":"all@example.org","targets":["alice@example.org","info@example.org"]},)"
        R"({"address":"info@example.org","targets":["bob@example.org"]}]})";
    auto bob = server.imap("bob@example.org");

    SECTION("the difference is shown and nothing done")
    {
        const auto shown = http.post(kApply + "?dry_run=true", document);
        CHECK(shown.status == 200);
        CHECK(changesOf(shown)
            == Names{"change domain example.org pop3 scan", "create domain new.example",
                "change account alice@example.org name quota services", "create account carol@new.example",
                "create account dave@new.example", "create alias @new.example", "create alias all@example.org",
                "create alias info@example.org"});
        CHECK(changesOf(shown, "others") == Names{"remove account bob@example.org"});
        CHECK(http.get("/api/v1/domains/new.example").status == 404);
    }
    SECTION("applied, read back, applied again")
    {
        auto pop3 = server.pop3();
        const auto begun = http.post(kApply, document);
        REQUIRE(begun.status == 202);
        CHECK(begun.headers.at("location") == "/api/v1/tasks/" + begun.text("id"));
        const auto done = finished(http, begun);
        CHECK(done.text("error") == "null");
        CHECK(done.text("result") == "6 created, 2 changed, 0 as they were");
        CHECK(done.text("progress") == done.text("total"));
        CHECK(http.get("/api/v1/accounts/alice@example.org").text("quota") == "1000000");
        CHECK(pop3.line().substr(0, 4) == "-ERR"); // alice may no longer
        CHECK(pop3.closed());
        auto carol = server.connect<ImapClient>("imap");
        carol.line();
        CHECK(carol.talk("LOGIN carol@new.example \"carol's secret\"").back().substr(0, 2) == "OK");
        CHECK(server.lmtp().deliver({"anybody@new.example"}, "Subject: x\r\n\r\nx\r\n").back().substr(0, 3) == "250");
        CHECK(http.get("/api/v1/accounts/bob@example.org").status == 200); // nobody goes
        const auto again = http.post(kApply + "?dry_run=true", document);
        CHECK(changesOf(again).empty());
        CHECK(again.text("same") == "8");
        const auto snapshot = http.get(kSnapshot);
        CHECK(snapshot.body.find("password") == std::string::npos);
        CHECK(changesOf(http.post(kApply + "?dry_run=true", snapshot.body)).empty());
        // Who is there keeps his password, whatever the document says.
        const auto other = R"({"accounts":[{"address":"carol@new.example","password":"other","name":"C"}]})";
        CHECK(finished(http, http.post(kApply, other)).text("state") == "done");
        CHECK(http.get("/api/v1/accounts/carol@new.example").text("name") == "C");
        auto still = server.connect<ImapClient>("imap");
        still.line();
        CHECK(still.talk("LOGIN carol@new.example \"carol's secret\"").back().substr(0, 2) == "OK");
        CHECK(bob.talk("NOOP").back().substr(0, 2) == "OK");
    }
    SECTION("prune removes aliases and what is empty then, and no account")
    {
        finished(http, http.post(kApply, document));
        const auto rest = R"({"domains":[{"name":"example.org"}],"accounts":[{"address":"alice@example.org"}]})";
        CHECK(finished(http, http.post(kApply, rest)).text("result") == "0 created, 2 changed, 0 as they were");
        CHECK(http.get("/api/v1/aliases").column("address").size() == 3);
        http.put("/api/v1/domains/empty.example", "{}");
        CHECK(finished(http, http.post(kApply + "?prune=true", rest)).text("result")
            == "0 created, 0 changed, 2 as they were, 4 removed, 4 not in the document left");
        CHECK(http.get("/api/v1/aliases").column("address").empty());
        CHECK(http.get("/api/v1/domains").column("name") == Names{"example.org", "new.example"});
        CHECK(http.get("/api/v1/accounts").column("address").size() == 4);
    }
    SECTION("the command line")
    {
        const auto data = server.data() + "/data", file = server.data() + "/office.json";
        std::ofstream(file) << document;
        const auto shown = command({"config", "apply", file, "--dry-run", "--data", data});
        CHECK(shown.status == 0);
        CHECK(shown.out.find("change account alice@example.org: name,quota,services\n") != std::string::npos);
        const auto applied = command({"config", "apply", file, "--data", data});
        CHECK(applied.out == "6 created, 2 changed, 0 as they were\n");
        const auto snapshot = command({"config", "snapshot", "--data", data});
        CHECK(snapshot.object()->getArray("accounts")->size() == 4);
        std::ofstream(file) << snapshot.out;
        CHECK(command({"config", "apply", file, "--dry-run", "--data", data}).out == "9 as they are\n");
        CHECK(command({"config", "apply", "/nowhere.json", "--data", data}).status == 1);
        std::ofstream(file) << "no json";
        CHECK(command({"config", "apply", file, "--data", data}).status == 1);
    }
}

TEST_CASE("A thousand accounts come in one document, while mail is served", "[admin][office]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string hash =
        "{SHA512-CRYPT}$6$saltsalt$Xl.pQ7c4RmGGmqGrhQbxMoTgpvTz4SYuNE8lZVgAzCeXNOpLNrwzMJVhOB2LzIkBqnKiBvDVJxnLa0wUPrXDe0";
    std::string document = "{\"accounts\":[";
    for (int i = 0; i < 1000; ++i)
        document += (i == 0 ? "" : ",")
            + ("{\"address\":\"user" + std::to_string(i) + "@big.example\",\"password_hash\":\"" + hash + "\"}");
    auto imap = server.imap();
    const auto begun = std::chrono::steady_clock::now();
    const auto task = http.post(kApply, document + "]}");
    REQUIRE(task.status == 202);
    CHECK(imap.talk("NOOP").back().substr(0, 2) == "OK");
    CHECK(finished(http, task).text("result") == "1000 created, 0 changed, 0 as they were");
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(120)); // bench_admin measures it; here only that it ends
    CHECK(http.get("/api/v1/domains/big.example").text("accounts") == "1000");
}

TEST_CASE("An administrator makes, renames and removes mailboxes, and what was in them can be restored", "[admin][mailboxes]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string all = "/api/v1/accounts/alice@example.org/mailboxes", projects = all + "/Projects%2F2026";
    server.fill(3);

    SECTION("refusals")
    {
        CHECK(http.get(projects).status == 404);
        CHECK(http.patch(projects, R"({"name":"X"})").status == 404);
        CHECK(http.remove(projects).status == 404);
        CHECK(http.get("/api/v1/accounts/nobody@example.org/mailboxes/INBOX").status == 404);
        CHECK(http.put("/api/v1/accounts/nobody@example.org/mailboxes/X", "{}").status == 404);
        CHECK(http.put(all + "/INBOX", "{}", {{"If-None-Match", "*"}}).status == 412);
        CHECK(http.put(projects, R"({"name":"Other"})").status == 422);
        CHECK(http.put(projects, R"({"messages":1})").text("code") == "unknown_field");
        CHECK(http.put(all + "/" + std::string(2000, 'x'), "{}").text("code") == "limit");
        CHECK(http.remove(all + "/INBOX").text("code") == "reserved");
        CHECK(http.remove(all + "/Trash").status == 409);
        CHECK(http.patch(all + "/INBOX", R"({"name":"X"})").status == 409);
        CHECK(http.patch(all + "/Archive", R"({"name":"Sent"})").status == 409);
        CHECK(http.patch(all + "/Archive", R"({"size":1})").text("code") == "read_only_field");
        CHECK(http.get(all).column("name").size() == 6);
    }
    SECTION("one lives and ends, and a mail program sees it")
    {
        auto imap = server.imap();
        const auto made = http.put(projects, "{}", {{"If-None-Match", "*"}});
        REQUIRE(made.status == 201);
        CHECK(made.text("subscribed") == "true");
        CHECK(http.get(all).column("name").size() == 8); // with the one above it
        CHECK(http.put(projects, R"({"subscribed":false})").status == 200);
        CHECK(http.get(projects).text("subscribed") == "false");
        imap.select();
        imap.talk("COPY 1:3 Projects/2026");
        CHECK(http.get(projects).text("messages") == "3");
        CHECK(http.get(projects, {{"If-None-Match", made.headers.at("etag")}}).status == 200);
        CHECK(http.remove(all + "/Projects").text("code") == "not_empty"); // one is below it
        CHECK(http.remove(projects, {{"If-Match", made.headers.at("etag")}}).status == 412);
        CHECK(http.patch(all + "/Projects", R"({"name":"Work"})").text("name") == "Work");
        CHECK(http.get(all + "/Work%2F2026").text("messages") == "3");
        CHECK(http.get(projects).status == 404);
        CHECK(imap.talk("STATUS Work/2026 (MESSAGES)")[0] == "* STATUS Work/2026 (MESSAGES 3)");
        CHECK(http.remove(all + "/Work%2F2026").status == 204);
        CHECK(imap.talk("STATUS Work/2026 (MESSAGES)").back().substr(0, 2) == "NO");
        CHECK(http.get("/api/v1/accounts/alice@example.org/deleted").column("mailbox")
            == Names{"Work/2026", "Work/2026", "Work/2026"});
    }
    SECTION("the command line")
    {
        const auto data = server.data() + "/data";
        CHECK(command({"mailbox", "create", "alice@example.org", "A/B", "C", "--data", data}).out
            == "mailbox A/B created\nmailbox C created\n");
        CHECK(command({"mailbox", "create", "alice@example.org", "C", "--data", data}).status == 1);
        CHECK(command({"mailbox", "rename", "alice@example.org", "C", "D", "--data", data}).status == 0);
        CHECK(command({"mailbox", "list", "alice@example.org", "--json", "--data", data}).list()->size() == 9);
        CHECK(command({"mailbox", "list", "alice@example.org", "--data", data}).out.find("INBOX    3 ") != std::string::npos);
        CHECK(command({"mailbox", "remove", "alice@example.org", "A/B", "D", "--data", data}).status == 0);
        CHECK(command({"mailbox", "remove", "alice@example.org", "Inbox", "--data", data}).status == 1);
    }
}

TEST_CASE("An alias for a whole domain is made like any other, and a name of its own goes first", "[admin][aliases]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string path = "/api/v1/aliases/@example.org", to_alice = R"({"targets":["alice@example.org"]})";
    CHECK(http.put("/api/v1/aliases/@", to_alice).status == 422);
    CHECK(http.put("/api/v1/aliases/@a..b", to_alice).status == 422);
    CHECK(http.put(path, R"({"targets":["@example.org"]})").status == 422);
    const auto deliver = [&](const std::string& to) {
        return server.lmtp().deliver({to}, "Subject: x\r\n\r\nx\r\n").back().substr(0, 9);
    };
    CHECK(deliver("anybody@example.org") == "550 5.1.1");
    CHECK(http.put(path, to_alice).status == 201);
    CHECK(http.get(path).text("address") == "@example.org");
    CHECK(deliver("anybody@example.org") == "250 2.0.0");
    CHECK(deliver("bob@example.org") == "250 2.0.0");
    CHECK(http.get("/api/v1/accounts/alice@example.org").text("messages") == "1");
    CHECK(http.get("/api/v1/accounts/bob@example.org").text("messages") == "1");
    auto login = server.connect<ImapClient>("imap");
    login.line();
    CHECK(login.talk("LOGIN anybody@example.org secret").back().substr(0, 2) == "NO"); // nobody becomes alice by it
    CHECK(command({"alias", "remove", "@example.org", "--data", server.data() + "/data"}).status == 0);
    CHECK(deliver("anybody@example.org") == "550 5.1.1");
}
