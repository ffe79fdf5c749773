// Group commit, its failures, and what others see of it.
#include "tests/unit/store/store_fixture.h"

#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <signal.h>
#include <sys/wait.h>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using Kind = Error::Kind;

namespace {

// A file system in which chosen operations fail. Registered once as SQLite's default, in front of the real one.
struct Shim {
    static inline std::atomic<bool> fail_sync{false}, fail_write{false}, fail_lock{false}, full{false};
    static inline std::atomic<int> writes{0}, failed_locks{0};
    struct File {
        sqlite3_file base;
        sqlite3_file* real;
    };
    static sqlite3_file* real(sqlite3_file* f) { return reinterpret_cast<File*>(f)->real; }
    static inline sqlite3_vfs vfs;
    static inline sqlite3_io_methods methods;

    static int open(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags, int* out)
    {
        auto* file = reinterpret_cast<File*>(f);
        file->real = reinterpret_cast<sqlite3_file*>(file + 1);
        auto* below = static_cast<sqlite3_vfs*>(vfs.pAppData);
        const int rc = below->xOpen(below, name, file->real, flags, out);
        file->base.pMethods = file->real->pMethods ? &methods : nullptr;
        return rc;
    }
    static void install()
    {
        static const bool once = [] {
            auto* below = sqlite3_vfs_find(nullptr);
            vfs = *below;
            vfs.zName = "shim";
            vfs.pAppData = below;
            vfs.szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
            vfs.xOpen = open;
            methods.iVersion = 2;
            methods.xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); };
            methods.xRead = [](sqlite3_file* f, void* p, int n, sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), p, n, at); };
            methods.xWrite = [](sqlite3_file* f, const void* p, int n, sqlite3_int64 at) {
                ++writes;
                if (fail_write)
                    return SQLITE_IOERR_WRITE;
                return full ? SQLITE_FULL : real(f)->pMethods->xWrite(real(f), p, n, at);
            };
            methods.xTruncate = [](sqlite3_file* f, sqlite3_int64 n) { return real(f)->pMethods->xTruncate(real(f), n); };
            methods.xSync = [](sqlite3_file* f, int how) { return fail_sync ? SQLITE_IOERR_FSYNC : real(f)->pMethods->xSync(real(f), how); };
            methods.xFileSize = [](sqlite3_file* f, sqlite3_int64* n) { return real(f)->pMethods->xFileSize(real(f), n); };
            methods.xLock = [](sqlite3_file* f, int how) { return real(f)->pMethods->xLock(real(f), how); };
            methods.xUnlock = [](sqlite3_file* f, int how) { return real(f)->pMethods->xUnlock(real(f), how); };
            methods.xCheckReservedLock = [](sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); };
            methods.xFileControl = [](sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); };
            methods.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
            methods.xDeviceCharacteristics = [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); };
            methods.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
                return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
            };
            methods.xShmLock = [](sqlite3_file* f, int at, int n, int how) {
                if (!fail_lock || (how & SQLITE_SHM_LOCK) == 0 || (how & SQLITE_SHM_SHARED) == 0) // who begins to read, no checkpoint
                    return real(f)->pMethods->xShmLock(real(f), at, n, how);
                ++failed_locks;
                return SQLITE_IOERR_SHMLOCK;
            };
            methods.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
            methods.xShmUnmap = [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); };
            sqlite3_vfs_register(&vfs, 1);
            return true;
        }();
        (void)once;
    }
    Shim() { install(); }
    ~Shim() { fail_sync = fail_write = fail_lock = full = false; }
};

// Holds the writer inside a closure, so that what comes after stands in one group behind it.
class Gate {
public:
    explicit Gate(Store& store)
    {
        store.write([this](WriteTx&) {
            std::unique_lock lock(mutex_);
            entered_ = true;
            changed_.notify_all();
            changed_.wait(lock, [this] { return open_; });
        }, [this](std::exception_ptr) {
            const std::lock_guard lock(mutex_);
            left_ = true;
            changed_.notify_all();
        });
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return entered_; });
    }
    ~Gate() { open(); }
    void open()
    {
        std::unique_lock lock(mutex_);
        open_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return left_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool entered_ = false, open_ = false, left_ = false;
};

struct Outcomes {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<int> order;
    std::vector<bool> good;
    void add(int who, bool ok)
    {
        const std::lock_guard lock(mutex);
        order.push_back(who);
        good.push_back(ok);
        changed.notify_all();
    }
    void waitFor(std::size_t n)
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return order.size() >= n; });
    }
};

} // namespace

TEST_CASE("in a group, a closure that throws is undone alone", "[store][commit]")
{
    Office office;
    Outcomes outcomes;
    const auto body = office.store->prepareBody("a body");
    {
        Gate gate(*office.store);
        for (int i = 0; i < 5; ++i)
            office.store->write([&, i](WriteTx& tx) {
                tx.append(office.inbox, {tx.addBody(*body, ""), {}, {}, ""});
                tx.putSetting("n" + std::to_string(i), "x");
                if (i == 2)
                    throw std::runtime_error("no");
            }, [&, i](std::exception_ptr error) { outcomes.add(i, !error); });
    }
    outcomes.waitFor(5);
    CHECK(outcomes.order == std::vector<int>{0, 1, 2, 3, 4});
    CHECK(outcomes.good == std::vector<bool>{true, true, false, true, true});
    CHECK(office.mailbox(office.inbox).exists == 4);
    CHECK(office.mailbox(office.inbox).uid_next == Uid{5});
    CHECK(office.store->read()->setting("n2").empty());
    CHECK(office.store->read()->totals().bodies == 1);
    CHECK(office.store->view(office.inbox)->now().count() == 4);
    CHECK(office.store->check(false).empty());
}

TEST_CASE("news come after the commit, in its order, once a group, and never after the subscription has ended", "[store][views]")
{
    Office office;
    const auto body = office.store->prepareBody("a body");
    const auto view = office.store->view(office.inbox);
    std::vector<std::uint32_t> seen;
    int account_news = 0;
    auto mine = view->watch([&] { seen.push_back(view->now().count()); });
    const auto account = office.store->watchAccount(office.alice, [&] { ++account_news; });
    const auto append = [&](WriteTx& tx) { tx.append(office.inbox, {tx.addBody(*body, ""), {}, {}, ""}); };
    Outcomes outcomes;
    {
        Gate gate(*office.store);
        for (int i = 0; i < 3; ++i)
            office.store->write(append, [&](std::exception_ptr) { outcomes.add(static_cast<int>(view->now().count()), true); });
        CHECK(view->now().count() == 0); // nothing before the commit
    }
    outcomes.waitFor(3);
    CHECK(outcomes.order == std::vector<int>{3, 3, 3}); // who is answered finds it in the view
    CHECK(seen == std::vector<std::uint32_t>{3});
    office.write(append);
    CHECK(seen == std::vector<std::uint32_t>{3, 4});
    CHECK(account_news == 2);
    office.write([&](WriteTx& tx) { tx.createMailbox(office.alice, "new"); });
    CHECK(account_news == 3);
    CHECK(seen.size() == 2);
    mine.reset();
    office.write(append);
    CHECK(seen.size() == 2);
    CHECK(refusedWrite(office, [&](WriteTx& tx) {
        append(tx);
        throw Error(Kind::limit, "");
    }) == Kind::limit);
    CHECK(account_news == 4);
}

TEST_CASE("a subscription may end while its news is being told, and from within", "[store][views]")
{
    Office office;
    const auto body = office.store->prepareBody("a body");
    const auto view = office.store->view(office.inbox);
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        while (!stop)
            office.write([&](WriteTx& tx) { tx.append(office.inbox, {tx.addBody(*body, ""), {}, {}, ""}); });
    });
    for (int i = 0; i < 300; ++i) {
        auto alive = std::make_unique<std::atomic<bool>>(true);
        auto mine = std::make_unique<Subscription>();
        *mine = view->watch([&flag = *alive] {
            if (!flag)
                std::abort();
        });
        std::this_thread::yield();
        mine.reset();
        *alive = false; // a call from now on would read freed memory
    }
    stop = true;
    writer.join();
    Subscription self;
    int calls = 0;
    self = view->watch([&] {
        ++calls;
        self.reset();
    });
    for (int i = 0; i < 2; ++i)
        office.write([&](WriteTx& tx) { tx.append(office.inbox, {tx.addBody(*body, ""), {}, {}, ""}); });
    CHECK(calls == 1);
}

TEST_CASE("a full disk refuses what grows, reading and deleting go on, when there is room, so does mail", "[store][fault]")
{
    Shim shim;
    Office office;
    const Uid uid = office.deliver(std::string(3000, 'a'));
    Shim::full = true;
    CHECK(refusal([&] { office.deliver(noise(9000)); }) == Kind::diskFull);
    CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("full"));
    CHECK(office.bodyOf(uid) == std::string(3000, 'a'));
    CHECK(refusal([&] { office.deliver(noise(9000)); }) == Kind::diskFull);
    CHECK(office.mailbox(office.inbox).exists == 1);
    Shim::full = false;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!office.store->problem().empty() && std::chrono::steady_clock::now() < until)
        office.write([](WriteTx& tx) { tx.putSetting("x", "y"); });
    CHECK(office.store->problem().empty());
    CHECK(office.deliver("again") == Uid{2});
    CHECK(office.store->check(false).empty());
}

TEST_CASE("an fsync that fails: nobody is told OK, nothing more is written, reading goes on, a restart recovers", "[store][fault]")
{
    Shim shim;
    Office office;
    office.deliver("kept");
    Outcomes outcomes;
    const auto body = office.store->prepareBody("lost");
    const auto view = office.store->view(office.inbox);
    {
        Gate gate(*office.store);
        for (int i = 0; i < 3; ++i)
            office.store->write([&](WriteTx& tx) { tx.append(office.inbox, {tx.addBody(*body, ""), {}, {}, ""}); },
                                [&, i](std::exception_ptr error) { outcomes.add(i, !error); });
        const bool by_sync = GENERATE(true, false);
        (by_sync ? Shim::fail_sync : Shim::fail_write) = true;
    }
    outcomes.waitFor(3);
    CHECK(outcomes.good == std::vector<bool>{false, false, false});
    CHECK(view->now().count() == 1);
    Shim::fail_sync = Shim::fail_write = false;
    CHECK(refusal([&] { office.deliver("later"); }) == Kind::unavailable); // also when the disk seems well again
    CHECK_FALSE(office.store->problem().empty());
    CHECK(office.bodyOf(Uid{1}) == "kept");
    office.close();
    office.open();
    CHECK(office.store->problem().empty());
    CHECK(office.bodyOf(Uid{1}) == "kept");
    CHECK(office.store->check(false).empty());
    office.deliver("goes on");
}

// A disk that stays full: nothing can be kept free on it.
static void fillDisk(Office& office)
{
    std::filesystem::remove(office.data + "/reserve");
    std::filesystem::create_directory(office.data + "/reserve");
    Shim::full = true;
    CHECK(refusal([&] { office.deliver(noise(9000)); }) == Kind::diskFull);
}

TEST_CASE("on a full disk that has failed too, nothing more is written", "[store][fault]")
{
    Shim shim;
    Office office;
    office.deliver("kept"); // in the log, not in the database yet
    fillDisk(office);
    Shim::full = false;
    Shim::fail_sync = true;
    CHECK_THROWS(office.write([](WriteTx& tx) { tx.putSetting("x", "y"); }));
    Shim::fail_sync = false;
    office.store->read(); // opened now, if it has to be
    const int before = Shim::writes;
    for (int i = 0; i < 2; ++i) // the second answer comes when all is done that follows the first
        CHECK(refusal([&] { office.write([](WriteTx& tx) { tx.putSetting("x", "y"); }); }) == Kind::unavailable);
    CHECK(Shim::writes == before);
}

TEST_CASE("a full disk that cannot be asked for room now is asked again", "[store][fault]")
{
    Shim shim;
    Office office;
    office.deliver("kept");
    fillDisk(office);
    Shim::fail_lock = true;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (const int before = Shim::failed_locks; Shim::failed_locks < before + 2 && std::chrono::steady_clock::now() < until;)
        std::this_thread::yield(); // nothing is queued: the writer asks by itself
    Shim::fail_lock = Shim::full = false;
    std::filesystem::remove(office.data + "/reserve");
    while (!office.store->problem().empty() && std::chrono::steady_clock::now() < until)
        office.write([](WriteTx& tx) { tx.putSetting("x", "y"); });
    CHECK(office.deliver("again") == Uid{2});
}

TEST_CASE("somebody else's lock on the database is waited for, then refused, never taken for success", "[store][fault][.slow]")
{
    Office office;
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open((office.data + "/postfach.db").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    CHECK(refusal([&] { office.deliver("x"); }) == Kind::unavailable);
    CHECK(office.store->read()->totals().messages == 0);
    sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
    sqlite3_close(other);
    office.deliver("x");
}

TEST_CASE("killed at any moment, the store has everything it acknowledged", "[store][crash]")
{
    TempFolder folder;
    const std::string data = folder.path + "/data";
    base::FakeClock clock;
    const StoreOptions options{data, '/', false};
    AccountId alice;
    {
        auto store = openSqliteStore(options, clock);
        store->writeAndWait([&](WriteTx& tx) { alice = tx.createAccount({"alice@example.org", "", {}, 0}); });
    }
    std::size_t acknowledged = 0, found = 0;
    for (int kill_round = 0; kill_round < 12; ++kill_round) {
        int pipe_ends[2];
        REQUIRE(::pipe(pipe_ends) == 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(pipe_ends[0]);
            auto store = openSqliteStore(options, clock);
            const MailboxId inbox = store->read()->findMailbox(alice, "INBOX")->id;
            std::vector<std::thread> producers;
            for (int p = 0; p < 4; ++p)
                producers.emplace_back([&, p] {
                    for (std::uint64_t i = 0;; ++i) {
                        const auto body = store->prepareBody(noise(i % 7 == 0 ? 150'000 : 500, static_cast<std::uint64_t>(kill_round) << 40 | static_cast<std::uint64_t>(p) << 32 | i));
                        std::uint32_t uid = 0;
                        store->writeAndWait([&](WriteTx& tx) { uid = tx.append(inbox, {tx.addBody(*body, ""), {}, {}, ""}).uid.value; });
                        if (::write(pipe_ends[1], &uid, sizeof uid) != sizeof uid)
                            ::_exit(1);
                    }
                });
            producers.front().join();
        }
        ::close(pipe_ends[1]);
        std::vector<std::uint32_t> told;
        std::uint32_t uid = 0;
        while (::read(pipe_ends[0], &uid, sizeof uid) == sizeof uid) {
            told.push_back(uid);
            if (told.size() == 5 + static_cast<std::size_t>(kill_round) * 7)
                ::kill(child, SIGKILL);
        }
        ::close(pipe_ends[0]);
        ::waitpid(child, nullptr, 0);
        acknowledged += told.size();

        auto store = openSqliteStore(options, clock);
        const MailboxId inbox = store->read()->findMailbox(alice, "INBOX")->id;
        const Snapshot now = store->view(inbox)->now();
        for (const std::uint32_t number : told)
            CHECK(now.find(Uid{number}));
        found = now.count();
        CHECK(store->check(false).empty()); // counters, references, every byte, no orphan file
    }
    CHECK(found >= acknowledged);
    CHECK(acknowledged > 0);
}

TEST_CASE("what nobody waits for goes with the next commit, or by itself, or at the end", "[store][commit]")
{
    Office office;
    const auto setting = [&office] { return office.store->read()->setting("later"); };
    const auto put = [](const char* value) { return [value](WriteTx& tx) { tx.putSetting("later", value); }; };

    SECTION("with the next")
    {
        office.store->writeLater(put("with"));
        office.write([](WriteTx& tx) { tx.putSetting("now", "x"); });
        CHECK(setting() == "with");
    }
    SECTION("by itself")
    {
        office.store->writeLater(put("alone"));
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (setting() != "alone" && std::chrono::steady_clock::now() < until)
            std::this_thread::yield();
        CHECK(setting() == "alone");
    }
    SECTION("at the end")
    {
        office.store->writeLater(put("end"));
        office.close();
        office.open();
        CHECK(setting() == "end");
    }
    SECTION("one that fails harms nobody")
    {
        office.store->writeLater([](WriteTx&) { throw Error(Kind::limit, "no"); });
        office.store->writeLater(put("after"));
        office.write([](WriteTx& tx) { tx.putSetting("now", "x"); });
        CHECK(setting() == "after");
    }
}
