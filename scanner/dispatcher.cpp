#include "scanner/dispatcher.h"
#include "server/base/log.h"
#include "server/base/metrics.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <system_error>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

namespace postfach::scanner {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kLoadTime = 10min;  // a full set on a busy machine takes 40 s; an hour-long wait helps nobody
constexpr auto kLeaveTime = 5s;    // for a generation that has nothing left to do to end by itself

base::Counter restart_count{"postfach_scanner_restarts_total", "Scanner workers and parents that died or were killed"};
base::Gauge is_ready{"postfach_scanner_ready", "1 when scans are answered"};
} // namespace

Dispatcher::Dispatcher(const Options& options)
    : options_(options), workers_(options.workers ? options.workers : std::max(1U, std::thread::hardware_concurrency())),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
    if (!wake_)
        throw std::system_error(errno, std::generic_category(), "eventfd");
    options_.run_folder = fs::absolute(options.run_folder).string();
    if (!options.signatures.empty())
        options_.signatures = fs::absolute(options.signatures).string();
    options_.program = fs::absolute(options.program).string();
    workers_ = std::min(workers_, 256U);
    status_.problem = "signatures are being loaded";
    look_at_ = Clock::now() + options_.poll;
    thread_ = std::thread([this] { run(); });
}

Dispatcher::~Dispatcher()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
}

void Dispatcher::scan(Content content, std::function<void(Verdict)> answer)
{
    auto job = std::make_unique<Job>();
    job->background = content.background;
    job->content = std::move(content);
    job->give_up = Clock::now() + options_.deadline;
    {
        const std::lock_guard lock(mutex_);
        inbox_.emplace_back(); // before the job has its answer: what is thrown here is the caller's to tell
        job->answer = std::move(answer);
        inbox_.back() = std::move(job);
    }
    ::eventfd_write(wake_.get(), 1);
}

Status Dispatcher::status() const
{
    const std::lock_guard lock(mutex_);
    return status_;
}

void Dispatcher::reload()
{
    {
        const std::lock_guard lock(mutex_);
        reload_asked_ = true;
    }
    ::eventfd_write(wake_.get(), 1);
}

void Dispatcher::withdraw()
{
    {
        const std::lock_guard lock(mutex_);
        reload_asked_ = withdraw_asked_ = true;
    }
    ::eventfd_write(wake_.get(), 1);
}

void Dispatcher::run()
{
    ::pthread_setname_np(::pthread_self(), "scanner");
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(options_.run_folder, ignored))
        if (entry.path().filename().string().starts_with("generation-"))
            fs::remove_all(entry.path(), ignored); // of a server that was killed
    served_ = listSignatures(options_.run_folder + "/good").empty() ? 0 : 2;

    for (bool stop = false; !stop;) {
        try {
            round();
        } catch (const std::exception& problem) {
            // Memory or descriptors ran out: what can be answered is answered at its deadline. Never a busy loop.
            base::logError("scanner", "client trouble", {{"problem", problem.what()}});
            ::poll(nullptr, 0, 100);
        }
        const std::lock_guard lock(mutex_);
        stop = stopping_;
    }
    takeInbox();
    for (auto* generation : {serving_.get(), loading_.get()})
        if (generation)
            leaving_.push_back(std::move(generation == serving_.get() ? serving_ : loading_));
    for (auto& generation : leaving_) {
        generation->end();
        for (Slot& slot : generation->slots)
            if (slot.job)
                queue_.push_back(std::move(slot.job));
    }
    for (auto* line : {&queue_, &background_})
        for (; !line->empty(); line->pop_front())
            fail(std::move(line->front()), "the server is stopping");
    leaving_.clear();
    is_ready.set(0);
}

void Dispatcher::round()
{
    takeInbox();
    checkTimes();
    if (want_generation_ && !loading_ && Clock::now() >= start_at_)
        startAttempt();
    dispatch();
    publish();
    pollAll(pollTime());
}

void Dispatcher::takeInbox()
{
    bool reload_asked = false;
    {
        const std::lock_guard lock(mutex_);
        for (; !inbox_.empty(); inbox_.pop_front()) {
            auto& job = inbox_.front();
            job->id = next_id_++;
            job->since = Clock::now();
            (job->background ? background_ : queue_).push_back(std::move(job));
        }
        std::swap(reload_asked, reload_asked_);
        withdrawn_ = std::exchange(withdraw_asked_, false) || withdrawn_;
    }
    if (reload_asked)
        checkFolder(true);
}

void Dispatcher::countRestart()
{
    ++restarts_;
    restart_count.add();
}

// A worker without work, and none to come, keeps its slot from a successor.
void Dispatcher::endLingering(SteadyTime now)
{
    for (std::size_t i = 0; i < serving_->slots.size(); ++i) {
        const Slot& slot = serving_->slots[i];
        if (!slot.socket || slot.greeted || slot.job || now - slot.since <= options_.greet_time)
            continue;
        base::logWarning("scanner", "worker lingers, killed", {{"slot", i}});
        if (slot.retired) // else nothing begins there: the parent is asked to answer for it
            serving_->alone_since = now;
        serving_->kill(i);
        countRestart();
    }
}

void Dispatcher::checkTimes()
{
    const auto now = Clock::now();
    if (serving_ && (serving_->greeted() || serving_->busy()))
        serving_->alone_since = now; // however its last worker goes
    giveUp(queue_, now);
    giveUp(background_, now);
    makeWay(now);
    std::vector<Generation*> working;
    if (serving_)
        working.push_back(serving_.get());
    for (auto& generation : leaving_)
        working.push_back(generation.get());
    for (Generation* generation : working)
        for (std::size_t i = 0; i < generation->slots.size(); ++i) {
            Slot& slot = generation->slots[i];
            if (!slot.job || slot.job->give_up > now)
                continue;
            auto job = std::move(slot.job);
            generation->kill(i);
            countRestart();
            base::logWarning("scanner", "scan took too long, worker killed", {{"slot", i}});
            died(std::move(job), *generation); // libclamav's own limit lies at half of the deadline: the worker hung, not the content
        }
    if (serving_)
        endLingering(now);
    if (serving_ && !serving_->greeted() && !serving_->busy() && now - serving_->alone_since > options_.greet_time)
        servingDied(); // its destructor ends it
    if (loading_ && (now - loading_->started > kLoadTime || (loading_->loaded && now - loading_->alone_since > options_.greet_time)))
        loadingFailed(start_problem_.empty() ? "not ready in time" : start_problem_);
    for (auto& generation : leaving_) {
        if (generation->busy())
            generation->started = now;
        else
            generation->end();
    }
    std::erase_if(leaving_, [&](const auto& generation) { return now - generation->started > kLeaveTime; });
    if (options_.poll.count() > 0 && now >= look_at_)
        checkFolder(false);
}

int Dispatcher::pollTime() const
{
    SteadyTime next = Clock::now() + 1s; // slow clocks (loading, leaving, folder) need no better
    const auto consider = [&](SteadyTime time) { next = std::min(next, time); };
    for (const auto* line : {&queue_, &background_})
        for (const auto& job : *line)
            consider(job->give_up);
    if (!queue_.empty() && serving_ && inBackground() > 0)
        consider(queue_.front()->since + kPatience);
    for (const auto* generation : {serving_.get()})
        if (generation)
            for (const Slot& slot : generation->slots)
                if (slot.job)
                    consider(slot.job->give_up);
    for (const auto& generation : leaving_)
        for (const Slot& slot : generation->slots)
            if (slot.job)
                consider(slot.job->give_up);
    if (want_generation_ && !loading_)
        consider(start_at_);
    if (options_.poll.count() > 0)
        consider(look_at_);
    const auto wait = std::chrono::duration_cast<milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(wait + 1, 0));
}

void Dispatcher::pollAll(int timeout)
{
    struct Source {
        Generation* generation;
        std::size_t slot; // or kControl
    };
    constexpr auto kControl = static_cast<std::size_t>(-1);
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
    std::vector<Source> sources{{nullptr, 0}};
    const auto add = [&](Generation* generation) {
        if (!generation)
            return;
        for (std::size_t i = 0; i < generation->slots.size(); ++i)
            if (generation->slots[i].socket) {
                fds.push_back({generation->slots[i].socket.get(), POLLIN, 0});
                sources.push_back({generation, i});
            }
        fds.push_back({generation->control.get(), POLLIN, 0});
        sources.push_back({generation, kControl});
    };
    add(serving_.get());
    add(loading_.get());
    for (auto& generation : leaving_)
        add(generation.get());

    ::poll(fds.data(), fds.size(), timeout);
    if (fds[0].revents) {
        eventfd_t ignored;
        ::eventfd_read(wake_.get(), &ignored);
    }
    std::vector<Generation*> gone;
    for (std::size_t i = 1; i < fds.size(); ++i) {
        if (!fds[i].revents)
            continue;
        Generation& generation = *sources[i].generation;
        if (sources[i].slot != kControl) {
            // A nonsense answer may have cost the slot its socket within this round.
            if (generation.slots[sources[i].slot].socket.get() == fds[i].fd)
                hearWorker(generation, sources[i].slot);
        } else if (!generation.hear()) {
            gone.push_back(&generation);
        }
    }
    for (Generation* generation : gone) {
        if (generation == loading_.get()) {
            loadingFailed(generation->failure.empty() ? "the scanner ended while loading" : std::string(generation->failure));
        } else if (generation == serving_.get()) {
            servingDied();
        } else {
            for (std::size_t i = 0; i < generation->slots.size(); ++i)
                if (generation->slots[i].job)
                    workerDied(*generation, i);
            std::erase_if(leaving_, [&](const auto& one) { return one.get() == generation; });
        }
    }
    if (loading_ && loading_->loaded && loading_->greeted())
        promote();
}

void Dispatcher::publish()
{
    const std::lock_guard lock(mutex_);
    status_.ready = serving_ && (serving_->greeted() || serving_->busy());
    if (serving_) {
        status_.signatures = serving_->signatures;
        status_.engine = serving_->engine;
        status_.signature_count = serving_->count;
        status_.loaded_at = loaded_at_;
    }
    std::string problem;
    const auto say = [&](const std::string& text) {
        if (!text.empty())
            problem += (problem.empty() ? "" : "; ") + text;
    };
    if (!serving_)
        say(start_problem_.empty() ? "signatures are being loaded" : start_problem_);
    else if (!status_.ready)
        say(start_problem_.empty() ? "no worker answers" : start_problem_);
    say(reload_problem_);
    if (serving_)
        say(serving_->detail);
    status_.problem = std::move(problem);
    status_.workers = workers_;
    status_.scans = scans_;
    status_.infected = infected_;
    status_.unscannable = unscannable_;
    status_.suspicious = suspicious_;
    status_.errors = errors_;
    status_.restarts = restarts_;
    is_ready.set(status_.ready ? 1 : 0);
}

} // namespace postfach::scanner
