// Signature folders: absent, broken, changing.
#include "tests/unit/scanner_client/support.h"

#include <filesystem>
#include <fstream>

#include <signal.h>

using namespace postfach::scanner;
using namespace postfach::scanner::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr const char* kGood = "a pattern that only tests know";
constexpr const char* kOther = "another pattern, that came later";

} // namespace

TEST_CASE("without signatures the test signature serves alone, and the status says so", "[scanner][signatures]")
{
    Scanning scanning([](Options& options) { options.signatures += "/absent"; });
    CHECK(scanning.scan(plain(eicar())).kind == Kind::infected);
    const Status status = scanning.client().status();
    CHECK(status.ready);
    CHECK(status.signature_count == 1);
    CHECK(status.loaded_at > 0);
    CHECK_THAT(status.problem, Catch::ContainsSubstring("no signatures"));
}

TEST_CASE("a file that does not load is left out at the first start, and named", "[scanner][signatures]")
{
    Folder folder;
    folder.write("good.ndb", ndb("Test.Good", kGood));
    folder.write("broken.ndb", "this is no signature\n");
    Scanning scanning([&](Options& options) { options.signatures = folder.path; });
    CHECK(scanning.scan(plain(kGood)).kind == Kind::infected);
    CHECK(scanning.scan(plain(eicar())).kind == Kind::infected);
    CHECK_THAT(scanning.client().status().problem, Catch::ContainsSubstring("broken.ndb"));
}

TEST_CASE("a broken official archive leaves the test signature, and the status says so", "[scanner][signatures]")
{
    Folder folder;
    folder.write("main.cvd", std::string(5'000, 'x'));
    Scanning scanning([&](Options& options) { options.signatures = folder.path; });
    CHECK(scanning.scan(plain(eicar())).kind == Kind::infected);
    CHECK_THAT(scanning.client().status().problem, Catch::ContainsSubstring("do not load"));
}

TEST_CASE("after a reload with a bad file the old set goes on", "[scanner][signatures][reload]")
{
    Folder folder;
    folder.write("good.ndb", ndb("Test.Good", kGood));
    Scanning scanning([&](Options& options) { options.signatures = folder.path; });
    REQUIRE(scanning.untilReady());
    const std::string before = scanning.client().status().signatures;
    CHECK(scanning.client().status().problem.empty());
    folder.write("bad.ndb", "this is no signature\n");
    fs::remove(folder.path + "/good.ndb");
    scanning.client().reload();
    REQUIRE(scanning.until([](const Status& status) { return !status.problem.empty(); }));
    CHECK_THAT(scanning.client().status().problem, Catch::ContainsSubstring("bad.ndb"));
    CHECK(scanning.client().status().ready);
    CHECK(scanning.client().status().signatures == before);
    CHECK(scanning.scan(plain(kGood)).kind == Kind::infected);

    SECTION("also when the scanner dies: the set that served is kept aside")
    {
        for (const int parent : scanning.processes())
            ::kill(parent, SIGKILL);
        REQUIRE(scanning.until([](const Status& status) { return status.restarts > 0; }));
        CHECK(scanning.scan(plain(kGood)).kind == Kind::infected);
        CHECK_THAT(scanning.client().status().problem, Catch::ContainsSubstring("bad.ndb"));
    }
    SECTION("until the file is repaired")
    {
        folder.write("bad.ndb", ndb("Test.Other", kOther));
        scanning.client().reload();
        REQUIRE(scanning.until([&](const Status& status) { return status.signatures != before; }));
        CHECK(scanning.scan(plain(kOther)).kind == Kind::infected);
        CHECK(scanning.scan(plain(kGood)).kind == Kind::clean);
        CHECK(scanning.client().status().problem.empty());
    }
}

TEST_CASE("a folder that is suddenly empty does not disarm the scanner", "[scanner][signatures][reload]")
{
    Folder folder;
    folder.write("good.ndb", ndb("Test.Good", kGood));
    Scanning scanning([&](Options& options) { options.signatures = folder.path; });
    REQUIRE(scanning.untilReady());
    fs::remove(folder.path + "/good.ndb");
    scanning.client().reload();
    REQUIRE(scanning.until([](const Status& status) { return !status.problem.empty(); }));
    CHECK(scanning.scan(plain(kGood)).kind == Kind::infected);
}

TEST_CASE("an empty folder does not disarm the scanner where nothing serves at the moment", "[scanner][signatures][reload]")
{
    Folder folder;
    folder.write("good.ndb", ndb("Test.Good", kGood));
    Scanning scanning([&](Options& options) { options.signatures = folder.path; });
    REQUIRE(scanning.untilReady());
    SECTION("after the scanner's death")
    {
        fs::remove(folder.path + "/good.ndb");
        for (const int parent : scanning.processes())
            ::kill(parent, SIGKILL);
        CHECK(scanning.until([](const Status& status) { return status.restarts > 0; }));
        CHECK(scanning.scan(plain(kGood)).kind == Kind::infected);
        CHECK_THAT(scanning.client().status().problem, Catch::ContainsSubstring("no signatures any more"));
    }
    SECTION("after a restart of the server")
    {
        scanning.stop();
        fs::remove(folder.path + "/good.ndb");
        Scanning next([&](Options& options) {
            options.signatures = folder.path;
            options.run_folder = scanning.run;
        });
        CHECK(next.scan(plain(kGood)).kind == Kind::infected);
        CHECK_THAT(next.client().status().problem, Catch::ContainsSubstring("no signatures any more"));
    }
}

TEST_CASE("the last file that is withdrawn on purpose is gone, also behind a restart", "[scanner][signatures][reload]")
{
    Folder folder;
    folder.write("mine.ndb", ndb("Test.Good", kGood));
    Scanning scanning([&](Options& options) { options.signatures = folder.path; });
    REQUIRE(scanning.scan(plain(kGood)).kind == Kind::infected);
    fs::remove(folder.path + "/mine.ndb");
    scanning.client().withdraw();
    CHECK(scanning.until([](const Status& status) { return status.signature_count == 1; }));
    CHECK(scanning.scan(plain(kGood)).kind == Kind::clean);
    scanning.stop();
    Scanning next([&](Options& options) {
        options.signatures = folder.path;
        options.run_folder = scanning.run;
    });
    CHECK(next.scan(plain(kGood)).kind == Kind::clean);
}

TEST_CASE("a set that lost a tenth serves when it was asked for, and then alone", "[scanner][signatures][reload]")
{
    const auto set = [](int count) {
        std::string lines;
        for (int i = 0; i < count; ++i)
            lines += ndb("Test.Number" + std::to_string(i), "the pattern with the number " + std::to_string(i));
        return lines;
    };
    Folder folder;
    const auto put = [&](const std::string& lines) {
        fs::rename(folder.write("new", lines), folder.path + "/own.ndb");
        fs::last_write_time(folder.path + "/own.ndb", fs::file_time_type::clock::now() - 1h); // a file that has settled
    };
    put(set(11'000));
    Scanning scanning([&](Options& options) {
        options.signatures = folder.path;
        options.poll = 20ms;
    });
    REQUIRE(scanning.until([](const Status& status) { return status.signature_count == 11'001; }));
    SECTION("the wish ends with a load that fails")
    {
        folder.write("bad.ndb", "this is no signature\n"); // too young for the round that looks by itself
        scanning.client().reload();
        REQUIRE(scanning.until([](const Status& status) { return status.problem.find("do not load") != std::string::npos; }));
        put(set(5'000));
        fs::remove(folder.path + "/bad.ndb");
        CHECK(scanning.until([](const Status& status) { return status.problem.find("only 5001 signatures") != std::string::npos; }));
        CHECK(scanning.client().status().signature_count == 11'001);
    }
    SECTION("a wish that comes while another set loads is not lost")
    {
        const int serving = scanning.processes().front();
        const std::string smaller = set(5'000);
        put(set(10'900));
        REQUIRE(scanning.until([&](const Status&) { return fs::exists(scanning.run + "/generation-2/signatures/own.ndb"); }));
        const auto signal = [&](int number) {
            for (const int parent : scanning.processes())
                if (parent != serving)
                    ::kill(parent, number);
        };
        signal(SIGSTOP);
        put(smaller);
        scanning.client().reload();
        signal(SIGCONT);
        CHECK(scanning.until([](const Status& status) { return status.signature_count == 5'001; }));
    }
}

TEST_CASE("new signatures serve after a reload, and no scan is lost meanwhile", "[scanner][signatures][reload]")
{
    Folder folder;
    folder.write("good.ndb", ndb("Test.Good", kGood));
    Scanning scanning([&](Options& options) { options.signatures = folder.path; });
    REQUIRE(scanning.untilReady());
    const Verdict before = scanning.scan(plain(kOther));
    CHECK(before.kind == Kind::clean);
    folder.write("other.ndb", ndb("Test.Other", kOther));
    scanning.client().reload();
    std::vector<std::future<Verdict>> during;
    REQUIRE(scanning.until([&](const Status& status) {
        if (during.size() < 2'000)
            during.push_back(scanning.start({plain(kGood)}));
        return status.signature_count == 3;
    }));
    for (auto& verdict : during)
        CHECK(verdict.get().kind == Kind::infected);
    const Verdict after = scanning.scan(plain(kOther));
    CHECK(after.kind == Kind::infected);
    CHECK(after.signatures != before.signatures);
    CHECK(scanning.until([&](const Status&) { return scanning.processes().size() == 1; }));
    CHECK(scanning.client().status().restarts == 0);
}

TEST_CASE("the folder is watched: what changes in it is loaded without being asked", "[scanner][signatures][poll]")
{
    Folder folder;
    Scanning scanning([&](Options& options) {
        options.signatures = folder.path;
        options.poll = 20ms;
    });
    REQUIRE(scanning.untilReady());
    const std::string file = folder.write("new.ndb", ndb("Test.Good", kGood));
    fs::last_write_time(file, fs::file_time_type::clock::now() - 1h); // a file that has settled
    REQUIRE(scanning.until([](const Status& status) { return status.signature_count == 2; }));
    CHECK(scanning.scan(plain(kGood)).kind == Kind::infected);
}

TEST_CASE("the same files are the same set, in another folder and after a restart", "[scanner][signatures]")
{
    Folder one, two;
    one.write("good.ndb", ndb("Test.Good", kGood));
    two.write("good.ndb", ndb("Test.Good", kGood));
    Scanning first([&](Options& options) { options.signatures = one.path; });
    Scanning second([&](Options& options) { options.signatures = two.path; });
    REQUIRE(first.untilReady());
    REQUIRE(second.untilReady());
    CHECK(first.client().status().signatures == second.client().status().signatures);
    CHECK(first.client().status().signatures.size() == 16);
}
