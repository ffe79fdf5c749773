#include "server/auth/auth.h"
#include "server/auth/app_passwords.h"
#include "server/auth/hash_pool.h"
#include "server/auth/password_hash.h"
#include "server/auth/scram.h"
#include "server/base/text.h"
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

TEST_CASE("hashes of other servers verify, and only what can be verified is taken", "[auth][import]")
{
    // All of "secret", with costs that a test can pay.
    for (const std::string good : {"{SHA512-CRYPT}$6$saltstring$AIsRs/Ee56G/tC8MEHhvReZTfx8u3rXXMl6eYrjCG9ibix19DxoMBLogdTET5Ukw9Sf7eZTITsuk0Ry5qulYz.",
        "$6$saltstring$AIsRs/Ee56G/tC8MEHhvReZTfx8u3rXXMl6eYrjCG9ibix19DxoMBLogdTET5Ukw9Sf7eZTITsuk0Ry5qulYz.",
        "{SHA256-CRYPT}$5$rounds=5000$saltstring$C3o4O1TC6aRHF4FI.QSZMXtHbaj2gSXr4sUc/3NcUi.",
        "{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
        "{CRYPT}$y$j75$LdJMENpBABJJ3hIHjB1Bi.$pLOAA.GWfQElzJMkN.JqzcItGXS.DsOZsBOX0fO4NDC",
        "{ARGON2ID}$argon2id$v=19$m=8192,t=3,p=1$P3jXP9zhKYHsnoCnwK42LA$z4acTun1ihe780Q+Bh8E/4KAiPdWLCUXq8neC0DgjE8",
        " $argon2i$v=19$m=8192,t=3,p=1$idJSDL15N53IiRsmXZUS9A$HXiz64yx//mr08flfWstyXw8NR2SyfeuBn08wVF6p00\n"}) {
        INFO(good);
        const auto kept = importedHash(good);
        CHECK(kept.front() == '$');
        CHECK(matchesHash(kept, "secret"));
        CHECK_FALSE(matchesHash(kept, "Secret"));
        CHECK_FALSE(matchesHash(kept, ""));
        CHECK_FALSE(matchesHash(kept, std::string("secret\0x", 8)));
        CHECK_FALSE(isCurrentHash(kept));
    }
    for (const std::string bad : {"", "secret", "{PLAIN}secret", "{CRYPT", "$1$salt$hash", "$6$", "$6$saltstring$short", "$6$rounds=900000000$salt$x",
                                  "$2y$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "$argon2id$", "$argon2id$v=19$m=19456,t=2$x$y",
                                  "$argon2id$v=19$m=9999999,t=2,p=1$c2FsdHNhbHRzYWx0$AAAA", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$AAAA", "$y$jFT$x$y"}) {
        INFO(bad);
        CHECK_THROWS_AS(importedHash(bad), std::invalid_argument);
    }
    CHECK_THROWS_AS(importedHash("$6$" + std::string(10'000, 'x')), std::invalid_argument);
    CHECK(isCurrentHash(hashPassword("secret")));
}

TEST_CASE("a new password keeps the account's SCRAM salt, an imported hash has no keys yet", "[auth][rfc7677]")
{
    const auto first = Authenticator::makeCredentials("pencil");
    const auto second = Authenticator::makeCredentials("crayon", first);
    CHECK(second.scram_salt == first.scram_salt);
    CHECK(second.scram_stored_key != first.scram_stored_key);
    CHECK(Authenticator::makeCredentials("pencil").scram_salt != first.scram_salt);
    const auto imported = Authenticator::importCredentials("$6$saltstring$AIsRs/Ee56G/tC8MEHhvReZTfx8u3rXXMl6eYrjCG9ibix19DxoMBLogdTET5Ukw9Sf7eZTITsuk0Ry5qulYz.", first);
    CHECK(imported.scram_stored_key.empty());
    CHECK(imported.scram_salt == first.scram_salt);
}

TEST_CASE("an app password is strong, typed with ease, and kept as a hash of this installation", "[auth][app-password]")
{
    const auto secret = makeAppSecret();
    CHECK(secret.size() == 23);
    CHECK(secret != makeAppSecret());
    const auto normal = normalizedAppSecret(secret);
    REQUIRE(normal);
    CHECK(normalizedAppSecret(*normal) == normal);
    CHECK(normalizedAppSecret(postfach::base::upper(secret)) == normal);
    for (const std::string none : {"", "secret", "abcde-abcde-abcde-abcd", "abcde-abcde-abcde-abcdef", "abcde-abcde-abcde-abcd1", "abcde-abcde-abcde-abcd\xC3"})
        CHECK_FALSE(normalizedAppSecret(none));
    const auto hash = appSecretHash("key", store::AccountId{1}, *normal);
    CHECK(hash.size() == 32);
    CHECK(hash != appSecretHash("key", store::AccountId{2}, *normal));
    CHECK(hash != appSecretHash("other", store::AccountId{1}, *normal));
}

TEST_CASE("the first message of SCRAM names a user, or nobody", "[auth][rfc5802]")
{
    CHECK(parseScramFirst("n,,n=alice@example.org,r=abc")->user == "alice@example.org");
    CHECK(parseScramFirst("p=tls-exporter,,n=a=2Cb=3Dc,r=abc")->user == "a,b=c");
    CHECK(parseScramFirst("n,a=bob,n=alice,r=abc")->authzid == "bob");
    CHECK(parseScramFirst("y,,n=alice,r=abc")->bare == "n=alice,r=abc");
    for (const std::string bad : {"", "n", "n,", "n,,", "n,,r=abc", "n,,n=,r=abc", "n,,m=x,n=alice,r=a", "n,x=bob,n=alice,r=a", "n,,n=a=2Db,r=a", "n,,n=a=,r=a",
                                  "n,,n=\xff,r=a"}) {
        INFO(bad);
        CHECK_FALSE(parseScramFirst(bad));
    }
}
