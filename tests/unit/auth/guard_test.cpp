// Who pays for failed logins: the guesser, and neither the owner of the account nor the neighbours behind the same address.
#include "server/auth/guard.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <vector>

using namespace postfach::auth;
using namespace std::chrono_literals;

namespace {
struct Watched {
    Guard::SteadyTime now{std::chrono::hours(1000)};
    Guard guard{[this] { return now; }};
    std::chrono::milliseconds delay(const std::string& user, const std::string& address) { return guard.ask(user, address).delay; }
    bool refused(const std::string& user, const std::string& address) { return guard.ask(user, address).refused; }
    bool free(const std::string& user, const std::string& address)
    {
        const auto decision = guard.ask(user, address);
        return !decision.refused && decision.delay == 0ms;
    }
    void fail(const std::string& user, const std::string& address, int times = 1)
    {
        for (int i = 0; i < times; ++i)
            guard.failed(user, address);
    }
};
constexpr auto kGuesser = "203.0.113.9", kOffice = "192.0.2.1";
} // namespace

TEST_CASE("one mistake is free, then each doubles the wait, for that pair alone", "[auth][guard]")
{
    Watched w;
    CHECK(w.free("alice", kGuesser));
    w.fail("alice", kGuesser);
    CHECK(w.free("alice", kGuesser));
    w.fail("Alice", kGuesser);
    CHECK(w.delay("alice", kGuesser) == 250ms);
    w.fail("alice", kGuesser);
    CHECK(w.delay("alice", kGuesser) == 500ms);
    w.fail("alice", kGuesser, 6);
    CHECK(w.delay("alice", kGuesser) == 4s); // Dovecot makes it 15 s, for everybody at the address
    CHECK(w.free("alice", kOffice));
    CHECK(w.free("bob", kGuesser));
    SECTION("time forgets")
    {
        w.now += 11min;
        CHECK(w.free("alice", kGuesser));
    }
    SECTION("so does a good login")
    {
        w.guard.succeeded("ALICE", kGuesser);
        CHECK(w.free("alice", kGuesser));
    }
    SECTION("an IPv6 address counts as its /64")
    {
        w.fail("alice", "2001:db8::1");
        w.fail("alice", "2001:db8::2:3");
        CHECK(w.delay("alice", "2001:db8::ffff:1") == 250ms);
        CHECK(w.free("alice", "2001:db8:0:1::1"));
    }
}

TEST_CASE("a guesser who hammers one account is banned, and the bans grow", "[auth][guard][threat24]")
{
    Watched w;
    w.fail("alice", kGuesser, 9);
    CHECK_FALSE(w.refused("alice", kGuesser));
    w.fail("alice", kGuesser);
    CHECK(w.refused("alice", kGuesser));
    REQUIRE(w.guard.bans().size() == 1);
    CHECK(w.guard.bans()[0].refused);
    CHECK(w.guard.bans()[0].account == "alice");
    CHECK(w.guard.bans()[0].address == kGuesser);
    CHECK(w.guard.bans()[0].left == 1min);

    // The owner, where he has been before and where he has not; the neighbours behind the guesser's address.
    CHECK(w.free("alice", kOffice));
    CHECK(w.free("bob", kGuesser));
    CHECK(w.free("carol", kGuesser));

    for (const auto length : {1min, 2min, 4min, 8min, 16min, 32min, 60min, 60min}) {
        w.now += length - 1ms;
        CHECK(w.refused("alice", kGuesser));
        w.now += 1ms;
        CHECK_FALSE(w.refused("alice", kGuesser));
        w.fail("alice", kGuesser, 3);
        CHECK(w.refused("alice", kGuesser));
    }
    CHECK(w.guard.lift("bob") == 0);
    CHECK(w.guard.lift("ALICE") > 0);
    CHECK(w.free("alice", kGuesser));
    CHECK(w.guard.bans().empty());
}

TEST_CASE("of a pair no more attempts are looked at at once than may still fail before a ban", "[auth][guard][threat24]")
{
    Watched w;
    const auto places = [&] { // that are free
        std::vector<Guard::Decision> held;
        for (auto asked = w.guard.ask("alice", kGuesser); asked.place; asked = w.guard.ask("Alice", kGuesser))
            held.push_back(std::move(asked));
        CHECK(w.guard.ask("alice", kGuesser).crowded);
        CHECK_FALSE(w.guard.ask("alice", kOffice).crowded);
        CHECK_FALSE(w.guard.ask("bob", kGuesser).crowded);
        return held.size();
    };
    CHECK(places() == 10);
    CHECK(places() == 10); // those ended without a verdict
    w.fail("alice", kGuesser, 7);
    CHECK(places() == 3);
    w.fail("alice", kGuesser, 3);
    CHECK(w.refused("alice", kGuesser));
    CHECK_FALSE(w.guard.ask("alice", kGuesser).crowded); // there is nothing to wait for
    w.now += 1min;
    CHECK(places() == 3);
    const auto before = w.guard.ask("alice", kGuesser);
    w.guard.succeeded("alice", kGuesser);
    std::vector<Guard::Decision> many; // who is at home is never banned
    for (int i = 0; i < 100; ++i)
        many.push_back(w.guard.ask("alice", kGuesser));
    CHECK(std::none_of(many.begin(), many.end(), [](const auto& asked) { return asked.crowded || asked.refused; }));
}

TEST_CASE("where an account has logged in lately it is slowed at most, never banned", "[auth][guard][threat24]")
{
    Watched w;
    w.guard.succeeded("alice", kOffice);
    w.fail("alice", kOffice, 1000); // a colleague guesses, or her old telephone does not know the new password
    CHECK_FALSE(w.refused("alice", kOffice));
    CHECK(w.delay("alice", kOffice) == 4s);
    w.guard.succeeded("alice", kOffice);
    CHECK(w.free("alice", kOffice));
    w.now += std::chrono::hours(24 * 31);
    w.fail("alice", kOffice, 10);
    CHECK(w.refused("alice", kOffice)); // a month later she is a stranger there
}

TEST_CASE("trying many accounts from one address is slowed, then banned, but for those at home there", "[auth][guard][threat24]")
{
    Watched w;
    w.guard.succeeded("alice", kOffice);
    for (int i = 0; i < 20; ++i)
        w.fail("user" + std::to_string(i), kOffice);
    CHECK(w.free("bob", kOffice)); // an office has its typos
    for (int i = 20; i < 60; ++i)
        w.fail("user" + std::to_string(i), kOffice);
    CHECK(w.delay("bob", kOffice) > 100ms);
    CHECK(w.free("alice", kOffice));
    for (int i = 60; i < 100; ++i)
        w.fail("user" + std::to_string(i), kOffice);
    CHECK(w.refused("bob", kOffice));
    CHECK(w.refused("nobody", kOffice));
    CHECK(w.free("alice", kOffice));
    CHECK(w.free("bob", kGuesser));
    REQUIRE_FALSE(w.guard.bans().empty());
    CHECK(w.guard.bans()[0].account.empty());

    SECTION("the ban ends by itself")
    {
        w.now += 1min;
        CHECK(w.free("bob", kOffice));
    }
    SECTION("or by the administrator")
    {
        CHECK(w.guard.lift(kOffice) > 0);
        CHECK(w.free("bob", kOffice));
    }
}

TEST_CASE("hammering one account counts once for the address", "[auth][guard]")
{
    Watched w;
    w.fail("alice", kGuesser, 5000);
    CHECK(w.free("bob", kGuesser));
    CHECK_FALSE(w.free("alice", kGuesser));
}

TEST_CASE("guessing one account from many addresses slows strangers, not its owner", "[auth][guard][threat24]")
{
    Watched w;
    w.guard.succeeded("alice", kOffice);
    for (int i = 0; i < 200; ++i)
        w.fail("alice", "198.51.100." + std::to_string(i));
    CHECK(w.free("alice", kOffice));
    CHECK(w.delay("alice", kGuesser) == 4s); // never tried: slowed
    CHECK_FALSE(w.refused("alice", kGuesser)); // and never locked out
    CHECK(w.free("bob", kGuesser));
}

TEST_CASE("a name that does not exist is counted like one that does, and a flood of names does not grow the memory", "[auth][guard]")
{
    Watched w;
    w.fail("banned", kOffice, 10);
    for (int i = 0; i < 70'000; ++i)
        w.fail("user" + std::to_string(i), "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256));
    CHECK(w.refused("banned", kOffice)); // what matters more outlives what matters less
    w.fail(std::string(1'000'000, 'x'), kGuesser, 2);
    CHECK(w.delay(std::string(1'000'000, 'x'), kGuesser) == 250ms);
    for (const auto& ban : w.guard.bans())
        CHECK(ban.account.size() <= 320);
}
