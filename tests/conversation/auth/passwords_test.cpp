// App passwords, hashes brought along from other servers, and the guards, through the real doors.
#include "server/auth/auth.h"
#include "server/auth/login_history.h"
#include "server/auth/password_hash.h"
#include "tests/conversation/admin/http.h"
#include "tests/conversation/auth/sasl_client.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <chrono>
#include <thread>

using namespace postfach::test;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

namespace {
constexpr auto kAlice = "alice@example.org";
const std::string kPasswords = "/api/v1/accounts/alice@example.org/app-passwords";
const std::string kWrong = "NO [AUTHENTICATIONFAILED] Name or password is wrong";

std::string login(TestServer& server, const std::string& user, const std::string& password, const std::string& from = {})
{
    auto client = server.connect<ImapClient>("imap", false, from);
    client.line();
    return client.talk("LOGIN " + user + " \"" + password + "\"").back();
}

std::string popLogin(TestServer& server, const std::string& user, const std::string& password)
{
    auto client = server.connect<Pop3Client>("pop3");
    client.line();
    client.talk("USER " + user);
    return client.talk("PASS " + password);
}

std::string scram(TestServer& server, const std::string& user, const std::string& password)
{
    auto client = server.connect<ImapClient>("imap");
    client.line();
    SaslClient sasl("SCRAM-SHA-256", user, password);
    const auto answer = authenticate(client, "a AUTHENTICATE", sasl);
    CHECK(sasl.proven() == answer.starts_with("OK"));
    return answer;
}
} // namespace

TEST_CASE("an app password opens what its scopes say, until it ends, and can be taken back", "[auth][app-password]")
{
    TestServer server;
    Http http(server, server.token());
    SECTION("refusals")
    {
        CHECK(http.post("/api/v1/accounts/nobody@example.org/app-passwords", "{\"label\":\"x\",\"scopes\":[\"imap\"]}").status == 404);
        CHECK(http.get("/api/v1/accounts/nobody@example.org/app-passwords").status == 404);
        CHECK(http.remove(kPasswords + "/phone").status == 404);
        for (const std::string bad : {"{}", "{\"label\":\"x\"}", "{\"label\":\"x\",\"scopes\":[]}", "{\"label\":\"\",\"scopes\":[\"imap\"]}",
                                      "{\"label\":\"x\",\"scopes\":[\"lmtp\"]}", "{\"label\":\"x\",\"scopes\":[\"imap\"],\"password\":\"mine\"}",
                                      "{\"label\":\"x\",\"scopes\":[\"imap\"],\"expires\":\"2020-01-01T00:00:00Z\"}",
                                      "{\"label\":\"x\",\"scopes\":[\"imap\"],\"expires\":\"soon\"}"}) {
            INFO(bad);
            CHECK(http.post(kPasswords, bad).status == 422);
        }
        CHECK(http.get(kPasswords).column("label").empty());
    }
    SECTION("its life")
    {
        const auto made = http.post(kPasswords, "{\"label\":\"phone\",\"scopes\":[\"imap\"],\"expires\":\"2026-04-01T00:00:00Z\"}");
        REQUIRE(made.status == 201);
        const auto secret = made.text("password");
        CHECK(http.post(kPasswords, "{\"label\":\"phone\",\"scopes\":[\"imap\"]}").status == 409);
        const auto other = http.post(kPasswords, "{\"label\":\"tablet\",\"scopes\":[\"imap\",\"pop3\"]}").text("password");
        CHECK(http.get(kPasswords).column("label") == std::vector<std::string>{"phone", "tablet"});
        CHECK(http.get(kPasswords).body.find(secret) == std::string::npos);

        CHECK(login(server, "bob@example.org", secret) == kWrong);
        CHECK_THAT(login(server, kAlice, secret), Catch::StartsWith("OK"));
        CHECK_THAT(login(server, kAlice, other), Catch::StartsWith("OK"));
        CHECK_THAT(login(server, kAlice, "secret"), Catch::StartsWith("OK")); // the account's own stays
        std::string typed = secret;
        std::erase(typed, '-');
        CHECK_THAT(login(server, kAlice, typed), Catch::StartsWith("OK"));

        // SCRAM tells one salt before it knows which password comes.
        CHECK_THAT(scram(server, kAlice, secret), Catch::StartsWith("OK"));
        CHECK_THAT(scram(server, kAlice, other), Catch::StartsWith("OK"));
        CHECK_THAT(scram(server, kAlice, "secret"), Catch::StartsWith("OK"));
        CHECK(scram(server, kAlice, "wrong") == kWrong);

        CHECK_THAT(popLogin(server, kAlice, other), Catch::StartsWith("+OK"));
        CHECK(popLogin(server, kAlice, secret) == popLogin(server, kAlice, "wrong")); // not its scope, and not told

        CHECK(within(10s, [&] {
            const auto used = http.get(kPasswords).column("last_used");
            return used.size() == 2 && used[0] == "2026-03-01T00:00:00.000Z" && used[1] == used[0];
        }));

        // A new password of the account leaves them as they are, with SCRAM too.
        CHECK(http.patch("/api/v1/accounts/alice@example.org", "{\"password\":\"another\"}").status == 200);
        CHECK_THAT(scram(server, kAlice, secret), Catch::StartsWith("OK"));
        CHECK_THAT(scram(server, kAlice, "another"), Catch::StartsWith("OK"));
        CHECK(scram(server, kAlice, "secret") == kWrong);

        server.restart();
        Http again(server, http.token());
        CHECK_THAT(login(server, kAlice, secret), Catch::StartsWith("OK"));
        server.clock().advance(std::chrono::hours(24 * 40));
        CHECK(login(server, kAlice, secret) == kWrong);
        CHECK(scram(server, kAlice, secret) == kWrong);
        CHECK_THAT(login(server, kAlice, other), Catch::StartsWith("OK"));

        CHECK(again.remove(kPasswords + "/tablet").status == 204);
        CHECK(login(server, kAlice, other) == kWrong); // at once, though it was used a moment ago
        CHECK(scram(server, kAlice, other) == kWrong);
        CHECK(again.get(kPasswords).column("label") == std::vector<std::string>{"phone"});
    }
    SECTION("a disabled account is disabled for them too; a removed one takes them along")
    {
        const auto secret = http.post(kPasswords, "{\"label\":\"phone\",\"scopes\":[\"imap\"]}").text("password");
        http.patch("/api/v1/accounts/alice@example.org", "{\"enabled\":false}");
        CHECK_THAT(login(server, kAlice, secret), Catch::StartsWith("NO [CONTACTADMIN]"));
        CHECK_THAT(scram(server, kAlice, secret), Catch::StartsWith("NO [CONTACTADMIN]"));
        CHECK(http.remove("/api/v1/accounts/alice@example.org").status == 204);
        CHECK(http.put("/api/v1/accounts/alice@example.org", "{\"password\":\"secret\"}").status == 201);
        CHECK(http.get(kPasswords).column("label").empty());
        CHECK(login(server, kAlice, secret) == kWrong);
    }
}

TEST_CASE("an account comes from another server with its hash, and is kept as ours from its first login on", "[auth][import]")
{
    TestServer server;
    Http http(server, server.token());
    const std::string path = "/api/v1/accounts/carol@example.org";
    for (const std::string bad : {"secret", "{PLAIN}secret", "$1$abc$def", "$6$rounds=99999999$x$y"})
        CHECK(http.put(path, "{\"password_hash\":\"" + bad + "\"}").text("code") == "invalid_field");
    CHECK(http.put(path, "{\"password\":\"x\",\"password_hash\":\"$6$x$y\"}").status == 422);
    CHECK(http.get(path).status == 404);

    const std::string hash = "{SHA512-CRYPT}$6$saltstring$AIsRs/Ee56G/tC8MEHhvReZTfx8u3rXXMl6eYrjCG9ibix19DxoMBLogdTET5Ukw9Sf7eZTITsuk0Ry5qulYz.";
    REQUIRE(http.put(path, "{\"password_hash\":\"" + hash + "\"}").status == 201);
    const auto etag = http.get(path).headers.at("etag");
    const auto kept = [&] {
        const auto tx = server.store().read();
        return *tx->credentials(tx->findAccount("carol@example.org")->id);
    };
    CHECK(kept().argon2 == hash.substr(hash.find('$')));
    CHECK(login(server, "carol@example.org", "wrong") == kWrong);
    CHECK(scram(server, "carol@example.org", "secret") == kWrong); // no keys can be made of a hash
    CHECK(kept().argon2 == hash.substr(hash.find('$')));           // nothing of this made it ours

    SECTION("the first right login makes it ours, with SCRAM keys")
    {
        CHECK_THAT(login(server, "carol@example.org", "secret"), Catch::StartsWith("OK"));
        CHECK(within(10s, [&] { return postfach::auth::isCurrentHash(kept().argon2); }));
        CHECK_THAT(scram(server, "carol@example.org", "secret"), Catch::StartsWith("OK"));
        CHECK_THAT(login(server, "carol@example.org", "secret"), Catch::StartsWith("OK"));
        CHECK(login(server, "carol@example.org", "wrong") == kWrong);
        CHECK(http.patch(path, R"({"name":"Carol"})", {{"If-Match", etag}}).status == 200); // nobody's change was overtaken
    }
    SECTION("an app password of such an account works with SCRAM before that, and after")
    {
        const auto secret = http.post(path + "/app-passwords", "{\"label\":\"phone\",\"scopes\":[\"imap\"]}").text("password");
        CHECK_THAT(scram(server, "carol@example.org", secret), Catch::StartsWith("OK"));
        CHECK_THAT(login(server, "carol@example.org", "secret"), Catch::StartsWith("OK"));
        CHECK(within(10s, [&] { return postfach::auth::isCurrentHash(kept().argon2); }));
        CHECK_THAT(scram(server, "carol@example.org", secret), Catch::StartsWith("OK"));
        CHECK_THAT(scram(server, "carol@example.org", "secret"), Catch::StartsWith("OK"));
    }
}

TEST_CASE("keys that are missing are made at a login, and a changed account counts from its commit on", "[auth]")
{
    TestServer server;
    const auto change = [&](const postfach::store::Credentials& credentials) {
        server.store().writeAndWait([&](postfach::store::WriteTx& tx) {
            postfach::store::AccountPatch patch;
            patch.credentials = credentials;
            tx.changeAccount(tx.findAccount(kAlice)->id, patch);
        });
    };
    postfach::store::Credentials bare;
    bare.argon2 = postfach::auth::hashPassword("secret");
    change(bare); // by the store, past the administration: nothing told the authenticator
    CHECK(scram(server, kAlice, "secret") == kWrong);
    CHECK_THAT(login(server, kAlice, "secret"), Catch::StartsWith("OK"));
    CHECK(within(10s, [&] { return scram(server, kAlice, "secret").starts_with("OK"); }));
    change(postfach::auth::Authenticator::makeCredentials("changed"));
    CHECK(login(server, kAlice, "secret") == kWrong);
    CHECK_THAT(login(server, kAlice, "changed"), Catch::StartsWith("OK"));
    server.store().writeAndWait([&](postfach::store::WriteTx& tx) { tx.removeAccount(tx.findAccount(kAlice)->id); });
    CHECK(login(server, kAlice, "changed") == kWrong);
}

TEST_CASE("a guesser is banned, the owner and the guesser's neighbours come in at once", "[auth][guard][threats-24]")
{
    TestServer server;
    Http http(server, server.token());
    constexpr auto kGuesser = "127.0.0.66";
    // All at once, as guessers do it: the waits that grow do not help him.
    std::vector<ImapClient> guessers;
    for (int i = 0; i < 30; ++i) {
        guessers.push_back(server.connect<ImapClient>("imap", false, kGuesser));
        guessers.back().line();
        guessers.back().send("a LOGIN alice@example.org guess" + std::to_string(i) + "\r\n");
    }
    for (auto& guesser : guessers)
        CHECK(guesser.line() == "a " + kWrong);
    server.appliance().authenticator().history().settle();
    std::uint64_t looked_at = 0;
    for (const auto& attempt : server.store().read()->logins(server.store().read()->findAccount(kAlice)->id))
        looked_at += attempt.outcome == postfach::store::LoginRecord::Outcome::wrong ? attempt.times : 0;
    CHECK(looked_at == 10);

    const auto quick = [&](const std::string& user, const std::string& from) {
        const auto before = Steady::now();
        CHECK_THAT(login(server, user, "secret", from), Catch::StartsWith("OK"));
        return Steady::now() - before < 1s;
    };
    CHECK(quick(kAlice, "127.0.0.1"));              // the owner, from where she is
    CHECK(quick("bob@example.org", kGuesser));      // his neighbour behind the same address
    CHECK(login(server, kAlice, "secret", kGuesser) == kWrong); // he has guessed it, and is not told
    auto client = server.connect<ImapClient>("imap", false, kGuesser);
    client.line();
    SaslClient sasl("SCRAM-SHA-256", kAlice, "secret");
    CHECK(authenticate(client, "a AUTHENTICATE", sasl) == kWrong); // by no mechanism

    const auto bans = http.get("/api/v1/bans");
    REQUIRE(bans.column("address") == std::vector<std::string>{kGuesser});
    CHECK(bans.column("account") == std::vector<std::string>{kAlice});
    CHECK(bans.column("state") == std::vector<std::string>{"banned"});
    CHECK(http.remove("/api/v1/bans/127.0.0.67").status == 404);
    CHECK(http.remove("/api/v1/bans/127.0.0.66").status == 204);
    CHECK(http.get("/api/v1/bans").column("address").empty());
    CHECK(quick(kAlice, kGuesser));
}

TEST_CASE("known and unknown accounts fail in the same time, by every mechanism", "[auth][threats-24]")
{
    TestServer server;
    Http http(server, server.token());
    http.put("/api/v1/accounts/carol@example.org", "{\"password_hash\":\"$6$saltstring$AIsRs/Ee56G/tC8MEHhvReZTfx8u3rXXMl6eYrjCG9ibix19DxoMBLogdTET5Ukw9Sf7eZTITsuk0Ry5qulYz.\"}"); // another hash, another cost
    int address = 1;
    const auto median = [&](const std::string& user, bool by_scram) {
        std::vector<std::chrono::nanoseconds> times;
        http.remove("/api/v1/bans/" + user); // no waits of the guard: few tries, each from an address of its own
        for (int i = 0; i < 7; ++i) {
            auto client = server.connect<ImapClient>("imap", false, "127.1.0." + std::to_string(++address));
            client.line();
            SaslClient sasl("SCRAM-SHA-256", user, "wrong");
            const auto before = Steady::now();
            CHECK((by_scram ? authenticate(client, "a AUTHENTICATE", sasl) : client.talk("LOGIN " + user + " wrong").back()) == kWrong);
            times.push_back(Steady::now() - before);
        }
        std::sort(times.begin(), times.end());
        return times[3];
    };
    // A busy machine may push one median over the next beat: six rounds, of which one must agree.
    const auto alike = [&](const std::string& user, bool by_scram) {
        for (int round = 0; round < 6; ++round)
            if (std::chrono::abs(median(user, by_scram) - median("nobody@example.org", by_scram)) < 25ms) // the beat is 100 ms
                return true;
        return false;
    };
    for (const bool by_scram : {false, true}) {
        CHECK(alike(kAlice, by_scram));
        CHECK(alike("carol@example.org", by_scram));
    }
}
