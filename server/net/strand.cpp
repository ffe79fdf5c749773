// The strand's own side: waking, waiting, deadlines, and one pass on a worker.
#include "server/net/scheduler.h"

#include "server/base/limits.h"
#include "server/base/log.h"

#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace postfach::net {
namespace {
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kIo = kReadable | kWritable;
// How long a session may hold its worker while others wait. Counted in time, not in lines: 64 short answers are nothing,
// 64 searches are a second.
constexpr auto kSlice = std::chrono::milliseconds(1);
// How long a worker looks out for a peer that was quick before, and how quick that is.
constexpr auto kLinger = std::chrono::microseconds(150);
constexpr auto kQuick = std::chrono::microseconds(250);

// Endings that belong to the life of a connection are told at debug level; anything else is our mistake.
void tell(const std::exception_ptr& error) noexcept
{
    try {
        try {
            std::rethrow_exception(error);
        } catch (const PeerGone& gone) {
            base::logDebug("net", "peer gone", {{"reason", gone.what()}});
        } catch (const DeadlinePassed&) {
            base::logDebug("net", "session ended", {{"reason", "deadline"}});
        } catch (const ShuttingDown& told) {
            base::logDebug("net", "session ended", {{"reason", told.what()}});
        } catch (const std::exception& unforeseen) {
            base::logError("net", "session failed", {{"error", unforeseen.what()}});
        } catch (...) {
            base::logError("net", "session failed", {{"error", "unknown exception"}});
        }
    } catch (...) { // no memory for a log line: the session ends all the same
    }
}
} // namespace

const char* ShuttingDown::words(Farewell why)
{
    switch (why) {
    case Farewell::administrator: return "the administrator has ended this session";
    case Farewell::account: return "the account was changed, log in again";
    case Farewell::pressure: return "too many connections, log in sooner";
    case Farewell::none:
    case Farewell::shutdown: break;
    }
    return "the server is shutting down, try again soon";
}

Task<> Strand::sleep(SteadyTime until)
{
    deadline(until);
    try {
        for (;;)
            co_await wait(kStep); // which nobody sends who sleeps
    } catch (const DeadlinePassed&) {
        // it is over
    }
}

Task<> Strand::completion(std::function<void(std::function<void()> done)> start)
{
    const auto self = shared_from_this();
    std::function<void()> done = [self] { self->wake(kDone); };
    start(std::move(done));
    co_await waitUninterrupted(kDone);
}

StrandImpl::StrandImpl(Scheduler& scheduler, std::shared_ptr<Scheduler::Inner> inner, const Poco::Net::StreamSocket& socket,
    Scheduler::Session session, std::shared_ptr<SessionRecord> record) :
    scheduler_(scheduler),
    inner_(std::move(inner)), record_(std::move(record)), socket_(socket), fd_(socket.impl()->sockfd()),
    session_(std::move(session))
{
}

void StrandImpl::wake(std::uint32_t why) noexcept
{
    const std::uint32_t before = word_.fetch_or(why | kScheduled, std::memory_order_acq_rel);
    if ((before & kScheduled) == 0)
        inner_->ready.push(*this, false);
}

void StrandImpl::collect() noexcept { pending_ |= word_.exchange(kScheduled, std::memory_order_acq_rel) & ~kScheduled; }

Task<std::uint32_t> StrandImpl::wait(std::uint32_t wanted)
{
    for (;;) {
        collect();
        interrupt();
        const std::uint32_t came = pending_ & wanted;
        pending_ &= ~came;
        if (came != 0)
            co_return came;
        const std::uint32_t shutdown = told_shutdown_ ? 0U : kShutdown;
        co_await park(wanted | kDeadline | shutdown);
    }
}

Task<std::uint32_t> StrandImpl::waitUninterrupted(std::uint32_t wanted)
{
    for (;;) {
        collect();
        const std::uint32_t came = pending_ & wanted;
        pending_ &= ~came;
        if (came != 0)
            co_return came;
        co_await park(wanted);
    }
}

Task<> StrandImpl::turn()
{
    word_.fetch_or(kTurn, std::memory_order_acq_rel); // kScheduled is set: we are running
    co_await park(kTurn);
    pending_ &= ~kTurn; // a bit that stayed would make the next turn no turn at all
    interrupt();
}

bool StrandImpl::leavePlace() { return inner_->ready.leave(); }

bool StrandImpl::comeBack()
{
    resumed_at_ = Clock::now(); // the time away was not on a worker
    return inner_->ready.comeBack();
}

Task<> StrandImpl::awaitPlace()
{
    word_.fetch_or(kPlace, std::memory_order_acq_rel); // kScheduled is set: run() finds it and queues us
    co_await park(kPlace);
    pending_ &= ~kPlace; // kDone is not ours to take: it may be said of work that goes on beside this
}

bool StrandImpl::turnDue() const { return Clock::now() - resumed_at_ >= kSlice; }

void StrandImpl::deadline(SteadyTime when)
{
    wished_ = when;
    if (!told_shutdown_)
        farewell_ = SteadyTime::max();
    placeDeadline();
}

void StrandImpl::placeDeadline() { inner_->wheel.set(*this, std::min(wished_, farewell_)); }

void StrandImpl::beginFarewell(SteadyTime now)
{
    farewell_ = std::min(farewell_, now + base::limits::kGoodbyeTime);
    placeDeadline();
}

void StrandImpl::interrupt()
{
    if (cut_.load(std::memory_order_acquire))
        throw PeerGone("cut off at shutdown");
    if ((pending_ & kDeadline) != 0) {
        pending_ &= ~kDeadline;
        const SteadyTime now = Clock::now(); // the deadline may have been moved while its news was in the air
        if (now >= farewell_) {
            cut_.store(true, std::memory_order_release);
            throw PeerGone("did not take our last words in time");
        }
        if (now >= wished_) {
            wished_ = SteadyTime::max();
            beginFarewell(now);
            throw DeadlinePassed();
        }
    }
    if ((pending_ & kShutdown) != 0 && !told_shutdown_) {
        told_shutdown_ = true;
        beginFarewell(Clock::now());
        const Farewell why = record_->farewell();
        throw ShuttingDown(why == Farewell::none ? Farewell::shutdown : why);
    }
}

void StrandImpl::start()
{
    task_.emplace(session_(*this, socket_));
    waiting_ = task_->handle();
}

void StrandImpl::run() noexcept
{
    resumed_at_ = Clock::now();
    collect();
    quick_ = (pending_ & mask_ & kReadable) != 0 && resumed_at_ - parked_at_ < kQuick;
    do {
        if ((pending_ & mask_) == 0)
            break;
        if (!task_) {
            pending_ &= ~kTurn;
            try {
                start();
            } catch (...) {
                tell(std::current_exception());
                finish();
                return;
            }
        }
        mask_ = 0;
        waiting_.resume();
        if (task_->handle().done()) {
            finish();
            return;
        }
    } while (linger());
    if ((mask_ & kIo) != 0)
        arm();
    std::uint32_t only_scheduled = kScheduled;
    if (!word_.compare_exchange_strong(only_scheduled, 0, std::memory_order_acq_rel))
        inner_->ready.push(*this, (only_scheduled & kTurn) != 0);
    // From here on another worker may have the strand.
}

// A client on this machine or beside it comes back sooner than the poller can tell and a worker wake up. As long as nobody else wants
// a worker and another stands by, ours looks at the socket until it does. Asleep in poll() it would have to be woken by another core, which
// costs as much as the client's whole turn. True when it came.
bool StrandImpl::linger() noexcept
{
    if (!quick_ || (mask_ & kIo) != kReadable || word_.load(std::memory_order_relaxed) != kScheduled || !inner_->ready.quiet())
        return false;
    pollfd peer{fd_, POLLIN, 0};
    const SteadyTime end = Clock::now() + kLinger;
    while (::poll(&peer, 1, 0) == 0) {
        if (word_.load(std::memory_order_relaxed) != kScheduled || Clock::now() >= end)
            return false;
        ::sched_yield(); // to whoever else wants this core
    }
    resumed_at_ = Clock::now();
    pending_ |= kReadable;
    collect();
    return true;
}

// Level-triggered at the moment of arming, so what came before is told too. What epoll already watches is not armed again.
void StrandImpl::arm() noexcept
{
    const std::uint32_t wanted = mask_ & kIo;
    parked_at_ = Clock::now();
    if ((armed_.load(std::memory_order_acquire) & wanted) == wanted)
        return;
    epoll_event event{};
    event.events = EPOLLONESHOT | ((wanted & kReadable) != 0 ? EPOLLIN : 0U) | ((wanted & kWritable) != 0 ? EPOLLOUT : 0U);
    event.data.ptr = this;
    armed_.store(wanted, std::memory_order_release);
    if (::epoll_ctl(inner_->epoll.get(), EPOLL_CTL_MOD, fd_, &event) != 0)
        wake(kIo); // cannot happen with a descriptor that we hold; the read would tell
}

// A half-closed connection is readable only: the read says the truth, and LOGOUT followed by FIN is still answered.
void StrandImpl::ioEvents(std::uint32_t events) noexcept
{
    armed_.store(0, std::memory_order_release);
    std::uint32_t why = 0;
    if ((events & EPOLLIN) != 0)
        why |= kReadable;
    if ((events & EPOLLOUT) != 0)
        why |= kWritable;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        why |= kIo;
    wake(why);
}

void StrandImpl::cut() noexcept
{
    cut_.store(true, std::memory_order_release);
    ::shutdown(fd_, SHUT_RDWR);
    wake(kIo | kShutdown | kDeadline);
}

void StrandImpl::finish() noexcept
{
    if (task_ && task_->handle().done() && task_->handle().promise().error)
        tell(task_->handle().promise().error);
    word_.fetch_or(kScheduled, std::memory_order_acq_rel); // nobody queues us again
    task_.reset();                                         // subscriptions in the frame end before the strand does
    inner_->wheel.remove(*this);
    ::epoll_ctl(inner_->epoll.get(), EPOLL_CTL_DEL, fd_, nullptr); // before close: a copy of the handle may keep it open
    std::shared_ptr<StrandImpl> self;
    {
        const std::lock_guard lock(inner_->live_mutex); // cut() looks at the descriptor under it
        const auto at = inner_->live.find(this);
        self = std::move(at->second);
        inner_->live.erase(at);
    }
    session_ = nullptr;
    socket_ = Poco::Net::StreamSocket();
    const auto inner = inner_;
    {
        const std::lock_guard lock(inner->graveyard_mutex);
        inner->graveyard.push_back(std::move(self));
    }
    inner->sessions.fetch_sub(1);
    {
        const std::lock_guard lock(inner->live_mutex);
    } // whoever waits for it has looked, or will look
    inner->all_gone.notify_all();
}

} // namespace postfach::net
