// Calls to the disk fail, each in its turn: writes (EIO, or no room, or a part is written), syncs, reads. Nobody is told OK then,
// the database is not written again after a failed sync, and a new start finds everything that was acknowledged, also when the
// power goes first and takes with it what a failed sync left unwritten.
#include "tests/fault/store/disk.h"
#include "tests/fault/store/power_cut.h"
#include "tests/fault/store/support.h"
#include "tests/fault/store/workload.h"

#include <cerrno>

using namespace postfach;
using namespace postfach::test;
using namespace postfach::store;

namespace {

struct Kind {
    const char* title;
    disk::Call call;
    bool lasting;
    int error;
};

// One run of the workload in which the nth such call fails. Returns how many there were in all.
std::uint64_t runWith(const Kind& kind, std::uint64_t nth, std::size_t& refused)
{
    INFO(kind.title << ", number " << nth);
    const TempFolder folder;
    const base::FakeClock clock;
    const std::string data = folder.path + "/data";
    base::makeFolders(data);
    disk::pretendVolume(kSmallVolume);
    disk::record(data);
    std::string acknowledged, possible; // as everythingIn() says it
    disk::Seen seen;
    {
        auto store = openSqliteStore({data, '/', false}, clock);
        Workload work(*store, 5);
        work.begin();
        for (int step = 0; step < 8; ++step)
            work.step();
        acknowledged = everythingIn(*store);
        disk::arm(data, {kind.call, nth, kind.lasting, kind.error});
        bool unsure = false;
        for (int step = 0; step < 30; ++step) {
            try {
                work.step();
                unsure = false;
            } catch (const Error& error) {
                ++refused;
                unsure = true;
                CHECK((error.kind == Error::Kind::diskFull || error.kind == Error::Kind::unavailable || error.kind == Error::Kind::damaged));
            }
            if (kind.call == disk::Call::read)
                continue;
            try { // what is read is what was acknowledged, never what was refused
                const std::string now = everythingIn(*store);
                if (!unsure)
                    acknowledged = now;
                else
                    CHECK(now == acknowledged);
            } catch (const Error&) {
                CHECK(kind.lasting); // where the disk takes nothing a reader may not even get a lock; bytes are never wrong
            }
        }
        if (kind.call == disk::Call::read) {
            seen = disk::disarm();
            acknowledged = everythingIn(*store);
        }
    }
    if (kind.call != disk::Call::read) { // closing, too, is done by a disk that fails
        seen = disk::disarm();
        if (seen.failures > 0 && kind.call == disk::Call::sync)
            CHECK(seen.written_after_failure == 0);
    }
    const auto ops = disk::stopRecording();
    for (const Survival survival : {Survival::all, Survival::nothing, Survival::any}) {
        const TempFolder place;
        afterPowerCut(ops, {ops.size(), survival, 4096, nth}, place.path + "/data");
        const auto store = openSqliteStore({place.path + "/data", '/', true}, clock);
        INFO("survival " << static_cast<int>(survival));
        CHECK(store->problem() == "");
        CHECK(findingsOf(*store) == "");
        CHECK(everythingIn(*store) == acknowledged);
        Workload again(*store, 6);
        CHECK_NOTHROW(again.step());
    }
    return seen.calls;
}

} // namespace

TEST_CASE("a call to the disk fails: nothing is acknowledged by it, nothing acknowledged is lost by it", "[fault][disk]")
{
    const Kind kind = GENERATE(Kind{"a write fails", disk::Call::write, false, EIO}, Kind{"all writes fail", disk::Call::write, true, EIO},
                               Kind{"no room once", disk::Call::write, false, ENOSPC}, Kind{"no room for long", disk::Call::write, true, ENOSPC},
                               Kind{"a short write", disk::Call::shortWrite, false, ENOSPC},
                               Kind{"a sync fails", disk::Call::sync, false, EIO}, Kind{"all syncs fail", disk::Call::sync, true, EIO},
                               Kind{"a read fails", disk::Call::read, false, EIO});
    std::size_t refused = 0, runs = 0;
    const std::uint64_t calls = runWith(kind, ~std::uint64_t{0}, refused); // counts alone
    CHECK(refused == 0);
    CHECK(calls > 20);
    const std::uint64_t step = std::max<std::uint64_t>(1, calls / scaled(10));
    for (std::uint64_t nth = 1; nth <= calls; nth += step, ++runs)
        runWith(kind, nth, refused);
    WARN(kind.title << ": " << runs << " of " << calls << " places, " << refused << " writes refused");
    if (kind.call != disk::Call::shortWrite && kind.call != disk::Call::read) // SQLite and the store write the rest of a short one
        CHECK(refused > 0);
}

TEST_CASE("a disk that cannot be read is said to whoever asks, and raises the alarm", "[fault][disk]")
{
    const TempFolder folder;
    const base::FakeClock clock;
    disk::pretendVolume(kSmallVolume);
    std::string before;
    {
        const auto store = openSqliteStore({folder.path, '/', false}, clock);
        Workload work(*store, 9);
        work.begin();
        for (int step = 0; step < 60; ++step)
            work.step();
        before = everythingIn(*store);
    }
    {
        const auto store = openSqliteStore({folder.path, '/', true}, clock);
        disk::arm(folder.path, {disk::Call::read, 1, true, EIO});
        CHECK_THROWS_AS(everythingIn(*store), Error);
        CHECK(disk::disarm().failures > 0);
        CHECK(store->problem() != "");
        CHECK(everythingIn(*store) == before); // for this once it was the disk
    }
    const auto store = openSqliteStore({folder.path, '/', true}, clock);
    CHECK(store->problem() == "");
    CHECK(everythingIn(*store) == before);
}
