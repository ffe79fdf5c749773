#pragma once
// The one thread that writes. It takes all that wait, runs each closure in a savepoint of one transaction, commits once,
// publishes, and answers.
//
// A closure that throws is rolled back alone. When the commit fails, nobody is told OK. When it fails with an I/O error the
// writer stops for good: the kernel may have dropped the pages it could not write, and a second fsync that succeeds proves
// nothing about them. The process must come back and recover from the WAL, which is then left as it is (no checkpoint at
// close). A full disk is no such end: what grows is refused until there is room again, what shrinks goes on, thanks to a
// reserve that is given up for it.
#include "server/base/clock.h"
#include "server/store/sqlite/views.h"
#include "server/store/sqlite/writing.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postfach::store::sqlite {

class Writer {
public:
    // `views` and `clock` outlive the writer. `reserve` is the path of the file that is given up when the disk is full.
    Writer(std::unique_ptr<Connection> db, std::shared_ptr<BodyFiles> files, Views& views, const base::Clock& clock,
           char delimiter, bool recoverable, std::string reserve);
    ~Writer(); // runs what still waits

    void write(std::function<void(WriteTx&)> work, std::function<void(std::exception_ptr)> done);
    void writeLater(std::function<void(WriteTx&)> work); // with the next commit, or alone after kTidyTime
    void keepRecoverable(bool on) { recoverable_ = on; } // any thread
    std::string problem() const;
    void refuseFromNow(const std::string& why); // any thread: the disk has failed elsewhere

private:
    struct Job {
        std::function<void(WriteTx&)> work;
        std::function<void(std::exception_ptr)> done;
        std::exception_ptr error;
        bool awaited = true; // false: it may wait for others
    };
    using SteadyTime = std::chrono::steady_clock::time_point;

    void queue(Job job);
    void run();
    bool take(std::vector<Job>& group); // false: stop
    void commitGroup(std::vector<Job>& group);
    void runOne(Job& job, Changes& changes);
    void rollBack() noexcept;
    void noteFailure(const SqliteError& error);
    void checkpoint();
    void removeFiles() noexcept;
    void becomeScarce();
    void regainReserve();
    static void answer(Job& job, const std::exception_ptr& error) noexcept;

    const std::unique_ptr<Connection> db_;
    const std::shared_ptr<BodyFiles> files_;
    Views& views_;
    const base::Clock& clock_;
    const char delimiter_;
    std::atomic<bool> recoverable_;
    const std::string reserve_;
    const std::uint64_t reserve_size_;
    const int checkpoint_pages_; // of the WAL, before it is copied into the database

    // The writer's thread only.
    RecentBodies recent_;
    int wal_pages_ = 0;
    SteadyTime restart_tried_{}, reserve_tried_{};
    bool cannot_ask_ = false; // whether there is room again; told once

    mutable std::mutex mutex_; // guards what follows
    std::condition_variable wake_;
    std::deque<Job> waiting_;
    std::size_t awaited_ = 0; // of these
    bool stopping_ = false;
    bool scarce_ = false;
    std::string failed_; // why nothing more is written; empty while all is well

    std::thread thread_; // last: starts when all else stands
};

} // namespace postfach::store::sqlite
