// Readiness with its surroundings, metrics in the form that Prometheus wants, and statistics over time.
#include "server/base/housekeeper.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

using namespace postfach::test;
using namespace std::chrono_literals;

namespace {

struct Component {
    bool ready = false, warning = false;
    std::string detail;
};

Component component(TestServer& server, const std::string& name)
{
    const auto one = Http(server).get("/readyz").json()->getObject("components")->getObject(name);
    REQUIRE(!one.isNull());
    return {one->getValue<bool>("ready"), one->getValue<bool>("warning"),
        one->isNull("detail") ? "" : one->getValue<std::string>("detail")};
}

void signatures(TestServer& server, const std::string& built, std::int64_t seconds) // the same moment twice, as the header has it
{
    std::filesystem::create_directories(server.data() + "/signatures");
    std::ofstream(server.data() + "/signatures/daily.cvd")
        << "ClamAV-VDB:" << built << ":27000:2000000:90:x:y:builder:" << seconds << std::string(400, ' ');
}

} // namespace

TEST_CASE("Readiness warns of old signatures, an ending certificate and a backup that is due, and strictly that is no readiness",
    "[admin][health]")
{
    TemporaryFolder backups;
    TestServer::Settings settings;
    settings.config = {{"backup.folder", backups.path()}};
    TestServer server(settings);
    SECTION("signatures")
    {
        SECTION("none") { CHECK(component(server, "signatures").detail == "No official signatures: only the test signature and the administrator's own are in use."); }
        SECTION("old")
        {
            signatures(server, "20 Feb 2026 08-26 +0000", 1771575960);
            CHECK(component(server, "signatures").detail == "unhealthy: 8 days old");
        }
        const auto now = component(server, "signatures");
        CHECK(now.ready);
        CHECK(now.warning);
        CHECK(Http(server).get("/readyz").status == 200);
        CHECK(Http(server).get("/readyz?strict=true").status == 503);
        CHECK(Http(server).get("/readyz?strict").text("status") == "not ready");
        CHECK(Http(server).get("/readyz?strict=no").status == 422);
    }
    SECTION("all is well")
    {
        signatures(server, "28 Feb 2026 08-26 +0000", 1772267160);
        CHECK_FALSE(component(server, "signatures").warning);
        CHECK(component(server, "signatures").detail == "0 days old");
        CHECK(component(server, "disk").detail.find("MiB free") != std::string::npos);
        CHECK_FALSE(component(server, "certificate").warning);
    }
    SECTION("a certificate")
    {
        server.clock().set(postfach::base::Time{std::chrono::sys_days{std::chrono::year{2090} / 1 / 1}});
        const auto now = component(server, "certificate");
        CHECK(now.warning);
        CHECK(now.detail == "It has expired.");
    }
    SECTION("a backup")
    {
        CHECK_FALSE(component(server, "backup").warning); // the first is not due yet
        server.appliance().housekeeper().runDue();        // what a start brings is over: else it may find the backup due before we do
        server.clock().advance(24h * 3);
        const auto late = component(server, "backup");
        CHECK(late.detail == "There is none yet.");
        CHECK(late.warning);
        server.appliance().housekeeper().runDue();
        CHECK_FALSE(component(server, "backup").warning);
        server.restart();
        server.appliance().housekeeper().runDue(); // what this start brings is over too
        server.clock().advance(30h);
        CHECK(component(server, "backup").detail == "The last one is 30 hours old.");
        server.clock().advance(24h);
        CHECK(component(server, "backup").warning);
    }
}

TEST_CASE("Every metric has a help text and a type, once, and the dashboard asks for none that is not there", "[admin][metrics]")
{
    TemporaryFolder backups, copies;
    TestServer::Settings settings;
    settings.config = {{"backup.folder", backups.path()}, {"copy.folder", copies.path()}};
    TestServer server(settings);
    signatures(server, "28 Feb 2026 08-26 +0000", 1772267160);
    server.clock().advance(24h * 2);
    server.appliance().housekeeper().runDue();
    server.appliance().copier().runDue();
    std::istringstream text(Http(server).get("/metrics").body);
    std::set<std::string> helped, typed, seen;
    std::string family;
    for (std::string line; std::getline(text, line);) {
        INFO(line);
        std::istringstream words(line);
        std::string mark, kind, name;
        words >> mark >> kind >> name;
        if (mark == "#") {
            CHECK((kind == "HELP" ? helped : typed).insert(name).second);
            family = name;
            continue;
        }
        const auto of = line.substr(0, line.find_first_of("{ "));
        CHECK(of == family);
        CHECK(of.starts_with("postfach_"));
        CHECK(std::regex_match(line, std::regex(R"re([a-z0-9_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.]+)re")));
        seen.insert(of);
    }
    CHECK(helped == typed);
    CHECK(seen.size() > 40);

    std::ifstream file(sourceFolder() + "/admin/grafana.json");
    std::stringstream dashboard;
    dashboard << file.rdbuf();
    const std::string json = dashboard.str();
    CHECK(Poco::JSON::Parser().parse(json).extract<Poco::JSON::Object::Ptr>()->getArray("panels")->size() > 8);
    const std::regex metric("postfach_[a-z0-9_]+");
    for (auto at = std::sregex_iterator(json.begin(), json.end(), metric); at != std::sregex_iterator(); ++at) {
        INFO(at->str());
        CHECK(seen.contains(at->str()));
    }
}

TEST_CASE("What is counted is there by the hour and by the day, also after a restart", "[admin][statistics]")
{
    TestServer server;
    const std::string token = server.token();
    const auto sample = [&] {
        server.clock().advance(1min);
        server.appliance().housekeeper().runDue();
    };
    const auto deliver = [&](int count) {
        for (int i = 0; i < count; ++i)
            CHECK(server.lmtp()
                      .deliver({"alice@example.org"}, "Subject: x\r\n\r\n" + std::to_string(i) + "\r\n")
                      .back()
                      .starts_with("250"));
    };
    const auto values = [&](const std::string& query, const std::string& series) {
        std::vector<std::string> all;
        const auto list = Http(server, token).get("/api/v1/statistics" + query).json()->getObject("series")->getArray(series);
        for (const auto& value : *list)
            all.push_back(value.isEmpty() ? "null" : value.convert<std::string>());
        return all;
    };
    using Texts = std::vector<std::string>;
    deliver(2);
    sample();
    deliver(1);
    sample();
    server.clock().advance(1h);
    deliver(4);
    sample();
    server.restart();
    deliver(1);
    sample();
    const std::string hours = "?from=2026-03-01T00:00:00Z&to=2026-03-01T03:00:00Z";
    CHECK(values(hours, "deliveries.stored") == Texts{"3", "5", "0"});
    CHECK(values(hours, "deliveries.refused") == Texts{"0", "0", "0"});
    CHECK(values(hours, "store.messages") == Texts{"3", "8", "null"});
    CHECK(values("?from=2026-03-01T05:00:00Z&to=2026-03-02T00:00:00Z&step=day", "deliveries.stored") == Texts{"8"});
    CHECK(values("", "deliveries.stored").size() == 24);
    Http http(server, token);
    CHECK(http.get("/api/v1/statistics?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z").status == 422);
    CHECK(http.get("/api/v1/statistics?from=2020-03-02T00:00:00Z&to=2026-03-01T00:00:00Z").status == 422);
    CHECK(http.get("/api/v1/statistics?step=minute").status == 422);
    CHECK(http.get("/api/v1/statistics?from=now").status == 422);
    server.clock().advance(24h * 500);
    deliver(1);
    sample();
    CHECK(server.store().read()->statistics(postfach::base::Time{}, server.clock().now() - 24h).empty()); // a year is over
}
