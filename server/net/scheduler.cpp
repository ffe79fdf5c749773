// The threads: one that polls, workers that run strands and never block, helpers that may block.
#include "server/net/scheduler.h"

#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/net/address.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace postfach::net {
namespace {
// Signals belong to the main thread; a blocked SIGPIPE turns into EPIPE, also inside OpenSSL, which has no MSG_NOSIGNAL.
class SignalsBlocked {
public:
    SignalsBlocked()
    {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

constexpr unsigned kWokenInRow = 16; // then one that took a turn, so that floods are slow but not still

thread_local bool t_has_place = false; // of a ReadyQueue
} // namespace

// --- ReadyQueue

void ReadyQueue::append(List& list, StrandImpl& strand) noexcept
{
    strand.next = nullptr;
    (list.last != nullptr ? list.last->next : list.first) = &strand;
    list.last = &strand;
}

StrandImpl* ReadyQueue::take(List& list) noexcept
{
    StrandImpl* const strand = list.first;
    list.first = strand->next;
    if (list.first == nullptr)
        list.last = nullptr;
    return strand;
}

void ReadyQueue::open(unsigned places, unsigned most_away)
{
    const std::lock_guard lock(mutex_);
    places_ = places;
    most_away_ = most_away;
}

bool ReadyQueue::leave() noexcept
{
    const std::lock_guard lock(mutex_);
    if (away_ >= most_away_)
        return false;
    ++away_;
    ++places_;
    t_has_place = false;
    if (idle_ > 0 && (woken_.first != nullptr || turned_.first != nullptr))
        filled_.notify_one();
    return true;
}

bool ReadyQueue::comeBack() noexcept
{
    const std::lock_guard lock(mutex_);
    --away_;
    if (places_ == 0)
        return false;
    --places_;
    t_has_place = true;
    return true;
}

void ReadyQueue::push(StrandImpl& strand, bool after_turn) noexcept
{
    const std::lock_guard lock(mutex_);
    if (ended_)
        return;
    append(after_turn ? turned_ : woken_, strand);
    if (idle_ > 0 && places_ > 0)
        filled_.notify_one();
}

StrandImpl* ReadyQueue::pop()
{
    std::unique_lock lock(mutex_);
    if (std::exchange(t_has_place, false))
        ++places_;
    ++idle_;
    filled_.wait(lock, [this] { return ended_ || (places_ > 0 && (woken_.first != nullptr || turned_.first != nullptr)); });
    --idle_;
    if (ended_)
        return nullptr;
    --places_;
    t_has_place = true;
    if (woken_.first != nullptr && (turned_.first == nullptr || woken_in_row_ < kWokenInRow)) {
        ++woken_in_row_;
        return take(woken_);
    }
    woken_in_row_ = 0;
    return take(turned_);
}

bool ReadyQueue::quiet() noexcept
{
    const std::lock_guard lock(mutex_);
    return idle_ > 0 && places_ > 0 && woken_.first == nullptr && turned_.first == nullptr;
}

void ReadyQueue::end()
{
    const std::lock_guard lock(mutex_);
    ended_ = true;
    filled_.notify_all();
}

// --- Helpers

void Helpers::start(unsigned threads)
{
    for (unsigned i = 0; i < threads; ++i)
        threads_.emplace_back([this] { work(); });
}

void Helpers::push(std::function<void()> job)
{
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
    filled_.notify_one();
}

void Helpers::work()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        filled_.wait(lock, [this] { return ended_ || !queue_.empty(); });
        if (queue_.empty())
            return;
        std::function<void()> job = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        try {
            job();
        } catch (const std::exception& error) {
            base::logError("net", "helper failed", {{"error", error.what()}});
        } catch (...) {
            base::logError("net", "helper failed", {{"error", "unknown exception"}});
        }
        job = nullptr; // what it holds is let go outside the lock
        lock.lock();
    }
}

void Helpers::end()
{
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        filled_.notify_all();
    }
    for (auto& thread : threads_)
        thread.join();
    threads_.clear();
}

// --- Scheduler

Scheduler::Scheduler(unsigned workers, unsigned helpers) : inner_(std::make_shared<Inner>())
{
    inner_->epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
    inner_->event.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    if (!inner_->epoll || !inner_->event || ::epoll_ctl(inner_->epoll.get(), EPOLL_CTL_ADD, inner_->event.get(), &event) != 0)
        throw std::system_error(errno, std::generic_category(), "epoll");
    const SignalsBlocked blocked;      // the new threads inherit it
    Inner* const inner = inner_.get(); // outlives the threads: stop() joins them
    inner->poller = std::thread([inner] { inner->poll(); });
    workers = std::max(workers, 1U);
    helpers = std::max(helpers, 1U);
    inner->ready.open(workers, helpers);
    for (unsigned i = 0; i < workers + helpers; ++i)
        inner->workers.emplace_back([inner] {
            while (StrandImpl* const strand = inner->ready.pop())
                strand->run();
        });
    inner->helpers.start(helpers);
}

// Sessions that not even being cut off could end wait for a completion that never came. Their frames go now: by the
// stop order nobody is left who could still write into them.
Scheduler::~Scheduler()
{
    stop();
    std::vector<std::shared_ptr<StrandImpl>> left;
    {
        const std::lock_guard lock(inner_->live_mutex);
        for (const auto& [raw, strand] : inner_->live)
            left.push_back(strand);
    }
    for (const auto& strand : left)
        strand->finish();
    inner_->bury();
}

void Scheduler::adopt(const Poco::Net::StreamSocket& socket, Session session, std::shared_ptr<SessionRecord> record)
{
    try {
        Poco::Net::StreamSocket own(socket);
        own.setBlocking(false); // before anything is read: OpenSSL on a blocking socket would park a worker for good
        if (!record)
            record = std::make_shared<SessionRecord>(0, "", peerOf(own), base::Time{});
        const auto strand = std::make_shared<StrandImpl>(*this, inner_, own, std::move(session), record);
        epoll_event event{};
        event.events = EPOLLONESHOT;
        event.data.ptr = strand.get();
        {
            const std::lock_guard lock(inner_->live_mutex);
            if (inner_->stopping)
                return; // both handles go, and the socket with them
            inner_->live.emplace(strand.get(), strand);
            if (::epoll_ctl(inner_->epoll.get(), EPOLL_CTL_ADD, strand->fd(), &event) != 0) {
                const int error = errno;
                inner_->live.erase(strand.get());
                throw std::system_error(error, std::generic_category(), "epoll_ctl");
            }
        }
        if (inner_->sessions.fetch_add(1) == 0)
            inner_->signal();
        strand->wake(kTurn);
        record->attach(strand);
    } catch (const std::exception& error) {
        base::logError("net", "connection not taken", {{"error", error.what()}});
    }
}

void Scheduler::help(std::function<void()> work) { inner_->helpers.push(std::move(work)); }

std::size_t Scheduler::sessions() const { return inner_->sessions.load(); }

void Scheduler::stop(std::chrono::milliseconds patience)
{
    const std::lock_guard stopping(inner_->stop_mutex);
    if (inner_->stopped)
        return;
    inner_->stopped = true;
    const auto each = [this](auto what) {
        for (const auto& [raw, strand] : inner_->live)
            what(*strand);
    };
    const auto gone = [this] { return inner_->live.empty() && inner_->sessions.load() == 0; };
    {
        std::unique_lock lock(inner_->live_mutex);
        inner_->stopping = true;
        each([](StrandImpl& strand) { strand.wake(kShutdown); });
        if (!inner_->all_gone.wait_for(lock, patience, gone)) {
            base::logWarning("net", "sessions cut off", {{"sessions", inner_->live.size()}});
            each([](StrandImpl& strand) { strand.cut(); });
            if (!inner_->all_gone.wait_for(lock, base::limits::kGoodbyeTime, gone))
                base::logError("net", "sessions left", {{"sessions", inner_->live.size()}});
        }
    }
    inner_->helpers.end();
    inner_->ready.end();
    for (auto& worker : inner_->workers)
        worker.join();
    inner_->ended.store(true);
    inner_->signal();
    inner_->poller.join();
    inner_->bury();
}

// --- the poller

void Scheduler::Inner::signal() noexcept
{
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event.get(), &one, sizeof one); // full means signalled
}

void Scheduler::Inner::bury() noexcept
{
    std::vector<std::shared_ptr<StrandImpl>> dead;
    const std::lock_guard lock(graveyard_mutex);
    dead.swap(graveyard);
}

// Ticks while there are sessions, sleeps without end when there are none: the first one's adoption signals.
void Scheduler::Inner::poll()
{
    std::array<epoll_event, 256> events;
    auto next_tick = std::chrono::steady_clock::now() + Wheel::kTick;
    while (!ended.load()) {
        const int timeout = sessions.load() > 0 ? static_cast<int>(Wheel::kTick.count()) : -1;
        const int count = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), timeout);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event_now = events[static_cast<std::size_t>(i)];
            if (event_now.data.ptr != nullptr) {
                static_cast<StrandImpl*>(event_now.data.ptr)->ioEvents(event_now.events);
                continue;
            }
            std::uint64_t signals = 0;
            [[maybe_unused]] const auto read = ::read(event.get(), &signals, sizeof signals);
        }
        bury();
        const auto now = std::chrono::steady_clock::now();
        if (now >= next_tick) {
            wheel.advance(now);
            next_tick = now + Wheel::kTick;
        }
    }
}

} // namespace postfach::net
