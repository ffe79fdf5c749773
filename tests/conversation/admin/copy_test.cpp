// The second copy: kept current while mail flows, and never in the way.
#include "server/base/housekeeper.h"
#include "server/store/backup.h"
#include "tests/conversation/admin/http.h"
#include "tests/support/catch.h"

#include <filesystem>
#include <fstream>

using namespace postfach;
using namespace postfach::test;

namespace {

namespace fs = std::filesystem;

TestServer::Settings copying(const std::string& target)
{
    TestServer::Settings settings;
    settings.config = {{"copy.folder", target}, {"copy.interval", "5"}, {"copy.keep", "2"}};
    return settings;
}

void later(TestServer& server, std::chrono::minutes by = std::chrono::minutes(5))
{
    server.clock().advance(by);
    server.appliance().copier().runDue();
    server.appliance().housekeeper().runDue();
}

std::string lag(TestServer& server)
{
    const std::string text = Http(server).get("/metrics").body, name = "\npostfach_copy_lag_seconds ";
    const auto at = text.find(name);
    return at == std::string::npos ? "none" : text.substr(at + name.size(), text.find('\n', at + 1) - at - name.size());
}

std::string detail(TestServer& server)
{
    const auto ready = Http(server).get("/readyz");
    CHECK(ready.status == 200); // mail flows whatever becomes of the copy
    const auto copy = ready.json()->getObject("components")->getObject("copy");
    return copy->isNull("detail") ? "" : copy->getValue<std::string>("detail");
}

} // namespace

TEST_CASE("The second copy follows the mail, and where nothing was committed nothing is written", "[admin][copy]")
{
    TemporaryFolder folder;
    const std::string target = folder.path() + "/disk";
    fs::create_directory(target);
    TestServer server(copying(target));
    Http http(server, server.token());
    server.appliance().copier().runDue(); // the one at the start, if it has not run yet
    REQUIRE(store::listBackups(target).size() == 1);
    CHECK(store::listBackups(target).back().messages == 0);

    server.fill(3);
    later(server);
    CHECK(store::listBackups(target).back().messages == 3);
    later(server); // the first round was noted in the store
    const auto quiet = store::listBackups(target).back().id;
    later(server);
    CHECK(store::listBackups(target).back().id == quiet);
    CHECK(lag(server) == "0");
    server.fill(1);
    later(server);
    CHECK(store::listBackups(target).back().id != quiet);
    CHECK(store::listBackups(target).back().messages == 4);
    CHECK(store::listBackups(target).size() == 2);
    CHECK(store::verifyBackups(target).empty());
    CHECK(http.get("/api/v1/backups").column("folder") == std::vector<std::string>{target, target});
    server.clock().advance(std::chrono::minutes(2));
    CHECK(lag(server) == "120");
    const auto copy = http.get("/api/v1/server").json()->getObject("copy");
    CHECK(copy->getValue<int>("lag") == 120);
    CHECK_FALSE(copy->getValue<bool>("late"));
    CHECK(detail(server).empty());
}

TEST_CASE("A disk that is not mounted gets no copy into its empty mount point, and disturbs nobody", "[admin][copy]")
{
    TemporaryFolder folder;
    const std::string target = folder.path() + "/disk", away = folder.path() + "/away";
    fs::create_directory(target);
    TestServer server(copying(target));
    server.appliance().copier().runDue(); // the one at the start is over: the next one is due when the clock says so
    server.fill(2);
    later(server);
    REQUIRE(store::listBackups(target).back().messages == 2);

    fs::rename(target, away);
    SECTION("an empty folder is left") { fs::create_directory(target); }
    SECTION("nothing is left") {}
    SECTION("something else is there") { std::ofstream(target) << "no folder"; }
    const std::string token = server.token(); // told once
    server.restart();                         // that it was there once outlives a restart
    server.fill(1);
    later(server);
    CHECK((!fs::is_directory(target) || fs::is_empty(target)));
    CHECK(detail(server) == "The second copy could not be brought up to date.");
    CHECK(server.imap().talk("NOOP").back().find("OK") != std::string::npos);
    later(server);
    later(server);
    later(server);
    CHECK(detail(server) == "The second copy is 20 minutes behind.");
    CHECK(lag(server) == "1200");
    CHECK(Http(server, token).get("/api/v1/backups").column("folder").empty());

    fs::remove_all(target);
    fs::rename(away, target); // mounted again
    later(server);
    CHECK(detail(server).empty());
    CHECK(store::listBackups(target).back().messages == 3);
}

TEST_CASE("A folder for the copy that never was is not made, and a new disk is begun by hand", "[admin][copy]")
{
    TemporaryFolder folder;
    const std::string target = folder.path() + "/disk", other = folder.path() + "/other";
    TestServer server(copying(target));
    server.appliance().copier().runDue();
    later(server);
    CHECK_FALSE(fs::exists(target));
    fs::create_directory(target);
    later(server);
    REQUIRE(store::listBackups(target).size() == 1);

    fs::rename(target, other);
    fs::create_directory(target); // a new disk, say
    later(server);
    CHECK(fs::is_empty(target));
    store::BackupOptions options;
    options.folder = target;
    store::createBackup(server.store(), options); // `postfach backup create`
    server.fill(1);
    later(server);
    CHECK(store::listBackups(target).back().messages == 1);
    CHECK(detail(server).empty());
}

TEST_CASE("A schedule's folder of backups that has become empty is not begun anew", "[admin][backup]")
{
    TemporaryFolder folder;
    const std::string target = folder.path() + "/nightly";
    TestServer::Settings settings;
    settings.config = {{"backup.folder", target}, {"backup.every", "1"}};
    TestServer server(settings);
    server.clock().advance(std::chrono::hours(1));
    server.appliance().housekeeper().runDue();
    REQUIRE(store::listBackups(target).size() == 1);
    fs::rename(target, folder.path() + "/away");
    fs::create_directory(target);
    server.clock().advance(std::chrono::hours(1));
    server.appliance().housekeeper().runDue();
    CHECK(fs::is_empty(target));
    CHECK(Http(server).get("/readyz").body.find("scheduled backup failed") != std::string::npos);
}

TEST_CASE("Settings of the copy that cannot be meant are refused at the start, with their key", "[admin][copy]")
{
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{{"copy.folder", "here"},
             {"copy.folder", "/nightly"}, {"copy.interval", "0"}, {"copy.interval", "1441"}, {"copy.keep", "0"}}) {
        TestServer::Settings settings;
        settings.config = {{"backup.folder", "/nightly"}, {key, value}};
        CHECK_THROWS_WITH(TestServer(settings), Catch::ContainsSubstring(key));
    }
}
