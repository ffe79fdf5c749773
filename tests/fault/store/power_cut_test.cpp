// The power goes while the store works. Every call to the disk was written down; from any moment's calls the folder is built as
// a file system may have left it: what was synced, and of the rest anything. Then everything acknowledged must be there.
#include "tests/fault/store/disk.h"
#include "tests/fault/store/power_cut.h"
#include "tests/fault/store/support.h"
#include "tests/fault/store/workload.h"

#include <algorithm>
#include <atomic>
#include <thread>

using namespace postfach;
using namespace postfach::test;
using namespace postfach::store;

namespace {

constexpr Survival kSurvivals[] = {Survival::any, Survival::nothing, Survival::torn, Survival::all};

Cut cutNumber(std::size_t number, std::size_t calls, std::uint64_t seed)
{
    std::mt19937_64 random(seed * 7919 + number);
    Cut cut;
    cut.after = random() % (calls + 1);
    cut.survival = kSurvivals[number % 8 < 5 ? 0 : number % 8 - 4]; // mostly any
    cut.sector = random() % 2 == 0 ? 512 : 4096;
    cut.seed = random();
    return cut;
}

std::string wordsFor(const Cut& cut, std::uint64_t seed)
{
    return "seed " + std::to_string(seed) + ", after call " + std::to_string(cut.after) + ", survival "
           + std::to_string(static_cast<int>(cut.survival)) + ", sector " + std::to_string(cut.sector) + ", random "
           + std::to_string(cut.seed);
}

// The last mark of its kind among the first calls; `none` before any.
std::uint64_t lastMark(const std::vector<disk::Op>& ops, std::size_t calls, const std::string& what, std::uint64_t none)
{
    for (std::size_t i = calls; i-- > 0;)
        if (ops[i].kind == disk::Op::Kind::mark && ops[i].target == what)
            return ops[i].offset;
    return none;
}

} // namespace

TEST_CASE("after a power cut the store is as one of its commits left it, and none that was acknowledged is missing", "[fault][power]")
{
    const std::size_t rounds = 3, cuts = scaled(120);
    std::size_t checkpoints = 0, tried = 0, undecided = 0;
    for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
        const TempFolder folder;
        const base::FakeClock clock;
        const std::string data = folder.path + "/data";
        base::makeFolders(data);
        disk::pretendVolume(kSmallVolume);
        disk::record(data);
        std::vector<std::string> after; // each step
        {
            const auto store = openSqliteStore({data, '/', false}, clock);
            Workload work(*store, seed);
            work.begin();
            after.push_back(everythingIn(*store));
            disk::mark("done", 0);
            for (std::uint64_t step = 1; step <= 60; ++step) {
                disk::mark("begun", step);
                work.step();
                disk::mark("done", step);
                after.push_back(everythingIn(*store));
            }
        }
        const auto ops = disk::stopRecording();
        checkpoints += static_cast<std::size_t>(std::count_if(ops.begin(), ops.end(), [](const disk::Op& op) {
            return op.kind == disk::Op::Kind::write && op.offset == 0 && op.data.compare(0, 6, "SQLite") == 0;
        }));

        for (std::size_t number = 0; number < cuts; ++number) {
            const Cut cut = cutNumber(number, ops.size(), seed);
            INFO(wordsFor(cut, seed));
            const std::uint64_t done = lastMark(ops, cut.after, "done", ~std::uint64_t{0});
            const std::uint64_t begun = lastMark(ops, cut.after, "begun", 0);
            const TempFolder place;
            afterPowerCut(ops, cut, place.path + "/data");
            if (done == ~std::uint64_t{0}) { // nothing promised: it must open, no more
                CHECK_NOTHROW(openSqliteStore({place.path + "/data", '/', false}, clock));
                continue;
            }
            const auto store = openSqliteStore({place.path + "/data", '/', true}, clock);
            const std::string found = everythingIn(*store);
            ++tried;
            undecided += begun > done;
            if (found != after[done]) {
                REQUIRE(begun > done); // a step was on its way: all of it may be there, or nothing
                REQUIRE(found == after[begun]);
            }
            CHECK(findingsOf(*store) == "");
            CHECK(store->problem() == ""); // a crash is no damage
            const auto body = store->prepareBody("after the cut");
            store->writeAndWait([&](WriteTx& tx) {
                tx.append(tx.findMailbox(tx.findAccount("alice@example.org")->id, "INBOX")->id, {tx.addBody(*body, ""), {}, tx.now(), ""});
            });
            CHECK(findingsOf(*store) == "");
        }
    }
    WARN(tried << " power cuts, " << undecided << " inside a write, the database's header written " << checkpoints << " times");
    CHECK(checkpoints > 4 * rounds); // else no checkpoint was ever cut
    CHECK(undecided > tried / 10);
}

TEST_CASE("after a power cut under many writers every acknowledged body is there, byte for byte", "[fault][power]")
{
    const std::size_t rounds = 3, cuts = scaled(60);
    std::size_t promised = 0;
    for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
        const TempFolder folder;
        const base::FakeClock clock;
        const std::string data = folder.path + "/data";
        base::makeFolders(data);
        disk::pretendVolume(kSmallVolume);
        std::vector<std::string> contents(48);
        for (std::size_t i = 0; i < contents.size(); ++i) // each twice, at the same time
            contents[i] = store::test::noise(i % 8 < 6 ? 150'000 : 900, seed * 1000 + i / 2);
        disk::record(data);
        MailboxId inbox;
        {
            const auto store = openSqliteStore({data, '/', false}, clock);
            store->writeAndWait([&](WriteTx& tx) { inbox = tx.findMailbox(tx.createAccount({"alice@example.org", "", {}, 0}), "INBOX")->id; });
            std::atomic<std::size_t> next{0};
            std::vector<std::thread> writers;
            for (int i = 0; i < 4; ++i)
                writers.emplace_back([&] {
                    for (std::size_t mine; (mine = next++) < contents.size();) {
                        const auto body = store->prepareBody(contents[mine]);
                        store->writeAndWait([&](WriteTx& tx) { tx.append(inbox, {tx.addBody(*body, ""), {}, tx.now(), "mail-" + std::to_string(mine)}); });
                        disk::mark("done", mine);
                    }
                });
            for (auto& writer : writers)
                writer.join();
        }
        const auto ops = disk::stopRecording();
        for (std::size_t number = 0; number < cuts; ++number) {
            Cut cut = cutNumber(number, ops.size(), seed);
            if (number % 2 == 0)
                cut.survival = Survival::nothing; // the hardest for files and their folders
            INFO(wordsFor(cut, seed));
            const TempFolder place;
            afterPowerCut(ops, cut, place.path + "/data");
            const auto store = openSqliteStore({place.path + "/data", '/', false}, clock);
            std::vector<std::string> found(contents.size());
            if (store->read()->mailbox(inbox)) {
                const Snapshot now = store->view(inbox)->now();
                const auto tx = store->read();
                for (std::uint32_t i = 0; i < now.count(); ++i)
                    found[std::stoul(tx->uidl(inbox, now.uidAt(i)).substr(5))] = tx->body(now.at(i).body);
            }
            for (std::size_t i = 0; i < cut.after; ++i)
                if (ops[i].kind == disk::Op::Kind::mark && ops[i].target == "done") {
                    ++promised;
                    REQUIRE((found[ops[i].offset] == contents[ops[i].offset]));
                }
            CHECK(findingsOf(*store) == "");
            CHECK(store->problem() == "");
        }
    }
    CHECK(promised > rounds * cuts * 5);
}
