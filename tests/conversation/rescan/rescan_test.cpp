// Mail that was clean when it came, and is not with the signatures of today.
#include "server/base/housekeeper.h"
#include "server/base/id.h"
#include "server/base/limits.h"
#include "server/delivery/rescan.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"
#include "tests/support/faulty_store.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>

using namespace postfach;
using namespace postfach::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kLong = 20s;
const std::string kAlice = "alice@example.org", kBob = "bob@example.org";

std::string mail(const std::string& subject, const std::string& text)
{
    return "From: Eve <eve@evil.example>\r\nSubject: " + subject + "\r\n\r\n" + text + "\r\n";
}

void deliver(TestServer& server, const std::vector<std::string>& to, const std::string& message)
{
    for (const auto& answer : server.lmtp().deliver(to, message, "eve@evil.example"))
        REQUIRE(answer.substr(0, 3) == "250");
}

// A pass from beginning to end.
delivery::Rescan::Status pass(TestServer& server)
{
    auto& rescan = server.appliance().rescan();
    const auto before = rescan.status().ended;
    rescan.request();
    REQUIRE(rescan.awaitStatus([before](const auto& status) { return status.ended > before; }, kLong));
    return rescan.status();
}

bool has(const Lines& lines, const std::string& wanted)
{
    return std::any_of(lines.begin(), lines.end(), [&](const auto& line) { return line.find(wanted) != std::string::npos; });
}

std::vector<Poco::JSON::Object::Ptr> events(TestServer& server, const std::string& kinds) // the oldest first
{
    std::vector<Poco::JSON::Object::Ptr> all;
    const auto items = Http(server, server.token()).get("/api/v1/events?limit=200&kind=" + kinds, {{"Accept", "application/json"}}).json()->getArray("items");
    for (std::size_t i = items->size(); i-- > 0;)
        all.push_back(items->getObject(static_cast<unsigned>(i)));
    return all;
}

std::string flagsIn(ImapClient& imap, const std::string& set)
{
    return imap.talk("FETCH " + set + " FLAGS").front();
}

} // namespace

TEST_CASE("What newer signatures find gives way to a notice in every mailbox, and a release brings it back as it was", "[rescan][quarantine]")
{
    TestServer server;
    const std::string message = mail("invoice", "please open");
    deliver(server, {kAlice, kBob}, message);
    deliver(server, {kAlice}, mail("lunch", "at noon"));

    auto laptop = server.imap();
    laptop.select();
    laptop.talk("STORE 1 +FLAGS (\\Seen \\Flagged $Label1)");
    laptop.talk("COPY 1 Archive");
    const auto before = laptop.talk("FETCH 1 (BODY.PEEK[] INTERNALDATE SAVEDATE FLAGS)").front();
    auto phone = server.imap();
    phone.talk("ENABLE QRESYNC");
    phone.select();
    std::string uidl, bobs;
    {
        auto pop3 = server.pop3();
        uidl = pop3.list("UIDL").at(1);
        bobs = server.pop3(kBob).list("UIDL").at(1);
    }

    auto open_pop3 = server.pop3();
    auto late = server.imap();
    late.select();
    CHECK(pass(server).hits == 0);
    server.scanner().learn("please open", "Test.Late");
    const auto status = pass(server);
    CHECK(status.hits == 1);
    CHECK(status.percent() == 100);
    CHECK(status.left == 0);

    // Sessions that have not heard of it yet.
    CHECK(open_pop3.talk("RETR 1").substr(0, 14) == "-ERR [SYS/PERM");
    CHECK(open_pop3.talk("TOP 1 5").substr(0, 4) == "-ERR");
    CHECK(open_pop3.retrieve("RETR 2").find("at noon") != std::string::npos);
    const auto refused = late.talk("FETCH 1:2 BODY.PEEK[]");
    CHECK_FALSE(has(refused, "please open"));
    CHECK(has(refused, "at noon"));
    CHECK_THAT(refused.back(), Catch::StartsWith("OK [EXPUNGEISSUED]"));

    const auto told = laptop.talk("NOOP");
    CHECK(has(told, "* 1 EXPUNGE"));
    CHECK(has(told, "* 2 EXISTS"));
    CHECK(has(phone.talk("NOOP"), "* VANISHED 1"));
    const auto notice = laptop.talk("FETCH 2 (FLAGS INTERNALDATE BODY.PEEK[])").front();
    for (const auto* wanted : {"Subject: Quarantined: invoice", "Test.Late", "eve@evil.example", "tell your administrator"})
        CHECK_THAT(notice, Catch::ContainsSubstring(wanted));
    CHECK(notice.find("\\Seen") == std::string::npos);
    CHECK(notice.find("please open\r\n") == std::string::npos);
    CHECK(has(laptop.talk("STATUS Archive (MESSAGES)"), "(MESSAGES 1)"));
    CHECK(laptop.talk("SEARCH TEXT \"please open\"").front() == "* SEARCH");
    {
        auto pop3 = server.pop3();
        CHECK_FALSE(has(pop3.list("UIDL"), uidl.substr(2)));
        CHECK(pop3.retrieve("RETR 2").find("Test.Late") != std::string::npos);
        auto other = server.pop3(kBob);
        CHECK(other.retrieve("RETR 1").find("Test.Late") != std::string::npos);
    }

    Http http(server, server.token());
    const auto list = http.get("/api/v1/quarantine");
    const auto ids = list.column("id");
    REQUIRE(ids.size() == 3);
    CHECK(list.column("way_in") == std::vector<std::string>{"rescan", "rescan", "rescan"});
    CHECK(http.get("/api/v1/quarantine/" + ids[0]).text("cleared") == "null");
    // The events are those of a delivery.
    const auto verdicts = events(server, "verdict");
    REQUIRE(verdicts.size() == 1);
    CHECK(verdicts[0]->getValue<std::string>("kind") == "verdict.infected");
    const auto found = verdicts[0]->getObject("data");
    CHECK(found->getValue<std::string>("name") == "Test.Late");
    CHECK(found->getValue<std::string>("fate") == "quarantined");
    CHECK(found->getValue<std::string>("way_in") == "rescan");
    CHECK(found->getValue<int>("recipients") == 3);
    const auto added = events(server, "quarantine.added");
    REQUIRE(added.size() == 3);
    std::multiset<std::string> where;
    for (const auto& event : added) {
        const auto data = event->getObject("data");
        where.insert(event->getValue<std::string>("account") + ' ' + data->getValue<std::string>("mailbox"));
        CHECK(std::find(ids.begin(), ids.end(), data->getValue<std::string>("id")) != ids.end());
        CHECK(data->getValue<std::string>("signature") == "Test.Late");
        CHECK(data->getValue<std::string>("subject") == "invoice");
        CHECK(data->getValue<std::string>("way_in") == "rescan");
        CHECK(data->getValue<std::uint64_t>("size") == found->getValue<std::uint64_t>("size"));
    }
    CHECK(where == std::multiset<std::string>{kAlice + " INBOX", kAlice + " Archive", kBob + " INBOX"});
    const auto exposure = http.get("/api/v1/quarantine/" + ids[0] + "/exposure").json();
    CHECK(exposure->getArray("holders")->size() == 3);
    const auto reads = exposure->getArray("reads");
    REQUIRE(reads->size() == 1); // POP3 has listed it, bob nothing
    CHECK(reads->getObject(0)->getValue<std::string>("account") == kAlice);
    CHECK(reads->getObject(0)->getValue<std::string>("protocol") == "imap");
    CHECK(http.get("/api/v1/quarantine/" + ids[0] + "/exposure?of=everything").status == 422);
    for (const auto& id : ids)
        CHECK(http.request("POST", "/api/v1/quarantine/" + id + "/release").status == 204);

    CHECK(has(laptop.talk("NOOP"), "* 2 EXPUNGE"));
    CHECK(laptop.talk("FETCH 2 (BODY.PEEK[] INTERNALDATE SAVEDATE FLAGS)").front().substr(4) == before.substr(4));
    CHECK(has(laptop.talk("STATUS Archive (MESSAGES)"), "(MESSAGES 1)"));
    CHECK(has(server.pop3().list("UIDL"), uidl.substr(2)));
    CHECK(server.pop3(kBob).list("UIDL").at(1) == bobs);
    CHECK(server.store().check(false).empty());
}

TEST_CASE("A pass looks at what is behind and nothing else: without a verdict first, then unread, newest first", "[rescan]")
{
    TestServer server({.config = {{"scanner.unavailable", "accept"}, {"scanner.rescan_share", "100"}}});
    for (const std::string subject : {"one", "two", "three", "four"})
        deliver(server, {kAlice}, mail(subject, "text"));
    server.scanner().available = false;
    deliver(server, {kBob}, mail("five", "text"));
    server.scanner().available = true;
    auto imap = server.imap();
    imap.select();
    imap.talk("STORE 2,4 +FLAGS (\\Seen)");
    auto bob = server.imap(kBob);
    bob.select();
    bob.talk("STORE 1 +FLAGS (\\Seen)");
    CHECK(flagsIn(bob, "1").find("$Unscanned") != std::string::npos);
    const auto marked = flagsIn(bob, "1");

    server.scanner().learn("nothing has this", "Test.Other");
    server.scanner().looked();
    const auto status = pass(server);
    CHECK(status.scanned == 5);
    std::vector<std::string> order;
    for (const auto& piece : server.scanner().looked())
        order.push_back(piece.substr(piece.find("Subject: ") + 9, piece.find("\r\n\r\n") - piece.find("Subject: ") - 9));
    CHECK(order == std::vector<std::string>{"five", "three", "one", "four", "two"});
    bob.talk("NOOP");
    CHECK(flagsIn(bob, "1").find("$Unscanned") == std::string::npos); // clean: the mark has gone

    CHECK(pass(server).scanned == 5); // nothing was behind: that pass's sum stays
    CHECK(server.scanner().looked().empty());
    deliver(server, {kAlice}, mail("six", "text"));
    server.scanner().looked();
    server.restart();
    CHECK_FALSE(server.appliance().rescan().status().percent()); // it has not looked yet
    CHECK(pass(server).coverage.contents == 6);
}

TEST_CASE("More hits than are likely stop the acting, not the looking, until somebody answers", "[rescan][brake]")
{
    TestServer server({.config = {{"scanner.brake_hits", "2"}, {"scanner.rescan_share", "100"}}});
    Http http(server, server.token());
    const std::string findings = "/api/v1/scans/findings/Test.Common";
    CHECK(http.request("POST", findings + "/confirm").status == 404);
    CHECK(http.request("POST", findings + "/dismiss").status == 404);
    const auto audited = [&] { return http.get("/api/v1/audit?action=finding").column("action"); };
    CHECK(audited().empty());
    for (int i = 0; i < 5; ++i)
        deliver(server, {kAlice}, mail("mail " + std::to_string(i), "good morning"));
    deliver(server, {kAlice}, mail("other", "rare word"));

    server.scanner().learn("good morning", "Test.Common");
    server.scanner().learn("rare word", "Test.Rare");
    CHECK(pass(server).hits == 6);
    CHECK(http.get("/api/v1/quarantine").column("signature").size() == 3); // two, and the rare one
    const auto scans = http.get("/api/v1/scans").json();
    const auto found = scans->getArray("findings");
    REQUIRE(found->size() == 2);
    CHECK(found->getObject(0)->getValue<std::string>("state") == "asking");
    CHECK(found->getObject(0)->getValue<int>("hits") == 5);
    CHECK(found->getObject(0)->getValue<int>("waiting") == 3);
    CHECK(found->getObject(1)->getValue<std::string>("state") == "quarantined");
    auto imap = server.imap();
    CHECK(has(imap.select(), "* 6 EXISTS"));
    const auto told = events(server, "verdict");
    CHECK(told.size() == 6);
    CHECK(std::count_if(told.begin(), told.end(), [](const auto& event) {
        return event->getObject("data")->template getValue<std::string>("fate") == "stored";
    }) == 3);

    SECTION("who has any of them is told by what was found, also where it waits and was found at the door")
    {
        CHECK(has(imap.talk("FETCH 1:* BODY[]"), "Quarantined"));
        const auto id = http.get("/api/v1/quarantine?signature=Test.Common").column("id").at(0);
        const auto exposed = [&](const std::string& of) {
            const auto exposure = http.get("/api/v1/quarantine/" + id + "/exposure" + of).json();
            std::multiset<std::string> states;
            const auto holders = exposure->getArray("holders");
            for (const auto& one : *holders)
                states.insert(one.extract<Poco::JSON::Object::Ptr>()->getValue<std::string>("state"));
            return std::pair(states, exposure->getArray("reads")->size());
        };
        CHECK(exposed("") == std::pair(std::multiset<std::string>{"quarantined"}, std::size_t{0}));
        const auto all = exposed("?of=signature");
        CHECK(all.first == std::multiset<std::string>{"quarantined", "quarantined", "stored", "stored", "stored"});
        CHECK(all.second == 3); // those that wait could be read
    }
    SECTION("it asks on with the next signatures, and after a restart")
    {
        server.scanner().learn("more", "Test.More");
        pass(server);
        CHECK(http.get("/api/v1/quarantine").column("signature").size() == 3);
        CHECK(events(server, "verdict").size() == 6); // they are known
        const std::string token = server.token();
        server.restart();
        Http again(server, token);
        CHECK(again.get("/api/v1/scans").json()->getArray("findings")->getObject(0)->getValue<int>("waiting") == 3);
    }
    SECTION("dismissed under later signatures: what was taken under those before comes back")
    {
        server.clock().advance(1min);
        server.scanner().learn("more", "Test.More");
        pass(server);
        CHECK(http.request("POST", findings + "/dismiss").text("released") == "2");
        CHECK(http.get("/api/v1/quarantine").column("signature") == std::vector<std::string>{"Test.Rare"});
    }
    SECTION("confirmed: the rest goes too, and what else is found")
    {
        CHECK(http.request("POST", findings + "/confirm").status == 204);
        CHECK(audited() == std::vector<std::string>{"finding.confirm"});
        const auto done = [&] { return http.get("/api/v1/quarantine").column("id").size() == 6; };
        for (const auto until = std::chrono::steady_clock::now() + kLong; !done() && std::chrono::steady_clock::now() < until;)
            continue;
        CHECK(done());
        CHECK(events(server, "quarantine.added").size() == 6);
        auto fresh = server.imap();
        fresh.select();
        CHECK(fresh.talk("SEARCH SUBJECT Quarantined").front() == "* SEARCH 1 2 3 4 5 6");
    }
    SECTION("dismissed: what waits stays, what was taken comes back, and it is not taken again")
    {
        const auto answer = http.request("POST", findings + "/dismiss");
        CHECK(answer.status == 200);
        CHECK(answer.text("released") == "2");
        CHECK(audited().size() == 2); // the decision, and what came of it
        CHECK(http.get("/api/v1/quarantine").column("signature") == std::vector<std::string>{"Test.Rare"});
        server.scanner().learn("more", "Test.More");
        CHECK(pass(server).scanned == 6);
        CHECK(http.get("/api/v1/quarantine").column("signature") == std::vector<std::string>{"Test.Rare"});
        server.scanner().learn("mail 3", "Test.Real"); // the false alarm is told first of it, and hides it no more
        pass(server);
        CHECK(http.get("/api/v1/quarantine?signature=Test.Real").column("signature").size() == 1);
        CHECK(http.get("/api/v1/quarantine").column("signature").size() == 2);
    }
    CHECK(server.store().check(false).empty());
}

TEST_CASE("What was confirmed is acted on though one content is damaged and the store fails for a while", "[rescan][brake][damage]")
{
    std::atomic<bool> failing{false};
    TestServer server({.config = {{"scanner.brake_hits", "1"}, {"scanner.rescan_share", "100"}},
                       .wrap_store = [&failing](auto real) { return std::make_unique<FaultyStore>(std::move(real), failing); }});
    std::string large; // in a file of its own
    while (large.size() < 600'000)
        large += base::randomHex(35) + "\r\n";
    deliver(server, {kAlice}, mail("small", "good morning"));
    deliver(server, {kAlice}, mail("large", "good morning\r\n" + large));
    deliver(server, {kAlice}, mail("taken", "good morning"));
    server.scanner().learn("good morning", "Test.Common");
    CHECK(pass(server).hits == 3);
    const auto taken = [&] { return server.store().read()->quarantine({}).size(); };
    CHECK(taken() == 1);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server.data() + "/data/bodies"))
        if (entry.is_regular_file())
            std::filesystem::resize_file(entry, 10);

    server.store().writeAndWait([](store::WriteTx& tx) { tx.decideOutbreak("Test.Common", store::Outbreak::State::confirmed); });
    auto& rescan = server.appliance().rescan();
    failing = true;
    rescan.confirmed();
    CHECK(rescan.awaitStatus([](const auto& status) { return !status.problem.empty(); }, kLong));
    failing = false;
    pass(server); // who asks need not wait for the next try
    CHECK(taken() == 3);
    auto imap = server.imap();
    imap.select();
    CHECK(imap.talk("SEARCH SUBJECT Quarantined").front() == "* SEARCH 1 2 3");
}

TEST_CASE("What newer signatures clear says so, and by policy goes back by itself", "[rescan][quarantine]")
{
    const bool releases = GENERATE(false, true);
    TestServer server({.config = {{"quarantine.release_cleared", releases ? "on" : "off"}}});
    server.scanner().learn("good morning", "Test.Wrong");
    deliver(server, {kAlice}, mail("one", "good morning"));
    Http http(server, server.token());
    const auto id = http.get("/api/v1/quarantine").column("id").at(0);
    CHECK(http.get("/api/v1/quarantine/" + id).text("cleared") == "null");
    server.scanner().learn("good morning", "");
    CHECK(pass(server).cleared == 1);
    auto imap = server.imap();
    CHECK(has(imap.select(), "* 1 EXISTS"));
    const auto text = imap.talk("FETCH 1 BODY.PEEK[]").front();
    if (releases) {
        CHECK(http.get("/api/v1/quarantine/" + id).status == 404);
        CHECK_THAT(text, Catch::ContainsSubstring("good morning"));
    } else {
        CHECK(http.get("/api/v1/quarantine/" + id).text("cleared") != "null");
        CHECK_THAT(text, Catch::ContainsSubstring("Quarantined"));
    }
}

TEST_CASE("What was deleted and is infected by now cannot be restored", "[rescan][recovery]")
{
    TestServer server({.config = {{"scanner.brake_hits", "1"}}});
    deliver(server, {kAlice}, mail("one", "good morning"));
    {
        auto pop3 = server.pop3();
        pop3.talk("DELE 1");
        pop3.talk("QUIT");
    }
    Http http(server, server.token());
    const std::string deleted = "/api/v1/accounts/alice@example.org/deleted";
    const auto id = http.get(deleted).column("id").at(0);
    server.scanner().learn("good morning", "Test.Late");
    CHECK(pass(server).hits == 1);
    CHECK(http.get("/api/v1/quarantine").column("id").empty());
    const auto refused = http.request("POST", deleted + "/" + id + "/restore");
    CHECK(refused.status == 409);
    CHECK(refused.text("code") == "infected");
    server.scanner().learn("good morning", "");
    pass(server);
    CHECK(http.request("POST", deleted + "/" + id + "/restore").status == 200);
}

TEST_CASE("A content that cannot be scanned any more is marked, and one that can be loses its mark", "[rescan][marks]")
{
    TestServer server;
    deliver(server, {kAlice}, mail("one", "text"));
    auto imap = server.imap();
    imap.select();
    server.scanner().everything_encrypted = true;
    server.scanner().learn("more", "Test.More");
    pass(server);
    imap.talk("NOOP");
    CHECK(flagsIn(imap, "1").find("$Encrypted") != std::string::npos);
    server.scanner().everything_encrypted = false;
    server.scanner().learn("much more", "Test.More");
    pass(server);
    imap.talk("NOOP");
    CHECK(flagsIn(imap, "1").find("$Encrypted") == std::string::npos);
}

TEST_CASE("A message that has no room for a mark keeps no other from being marked, and none from being taken away", "[rescan][marks][keywords]")
{
    TestServer server({.config = {{"scanner.rescan_share", "100"}}});
    deliver(server, {kAlice}, mail("full", "text"));
    deliver(server, {kAlice}, mail("other", "words"));
    deliver(server, {kAlice}, mail("invoice", "please open"));
    server.store().writeAndWait([](store::WriteTx& tx) {
        const auto alice = tx.findAccount(kAlice)->id;
        store::Flags all;
        for (int i = 0; i < base::limits::kKeywordsPerAccount; ++i)
            if (const auto keyword = tx.keyword(alice, "word" + std::to_string(i)); keyword >= 58 && keyword < 58 + base::limits::kKeywordsPerMessage)
                all.addKeyword(keyword);
        tx.changeFlags(tx.findMailbox(alice, "INBOX")->id, {store::Uid{1}}, store::FlagChange::add, all);
    });
    server.scanner().everything_encrypted = true;
    server.scanner().learn("please open", "Test.Late");
    const auto status = pass(server);
    CHECK(status.problem.empty());
    CHECK(status.hits == 1);
    CHECK(status.left == 0);
    auto imap = server.imap();
    CHECK(has(imap.select(), "* 3 EXISTS"));
    CHECK(flagsIn(imap, "1").find("$Encrypted") == std::string::npos);
    CHECK(flagsIn(imap, "2").find("$Encrypted") != std::string::npos);
    CHECK_THAT(imap.talk("FETCH 3 BODY.PEEK[]").front(), Catch::ContainsSubstring("Subject: Quarantined: invoice"));
}

TEST_CASE("A pass is a task, is cancelled until there are other signatures, and switched off by its share", "[rescan][admin]")
{
    TestServer server({.config = {{"scanner.rescan_share", "100"}}, .rescan_look = 10ms});
    auto& rescan = server.appliance().rescan();
    Http http(server, server.token());
    deliver(server, {kAlice}, mail("one", "good morning"));

    server.scanner().learn("nothing", "Test.Other"); // by itself
    REQUIRE(rescan.awaitStatus([](const auto& status) { return status.signatures == "fake-1" && status.finished; }, kLong));
    const auto pass = http.get("/api/v1/scans").json()->getObject("pass");
    const auto task = http.get("/api/v1/tasks/" + pass->getValue<std::string>("id"));
    CHECK(task.text("kind") == "rescan");
    CHECK(task.text("state") == "done");
    CHECK(http.get("/readyz").body.find("100 % of stored mail") != std::string::npos);
    CHECK(http.get("/metrics").body.find("postfach_rescan_coverage_percent 100") != std::string::npos);

    server.configure("scanner.rescan_share", "0");
    server.reload();
    REQUIRE(rescan.awaitStatus([](const auto& status) { return status.state == delivery::Rescan::State::off; }, kLong));
    server.scanner().learn("nothing else", "Test.Other");
    CHECK(http.request("DELETE", "/api/v1/scans/pass").status == 204);
    server.configure("scanner.rescan_share", "50");
    server.reload();
    REQUIRE(rescan.awaitStatus([](const auto& status) { return status.state == delivery::Rescan::State::cancelled; }, kLong));
    CHECK(rescan.status().signatures == "fake-1");
    CHECK(http.post("/api/v1/scans", "").status == 202);
    REQUIRE(rescan.awaitStatus([](const auto& status) { return status.signatures == "fake-2" && status.finished; }, kLong));
    server.configure("scanner.rescan_share", "101");
    server.reload();
    CHECK(rescan.status().state != delivery::Rescan::State::off); // refused: the old one stays
}

TEST_CASE("A pass stands among the long work, and is cancelled there", "[rescan][admin][tasks]")
{
    TestServer server({.config = {{"scanner.rescan_share", "1"}}}); // slow: it rests a hundred times as long as it works
    auto& rescan = server.appliance().rescan();
    Http http(server, server.token());
    CHECK(http.get("/api/v1/tasks").column("id").empty());
    server.fill(3000);
    server.scanner().learn("nothing", "Test.Other");
    CHECK(http.post("/api/v1/scans", "").status == 202);
    REQUIRE(rescan.awaitStatus([](const auto& status) { return status.state == delivery::Rescan::State::running && !status.id.empty(); }, kLong));
    const auto listed = http.get("/api/v1/tasks").json()->getArray("items");
    REQUIRE(listed->size() == 1);
    CHECK(listed->getObject(0)->getValue<std::string>("kind") == "rescan");
    CHECK(listed->getObject(0)->getValue<std::string>("state") == "running");
    const auto path = "/api/v1/tasks/" + listed->getObject(0)->getValue<std::string>("id");
    CHECK(Http(server, http.post("/api/v1/tokens", R"({"name":"r","scopes":["read"]})").text("token")).request("POST", path + "/cancel").status == 403);
    CHECK(http.request("POST", path + "/cancel").status == 202);
    REQUIRE(rescan.awaitStatus([](const auto& status) { return status.finished.has_value(); }, kLong));
    const auto over = http.get(path);
    CHECK(over.text("state") == "cancelled");
    CHECK(over.text("error") != "null");
    CHECK(rescan.status().left > 0);
    CHECK(http.request("POST", path + "/cancel").text("code") == "finished");
    CHECK(http.get("/api/v1/audit?action=scan.cancel").column("action").size() == 1);
    server.configure("scanner.rescan_share", "100");
    server.reload();
    CHECK(http.post("/api/v1/scans", "").status == 202); // asked for, it goes on where it was
    REQUIRE(rescan.awaitStatus([](const auto& status) { return status.finished.has_value() && status.left == 0; }, kLong));
    CHECK(http.get("/api/v1/tasks/" + rescan.status().id).text("state") == "done");
}

TEST_CASE("Who had more than the header of a mail is recorded, by program, address and day, and forgotten in time", "[rescan][exposure]")
{
    TestServer server;
    Http http(server, server.token());
    deliver(server, {kAlice, kBob}, mail("one", "good morning"));
    const auto reads = [&] {
        std::vector<std::string> all;
        server.appliance().housekeeper().run("reads");
        server.store().writeAndWait([](store::WriteTx&) {});
        const auto tx = server.store().read();
        const auto inbox = tx->findMailbox(tx->findAccount(kAlice)->id, "INBOX")->id;
        const auto body = server.store().view(inbox)->now().at(0).body;
        for (const auto& read : tx->exposure({body}, 100))
            all.push_back(read.account + (read.reader.protocol == store::Reader::Protocol::imap ? " imap " : " pop3 ") + std::to_string(read.times));
        return all;
    };
    auto imap = server.imap();
    imap.select();
    for (const auto* item : {"BODY.PEEK[HEADER]", "ENVELOPE", "BODYSTRUCTURE", "RFC822.HEADER", "BODY.PEEK[HEADER.FIELDS (FROM)]", "BINARY.SIZE[1]", "FLAGS"})
        imap.talk("FETCH 1 " + std::string(item));
    auto pop3 = server.pop3(kBob);
    pop3.list("LIST");
    pop3.retrieve("TOP 1 0");
    CHECK(reads().empty());
    for (const auto* item : {"BODY.PEEK[]", "BODY[1]", "BODY.PEEK[TEXT]", "RFC822", "BINARY.PEEK[1]", "BODY.PEEK[]<3.4>"})
        imap.talk("FETCH 1 " + std::string(item));
    pop3.retrieve("TOP 1 1");
    pop3.retrieve("RETR 1");
    CHECK(reads() == std::vector<std::string>{"alice@example.org imap 6", "bob@example.org pop3 2"});

    server.clock().advance(24h * 89);
    imap.talk("FETCH 1 BODY[]");
    CHECK(reads().size() == 3);
    CHECK(server.appliance().housekeeper().run("reads-forgotten"));
    CHECK(reads().size() == 3);
    server.clock().advance(24h * 2);
    CHECK(server.appliance().housekeeper().run("reads-forgotten"));
    CHECK(reads() == std::vector<std::string>{"alice@example.org imap 1"});
    server.configure("scanner.read_days", "0");
    server.reload();
    auto other = server.imap(kBob);
    other.select();
    other.talk("FETCH 1 BODY[]");
    CHECK(reads().size() == 1);
}
