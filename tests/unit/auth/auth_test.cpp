#include "server/auth/auth.h"
#include "server/auth/failures.h"
#include "server/auth/hash_pool.h"
#include "server/auth/verified_cache.h"
#include "tests/support/catch.h"

#include <future>

using namespace postfach;
using namespace postfach::auth;
using namespace std::chrono_literals;

namespace {
bool verify(HashPool& pool, const std::string& hash, const std::string& password)
{
    bool right = false;
    std::promise<void> done;
    REQUIRE(pool.verify(hash, password, &right, [&done] { done.set_value(); }));
    done.get_future().get();
    return right;
}
} // namespace

TEST_CASE("PLAIN's message is taken apart as RFC 4616 says, or not at all", "[auth][rfc4616]")
{
    using namespace std::string_literals;
    for (const auto& bad : {""s, "user"s, "\0user"s, "\0\0pw"s, "a\0b\0c\0d"s, "\0us\xff"s "er\0pw"s})
        CHECK_FALSE(parsePlain(bad));
    const auto plain = parsePlain("\0alice@example.org\0pa ss"s);
    REQUIRE(plain);
    CHECK(plain->user == "alice@example.org");
    CHECK(plain->password == "pa ss");
    CHECK(parsePlain("ALICE\0alice\0pw"s)->user == "alice");
    // Nobody acts for another: such a name matches no account.
    CHECK(parsePlain("bob\0alice\0pw"s)->user == "alice as bob");
    CHECK(parsePlain("\0a\0"s)->password.empty());
}

TEST_CASE("a password verifies against its own hash alone, an empty hash against none", "[auth]")
{
    HashPool pool;
    const auto hash = hashPassword("secret");
    CHECK_FALSE(verify(pool, hash, "Secret"));
    CHECK_FALSE(verify(pool, "", "secret"));
    CHECK_FALSE(verify(pool, "", ""));
    CHECK_FALSE(verify(pool, "garbage", "secret"));
    CHECK(verify(pool, hash, "secret"));
    CHECK(hash != hashPassword("secret"));
}

TEST_CASE("credentials carry the keys of SCRAM-SHA-256", "[auth][rfc7677]")
{
    const auto credentials = Authenticator::makeCredentials("pencil");
    CHECK(credentials.scram_iterations >= 4096);
    CHECK(credentials.scram_salt.size() == 16);
    CHECK(credentials.scram_stored_key.size() == 32);
    CHECK(credentials.scram_server_key.size() == 32);
    CHECK(credentials.scram_stored_key != std::string(32, '\0'));
    CHECK(credentials.scram_stored_key != credentials.scram_server_key);
}

TEST_CASE("a verified password is remembered for its account and hash, until forgotten", "[auth]")
{
    VerifiedCache cache;
    const store::AccountId alice{1}, bob{2};
    CHECK_FALSE(cache.contains(alice, "hash", "secret"));
    cache.add(alice, "hash", "secret");
    CHECK(cache.contains(alice, "hash", "secret"));
    CHECK_FALSE(cache.contains(alice, "hash", "other"));
    CHECK_FALSE(cache.contains(alice, "changed hash", "secret"));
    CHECK_FALSE(cache.contains(bob, "hash", "secret"));
    cache.forget(alice);
    CHECK_FALSE(cache.contains(alice, "hash", "secret"));
}

TEST_CASE("one mistake is free, then each doubles the wait, for that pair alone", "[auth]")
{
    Failures failures;
    CHECK(failures.delay("alice", "192.0.2.1") == 0ms);
    failures.add("alice", "192.0.2.1");
    CHECK(failures.delay("alice", "192.0.2.1") == 0ms);
    failures.add("Alice", "192.0.2.1");
    CHECK(failures.delay("alice", "192.0.2.1") == 250ms);
    failures.add("alice", "192.0.2.1");
    CHECK(failures.delay("alice", "192.0.2.1") == 500ms);
    for (int i = 0; i < 50; ++i)
        failures.add("alice", "192.0.2.1");
    CHECK(failures.delay("alice", "192.0.2.1") == 15s);
    CHECK(failures.delay("alice", "192.0.2.2") == 0ms); // the owner elsewhere
    CHECK(failures.delay("bob", "192.0.2.1") == 0ms);   // his neighbour
    for (const auto* address : {"2001:db8::1", "2001:db8::2"})
        failures.add("alice", address);
    CHECK(failures.delay("alice", "2001:db8::3") == 250ms); // one network
    failures.forget("alice", "192.0.2.1");
    CHECK(failures.delay("alice", "192.0.2.1") == 0ms);
}

TEST_CASE("a flood of names does not grow the memory of failures", "[auth]")
{
    Failures failures;
    for (int i = 0; i < 50'000; ++i)
        failures.add("user" + std::to_string(i), "192.0.2.1");
    failures.add("last", "192.0.2.1");
    failures.add("last", "192.0.2.1");
    CHECK(failures.delay("last", "192.0.2.1") == 250ms);
}
