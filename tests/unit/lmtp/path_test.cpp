#include "server/lmtp/path.h"
#include "tests/support/catch.h"

using namespace postfach::lmtp;

TEST_CASE("malformed paths are refused", "[lmtp][rfc5321-4.1.2]")
{
    using namespace std::string_literals;
    for (const auto& bad : {"alice@example.org"s, "TO:"s, "TO:alice@example.org"s, "TO:<alice@example.org"s, "TO:<@example.org>"s, "TO:<\"\"@localhost>"s,
                            "TO:<a\0b@example.org>"s, "TO:<a\x01@example.org>"s, "TO:<a\xC3@example.org>"s, "TO:<a b@example.org>"s, "TO:<a@b c>"s,
                            "TO:<\"a@example.org>"s, "TO:<\"a\"b@example.org>"s, "TO:<a@>"s, "TO:<@a,@b>"s, "FROM:<a@b>"s, "TO:<" + std::string(5000, 'a') + "@b>"})
        CHECK_FALSE(parsePath(bad, "TO:"));
}

TEST_CASE("well-formed paths give the address", "[lmtp][rfc5321-4.1.2]")
{
    const std::pair<const char*, const char*> table[] = {
        {"TO:<alice@example.org>", "alice@example.org"},
        {"to: <Alice+x@Example.ORG>", "Alice+x@Example.ORG"},
        {"TO:<\"alice\"@example.org>", "alice@example.org"},
        {"TO:<\"a>b\"@example.org>", "a>b@example.org"},
        {"TO:<@a,@b:u@example.org>", "u@example.org"},
        {"TO:<postmaster>", "postmaster"},
        {"TO:<alice@localhost>", "alice@localhost"},
        {"TO:<alice@[192.0.2.1]>", "alice@[192.0.2.1]"},
        {"TO:<gr\xc3\xbc\xc3\x9f@example.org>", "gr\xc3\xbc\xc3\x9f@example.org"},
        {"TO:<../../x@example.org>", "../../x@example.org"},
        {"TO:<>", ""},
    };
    for (const auto& [text, address] : table) {
        const auto path = parsePath(text, "TO:");
        REQUIRE(path);
        CHECK(path->address == address);
    }
}

TEST_CASE("parameters stand behind the path", "[lmtp]")
{
    const auto path = parsePath("FROM:<a@example.org> size=123 BODY=8BITMIME SMTPUTF8", "FROM:");
    REQUIRE(path);
    REQUIRE(path->parameters.size() == 3);
    CHECK(path->parameters[0] == std::pair<std::string, std::string>("SIZE", "123"));
    CHECK(path->parameters[2] == std::pair<std::string, std::string>("SMTPUTF8", ""));
}
