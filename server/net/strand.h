#pragma once
// Sessions as coroutines: a Strand runs on one worker at a time and holds no thread while it waits.
// Scheduler: an epoll thread (one-shot) with an eventfd, `workers` places for threads that run sessions and never block there,
// `helpers` threads for work that may block, and as many that may leave their place for it.
// Stop order: acceptors, Scheduler::stop(), store writer, scanner client, then the Scheduler is destroyed (last: a thread
// may still be inside wake(), and what a session that never ended handed out may still be written to).
#include "server/net/task.h"

#include <Poco/Net/StreamSocket.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace postfach::net {

// Why a strand was woken. Bits stay set until the session asks for them, so news during a flush is not lost.
enum Wake : std::uint32_t {
    kReadable = 1, kWritable = 2, kNews = 4, kDone = 8, kTurn = 16, kDeadline = 32, kShutdown = 64, kStep = 128, kPlace = 256,
    kAhead = 512,
};

// Why a session is told to go before its time.
enum class Farewell : std::uint8_t { none, shutdown, administrator, account, pressure };

// What ends a session, not a command: whoever catches what a command throws lets these pass.
struct SessionOver : std::runtime_error { using runtime_error::runtime_error; };
struct PeerGone : SessionOver { using SessionOver::SessionOver; };                  // the connection ended; no fuss
struct DeadlinePassed : SessionOver { DeadlinePassed() : SessionOver("deadline passed") {} };
struct ShuttingDown : SessionOver {                                                 // what() is for the client's eyes
    explicit ShuttingDown(Farewell w = Farewell::shutdown) : SessionOver(words(w)), why(w) {}
    Farewell why;
    static const char* words(Farewell why);
};

using SteadyTime = std::chrono::steady_clock::time_point;

class Scheduler;
class SessionRecord; // server/net/sessions.h

class Strand : public std::enable_shared_from_this<Strand> {
public:
    virtual ~Strand() = default;

    // Any thread, noexcept, cheap. Keep a shared_ptr (shared_from_this()) where the caller may outlive the session.
    virtual void wake(std::uint32_t why) noexcept = 0;

    // The rest is called by the strand's own coroutine.
    // Waits for any of `wanted` and returns (and clears) those that came. Throws DeadlinePassed (once for each deadline
    // set) or ShuttingDown (once); either goes before what is wanted, which is not lost by it. From then on there is
    // limits::kGoodbyeTime for the last words, then PeerGone. A new deadline() after DeadlinePassed lets the session live on.
    virtual Task<std::uint32_t> wait(std::uint32_t wanted) = 0;
    // The same, deaf to deadline and shutdown: for work that writes into our frame and cannot be called back.
    virtual Task<std::uint32_t> waitUninterrupted(std::uint32_t wanted) = 0;
    virtual Task<> turn() = 0;                       // lets the others go first; throws as wait() does
    virtual bool turnDue() const = 0;                // true after about a millisecond on the worker: time for turn()
    virtual void deadline(SteadyTime when) = 0;      // one store; SteadyTime::max() for none
    Task<> sleep(SteadyTime until);                  // uses the deadline up: whoever had one sets it anew
    virtual Scheduler& scheduler() = 0;
    virtual SessionRecord& record() = 0;             // what is known of this session; lives as long as the strand

    // Runs `work`, which may block, where it keeps no worker from others; its result or exception comes out of co_await. Cannot be
    // cancelled. As a rule it runs on this very thread, whose place another may have meanwhile: no thread has to be woken for it, nor
    // to go on after it. When too many are away already a helper does it.
    template <class F>
    auto offload(F work) -> Task<std::invoke_result_t<F&>>;

    // Starts something that answers later on another thread: `start(done)` must arrange that done() is called exactly once.
    // Returns when it was. For store commits and scans. (done keeps the strand alive.)
    Task<> completion(std::function<void(std::function<void()> done)> start);

protected:
    virtual bool leavePlace() { return false; } // true: this thread is no worker until comeBack()
    virtual bool comeBack() { return true; }    // false: all places are taken, co_await awaitPlace() before anything else
    virtual Task<> awaitPlace() { co_return; }
};

class Scheduler {
public:
    using Session = std::function<Task<>(Strand&, Poco::Net::StreamSocket)>;

    Scheduler(unsigned workers, unsigned helpers);
    ~Scheduler();

    // Takes the socket (made non-blocking here) and runs the session on it. Exceptions out of the session are logged, never passed on.
    // Any thread. After stop() the socket is closed at once. Without a record the session stands in no list.
    void adopt(const Poco::Net::StreamSocket& socket, Session session, std::shared_ptr<SessionRecord> record = nullptr);
    void help(std::function<void()> work);           // queues for a helper thread
    std::size_t sessions() const;
    // Wakes every session with kShutdown, waits until all are gone or `patience` is over, closes the rest, ends the threads.
    void stop(std::chrono::milliseconds patience = std::chrono::seconds(8));

private:
    struct Inner;
    std::shared_ptr<Inner> inner_; // shared with every Strand: wake() may come late
    friend class StrandImpl;
};

template <class F>
auto Strand::offload(F work) -> Task<std::invoke_result_t<F&>>
{
    using Result = std::invoke_result_t<F&>;
    constexpr bool kGives = !std::is_void_v<Result>;
    std::conditional_t<kGives, std::optional<Result>, std::monostate> result;
    std::exception_ptr error;
    auto job = [&] {
        try {
            if constexpr (kGives)
                result.emplace(work());
            else
                work();
        } catch (...) {
            error = std::current_exception();
        }
    };
    if (leavePlace()) {
        job();
        if (!comeBack())
            co_await awaitPlace();
    } else {
        auto elsewhere = [&job, self = shared_from_this()] {
            job();
            self->wake(kDone);
        };
        scheduler().help(std::move(elsewhere));
        co_await waitUninterrupted(kDone);
    }
    if (error)
        std::rethrow_exception(error);
    if constexpr (kGives)
        co_return std::move(*result);
}

} // namespace postfach::net
