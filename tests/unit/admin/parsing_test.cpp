#include "admin/api/json.h"
#include "admin/api/routes.h"
#include "admin/api/target.h"
#include "admin/api/time.h"
#include "admin/problem.h"
#include "tests/support/catch.h"

using namespace postfach::admin;
namespace base = postfach::base;

namespace {
template <class F>
int statusOf(F work)
{
    try {
        work();
        return 0;
    } catch (const Problem& problem) {
        return problem.status;
    }
}
} // namespace

TEST_CASE("A path that two readers could resolve differently is refused", "[admin][http][threats-33]")
{
    for (const char* target : {"/..%2f", "/%2e%2e/x", "/../x", "/./x", "/a/../b", "//admin", "/api//v1", "/api/v1/", "/a%00b", "/a%0d%0ab", "/%", "/%4",
                               "/%zz", "/a\\b", "/%c0%ae", "/a%2f..%2fb", "/a%2f%2fb", "/%7f", "/x#y", "/x?a=1&a=2", "/x?a=%00"}) {
        INFO(target);
        CHECK(statusOf([&] { parseTarget(target); }) == 400);
    }
    const auto target = parseTarget("/api/v1/accounts/alice%40example.org/mailboxes/Work%2f2026%20x?limit=5&cursor=a+b&empty");
    CHECK(target.segments == std::vector<std::string>{"api", "v1", "accounts", "alice@example.org", "mailboxes", "Work/2026 x"});
    CHECK(target.query.at("cursor") == "a b");
    CHECK(target.query.at("empty").empty());
    CHECK(parseTarget("/").segments.empty());
    CHECK(parseTarget("/a%5cb").segments == std::vector<std::string>{"a\\b"}); // a mailbox may be called so
    CHECK(percentDecoded(percentEncoded("a/b c%\xC3\xA4"), false) == "a/b c%\xC3\xA4");
}

TEST_CASE("A cursor is what a list gave, and nothing else", "[admin][api]")
{
    for (const std::string key : {"a", "ab", "abc", "alice@example.org", "\xFF\xFE"})
        CHECK(keyOf(cursorOf(key)) == key);
    CHECK(statusOf([] { keyOf("!!!"); }) == 422);
    CHECK(statusOf([] { keyOf(std::string(3000, 'A')); }) == 422);
}

TEST_CASE("JSON nested 100,000 deep is refused before a parser sees it", "[admin][json][threats-33]")
{
    CHECK(statusOf([] { parseObject(std::string(100'000, '[')); }) == 400);
    std::string objects;
    for (int i = 0; i < 100'000; ++i)
        objects += "{\"a\":";
    CHECK(statusOf([&] { parseObject(objects); }) == 400);
    CHECK_FALSE(isTooDeep("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}", 16));
    CHECK(isTooDeep("[[[]]]", 2));
    CHECK_FALSE(isTooDeep("[[],[],[]]", 2));
}

TEST_CASE("JSON of so many entries that they would fill the memory is refused before a parser sees it", "[admin][json][threats-33]")
{
    const auto list = [](const std::string& entry, std::size_t times) {
        std::string out = "{\"a\":[" + entry;
        while (--times > 0)
            out += "," + entry;
        return out + "]}";
    };
    for (const std::string entry : {"{}", "[]", "0", "{\"b\":{}}"}) {
        INFO(entry);
        CHECK(statusOf([&] { parseObject(list(entry, 100'000)); }) == 400);
    }
    CHECK(statusOf([&] { parseObject(list("\"a,{[\\\",\"", 1000)); }) == 0); // an alias with all its targets
    std::string flat = "{\"a\":0";
    for (int i = 0; i < 100'000; ++i)
        flat += ",\"a\":0";
    CHECK(statusOf([&] { parseObject(flat + "}"); }) == 400);
}

TEST_CASE("A body that is no JSON object of known fields with the right types is refused", "[admin][json]")
{
    for (const char* body : {"", "{", "nul", "{\"a\":}", "{\"a\":1}}", "{'a':1}", "{\"a\":\"\xFF\"}"}) {
        INFO(body);
        CHECK(statusOf([&] { parseObject(body); }) == 400);
    }
    CHECK(statusOf([] { parseObject("[]"); }) == 422);
    CHECK(statusOf([] { parseObject("\"x\""); }) != 0);
    const auto fields = [](const char* body) { return Fields(parseObject(body)); };
    CHECK(statusOf([&] { auto f = fields("{\"a\":1}"); f.text("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":null}"); f.text("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":\"x\\u0000y\"}"); f.text("a"); f.finish(); }) != 0);
    CHECK(statusOf([&] { auto f = fields("{\"a\":\"x\\ny\"}"); f.text("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":-1}"); f.number("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":1.5}"); f.number("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":true}"); f.number("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":\"1\"}"); f.number("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":99999999999999999999}"); f.number("a"); f.finish(); }) != 0);
    CHECK(statusOf([&] { auto f = fields("{\"a\":1}"); f.flag("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":[1]}"); f.texts("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { auto f = fields("{\"a\":[null]}"); f.texts("a"); f.finish(); }) == 422);
    CHECK(statusOf([&] { fields("{\"b\":1}").finish(); }) == 422);
    auto good = fields("{\"a\":5368709120,\"b\":true,\"c\":[\"x\"],\"d\":\"\xC3\xA4\"}");
    CHECK(good.number("a") == 5368709120ULL);
    CHECK(good.flag("b") == true);
    CHECK(good.texts("c") == std::vector<std::string>{"x"});
    CHECK(good.text("d") == "\xC3\xA4");
    CHECK_FALSE(good.text("e").has_value());
    good.finish();
}

TEST_CASE("Times are read as RFC 3339 writes them, and refused otherwise", "[admin][rfc3339]")
{
    const auto written = [](const char* text) {
        const auto time = parseRfc3339(text);
        return time ? base::rfc3339(*time) : std::string();
    };
    CHECK(written("2026-03-01T09:30:00Z") == "2026-03-01T09:30:00.000Z");
    CHECK(written("2026-03-01t09:30:00.1259z") == "2026-03-01T09:30:00.125Z");
    CHECK(written("2026-03-01T09:30:00+02:00") == "2026-03-01T07:30:00.000Z");
    for (const char* text : {"", "2026-03-01", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T09:30:00",
                             "2026-03-01T09:30:00.Z", "2026-03-01T09:30:00+0200", "1969-12-31T23:59:59Z", "-026-03-01T09:30:00Z", "2026-03-01T09:30:00Zx"}) {
        INFO(text);
        CHECK(written(text).empty());
    }
}

TEST_CASE("admin is every scope but mail, and no scope is any other", "[admin][auth]")
{
    const Principal reader{"r", {"read"}, false}, administrator{"a", {"admin"}, false}, local{"l", {}, true};
    CHECK(reader.may("read"));
    CHECK_FALSE(reader.may("accounts"));
    CHECK(administrator.may("accounts"));
    CHECK_FALSE(administrator.may("mail"));
    CHECK(local.may("mail"));
}
