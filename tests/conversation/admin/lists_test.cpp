// Lists that are narrowed and sorted: each order that the document names, in pages, there and back; each filter by what it leaves.
#include "admin/api/routes.h"
#include "server/appliance/appliance.h"
#include "server/base/text.h"
#include "tests/conversation/admin/command_line.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <thread>

using namespace postfach::test;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

namespace {
const HttpHeaders kJson{{"Accept", "application/json"}}; // events as a list

// The entries of a list, whole, as text.
Texts entries(const HttpReply& reply)
{
    Texts all;
    const auto items = reply.json()->getArray("items");
    for (std::size_t i = 0; i < items->size(); ++i) {
        std::ostringstream out;
        items->getObject(static_cast<unsigned>(i))->stringify(out);
        all.push_back(out.str());
    }
    return all;
}

// The same, one entry a page. A cursor is what "next" says and no more.
Texts paged(Http& http, const std::string& path)
{
    Texts all;
    std::string cursor;
    do {
        const auto page = http.get(path + (path.find('?') == std::string::npos ? "?" : "&") + "limit=1" + (cursor.empty() ? "" : "&cursor=" + cursor), kJson);
        REQUIRE(page.status == 200);
        for (const auto& one : entries(page))
            all.push_back(one);
        cursor = page.text("next") == "null" ? "" : page.text("next");
        REQUIRE(all.size() < 1000);
    } while (!cursor.empty());
    return all;
}

// Two or more of everything that there is a list of.
void fillAll(TestServer& server, Http& http)
{
    http.put("/api/v1/domains/aaa.example", "{}");
    server.clock().advance(1s);
    server.addAccount("carol@later.example");
    for (const std::string name : {"info", "sales"}) {
        http.put("/api/v1/aliases/" + name + "@example.org", R"({"targets":["alice@example.org"]})");
        server.clock().advance(1s);
    }
    http.put("/api/v1/aliases/all@later.example", R"({"targets":["bob@example.org","carol@later.example"]})");
    http.post("/api/v1/tokens", R"({"name":"monitoring","scopes":["read"]})");
    http.put("/api/v1/webhooks/pager", R"({"url":"https://hooks.example.com/x","secret":"0123456789abcdef","kinds":["ban"],"account":"alice@example.org"})");
    http.put("/api/v1/webhooks/chat", R"({"url":"https://chat.example.com/y","secret":"0123456789abcdef","kinds":["ban"]})");
    server.lmtp().deliver({"alice@example.org", "bob@example.org"}, "Subject: bad invoice\r\nFrom: x@bad.example\r\n\r\n" + eicar() + "\r\n");
    server.clock().advance(1s);
    server.lmtp().deliver({"alice@example.org"}, "Subject: worse\r\nFrom: y@worse.example\r\n\r\n" + eicar() + "\r\nand longer\r\n");
    server.fill(2);
    auto pop3 = server.pop3();
    pop3.talk("DELE 1");
    pop3.talk("DELE 2");
    pop3.talk("QUIT");
    for (const std::string user : {"alice@example.org", "nobody@example.org"})
        for (int i = 0; i < 3; ++i) {
            auto imap = server.connect<ImapClient>("imap");
            imap.line();
            imap.talk("LOGIN " + user + " wrong");
        }
    for (int i = 0; i < 2; ++i) {
        const auto id = http.post("/api/v1/checks", "{}").text("id");
        while (http.get("/api/v1/tasks/" + id).text("finished") == "null")
            std::this_thread::yield();
        server.clock().advance(1s);
    }
    server.store().writeAndWait([](postfach::store::WriteTx&) {}); // events that nobody waits for are there too
}

bool allAre(const Texts& texts, const std::string& wanted)
{
    return !texts.empty() && std::all_of(texts.begin(), texts.end(), [&](const auto& text) { return text == wanted; });
}
} // namespace

TEST_CASE("Every order that the document names is one, whole and in pages, and any other is refused", "[admin][lists][openapi]")
{
    TestServer server;
    Http http(server, server.token());
    fillAll(server, http);
    for (const std::string folder : {"monday", "tuesday"}) {
        const auto id = http.post("/api/v1/backups", R"({"folder":")" + folder + R"("})").text("id");
        while (http.get("/api/v1/tasks/" + id).text("finished") == "null")
            std::this_thread::yield();
    }
    auto one = server.imap();
    auto two = server.imap("bob@example.org");
    const auto paths = http.get("/openapi.json").json()->getObject("paths");
    std::set<std::string> sorted;
    for (const auto& route : postfach::admin::routes()) {
        if (std::find_if(route.parameters.begin(), route.parameters.end(), [](const char* name) { return std::string(name) == "sort"; }) == route.parameters.end())
            continue;
        std::string path = route.path;
        if (path.starts_with("/api/v1/me"))
            continue; // the same handlers
        if (const auto at = path.find("{address}"); at != std::string::npos)
            path.replace(at, 9, "alice@example.org");
        INFO(path);
        sorted.insert(route.id);
        CHECK(http.get(path + "?sort=colour", kJson).text("code") == "invalid_parameter");
        CHECK(http.get(path + "?sort=", kJson).text("code") == "invalid_parameter");
        CHECK(http.get(path + "?colour=red", kJson).text("code") == "unknown_parameter");
        const auto whole = entries(http.get(path, kJson));
        const auto parameters = paths->getObject(route.path)->getObject("get")->getArray("parameters");
        for (std::size_t i = 0; i < parameters->size(); ++i) {
            const auto parameter = parameters->getObject(static_cast<unsigned>(i));
            if (parameter->getValue<std::string>("name") != "sort")
                continue;
            for (const auto& order : *parameter->getObject("schema")->getArray("enum")) {
                const auto word = order.convert<std::string>();
                INFO(word);
                if (route.id == std::string("listAudit") || route.id == std::string("getEvents")) { // looking adds none, so they stand still
                    CHECK(paged(http, path + "?sort=" + word) == entries(http.get(path + "?sort=" + word + "&limit=1000", kJson)));
                    continue;
                }
                auto all = entries(http.get(path + "?sort=" + word));
                CHECK(all.size() >= (route.id == std::string("listBans") ? 1 : 2)); // who has waited long enough is in it no more
                auto same = all, as_ever = whole;
                std::sort(same.begin(), same.end());
                std::sort(as_ever.begin(), as_ever.end());
                const bool stands_still = route.id != std::string("listSessions") && route.id != std::string("listTokens")
                                          && route.id != std::string("listBans"); // bytes, last use, the time that is left
                if (stands_still) {
                    CHECK(same == as_ever);
                    CHECK(paged(http, path + "?sort=" + word) == all);
                    auto back = entries(http.get(path + "?sort=" + (word[0] == '-' ? word.substr(1) : "-" + word)));
                    std::reverse(back.begin(), back.end());
                    CHECK(back == all);
                }
            }
        }
    }
    CHECK(sorted.size() == 13); // of the routes that are not an owner's
}

TEST_CASE("Domains, aliases, tokens, webhooks and bans are narrowed by what they are", "[admin][lists]")
{
    TestServer server;
    Http http(server, server.token());
    fillAll(server, http);
    const auto names = [&](const std::string& list, const std::string& column = "name") { return http.get("/api/v1/" + list).column(column); };

    CHECK(names("domains?q=LATER") == Texts{"later.example"});
    CHECK(names("domains?q=example") == Texts{"aaa.example", "example.org", "later.example"});
    CHECK(names("domains?sort=-accounts").front() == "example.org");
    CHECK(names("domains?q=nowhere").empty());

    CHECK(names("aliases?q=sal", "address") == Texts{"sales@example.org"});
    CHECK(names("aliases?q=bob", "address") == Texts{"all@later.example"}); // a target
    CHECK(names("aliases?domain=Example.org", "address") == Texts{"info@example.org", "sales@example.org"});
    CHECK(names("aliases?target=Alice@example.org&sort=-created", "address") == Texts{"sales@example.org", "info@example.org"});
    CHECK(names("aliases?target=alice@example", "address").empty()); // no part of one
    CHECK(names("aliases?sort=-targets", "address").front() == "all@later.example");

    CHECK(names("tokens?q=MONI") == Texts{"monitoring"});
    CHECK(names("tokens?scope=scan&q=moni").empty());
    CHECK(names("tokens?scope=read&q=moni") == Texts{"monitoring"});
    CHECK(http.get("/api/v1/tokens?scope=all").text("code") == "invalid_parameter");

    CHECK(names("webhooks?q=chat.example") == Texts{"chat"});
    CHECK(names("webhooks?account=alice@example.org") == Texts{"pager"});

    CHECK(allAre(names("bans?account=ALICE@example.org", "account"), "alice@example.org"));
    CHECK(allAre(names("bans?address=127.0.0.1", "address"), "127.0.0.1"));
    CHECK(names("bans?address=192.0.2.1", "address").empty());
    CHECK(names("bans?state=banned", "address").empty());
    CHECK(names("bans?state=slowed", "address").size() == names("bans", "address").size());
    CHECK(http.get("/api/v1/bans?state=free").text("code") == "invalid_parameter");
}

TEST_CASE("Quarantine and what was deleted are narrowed by what the mail says and when it went", "[admin][lists]")
{
    TestServer server;
    Http http(server, server.token());
    fillAll(server, http);
    const auto column = [&](const std::string& list, const std::string& name) { return http.get("/api/v1/" + list).column(name); };
    CHECK(column("quarantine?q=INVOICE", "account") == Texts{"alice@example.org", "bob@example.org"});
    CHECK(column("quarantine?q=BOB", "account") == Texts{"bob@example.org"}); // the recipient
    CHECK(column("quarantine?q=worse", "subject") == Texts{"worse"});
    CHECK(column("quarantine?q=invoice&account=bob@example.org", "account") == Texts{"bob@example.org"});
    CHECK(column("quarantine?sort=-size", "subject").front() == "worse");
    CHECK(column("quarantine?sort=-created", "subject").front() == "worse");
    CHECK(column("quarantine?sort=account", "account") == Texts{"alice@example.org", "alice@example.org", "bob@example.org"});
    const auto later = column("quarantine", "created").back();
    CHECK(column("quarantine?since=" + later, "subject") == Texts{"worse"});
    CHECK(http.get("/api/v1/quarantine?since=lately").status == 422);

    const std::string deleted = "accounts/alice@example.org/deleted";
    CHECK(column(deleted + "?cause=pop3", "id").size() == 2);
    CHECK(column(deleted + "?cause=imap", "id").empty());
    auto ids = column(deleted, "id");
    std::reverse(ids.begin(), ids.end());
    CHECK(column(deleted + "?sort=-deleted", "id") == ids);
    CHECK(column(deleted + "?until=2001-01-01T00:00:00Z", "id").empty());
    CHECK(http.get("/api/v1/" + deleted + "?until=1").status == 422);
    CHECK(http.get("/api/v1/accounts/nobody@example.org/deleted?sort=-deleted").status == 404);
}

TEST_CASE("Sessions, tasks, the audit and the events are narrowed by whence, what and when", "[admin][lists]")
{
    TestServer server;
    Http http(server, server.token());
    fillAll(server, http);
    auto alice = server.imap();
    alice.talk("ID (\"name\" \"Thunderbird\")");
    auto bob = server.imap("bob@example.org");
    const auto column = [&](const std::string& list, const std::string& name) { return http.get("/api/v1/" + list, kJson).column(name); };
    const auto accounts = [&](const std::string& list) { // of those who are in: others may not have gone yet
        auto all = column(list, "account");
        std::erase(all, "null");
        return all;
    };
    CHECK(accounts("sessions?service=imap&address=127.0.0.1") == Texts{"alice@example.org", "bob@example.org"});
    CHECK(column("sessions?address=192.0.2.1", "id").empty());
    CHECK(column("sessions?q=thunderbird", "account") == Texts{"alice@example.org"});
    CHECK(accounts("sessions?service=imap&sort=-account") == Texts{"bob@example.org", "alice@example.org"});
    CHECK(column("sessions?until=2001-01-01T00:00:00Z", "id").empty());
    CHECK(http.get("/api/v1/sessions?since=x").text("code") == "invalid_parameter");

    CHECK(column("tasks?kind=check", "id").size() == 2);
    CHECK(column("tasks?kind=backup", "id").empty());
    CHECK(column("tasks?state=done", "id").size() == 2);
    CHECK(column("tasks?state=failed", "id").empty());
    CHECK(http.get("/api/v1/tasks?state=lost").text("code") == "invalid_parameter");
    CHECK(http.get("/api/v1/tasks?since=x&kind=none").text("code") == "invalid_parameter"); // also where nothing is left to look at

    const auto newest = column("audit?action=alias", "target"), oldest = column("audit?action=alias&sort=time", "target");
    CHECK(oldest == Texts{"info@example.org", "sales@example.org", "all@later.example"});
    CHECK(newest == Texts{"all@later.example", "sales@example.org", "info@example.org"});
    CHECK(column("audit?action=alias&address=127.0.0.1", "target").size() == 3);
    CHECK(column("audit?action=alias&address=192.0.2.1", "target").empty());
    const auto events = column("events?kind=login&sort=time", "id");
    auto back = column("events?kind=login", "id");
    std::reverse(back.begin(), back.end());
    CHECK(events == back);
    CHECK(events.size() >= 2);
    CHECK(Http(server, server.token()).get("/api/v1/events?sort=time").text("code") == "invalid_parameter"); // a stream has its order
}

TEST_CASE("The command line narrows and sorts lists", "[admin][lists][cli]")
{
    TestServer server;
    Http http(server, server.token());
    fillAll(server, http);
    const auto column = [&](Texts words, const std::string& name) {
        words.insert(words.end(), {"--json", "--data", server.data() + "/data"});
        const auto run = command(words);
        INFO(run.err);
        REQUIRE(run.status == 0);
        Texts all;
        const auto rows = run.list();
        for (const auto& row : *rows)
            all.push_back(row.extract<Poco::JSON::Object::Ptr>()->getValue<std::string>(name));
        return all;
    };
    const auto status = [&](Texts words) {
        words.insert(words.end(), {"--data", server.data() + "/data"});
        return command(words).status;
    };
    CHECK(column({"domain", "list", "--search", "later"}, "name") == Texts{"later.example"});
    CHECK(column({"account", "list", "--domain", "example.org", "--sort", "-address"}, "address") == Texts{"bob@example.org", "alice@example.org"});
    CHECK(column({"alias", "list", "--target", "alice@example.org", "--sort=-created"}, "address") == Texts{"sales@example.org", "info@example.org"});
    CHECK(column({"token", "list", "--scope", "read", "--search", "moni"}, "name") == Texts{"monitoring"});
    CHECK(column({"quarantine", "list", "--search", "worse", "--since", "2001-01-01T00:00:00Z"}, "subject") == Texts{"worse"});
    CHECK(column({"deleted", "list", "--account", "alice@example.org", "--cause", "imap"}, "id").empty());
    CHECK(column({"ban", "list", "--state", "banned"}, "state").empty());
    CHECK(column({"task", "list", "--kind", "check", "--state", "done"}, "kind") == Texts{"check", "check"});
    CHECK(column({"audit", "list", "--action", "alias", "--sort", "time"}, "target").front() == "info@example.org");
    CHECK(column({"event", "list", "--kind", "login", "--sort", "time"}, "kind").front() == "login.failed");
    CHECK(column({"session", "list", "--address", "192.0.2.1"}, "id").empty());
    CHECK(status({"domain", "list", "--sort", "colour"}) == 1);
    CHECK(status({"task", "list", "--since", "yesterday"}) == 2);
    CHECK(status({"domain", "list", "--domain", "x"}) == 2); // an option of another command
}
