#include "server/base/config.h"
#include "server/base/file.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <filesystem>

#include <unistd.h>

using namespace postfach::base;

namespace {
std::string refusal(Config& config, const std::string& key, const std::string& value)
{
    try {
        config.set(key, value);
    } catch (const Refused& refused) {
        CHECK(refused.exit_status == 2);
        return refused.what();
    }
    return "";
}
} // namespace

TEST_CASE("a bad setting is refused with key, value and what is allowed", "[base][config]")
{
    Config config;
    CHECK_THAT(refusal(config, "imap.prot", "143"), Catch::ContainsSubstring("unknown key 'imap.prot'"));
    for (const auto* bad : {"65536", "-1", "", "imap", "1 2"})
        CHECK_THAT(refusal(config, "imap.port", bad), Catch::ContainsSubstring("imap.port") && Catch::ContainsSubstring("allowed"));
    CHECK_THAT(refusal(config, "auth.plaintext", "never"), Catch::ContainsSubstring("tls|loopback|always"));
    for (const auto* bad : {"5 XiB", "GiB", "-1", "5.5 MiB", "99999999 TiB"})
        CHECK_THAT(refusal(config, "limits.message_size", bad), Catch::ContainsSubstring("allowed"));
    CHECK(config.port("imap.port") == 143); // a refusal changes nothing
}

TEST_CASE("defaults are those of the contract", "[base][config]")
{
    const Config config;
    CHECK(config.port("pop3.port") == 110);
    CHECK(config.port("pop3s.port") == 995);
    CHECK(config.port("imaps.port") == 993);
    CHECK(config.port("lmtp.port") == 24);
    CHECK(config.port("admin.port") == 8443);
    CHECK(config.size("limits.message_size") == 50U << 20);
    CHECK(config.size("quota.default") == 5ULL << 30);
    CHECK(config.number("limits.connections_per_address") == 50);
    CHECK(config.text("scanner.unavailable") == "tempfail");
    CHECK(config.list("listen.address") == std::vector<std::string>{"::", "0.0.0.0"});
}

TEST_CASE("sizes read as people write them", "[base][config]")
{
    Config config;
    const std::pair<const char*, std::uint64_t> table[] = {{"1048576", 1 << 20}, {"50MiB", 50 << 20}, {"50 MiB", 50 << 20}, {"5G", 5ULL << 30}, {"7 kb", 7 << 10}, {"0", 0}};
    for (const auto& [text, bytes] : table) {
        config.set("quota.default", text);
        CHECK(config.size("quota.default") == bytes);
    }
    config.set("imap.port", "off");
    CHECK_FALSE(config.port("imap.port"));
}

TEST_CASE("the order is -D, environment, file, default", "[base][config]")
{
    const auto path = (std::filesystem::temp_directory_path() / ("postfach-config-" + std::to_string(::getpid()))).string();
    writeFileDurably(path, "# office\nimap.port = 1143\npop3.port: 1110\nlmtp.port = 1024\n");
    ::setenv("POSTFACH_IMAP_PORT", "2143", 1);
    ::setenv("POSTFACH_LMTP_PORT", "2024", 1);
    Config config;
    config.readFile(path);
    config.readEnvironment();
    config.set("lmtp.port", "3024");
    CHECK(config.port("pop3.port") == 1110);
    CHECK(config.port("imap.port") == 2143);
    CHECK(config.port("lmtp.port") == 3024);
    CHECK(config.port("imaps.port") == 993);
    ::unsetenv("POSTFACH_IMAP_PORT");
    ::unsetenv("POSTFACH_LMTP_PORT");

    writeFileDurably(path, "imap.prot = 1143\n");
    CHECK_THROWS_AS(config.readFile(path), Refused);
    std::filesystem::remove(path);
    CHECK_THROWS_AS(config.readFile(path), Refused);
}
