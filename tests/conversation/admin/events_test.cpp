// What happens, as a stream and as a list.
#include "server/base/housekeeper.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <memory>

using namespace postfach::test;

namespace {

using Texts = std::vector<std::string>;

// A stream of events, read as a browser reads it.
class Follower {
public:
    Follower(TestServer& server, const std::string& target = "/api/v1/events", const std::string& headers = "") :
        client_(server.port("admin"), true)
    {
        client_.send("GET " + target + " HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nAuthorization: Bearer "
            + server.token() + "\r\n" + headers + "\r\n");
        status = std::stoi(client_.line().substr(9, 3));
        for (auto line = client_.line(); !line.empty(); line = client_.line())
            head += line + "\n";
        if (status == 200)
            CHECK(next().kind.empty()); // "retry:"
    }
    struct Event {
        std::string id, kind, data, comment;
        Poco::JSON::Object::Ptr json() const { return Poco::JSON::Parser().parse(data).extract<Poco::JSON::Object::Ptr>(); }
    };
    Event next() // up to the empty line
    {
        Event event;
        for (;;) {
            std::string line;
            for (auto c = client_.bytes(1); c != "\n"; c = client_.bytes(1))
                line += c;
            if (line.empty())
                return event;
            const auto colon = line.find(':');
            const std::string name = line.substr(0, colon), value = line.substr(std::min(line.size(), colon + 2));
            (name == "id" ? event.id : name == "event" ? event.kind : name == "data" ? event.data : event.comment) = value;
        }
    }
    bool waits() { return client_.waits(); }
    bool closed() { return client_.closed(); }
    void send(const std::string& bytes) { client_.send(bytes); }

    int status = 0;
    std::string head;

private:
    Client client_;
};

void deliver(TestServer& server, const std::string& subject, const std::string& text = "x")
{
    CHECK(server.lmtp()
              .deliver({"alice@example.org"}, "Subject: " + subject + "\r\nMessage-ID: <" + subject + ">\r\n\r\n" + text + "\r\n")
              .back()
              .starts_with("250"));
}

} // namespace

TEST_CASE("A stream of events tells of what is stored, in its order, and goes on behind Last-Event-ID", "[admin][events]")
{
    TestServer server;
    deliver(server, "before");
    Follower follower(server);
    CHECK(follower.status == 200);
    CHECK(follower.head.find("Content-Type: text/event-stream") != std::string::npos);
    CHECK(follower.waits()); // from now on: what came before is not told
    deliver(server, "one");
    const auto one = follower.next();
    CHECK(one.kind == "mail.delivered");
    CHECK(one.json()->getValue<std::string>("account") == "alice@example.org");
    CHECK(one.json()->getObject("data")->getValue<std::string>("message_id") == "<one>");
    CHECK(one.json()->getValue<std::string>("id") == one.id);
    CHECK(Http(server, server.token()).put("/api/v1/domains/new.org", "{}").status == 201);
    const auto audit = follower.next();
    CHECK(audit.kind == "audit.entry");
    CHECK(audit.json()->getObject("data")->getValue<std::string>("action") == "domain.create");

    deliver(server, "two");
    Follower again(server, "/api/v1/events", "Last-Event-ID: " + one.id + "\r\n");
    CHECK(again.next().id == audit.id);
    CHECK(again.next().json()->getObject("data")->getValue<std::string>("message_id") == "<two>");
    CHECK(again.waits());
    Follower all(server, "/api/v1/events?kind=mail", "Last-Event-ID: 0\r\n");
    for (const char* id : {"<before>", "<one>", "<two>"})
        CHECK(all.next().json()->getObject("data")->getValue<std::string>("message_id") == id);
    CHECK(all.waits());
}

TEST_CASE("Kinds and accounts narrow a stream", "[admin][events]")
{
    TestServer server;
    Follower bob(server, "/api/v1/events?account=Bob@example.org"),
        verdicts(server, "/api/v1/events?kind=verdict,quarantine.added");
    deliver(server, "clean");
    deliver(server, "bad", eicar());
    CHECK(server.lmtp().deliver({"bob@example.org"}, "Subject: bob\r\n\r\nx\r\n").back().starts_with("250"));
    CHECK(bob.next().kind == "mail.delivered");
    CHECK(bob.waits());
    const auto verdict = verdicts.next();
    CHECK(verdict.kind == "verdict.infected");
    CHECK(verdict.json()->getObject("data")->getValue<std::string>("fate") == "quarantined");
    const auto added = verdicts.next();
    CHECK(added.kind == "quarantine.added");
    CHECK(added.json()->getObject("data")->getValue<std::string>("subject") == "bad");
    CHECK(verdicts.waits());

    Http http(server, server.token());
    CHECK(
        http.remove("/api/v1/quarantine/" + std::to_string(added.json()->getObject("data")->getValue<int>("id"))).status == 204);
    Follower gone(server, "/api/v1/events?kind=quarantine.deleted", "Last-Event-ID: 0\r\n");
    CHECK(gone.next().json()->getValue<std::string>("account") == "alice@example.org");
}

TEST_CASE("Failed logins, bans, quotas, backups, tasks and configuration are events", "[admin][events]")
{
    TestServer server;
    server.addAccount("full@example.org", "secret", 2000);
    Http http(server, server.token());
    const auto seen = [&](const std::string& kind) {
        Follower follower(server, "/api/v1/events?kind=" + kind, "Last-Event-ID: 0\r\n");
        return follower.next().json();
    };
    auto guesser = server.connect<ImapClient>("imap");
    guesser.line();
    CHECK(guesser.talk("LOGIN alice@example.org wrong").back().starts_with("NO"));
    const auto failed = seen("login.failed");
    CHECK(failed->getValue<std::string>("account") == "alice@example.org");
    CHECK(failed->getObject("data")->getValue<std::string>("address") == "127.0.0.1");

    CHECK(server.lmtp()
              .deliver({"full@example.org"}, "Subject: x\r\n\r\n" + std::string(1550, 'x') + "\r\n")
              .back()
              .starts_with("250"));
    server.clock().advance(std::chrono::minutes(1));
    server.appliance().housekeeper().runDue();
    CHECK(seen("quota")->getObject("data")->getValue<int>("percent") >= 80);
    CHECK(http.post("/api/v1/backups", R"({"folder":"monday"})").status == 202);
    CHECK(seen("backup.created")->getObject("data")->getValue<std::string>("folder").ends_with("/monday"));
    CHECK(seen("task.done")->getObject("data")->getValue<std::string>("kind") == "backup");
    server.configure("trash.days", "3");
    server.reload();
    CHECK(seen("configuration")->getObject("data")->getValue<std::string>("after") == "3");
}

TEST_CASE("A quiet stream says that it is there, and ends when its reader asks something else or goes", "[admin][events]")
{
    TestServer server;
    {
        Follower gone(server);
        CHECK(gone.waits());
    }
    Follower other(server);
    other.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(other.closed()); // nothing is answered behind a stream
    Http http(server, server.token());
    CHECK(http.request("HEAD", "/api/v1/events").status == 200);
    CHECK(http.get("/healthz").status == 200);
    for (const char* bad : {"x", "-1", "99999999999999999999"}) {
        Follower follower(server, "/api/v1/events", "Last-Event-ID: " + std::string(bad) + "\r\n");
        CHECK(follower.status == 422);
    }
    Follower unknown(server, "/api/v1/events?limit=5");
    CHECK(unknown.status == 422);
}

TEST_CASE("There are so many streams and no more, and a place that is left is free again", "[admin][events]")
{
    TestServer::Settings settings;
    settings.config = {{"limits.connections_per_address", "200"}};
    TestServer server(settings);
    std::vector<std::unique_ptr<Follower>> all;
    for (int i = 0; i < 64; ++i) {
        all.push_back(std::make_unique<Follower>(server));
        REQUIRE(all.back()->status == 200);
    }
    CHECK(Follower(server).status == 503);
    CHECK(Follower(server).head.find("Retry-After: 30") != std::string::npos);
    CHECK(Http(server, server.token()).get("/api/v1/accounts").status == 200); // and they keep no thread from others
    deliver(server, "to all");
    for (const auto& follower : all)
        CHECK(follower->next().kind == "mail.delivered");
    all.clear();
    for (int tries = 0; tries < 100; ++tries) {
        Follower again(server);
        if (again.status == 200)
            return;
    }
    FAIL("no place came free");
}

TEST_CASE("Who was away for longer than the journal goes back is told what is missing", "[admin][events]")
{
    TestServer::Settings settings;
    settings.config = {{"events.keep", "2"}};
    TestServer server(settings);
    for (const char* subject : {"1", "2", "3", "4"})
        deliver(server, subject);
    server.clock().advance(std::chrono::minutes(10));
    server.appliance().housekeeper().runDue();
    Http http(server, server.token());
    const auto left = http.get("/api/v1/events?kind=mail", {{"Accept", "application/json"}}).column("id");
    REQUIRE(left.size() == 2);
    Follower follower(server, "/api/v1/events?kind=mail", "Last-Event-ID: 0\r\n");
    // An event of another kind is older than these two, and stays: nothing is missing before it.
    CHECK(follower.next().id == left[1]);
    server.clock().advance(std::chrono::hours(24 * 31));
    server.appliance().housekeeper().runDue();
    Follower late(server, "/api/v1/events", "Last-Event-ID: 1\r\n");
    const auto gap = late.next();
    CHECK(gap.kind == "gap");
    CHECK(gap.json()->getValue<int>("from") == 2);
    CHECK(gap.id.empty());
}

TEST_CASE("Events are a list for whoever wants JSON, newest first and by page", "[admin][events]")
{
    TestServer server;
    for (const char* subject : {"1", "2", "3"})
        deliver(server, subject);
    Http http(server, server.token());
    const HttpHeaders json{{"Accept", "application/json"}};
    const auto first = http.get("/api/v1/events?kind=mail&limit=2", json);
    CHECK(first.json()->getArray("items")->getObject(0)->getObject("data")->getValue<std::string>("message_id") == "<3>");
    const auto rest = http.get("/api/v1/events?kind=mail&limit=2&cursor=" + first.text("next"), json);
    CHECK(rest.json()->getArray("items")->getObject(0)->getObject("data")->getValue<std::string>("message_id") == "<1>");
    CHECK(rest.text("next") == "null");
    CHECK(http.get("/api/v1/events?account=bob@example.org", json).column("id").empty());
    CHECK(Http(server, http.post("/api/v1/tokens", R"({"name":"s","scopes":["scan"]})").text("token"))
              .get("/api/v1/events", json)
              .status
        == 403);
}

TEST_CASE("Long work is listed, and ended on request", "[admin][tasks]")
{
    TestServer server;
    server.fill(3);
    Http http(server, server.token());
    std::vector<std::string> ids;
    for (const char* body : {R"({"folder":"one"})", R"({"folder":"two"})"})
        ids.push_back(http.post("/api/v1/backups", body).text("id"));
    CHECK(http.get("/api/v1/tasks").column("id").size() == 2);
    CHECK(http.request("POST", "/api/v1/tasks/0/cancel").status == 404);
    const auto cancelled = http.request("POST", "/api/v1/tasks/" + ids[1] + "/cancel"); // which waits, runs, or is over already
    CHECK((cancelled.status == 202 || cancelled.status == 409));
    Follower follower(server, "/api/v1/events?kind=task.done,task.cancelled,task.failed", "Last-Event-ID: 0\r\n");
    follower.next();
    follower.next();
    const auto state = http.get("/api/v1/tasks/" + ids[1]).text("state");
    CHECK(state
        == (cancelled.status == 202 && state != "done" ? "cancelled" : "done")); // one that was nearly ready may still be done
    CHECK(http.request("POST", "/api/v1/tasks/" + ids[0] + "/cancel").status == 409);
}

TEST_CASE("A restart forgets no long work, and tells of what it has interrupted", "[admin][tasks]")
{
    TestServer server;
    const std::string token = server.token();
    const auto now = server.clock().now();
    const auto state = [&](const std::string& id) {
        const auto reply = Http(server, token).get("/api/v1/tasks/" + id);
        return reply.status == 200 ? reply.text("state") : std::to_string(reply.status);
    };
    const auto done = Http(server, token).post("/api/v1/backups", R"({"folder":"one"})").text("id");
    Follower(server, "/api/v1/events?kind=task.done", "Last-Event-ID: 0\r\n").next();
    server.store().writeAndWait([&](postfach::store::WriteTx& tx) { // as a server leaves them that ends without a word
        tx.putTask({"aaaa", "check", "running", 3, 10, "", "", {}, now, std::nullopt});
        tx.putTask({"bbbb", "backup", "waiting", 0, 0, "", "", {}, now, std::nullopt});
    });
    server.restart();
    CHECK(state(done) == "done");
    CHECK(state("aaaa") == "interrupted");
    CHECK(state("bbbb") == "interrupted");
    CHECK(Http(server, token).get("/api/v1/tasks/aaaa").text("finished") != "null");
    CHECK(Http(server, token).request("POST", "/api/v1/tasks/aaaa/cancel").status == 409);
    CHECK(Http(server, token).get("/api/v1/tasks").column("id").size() == 3);
    const auto told = [&] {
        return Http(server, token).get("/api/v1/events?kind=task.interrupted", {{"Accept", "application/json"}}).column("id").size();
    };
    server.store().writeAndWait([](postfach::store::WriteTx&) {}); // behind what nobody waits for
    CHECK(told() == 2);
    server.restart(); // it is told once
    server.store().writeAndWait([](postfach::store::WriteTx&) {});
    CHECK(told() == 2);
    CHECK(state("aaaa") == "interrupted");
    server.clock().advance(std::chrono::hours(24 * 8));
    server.restart();
    CHECK(state(done) == "404");
    CHECK(Http(server, token).get("/api/v1/tasks").column("id").empty());
}
