// What waits in memory before it is written: counted, bounded, and lost in no orderly end.
#include "server/auth/login_history.h"
#include "tests/unit/store/store_fixture.h"

#include <string>
#include <thread>
#include <vector>

using namespace postfach;
using namespace postfach::auth;
using namespace postfach::store::test;
using store::LoginRecord;

namespace {
LoginRecord from(const Office& office, const std::string& address)
{
    return {office.alice, "imap", address, "password", false, LoginRecord::Outcome::ok, "", office.clock.now(), office.clock.now()};
}
} // namespace

TEST_CASE("a login waits in memory until it is written, and what is alike is counted", "[auth][logins]")
{
    Office office;
    LoginHistory history(*office.store);
    for (int i = 0; i < 5; ++i)
        history.note(from(office, "192.0.2.1"));
    CHECK(office.store->read()->logins(office.alice).empty()); // no commit a login
    history.settle();
    REQUIRE(office.store->read()->logins(office.alice).size() == 1);
    CHECK(office.store->read()->logins(office.alice)[0].times == 5);
    history.note(from(office, "192.0.2.1"));
    history.settle();
    CHECK(office.store->read()->logins(office.alice)[0].times == 6);
}

TEST_CASE("what waits is bounded, and what is known already is counted past the bound", "[auth][logins]")
{
    Office office;
    LoginHistory history(*office.store);
    auto one = from(office, "192.0.2.1");
    for (std::size_t i = 0; i < LoginHistory::kMostPending + 10; ++i) {
        one.account = store::AccountId{static_cast<std::int64_t>(1000 + i)}; // of nobody: the store drops them
        history.note(one);
    }
    history.note(from(office, "192.0.2.7"));
    history.settle();
    CHECK(office.store->read()->logins(office.alice).empty());
    history.note(from(office, "192.0.2.8"));
    history.settle();
    CHECK(office.store->read()->logins(office.alice).size() == 1);
}

TEST_CASE("an orderly end writes what waits, and where nothing is to be remembered nothing is", "[auth][logins]")
{
    Office office;
    {
        LoginHistory history(*office.store);
        history.note(from(office, "192.0.2.1"));
    }
    office.write([](store::WriteTx&) {}); // what was queued before it is done
    CHECK(office.store->read()->logins(office.alice).size() == 1);
    LoginHistory history(*office.store);
    history.note(from(office, "192.0.2.2"));
    history.record(false);
    history.note(from(office, "192.0.2.3"));
    history.settle();
    history.record(true);
    CHECK(office.store->read()->logins(office.alice).size() == 1);
    history.note(from(office, "192.0.2.4"));
    history.settle();
    CHECK(office.store->read()->logins(office.alice).size() == 2);
}

TEST_CASE("logins from many threads are all counted", "[auth][logins]")
{
    Office office;
    LoginHistory history(*office.store);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 500; ++n) {
                history.note(from(office, "192.0.2.1"));
                if (n % 100 == 0)
                    history.flush();
            }
        });
    for (auto& thread : threads)
        thread.join();
    history.settle();
    REQUIRE(office.store->read()->logins(office.alice).size() == 1);
    CHECK(office.store->read()->logins(office.alice)[0].times == 2000);
}
