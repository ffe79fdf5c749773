#include "server/store/sqlite/writer.h"
#include "server/base/file.h"
#include "server/base/log.h"
#include "server/base/metrics.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace postfach::store::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kGroup = 512;           // closures in one transaction
constexpr auto kGroupTime = 30ms;             // after which a transaction takes no further closure
constexpr int kCheckpointPages = 4000;        // 16 MiB of WAL: 37 % faster than 1000, worst commit half of 16000's
constexpr int kPage = 4096;
constexpr int kRestartPages = 64'000;         // 256 MiB: readers overlap without a gap; now wait for them a little
constexpr int kRestartWait = 100;             // ms; it is the writer that waits
constexpr auto kTidyTime = 250ms;             // between looks at what waits for readers to leave, or for room on the disk
// When the disk is full, the reserve must hold what a checkpoint adds to the database: then the WAL starts anew, and expunges
// need no new room in it. On a small volume both are smaller.
constexpr std::uint64_t kReserve = std::uint64_t{kCheckpointPages} * kPage * 3 / 2;
constexpr std::uint64_t kReserveShare = 8; // at most an eighth of the volume

base::Counter g_commits{"postfach_store_commits_total", "Transactions committed by the writer"};
base::Counter g_writes{"postfach_store_writes_total", "Closures run by the writer", {{"outcome", "done"}}};
base::Counter g_refused{"postfach_store_writes_total", "Closures run by the writer", {{"outcome", "refused"}}};
base::Gauge g_wal{"postfach_store_wal_pages", "Pages in the write-ahead log after the last commit"};

std::uint64_t reserveFor(const std::string& path)
{
    struct statvfs volume {};
    if (::statvfs(std::filesystem::path(path).parent_path().c_str(), &volume) != 0)
        return kReserve;
    return std::min(kReserve, std::uint64_t{volume.f_blocks} * volume.f_frsize / kReserveShare);
}

struct GroupIsLost { // SQLite has rolled the whole transaction back by itself
    std::exception_ptr why;
};

} // namespace

Writer::Writer(std::unique_ptr<Connection> db, std::shared_ptr<BodyFiles> files, Views& views, const base::Clock& clock,
               char delimiter, bool recoverable, std::string reserve)
    : db_(std::move(db)), files_(std::move(files)), views_(views), clock_(clock), delimiter_(delimiter), recoverable_(recoverable),
      reserve_(std::move(reserve)),
      reserve_size_(reserveFor(reserve_)), checkpoint_pages_(static_cast<int>(reserve_size_ * 2 / 3 / kPage))
{
    sqlite3_wal_hook(db_->handle(), [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Writer*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
    }, this);
    regainReserve();
    thread_ = std::thread([this] { run(); });
}

Writer::~Writer()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    // A disk that has failed is not written again. Else all goes into the database: the next start has nothing to recover.
    if (!failed_.empty()
        || sqlite3_wal_checkpoint_v2(db_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) != SQLITE_OK)
        db_->leaveWalOnClose();
}

void Writer::write(std::function<void(WriteTx&)> work, std::function<void(std::exception_ptr)> done)
{
    queue({std::move(work), std::move(done), nullptr});
}

void Writer::writeLater(std::function<void(WriteTx&)> work)
{
    const auto done = [](const std::exception_ptr& error) {
        if (error)
            base::logWarning("store", "what nobody waits for was not written");
    };
    queue({std::move(work), done, nullptr, false});
}

void Writer::queue(Job job)
{
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            awaited_ += job.awaited ? 1 : 0;
            waiting_.push_back(std::move(job));
            wake_.notify_one();
            return;
        }
    }
    answer(job, std::make_exception_ptr(Error(Error::Kind::unavailable, "the store is closing")));
}

std::string Writer::problem() const
{
    const std::lock_guard lock(mutex_);
    if (!failed_.empty())
        return failed_;
    return scarce_ ? "the disk is full: no mail is taken in" : "";
}

void Writer::refuseFromNow(const std::string& why)
{
    {
        const std::lock_guard lock(mutex_);
        if (!failed_.empty())
            return;
        failed_ = "the disk failed and nothing more is written; restart to recover: " + why;
    }
    base::logError("store", "writing stopped", {{"why", why}});
}

void Writer::run()
{
    std::vector<Job> group;
    while (take(group)) {
        if (!group.empty())
            commitGroup(group);
        else if (scarce_)
            try {
                regainReserve();
                cannot_ask_ = false;
            } catch (const std::exception& e) { // the database cannot be asked now: soon again
                if (!std::exchange(cannot_ask_, true))
                    base::logWarning("store", "not known whether the disk has room again", {{"what", e.what()}});
            }
        group.clear(); // ends what the closures held (pins of bodies) before files are looked at
        removeFiles();
    }
}

// All that waits, at most kGroup; waits itself while there is nothing, and a moment while nobody waits for what there is.
// Empty: time to tidy up.
bool Writer::take(std::vector<Job>& group)
{
    std::unique_lock lock(mutex_);
    if (!files_->anythingToRemove() && !scarce_)
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    wake_.wait_for(lock, kTidyTime, [this] { return stopping_ || awaited_ > 0; });
    const auto last = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(kGroup, waiting_.size()));
    group.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(last));
    waiting_.erase(waiting_.begin(), last);
    awaited_ = static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), [](const Job& job) { return job.awaited; }));
    return !group.empty() || !stopping_;
}

void Writer::commitGroup(std::vector<Job>& group)
{
    Changes changes;
    std::exception_ptr everybody;
    try {
        {
            const std::lock_guard lock(mutex_);
            if (!failed_.empty())
                throw Error(Error::Kind::unavailable, failed_);
        }
        if (scarce_)
            regainReserve();
        db_->run("BEGIN IMMEDIATE");
        const auto until = std::chrono::steady_clock::now() + kGroupTime;
        std::size_t ran = 0;
        while (ran < group.size() && (ran == 0 || std::chrono::steady_clock::now() < until))
            runOne(group[ran++], changes);
        if (ran < group.size()) { // somebody's work is long: commit what is done, the others are first next time
            const std::lock_guard lock(mutex_);
            waiting_.insert(waiting_.begin(), std::make_move_iterator(group.begin() + static_cast<std::ptrdiff_t>(ran)),
                            std::make_move_iterator(group.end()));
            group.resize(ran);
            awaited_ = static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), [](const Job& job) { return job.awaited; }));
        }
        if (changes.bodies != 0)
            db_->run("UPDATE tally SET value = value + ? WHERE name = 'bodies'", changes.bodies);
        try {
            db_->run("COMMIT");
        } catch (const SqliteError& e) {
            if (e.isInputOutput())
                refuseFromNow(e.what());
            throw;
        }
    } catch (const GroupIsLost& lost) {
        everybody = lost.why;
        rollBack();
    } catch (const SqliteError& e) {
        everybody = std::current_exception();
        noteFailure(e);
        rollBack();
    } catch (...) {
        everybody = std::current_exception();
        rollBack();
    }

    if (!everybody) {
        g_commits.add();
        if (!changes.dropped_files.empty())
            files_->dropped(changes.dropped_files);
        views_.publish(changes);
    }
    for (Job& job : group) {
        const std::exception_ptr error = job.error ? job.error : everybody;
        (error ? g_refused : g_writes).add();
        answer(job, error);
    }
    if (!everybody || scarce_) // scarce: an empty WAL is room for an expunge
        checkpoint();
}

void Writer::runOne(Job& job, Changes& changes)
{
    db_->run("SAVEPOINT one");
    try {
        db_->forgetFailure();
        Writing tx(*db_, *files_, delimiter_, recent_, clock_.now(), scarce_, recoverable_, changes.bodies);
        job.work(tx);
        Changes mine = tx.finish();
        db_->throwFailure(); // also where the closure has caught it
        db_->run("RELEASE one");
        changes.add(std::move(mine));
    } catch (const SqliteError& e) {
        job.error = std::current_exception();
        noteFailure(e);
        // After these the transaction cannot be trusted, if it is still there.
        if (e.isInputOutput() || e.kind == Error::Kind::damaged || !db_->inTransaction())
            throw GroupIsLost{job.error};
    } catch (...) {
        job.error = std::current_exception();
        if (!db_->inTransaction())
            throw GroupIsLost{job.error};
    }
    if (job.error) {
        db_->run("ROLLBACK TO one");
        db_->run("RELEASE one");
    }
}

void Writer::rollBack() noexcept
{
    try {
        if (db_->inTransaction())
            db_->run("ROLLBACK");
    } catch (const std::exception& e) {
        refuseFromNow(std::string("rollback: ") + e.what());
    }
}

void Writer::noteFailure(const SqliteError& error)
{
    switch (error.code) {
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_TRUNCATE: refuseFromNow(error.what()); break;
    default: break;
    }
    if (error.kind == Error::Kind::diskFull)
        becomeScarce();
    else
        base::logWarning("store", "write failed", {{"what", error.what()}});
}

// PASSIVE never waits. Its outcome is looked at: a checkpoint whose fsync failed must not be tried again (see the top).
void Writer::checkpoint()
{
    g_wal.set(wal_pages_);
    if (wal_pages_ < checkpoint_pages_ && !scarce_)
        return;
    {
        const std::lock_guard lock(mutex_);
        if (!failed_.empty()) // a disk that has failed is not written again
            return;
    }
    int rc = sqlite3_wal_checkpoint_v2(db_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    const auto now = std::chrono::steady_clock::now();
    if (rc == SQLITE_OK && wal_pages_ >= kRestartPages && now - restart_tried_ > 1s) {
        restart_tried_ = now;
        db_->busyTimeout(kRestartWait);
        rc = sqlite3_wal_checkpoint_v2(db_->handle(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
        db_->busyTimeout(5000);
        if (rc == SQLITE_BUSY)
            base::logWarning("store", "a long reader keeps the write-ahead log from starting anew", {{"pages", wal_pages_}});
    }
    if ((rc & 0xFF) == SQLITE_IOERR)
        refuseFromNow("checkpoint: " + std::string(sqlite3_errmsg(db_->handle())));
    if (rc == SQLITE_FULL)
        becomeScarce();
}

void Writer::removeFiles() noexcept
{
    if (!files_->anythingToRemove())
        return;
    try {
        files_->removeUnneeded([this](const base::Sha256& hash) {
            return db_->query("SELECT 1 FROM body WHERE encoding = 2 AND hash = ?", Blob{asBytes(hash)}).step();
        });
    } catch (const std::exception& e) { // what stays is swept at the next start
        base::logWarning("store", "cannot remove files of bodies", {{"what", e.what()}});
    }
}

// The reserve's blocks go to whoever takes them first; in all likelihood the WAL, for an expunge.
void Writer::becomeScarce()
{
    ::unlink(reserve_.c_str());
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(scarce_, true))
            return;
    }
    reserve_tried_ = std::chrono::steady_clock::now();
    base::logError("store", "the disk is full");
}

// At start, and a few times a second while the disk is full. There is room again when the reserve can be had again, or when
// that much is free inside the database: expunges do not make its file smaller.
void Writer::regainReserve()
{
    const auto now = std::chrono::steady_clock::now();
    if (scarce_ && now - reserve_tried_ < kTidyTime)
        return;
    reserve_tried_ = now;
    const base::Fd fd(::open(reserve_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    bool room = fd && ::posix_fallocate(fd.get(), 0, static_cast<off_t>(reserve_size_)) == 0;
    if (!room) {
        ::unlink(reserve_.c_str());
        room = std::stoull(db_->pragma("freelist_count")) * kPage >= reserve_size_;
    }
    const std::lock_guard lock(mutex_);
    if (scarce_ && room)
        base::logInfo("store", "the disk has room again");
    scarce_ = !room;
}

void Writer::answer(Job& job, const std::exception_ptr& error) noexcept
{
    try {
        job.done(error);
    } catch (const std::exception& e) {
        base::logError("store", "the answer to a write threw", {{"what", e.what()}});
    }
}

} // namespace postfach::store::sqlite
