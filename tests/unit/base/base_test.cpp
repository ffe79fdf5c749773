#include "server/base/clock.h"
#include "server/base/file.h"
#include "server/base/hash.h"
#include "server/base/id.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <unistd.h>

using namespace postfach::base;

TEST_CASE("SHA-256 and HMAC give the published digests", "[base]")
{
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Sha256Stream stream;
    stream.update("a");
    stream.update("bc");
    CHECK(stream.finish() == sha256("abc"));
    CHECK(hmacSha256("Jefe", "what do ya want for nothing?").substr(0, 4) == "\x5b\xdc\xc1\x46"); // RFC 4231 4.3
}

TEST_CASE("random words differ and keep their alphabet", "[base]")
{
    CHECK(randomHex(16) != randomHex(16));
    CHECK(randomHex(16).size() == 32);
    const auto password = randomPassword(40);
    CHECK(password.size() == 40);
    CHECK(password.find_first_of("0O1lI") == std::string::npos);
}

TEST_CASE("a file is written whole or not at all", "[base]")
{
    const auto folder = std::filesystem::temp_directory_path() / ("postfach-file-" + std::to_string(::getpid()));
    makeFolders((folder / "a" / "b").string());
    makeFolders((folder / "a" / "b").string());
    const auto path = (folder / "a" / "b" / "file").string();
    writeFileDurably(path, "one");
    writeFileDurably(path, "two");
    CHECK(readFile(path) == "two");
    CHECK_THROWS_AS(readFile(path, 2), std::system_error);
    CHECK_THROWS_AS(writeFileDurably((folder / "absent" / "file").string(), "x"), std::system_error);
    CHECK(std::distance(std::filesystem::directory_iterator(folder / "a" / "b"), std::filesystem::directory_iterator()) == 1);
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::group_all) == std::filesystem::perms::none);
    std::filesystem::remove_all(folder);
}

TEST_CASE("log lines stay one line each, in text and in JSON", "[base][log]")
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    configureLog(writing.get(), LogFormat::text, LogLevel::info);
    logInfo("imap", "login", {{"account", "a b\nerror forged"}, {"tries", 3}});
    logDebug("imap", "not said");
    configureLog(writing.get(), LogFormat::json, LogLevel::info);
    logInfo("imap", "login", {{"account", "q\"\\\xff"}});
    configureLog(STDERR_FILENO, LogFormat::text, LogLevel::warning);
    writing.reset();
    char text[2000];
    const auto got = ::read(reading.get(), text, sizeof text);
    REQUIRE(got > 0);
    const std::string lines(text, static_cast<std::size_t>(got));
    CHECK(std::count(lines.begin(), lines.end(), '\n') == 2);
    CHECK_THAT(lines, Catch::ContainsSubstring(" info imap login account=\"a b\\x0aerror forged\" tries=3\n"));
    CHECK_THAT(lines, Catch::ContainsSubstring(R"("account":"q\\x22\\x5c\\xff"})"));
}

TEST_CASE("metrics come in families, each said once", "[base][metrics]")
{
    Counter stored("test_total", "Things", {{"outcome", "stored"}});
    Counter refused("test_total", "Things", {{"outcome", "ref\"used"}});
    Gauge now("test_now", "Now");
    stored.add(2);
    now.set(-5);
    const auto text = prometheusText();
    CHECK_THAT(text, Catch::ContainsSubstring("# HELP test_total Things\n# TYPE test_total counter\ntest_total{outcome=\"stored\"} 2\n"
                                              "test_total{outcome=\"ref\\\"used\"} 0\n"));
    CHECK_THAT(text, Catch::ContainsSubstring("# TYPE test_now gauge\ntest_now -5\n"));
}

TEST_CASE("times print as RFC 3339 and a fake clock moves when told", "[base]")
{
    FakeClock clock;
    CHECK(rfc3339(clock.now()) == "2026-03-01T00:00:00.000Z");
    clock.advance(std::chrono::milliseconds(1500));
    CHECK(rfc3339(clock.now()) == "2026-03-01T00:00:01.500Z");
    CHECK(fromMillis(toMillis(clock.now())) == clock.now());
    CHECK(rfc3339(fromMillis(-1)) == "1969-12-31T23:59:59.999Z");
}
