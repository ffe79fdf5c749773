// Live sessions as an administrator sees and ends them, and who has to leave because his account changed.
#include "tests/conversation/admin/http.h"
#include "tests/conversation/auth/sasl_client.h"
#include "tests/support/catch.h"

#include <chrono>
#include <thread>

using namespace postfach::test;

namespace {
const std::string kAlice = "/api/v1/accounts/alice@example.org";
} // namespace

TEST_CASE("sessions: what is there is listed, and one of them can be ended", "[sessions]")
{
    TestServer server;
    Http http(server, server.token());
    CHECK(http.get("/api/v1/sessions/1-nothing").status == 404);
    CHECK(http.remove("/api/v1/sessions/1-nothing").status == 404);
    CHECK(http.get("/api/v1/sessions?service=smtp").status == 422);
    CHECK(http.get("/api/v1/sessions").column("id").empty()); // the one that asks is none of them

    auto alice = server.imap();
    auto bob = server.pop3("bob@example.org");
    CHECK(http.get("/api/v1/sessions").column("account").size() == 2);
    const auto found = http.get("/api/v1/sessions?account=alice@example.org");
    REQUIRE(found.column("service") == std::vector<std::string>{"imap"});
    CHECK(found.column("address") == std::vector<std::string>{"127.0.0.1"});
    CHECK(http.get("/api/v1/sessions?service=pop3").column("account") == std::vector<std::string>{"bob@example.org"});

    alice.send("i IDLE\r\n");
    CHECK_THAT(alice.line(), Catch::StartsWith("+"));
    CHECK(http.remove("/api/v1/sessions/" + found.column("id").front()).status == 204);
    CHECK_THAT(alice.line(), Catch::StartsWith("* BYE"));
    CHECK(alice.closed());
    CHECK(bob.talk("NOOP") == "+OK still here");
    // Its end is seen at the socket a moment before its place is free.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const auto gone = [&] { return http.get("/api/v1/sessions?account=alice@example.org").column("id").empty(); };
    while (!gone() && std::chrono::steady_clock::now() < until)
        std::this_thread::yield();
    CHECK(gone());
    CHECK(http.get("/api/v1/sessions").column("account") == std::vector<std::string>{"bob@example.org"});
}

TEST_CASE("sessions: who logs out and stays is nobody's until the next login", "[sessions][rfc8437]")
{
    TestServer server;
    Http http(server, server.token());
    auto imap = server.imap();
    const auto ofAlice = [&] { return http.get("/api/v1/sessions?account=alice@example.org").column("id"); };
    CHECK(ofAlice().size() == 1);
    imap.select();
    imap.talk("UNAUTHENTICATE");
    CHECK(ofAlice().empty());
    CHECK(http.get("/api/v1/sessions").column("state") == std::vector<std::string>{"connected"});
    imap.talk("LOGIN bob@example.org secret");
    CHECK(http.get("/api/v1/sessions").column("account") == std::vector<std::string>{"bob@example.org"});
    REQUIRE(http.patch(kAlice, R"({"password":"a new secret"})").status == 200); // no concern of bob's
    CHECK(imap.talk("NOOP").back() == "OK NOOP completed");
    REQUIRE(http.patch("/api/v1/accounts/bob@example.org", R"({"enabled":false})").status == 200);
    CHECK_THAT(imap.line(), Catch::StartsWith("* BYE"));
}

TEST_CASE("sessions: who loses the right to be here leaves at once, and nobody else", "[sessions]")
{
    TestServer server;
    Http http(server, server.token());
    auto imap = server.imap();
    auto pop3 = server.pop3();
    auto bob = server.imap("bob@example.org");

    SECTION("another name changes nothing")
    {
        REQUIRE(http.patch(kAlice, R"({"name":"Alice"})").status == 200);
        CHECK(imap.talk("NOOP").back() == "OK NOOP completed");
        CHECK(pop3.talk("NOOP") == "+OK still here");
    }
    SECTION("the account is disabled")
    {
        REQUIRE(http.patch(kAlice, R"({"enabled":false})").status == 200);
        CHECK_THAT(imap.line(), Catch::StartsWith("* BYE"));
        CHECK_THAT(pop3.line(), Catch::StartsWith("-ERR"));
    }
    SECTION("its password is another")
    {
        REQUIRE(http.patch(kAlice, R"({"password":"a new secret"})").status == 200);
        CHECK_THAT(imap.line(), Catch::StartsWith("* BYE"));
        CHECK_THAT(pop3.line(), Catch::StartsWith("-ERR"));
    }
    SECTION("one of its services is switched off")
    {
        REQUIRE(http.patch(kAlice, R"({"services":["imap"]})").status == 200);
        CHECK_THAT(pop3.line(), Catch::StartsWith("-ERR"));
        CHECK(imap.talk("NOOP").back() == "OK NOOP completed");
    }
    SECTION("the account is removed")
    {
        REQUIRE(http.remove(kAlice).status == 204);
        CHECK_THAT(imap.line(), Catch::StartsWith("* BYE"));
        CHECK_THAT(pop3.line(), Catch::StartsWith("-ERR"));
    }
    CHECK(bob.talk("NOOP").back() == "OK NOOP completed");
}

TEST_CASE("sessions: an app password that is taken back ends what was opened with it, by every mechanism, and nothing else", "[sessions][app-password]")
{
    TestServer server;
    Http http(server, server.token());
    const auto create = [&](const char* label) {
        const auto made = http.post(kAlice + "/app-passwords", std::string(R"({"label":")") + label + R"(","scopes":["imap","pop3"]})");
        REQUIRE(made.status == 201);
        return made.text("password");
    };
    const auto phone = create("phone");
    const auto tablet = create("tablet");
    const auto imap = [&](const std::string& password) {
        auto client = server.connect<ImapClient>("imap");
        client.line();
        REQUIRE_THAT(client.talk("LOGIN alice@example.org " + password).back(), Catch::StartsWith("OK"));
        return client;
    };
    const auto pop3 = [&](const std::string& password) {
        auto client = server.connect<Pop3Client>("pop3");
        client.line();
        client.talk("USER alice@example.org");
        REQUIRE_THAT(client.talk("PASS " + password), Catch::StartsWith("+OK"));
        return client;
    };
    auto lost = imap(phone);
    auto lost_pop3 = pop3(phone);
    auto lost_scram = server.connect<ImapClient>("imap");
    lost_scram.line();
    SaslClient scram("SCRAM-SHA-256", "alice@example.org", phone);
    REQUIRE_THAT(authenticate(lost_scram, "a AUTHENTICATE", scram), Catch::StartsWith("OK"));
    auto kept = imap(tablet);
    auto kept_pop3 = pop3(tablet);
    auto owner = server.imap();
    lost.send("i IDLE\r\n");
    CHECK_THAT(lost.line(), Catch::StartsWith("+"));

    CHECK(http.remove(kAlice + "/app-passwords/laptop").status == 404);
    CHECK(http.remove(kAlice + "/app-passwords/phone").status == 204);
    CHECK_THAT(lost.line(), Catch::StartsWith("* BYE"));
    CHECK_THAT(lost_pop3.line(), Catch::StartsWith("-ERR"));
    CHECK_THAT(lost_scram.line(), Catch::StartsWith("* BYE"));
    CHECK(kept.talk("NOOP").back() == "OK NOOP completed");
    CHECK(kept_pop3.talk("NOOP") == "+OK still here");
    CHECK(owner.talk("NOOP").back() == "OK NOOP completed");
}
