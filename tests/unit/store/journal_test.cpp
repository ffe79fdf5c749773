// The audit, whose changes are seen, and the journal of events, which is bounded.
#include "tests/unit/store/store_fixture.h"

#include <stop_token>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using namespace std::chrono_literals;

namespace {

AuditEntry add(Office& office, const std::string& action, const std::string& target, const std::string& actor = "local:0")
{
    AuditEntry entry;
    office.write([&](WriteTx& tx) { entry = tx.addAudit({actor, "192.0.2.1", action, target, "", R"({"name":"x"})"}); });
    return entry;
}

void event(Office& office, const std::string& kind, const std::string& account = "")
{
    office.write([&](WriteTx& tx) { tx.addEvent({kind, account, "{}"}); });
}

std::vector<std::string> verified(Office& office, const std::optional<AuditHead>& noted = std::nullopt)
{
    std::vector<std::string> all;
    for (const Finding& finding : office.store->verifyAudit(noted, nullptr))
        all.push_back(finding.where + ": " + finding.what);
    return all;
}

std::vector<std::string> checked(Office& office)
{
    std::vector<std::string> all;
    for (const Finding& finding : office.store->check(false)) {
        CHECK(finding.harmless); // no mail is lost by it
        all.push_back(finding.where);
    }
    return all;
}

std::vector<std::string> kinds(const std::vector<Event>& events)
{
    std::vector<std::string> all;
    for (const Event& one : events)
        all.push_back(one.kind);
    return all;
}

using Texts = std::vector<std::string>;
const char* const kTampered = "an entry of the audit is not what was written";
const char* const kNotInLine = "an entry of the audit does not follow the one before it: entries were taken out or put in";
const char* const kCut = "the last entry of the audit is not the one that was written last: entries were taken from the end";

} // namespace

TEST_CASE("whatever is done to the audit behind the server's back is seen, and the entry named", "[store][audit]")
{
    Office office;
    for (int i = 1; i <= 5; ++i)
        add(office, "account.change", "alice@example.org");
    REQUIRE(verified(office).empty());
    const AuditHead noted = office.store->read()->auditHead();
    CHECK(noted.id == 5);
    office.close();
    Texts wanted;
    SECTION("nothing was done") {}
    for (const std::string column : {"actor", "address", "action", "target", "before", "after"})
        SECTION("a text was changed: " + column)
        {
            sql(office.data, "UPDATE audit SET " + column + " = 'x' WHERE id = 3");
            wanted = {"audit 3: " + std::string(kTampered)};
        }
    SECTION("a time was changed")
    {
        sql(office.data, "UPDATE audit SET time = time + 1 WHERE id = 1");
        wanted = {"audit 1: " + std::string(kTampered)};
    }
    SECTION("two texts exchanged a letter at their border")
    {
        sql(office.data, "UPDATE audit SET actor = actor || substr(address, 1, 1), address = substr(address, 2) WHERE id = 2");
        wanted = {"audit 2: " + std::string(kTampered)};
    }
    SECTION("one in the middle is gone")
    {
        sql(office.data, "DELETE FROM audit WHERE id = 3");
        wanted = {"audit 4: " + std::string(kNotInLine)};
    }
    SECTION("the first is gone")
    {
        sql(office.data, "DELETE FROM audit WHERE id = 1");
        wanted = {"audit 2: " + std::string(kNotInLine)};
    }
    SECTION("the last two are gone, and what comes later hides nothing")
    {
        sql(office.data, "DELETE FROM audit WHERE id > 3");
        office.open();
        CHECK(verified(office) == Texts{"audit 5: " + std::string(kCut)});
        CHECK(add(office, "account.change", "x").id == 6);
        wanted = {"audit 6: " + std::string(kNotInLine)};
        office.close();
    }
    SECTION("all are gone")
    {
        sql(office.data, "DELETE FROM audit");
        wanted = {"audit 5: " + std::string(kCut)};
    }
    office.open();
    CHECK(verified(office) == wanted);
    const bool whole = wanted.empty();
    CHECK(checked(office).empty() == whole);
    if (whole)
        CHECK(verified(office, noted).empty());
}

TEST_CASE("a head that was noted is missed in a chain that was forged whole", "[store][audit]")
{
    Office office, forged;
    add(office, "account.create", "alice@example.org");
    const AuditHead noted = office.store->read()->auditHead();
    add(office, "account.remove", "bob@example.org");
    CHECK(verified(office, noted).empty());
    CHECK(verified(office, office.store->read()->auditHead()).empty());

    add(forged, "account.create", "mallory@example.org");
    CHECK(verified(forged).empty());
    CHECK(verified(forged, noted) == Texts{"audit 1: the head that was noted is not in the audit"});

    CHECK(parseAuditHead(auditHeadText(noted))->hash == noted.hash);
    for (const char* bad : {"", "1", "1:", "x:" , "1:00", "-1:0000000000000000000000000000000000000000000000000000000000000000"})
        CHECK_FALSE(parseAuditHead(bad));
}

TEST_CASE("the audit is listed newest first, by page and by what it tells of", "[store][audit]")
{
    Office office;
    add(office, "account.create", "alice@example.org", "token:office");
    office.clock.advance(1h);
    add(office, "app-password.create", "alice@example.org/phone");
    add(office, "account.create", "alice@example.organisation", "token:office");
    const auto tx = office.store->read();
    const auto ids = [&](const AuditFilter& filter, const Page& page = {}) {
        std::vector<std::int64_t> all;
        for (const auto& entry : tx->audit(filter, page))
            all.push_back(entry.id);
        return all;
    };
    using Ids = std::vector<std::int64_t>;
    CHECK(ids({}) == Ids{3, 2, 1});
    CHECK(ids({}, {"", 2}) == Ids{3, 2});
    CHECK(ids({}, {"2", 2}) == Ids{1});
    CHECK(ids({}, {"nonsense", 2}).empty());
    CHECK(ids({.target = "alice@example.org"}) == Ids{2, 1});
    CHECK(ids({.action = "account"}) == Ids{3, 1});
    CHECK(ids({.action = "account.create"}) == Ids{3, 1});
    CHECK(ids({.action = "acc"}).empty());
    CHECK(ids({.actor = "token"}) == Ids{3, 1});
    CHECK(ids({.actor = "token:off"}).empty());
    CHECK(ids({.since = office.clock.now()}) == Ids{3, 2});
    CHECK(ids({.until = office.clock.now()}) == Ids{1});
}

TEST_CASE("a change that is rolled back leaves neither an entry nor an event", "[store][audit][events]")
{
    Office office;
    CHECK_THROWS(office.write([](WriteTx& tx) {
        tx.addAudit({"server", "", "account.remove", "alice@example.org", "", ""});
        tx.addEvent({"mail.delivered", "", "{}"});
        throw Error(Error::Kind::limit, "no");
    }));
    CHECK(office.store->read()->audit({}, {}).empty());
    CHECK(office.store->read()->events({}, {}).empty());
    CHECK(add(office, "account.change", "x").previous == base::Sha256{});
    CHECK(verified(office).empty());
}

TEST_CASE("events are replayed in the order of the commits, and who watches hears of each", "[store][events]")
{
    Office office;
    int told = 0;
    auto watching = office.store->watchEvents([&told] { ++told; });
    event(office, "mail.delivered", "alice@example.org");
    event(office, "login.failed", "bob@example.org");
    event(office, "mail.delivered", "bob@example.org");
    office.deliver("Subject: quiet\r\n\r\n");
    CHECK(told == 3);
    watching.reset();
    event(office, "mailing.done");
    CHECK(told == 3);

    const auto tx = office.store->read();
    std::int64_t looked = 0;
    CHECK(kinds(tx->eventsSince({}, 0, 100, looked)) == Texts{"mail.delivered", "login.failed", "mail.delivered", "mailing.done"});
    CHECK(looked == 4);
    CHECK(kinds(tx->eventsSince({{"mail"}, "bob@example.org", {}, {}}, 0, 2, looked)).empty());
    CHECK(looked == 2); // so far, though nothing fitted
    CHECK(kinds(tx->eventsSince({{"mail"}, "bob@example.org", {}, {}}, looked, 2, looked)) == Texts{"mail.delivered"});
    CHECK(tx->eventsSince({}, looked, 2, looked).empty());
    CHECK(looked == 4);
    CHECK(kinds(tx->events({{"mail", "login.failed"}, "", {}, {}}, {"", 2})) == Texts{"mail.delivered", "login.failed"});
    CHECK(kinds(tx->events({{"mail", "login.failed"}, "", {}, {}}, {"2", 2})) == Texts{"mail.delivered"});
    CHECK(tx->eventRange().oldest == 1);
    CHECK(tx->eventRange().newest == 4);
}

TEST_CASE("the journal is bounded by age and by number, and a flood of one kind pushes out no other", "[store][events]")
{
    Office office;
    event(office, "backup.created");
    office.clock.advance(1h);
    for (int i = 0; i < 700; ++i)
        office.store->writeLater([](WriteTx& tx) { tx.addEvent({"login.failed", "", "{}"}); });
    event(office, "audit.entry");
    event(office, "login.other");
    CHECK(office.store->trimEvents({}, 10, {}) == 691);
    const auto left = office.store->read()->events({}, {});
    CHECK(left.size() == 12);
    CHECK(left.front().kind == "login.other");
    CHECK(left.back().kind == "backup.created");
    CHECK(office.store->trimEvents(office.clock.now(), 10, {}) == 1);
    CHECK(office.store->read()->eventRange().newest == 703);
    CHECK(office.store->trimEvents(office.clock.now() + 1s, 10, {}) == 11);
    CHECK(office.store->read()->eventRange().oldest == 0);
    CHECK(office.store->read()->eventRange().newest == 703); // no id comes twice
    for (const Finding& finding : office.store->check(false))
        FAIL_CHECK(finding.where << ": " << finding.what);
}

TEST_CASE("webhooks and what they were told are kept, and a change of one keeps what it was told", "[store][webhooks]")
{
    Office office;
    event(office, "mail.delivered");
    const Webhook pager{"pager", "https://hooks.example.com/", {"mail", "ban"}, "alice@example.org", "secret", office.clock.now(), office.clock.now(), 0};
    office.write([&](WriteTx& tx) { tx.putWebhook(pager); });
    const auto attempt = [&](std::int64_t id, int number, const std::string& error) {
        return WebhookAttempt{office.clock.now(), id, "mail.delivered", number, error.empty() ? 204 : 500, error, 3};
    };
    office.write([&](WriteTx& tx) { tx.noteWebhookAttempt("pager", attempt(1, 1, ""), std::nullopt); });
    office.write([&](WriteTx& tx) { tx.noteWebhookAttempt("pager", attempt(0, 1, ""), std::nullopt); }); // never back
    office.write([&](WriteTx& tx) { tx.noteWebhookAttempt("gone", attempt(7, 1, ""), std::nullopt); });
    const auto begun = office.clock.now();
    office.write([&](WriteTx& tx) { tx.noteWebhookAttempt("pager", attempt(2, 1, "away"), begun + std::chrono::seconds(10)); });
    office.clock.advance(std::chrono::seconds(10));
    office.write([&](WriteTx& tx) { tx.noteWebhookAttempt("pager", attempt(2, 2, "away"), begun + std::chrono::seconds(50)); });
    office.close();
    office.open();
    const auto all = office.store->read()->webhooks();
    REQUIRE(all.size() == 1);
    CHECK(all[0].url == pager.url);
    CHECK(all[0].kinds == pager.kinds);
    CHECK(all[0].account == pager.account);
    CHECK(all[0].secret == pager.secret);
    CHECK(all[0].told == 1);
    CHECK(all[0].failures == 2);
    CHECK(all[0].failing_since == begun);
    CHECK(all[0].next_try == begun + std::chrono::seconds(50));
    const auto log = office.store->read()->webhookAttempts("pager");
    REQUIRE(log.size() == 4);
    CHECK(log[0].attempt == 2);
    CHECK(log[0].error == "away");
    CHECK(log[3].status == 204);
    CHECK(office.store->read()->webhookAttempts("gone").empty());
    event(office, "mail.delivered");
    office.write([&](WriteTx& tx) { tx.noteWebhookAttempt("pager", attempt(2, 3, ""), std::nullopt); });
    CHECK(office.store->read()->webhooks()[0].failures == 0);
    CHECK_FALSE(office.store->read()->webhooks()[0].next_try);
    for (int i = 0; i < 150; ++i)
        office.write([&](WriteTx& tx) { tx.noteWebhookAttempt("pager", attempt(2, i, "x"), begun); });
    CHECK(office.store->read()->webhookAttempts("pager").size() == kWebhookAttempts);
    CHECK(office.store->read()->webhookAttempts("pager")[0].attempt == 149);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.putWebhook({"x", "", {}, "", "s", {}, {}, 0}); }) == Error::Kind::badName);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.removeWebhook("nobody"); }) == Error::Kind::noSuchEntry);
    CHECK(checked(office).empty());
    office.write([&](WriteTx& tx) { tx.noteWebhookAttempt("pager", attempt(99, 1, ""), std::nullopt); });
    CHECK(checked(office) == Texts{"webhook pager"}); // of an event that never was
    office.write([&](WriteTx& tx) { tx.removeWebhook("pager"); });
    CHECK(office.store->read()->webhooks().empty());
    CHECK(office.store->read()->webhookAttempts("pager").empty());
}

TEST_CASE("long work is remembered, what is over for a while and in bounds", "[store][tasks]")
{
    Office office;
    const auto now = office.clock.now();
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.putTask({"", "check", "done", 0, 0, "", "", {}, now, now}); }) == Error::Kind::badName);
    office.write([&](WriteTx& tx) { tx.putTask({"b", "backup", "running", 1, 9, "", "", {}, now, std::nullopt}); });
    office.write([&](WriteTx& tx) { tx.putTask({"b", "backup", "failed", 5, 9, "disk full", "", {"one", "two"}, now, now}); });
    office.write([&](WriteTx& tx) { tx.putTask({"a", "check", "running", 0, 0, "", "", {}, now + std::chrono::hours(1), std::nullopt}); });
    office.close();
    office.open();
    const auto all = office.store->read()->tasks();
    REQUIRE(all.size() == 2);
    CHECK(all[0].id == "b");
    CHECK(all[0].state == "failed");
    CHECK(all[0].progress == 5);
    CHECK(all[0].findings == Texts{"one", "two"});
    CHECK(all[0].finished == now);
    CHECK_FALSE(all[1].finished);
    office.write([&](WriteTx& tx) { tx.forgetTasks(now, 10); });
    CHECK(office.store->read()->tasks().size() == 2);
    for (int i = 0; i < 20; ++i)
        office.write([&](WriteTx& tx) { tx.putTask({"t" + std::to_string(10 + i), "check", "done", 0, 0, "", "", {}, now, now + std::chrono::minutes(i)}); });
    office.write([&](WriteTx& tx) { tx.forgetTasks(now + std::chrono::milliseconds(1), 10); });
    const auto left = office.store->read()->tasks();
    CHECK(left.size() == 11); // ten that are over, and the one that is not
    CHECK(left.front().id == "t20");
}

TEST_CASE("what is counted goes into its hour: sums add up, of the rest the latest stays", "[store][statistics]")
{
    Office office;
    const auto now = office.clock.now();
    using Counting = WriteTx::Counting;
    office.write([&](WriteTx& tx) {
        tx.count({"logins", now + 59min, 2}, Counting::sum);
        tx.count({"logins", now, 3}, Counting::sum);
        tx.count({"logins", now + 60min, 1}, Counting::sum);
        tx.count({"bytes", now, 10}, Counting::latest);
        tx.count({"bytes", now + 1min, 7}, Counting::latest);
    });
    const auto all = office.store->read()->statistics(now, now + 3h);
    REQUIRE(all.size() == 3);
    CHECK((all[0].series == "bytes" && all[0].value == 7 && all[0].hour == now));
    CHECK((all[1].series == "logins" && all[1].value == 5));
    CHECK((all[2].hour == now + 1h && all[2].value == 1));
    CHECK(office.store->read()->statistics(now, now + 1h).size() == 2);
    office.write([&](WriteTx& tx) { tx.forgetStatistics(now + 1h); });
    CHECK(office.store->read()->statistics({}, now + 3h).size() == 1);
}
