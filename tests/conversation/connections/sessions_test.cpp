// Live sessions as an administrator sees and ends them, and who has to leave because his account changed.
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

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
    CHECK(http.get("/api/v1/sessions?account=alice@example.org").column("id").empty());
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
