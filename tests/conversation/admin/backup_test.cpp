// Backups on a schedule, and what comes back from one while clients look on.
#include "server/base/housekeeper.h"
#include "server/store/backup.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace postfach;
using namespace postfach::test;

TEST_CASE("The schedule backs up and keeps so many, and a failure is seen", "[admin][backup]")
{
    TemporaryFolder folder;
    const std::string target = folder.path() + "/target";
    TestServer::Settings settings;
    settings.config = {{"backup.folder", target}, {"backup.every", "12"}, {"backup.keep", "2"}};
    TestServer server(settings);
    server.fill(3);
    Http http(server, server.token());
    const auto failed = [&] { return Http(server).get("/readyz").body.find("scheduled backup failed") != std::string::npos; };
    for (std::size_t turn = 1; turn < 4; ++turn) {
        server.clock().advance(std::chrono::hours(12));
        server.appliance().housekeeper().runDue();
        CHECK(store::listBackups(target).size() == std::min<std::size_t>(turn, 2));
    }
    CHECK(store::verifyBackups(target).empty());
    CHECK(store::listBackups(target).back().messages == 3);
    CHECK(http.get("/api/v1/backups").column("folder") == std::vector<std::string>{target, target});
    CHECK_FALSE(failed());

    std::filesystem::rename(target, folder.path() + "/away");
    std::ofstream(target) << "not a folder";
    server.clock().advance(std::chrono::hours(12));
    server.appliance().housekeeper().runDue();
    CHECK(failed());
    CHECK(Http(server).get("/readyz").status == 200); // mail flows without it
    CHECK(Http(server).get("/readyz").body.find(target) == std::string::npos);
    CHECK(server.imap().talk("NOOP").back().find("OK") != std::string::npos);

    std::filesystem::remove(target);
    std::filesystem::rename(folder.path() + "/away", target);
    server.clock().advance(std::chrono::hours(12));
    server.appliance().housekeeper().runDue();
    CHECK_FALSE(failed());
}

TEST_CASE("A schedule that cannot be meant is refused at the start, with its key", "[admin][backup]")
{
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {"backup.folder", "here"}, {"backup.at", "25:00"}, {"backup.at", "2"}, {"backup.at", "2:7"}, {"backup.every", "0"}, {"backup.every", "25"}}) {
        TestServer::Settings settings;
        settings.config = {{key, value}};
        CHECK_THROWS_WITH(TestServer(settings), Catch::ContainsSubstring(key));
    }
}
