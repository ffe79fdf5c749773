// The history of logins as it is kept: counted within an hour, bounded for each account, forgotten with its days and its account.
#include "tests/unit/store/store_fixture.h"

#include <string>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using namespace std::chrono_literals;
using Outcome = LoginRecord::Outcome;

namespace {
LoginRecord login(const Office& office, AccountId account, const std::string& address, Outcome outcome = Outcome::ok)
{
    return {account, "imap", address, "password", true, outcome, "", office.clock.now(), office.clock.now()};
}
} // namespace

TEST_CASE("logins that are alike within an hour are one record", "[store][logins]")
{
    Office office;
    const Time begin = office.clock.now();
    const auto record = [&](const LoginRecord& one) { office.write([&](WriteTx& tx) { tx.recordLogins({one}); }); };
    record(login(office, office.alice, "192.0.2.1"));
    office.clock.advance(1s);
    auto twice = login(office, office.alice, "192.0.2.1");
    twice.times = 2;
    record(twice);
    record(login(office, office.alice, "192.0.2.1", Outcome::wrong));
    auto other = login(office, office.alice, "192.0.2.1");
    other.app_password = "phone";
    office.clock.advance(1s);
    other.first = other.last = office.clock.now();
    record(other);
    auto all = office.store->read()->logins(office.alice);
    REQUIRE(all.size() == 3);
    CHECK(all[0].app_password == "phone"); // newest first
    const auto& counted = all[1].outcome == Outcome::ok ? all[1] : all[2];
    CHECK(counted.times == 3);
    CHECK(counted.first == begin);
    CHECK(counted.last == begin + 1s);
    CHECK(counted.tls);
    office.clock.advance(1h);
    record(login(office, office.alice, "192.0.2.1"));
    CHECK(office.store->read()->logins(office.alice).size() == 4);
    CHECK(office.account().version == 1); // an ETag survives a login
}

TEST_CASE("an account keeps its newest logins, and who guesses pushes out nobody who was in", "[store][logins]")
{
    Office office;
    AccountId bob;
    office.write([&](WriteTx& tx) {
        bob = tx.createAccount({"bob@example.org", "", {}, 0});
        tx.recordLogins({login(office, office.alice, "192.0.2.1"), login(office, bob, "192.0.2.2")});
    });
    for (std::size_t i = 0; i < LoginRecord::kKept + 20; ++i) {
        office.clock.advance(1s);
        office.write([&](WriteTx& tx) { tx.recordLogins({login(office, office.alice, "198.51.100." + std::to_string(i), Outcome::wrong)}); });
    }
    auto all = office.store->read()->logins(office.alice);
    REQUIRE(all.size() == LoginRecord::kKept + 1);
    CHECK(all.front().address == "198.51.100.119");
    CHECK(all[LoginRecord::kKept - 1].address == "198.51.100.20");
    CHECK(all.back().address == "192.0.2.1");
    for (std::size_t i = 0; i < LoginRecord::kKept; ++i) {
        office.clock.advance(1s);
        office.write([&](WriteTx& tx) { tx.recordLogins({login(office, office.alice, "203.0.113." + std::to_string(i))}); });
    }
    all = office.store->read()->logins(office.alice);
    CHECK(all.size() == 2 * LoginRecord::kKept);
    CHECK(all[LoginRecord::kKept - 1].address == "203.0.113.0"); // the very first one went
    CHECK(office.store->read()->logins(bob).size() == 1);
    for (const Finding& finding : office.store->check(false))
        FAIL_CHECK(finding.where << ": " << finding.what);
}

TEST_CASE("logins go with their days and with their account, and those of nobody are not recorded", "[store][logins]")
{
    Office office;
    AccountId bob;
    office.write([&](WriteTx& tx) {
        bob = tx.createAccount({"bob@example.org", "", {}, 0});
        tx.recordLogins({login(office, office.alice, "192.0.2.1"), login(office, bob, "192.0.2.2"), login(office, AccountId{77}, "192.0.2.3"),
                         login(office, AccountId{}, "192.0.2.4")});
    });
    CHECK(office.store->read()->logins(AccountId{77}).empty());
    office.clock.advance(24h);
    office.write([&](WriteTx& tx) { tx.recordLogins({login(office, office.alice, "192.0.2.1")}); });
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(office.store->forgetLogins(office.clock.now() - 24h, {}) == 0);
    CHECK(office.store->forgetLogins(office.clock.now(), stopped.get_token()) == 0);
    CHECK(office.store->forgetLogins(office.clock.now(), {}) == 2);
    CHECK(office.store->read()->logins(office.alice).size() == 1);
    CHECK(office.store->read()->logins(bob).empty());
    office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
    CHECK(office.store->read()->logins(office.alice).empty());
    for (const Finding& finding : office.store->check(false))
        FAIL_CHECK(finding.where << ": " << finding.what);
}
