#pragma once
// Private to server/net: what Scheduler and Strand are made of. strand.cpp has the strand's own side (waiting, waking),
// scheduler.cpp the threads.
//
// The atomic word is the whole protocol between wakers and workers. wake() ors its bits and kScheduled into it; only who
// finds kScheduled unset queues the strand, so a strand is queued once and runs on one worker at a time. The worker takes
// all bits, leaving kScheduled; resumes the session if it asked for one of them; and gives the strand back by replacing
// exactly kScheduled with 0. If that fails something came meanwhile, and the strand goes to the end of the queue.
#include "server/net/sessions.h"
#include "server/net/strand.h"
#include "server/net/wheel.h"

#include "server/base/file.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace postfach::net {

inline constexpr std::uint32_t kScheduled = 1U << 31; // in the word: queued or running

class StrandImpl final : public Strand, public Timed {
public:
    StrandImpl(Scheduler& scheduler, std::shared_ptr<Scheduler::Inner> inner, const Poco::Net::StreamSocket& socket,
        Scheduler::Session session, std::shared_ptr<SessionRecord> record);

    void wake(std::uint32_t why) noexcept override;
    Task<std::uint32_t> wait(std::uint32_t wanted) override;
    Task<std::uint32_t> waitUninterrupted(std::uint32_t wanted) override;
    Task<> turn() override;
    bool turnDue() const override;
    void deadline(SteadyTime when) override;
    Scheduler& scheduler() override { return scheduler_; }
    SessionRecord& record() override { return *record_; }

    // --- for the scheduler
    void run() noexcept;                                // on a worker
    void finish() noexcept;                             // the session is over: frame, epoll, socket, in that order
    void due() noexcept override { wake(kDeadline); }   // on the poller
    void ioEvents(std::uint32_t epoll_events) noexcept; // on the poller
    void cut() noexcept;                                // any thread, under live_mutex_: the socket is shut down hard
    int fd() const { return fd_; }

    StrandImpl* next = nullptr; // in the ready queue

protected:
    bool leavePlace() override;
    bool comeBack() override;
    Task<> awaitPlace() override;

private:
    // Suspends the innermost coroutine until a bit of `mask` is pending.
    class Park {
    public:
        Park(StrandImpl& strand, std::uint32_t mask) : strand_(strand), mask_(mask) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> waiting) noexcept
        {
            strand_.waiting_ = waiting;
            strand_.mask_ = mask_;
        }
        void await_resume() const noexcept {}

    private:
        StrandImpl& strand_;
        std::uint32_t mask_;
    };
    Park park(std::uint32_t mask) { return Park(*this, mask); }
    void collect() noexcept; // moves the word's bits to pending_
    void interrupt();        // throws what has to be thrown
    void beginFarewell(SteadyTime now);
    void placeDeadline();
    void start();
    bool linger() noexcept;
    void arm() noexcept;

    // Fixed after construction.
    Scheduler& scheduler_;
    const std::shared_ptr<Scheduler::Inner> inner_;
    const std::shared_ptr<SessionRecord> record_;

    // Any thread.
    std::atomic<std::uint32_t> word_{0};
    std::atomic<std::uint32_t> armed_{0}; // kReadable, kWritable that epoll watches; zeroed by the poller
    std::atomic<bool> cut_{false};

    // The strand's own: whoever runs it.
    Poco::Net::StreamSocket socket_; // dropped only after EPOLL_CTL_DEL: the number may be used again
    int fd_;
    Scheduler::Session session_; // lives as long as its coroutine
    std::optional<Task<>> task_;
    std::coroutine_handle<> waiting_;
    std::uint32_t mask_ = kTurn;
    std::uint32_t pending_ = 0; // bits that came and were not asked for yet
    bool told_shutdown_ = false;
    SteadyTime wished_ = SteadyTime::max();   // deadline()
    SteadyTime farewell_ = SteadyTime::max(); // end of the goodbye time
    SteadyTime resumed_at_{};
    SteadyTime parked_at_{}; // when it was last left to epoll
    bool quick_ = false;     // its peer came back within moments
};

// First come, first served; strands that took a turn come after those that were woken, but are not starved by them.
//
// There are more threads than places. Who runs a strand has a place; who does what may block gives it away for that time, and another
// thread may take it: so there are always as many workers as there should be, and the blocked one goes on by itself.
class ReadyQueue {
public:
    void open(unsigned places, unsigned most_away);
    bool leave() noexcept;    // false: too many are away
    bool comeBack() noexcept; // false: no place is free
    void push(StrandImpl& strand, bool after_turn) noexcept;
    StrandImpl* pop(); // waits; nullptr at the end
    void end();
    bool quiet() noexcept; // nothing to do, and a worker that waits for something

private:
    struct List {
        StrandImpl* first = nullptr;
        StrandImpl* last = nullptr;
    };
    static void append(List& list, StrandImpl& strand) noexcept;
    static StrandImpl* take(List& list) noexcept;

    std::mutex mutex_;
    std::condition_variable filled_;
    List woken_, turned_;       // guarded by mutex_
    unsigned places_ = 0;       // free ones; guarded by mutex_
    unsigned away_ = 0, most_away_ = 0; // guarded by mutex_
    unsigned idle_ = 0;         // guarded by mutex_
    unsigned woken_in_row_ = 0; // guarded by mutex_
    bool ended_ = false;        // guarded by mutex_
};

// Threads that may block.
class Helpers {
public:
    void start(unsigned threads);
    void push(std::function<void()> work);
    void end(); // finishes what is queued

private:
    void work();

    std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<std::function<void()>> queue_; // guarded by mutex_
    bool ended_ = false;                      // guarded by mutex_
    std::vector<std::thread> threads_;
};

struct Scheduler::Inner {
    base::Fd epoll, event;
    ReadyQueue ready;
    Helpers helpers;
    Wheel wheel;
    std::vector<std::thread> workers;
    std::thread poller;
    std::atomic<std::size_t> sessions{0};
    std::atomic<bool> ended{false};

    std::mutex live_mutex;
    std::condition_variable all_gone;
    bool stopping = false;                                             // guarded by live_mutex
    std::unordered_map<StrandImpl*, std::shared_ptr<StrandImpl>> live; // guarded by live_mutex

    // A finished strand may still be named in the batch epoll_wait just returned: only the poller frees it, after the batch.
    std::mutex graveyard_mutex;
    std::vector<std::shared_ptr<StrandImpl>> graveyard; // guarded by graveyard_mutex

    std::mutex stop_mutex;
    bool stopped = false; // guarded by stop_mutex

    void poll();
    void signal() noexcept;
    void bury() noexcept;
};

} // namespace postfach::net
