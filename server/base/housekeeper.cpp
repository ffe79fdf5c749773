#include "server/base/housekeeper.h"
#include "server/base/log.h"
#include "server/base/metrics.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace postfach::base {
namespace {

using namespace std::chrono_literals;
constexpr auto kLongestWait = 30s; // the wall clock may be set while we wait by the steady one

} // namespace

struct Housekeeper::Job {
    Job(std::string n, Next due_after, Work w, Time first)
        : name(std::move(n)), next(std::move(due_after)), work(std::move(w)), due(first),
          done("postfach_housekeeping_runs_total", "Runs of periodic jobs", {{"job", name}, {"outcome", "done"}}),
          failed("postfach_housekeeping_runs_total", "Runs of periodic jobs", {{"job", name}, {"outcome", "failed"}}),
          last_success("postfach_housekeeping_last_success_seconds", "When a periodic job last ended well, seconds since 1970", {{"job", name}}),
          milliseconds("postfach_housekeeping_last_run_milliseconds", "How long the last run of a periodic job took", {{"job", name}})
    {
    }
    const std::string name;
    const Next next;
    const Work work;
    Time due;
    bool running = false;
    std::optional<Time> last;
    std::string error;
    Counter done, failed;
    Gauge last_success, milliseconds;
};

Housekeeper::Housekeeper(const Clock& clock) : clock_(clock) {}

Housekeeper::~Housekeeper() { stop(); }

void Housekeeper::add(std::string name, Next next, Work work, bool at_once)
{
    const Time now = clock_.now();
    const Time first = at_once ? now : next(now);
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::make_unique<Job>(std::move(name), std::move(next), std::move(work), first));
    changed_ = true;
    wake_.notify_all();
}

void Housekeeper::start()
{
    thread_ = std::thread([this] { loop(); });
}

void Housekeeper::stop()
{
    stopping_.request_stop(); // wakes the wait too
    if (thread_.joinable())
        thread_.join();
    const std::lock_guard turn(turn_); // a run of somebody else's call
}

void Housekeeper::loop()
{
    const std::stop_token stopped = stopping_.get_token();
    while (!stopped.stop_requested()) {
        runDue();
        std::unique_lock lock(mutex_);
        const Time now = clock_.now();
        std::chrono::milliseconds wait = kLongestWait;
        for (const auto& job : jobs_)
            wait = std::min(wait, std::max(job->due - now, std::chrono::milliseconds(1)));
        wake_.wait_for(lock, stopped, wait, [this] { return std::exchange(changed_, false); });
    }
}

// The one that has waited longest. A clock that was set back must not make a job wait until it is where it was.
Housekeeper::Job* Housekeeper::nextDue(Time now)
{
    Job* first = nullptr;
    for (const auto& job : jobs_) {
        if (job->due > now)
            job->due = std::min(job->due, job->next(now));
        if (job->due <= now && (first == nullptr || job->due < first->due))
            first = job.get();
    }
    return first;
}

int Housekeeper::runDue()
{
    const std::lock_guard turn(turn_);
    int ran = 0;
    while (!stopping_.stop_requested()) {
        Job* job = nullptr;
        {
            const std::lock_guard lock(mutex_);
            job = nextDue(clock_.now());
        }
        if (job == nullptr)
            break;
        runOne(*job);
        ++ran;
    }
    return ran;
}

bool Housekeeper::run(const std::string& name)
{
    const std::lock_guard turn(turn_);
    Job* job = nullptr;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& one : jobs_)
            if (one->name == name)
                job = one.get();
    }
    if (job == nullptr || stopping_.stop_requested())
        return false;
    runOne(*job);
    return true;
}

// What was missed while a job ran, or while the machine slept, is one run and not many: the next is reckoned from its end.
void Housekeeper::runOne(Job& job)
{
    const Time began = clock_.now();
    const auto steady = std::chrono::steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        job.running = true;
        job.last = began;
    }
    std::string error;
    try {
        job.work(stopping_.get_token());
    } catch (const std::exception& e) {
        error = e.what();
        if (error.empty())
            error = "failed";
    } catch (...) {
        error = "failed";
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - steady).count();
    const Time now = clock_.now();
    if (error.empty()) {
        job.done.add();
        job.last_success.set(toMillis(now) / 1000);
        logDebug("housekeeping", "job done", {{"job", job.name}, {"milliseconds", took}});
    } else {
        job.failed.add();
        logWarning("housekeeping", "job failed", {{"job", job.name}, {"reason", error}});
    }
    job.milliseconds.set(took);
    const Time next = job.next(now);
    const std::lock_guard lock(mutex_);
    job.running = false;
    job.error = std::move(error);
    job.due = next;
}

std::vector<Housekeeper::Status> Housekeeper::status() const
{
    const std::lock_guard lock(mutex_);
    std::vector<Status> all;
    for (const auto& job : jobs_)
        all.push_back({job->name, job->running, job->due, job->last, job->error});
    return all;
}

Housekeeper::Next Housekeeper::every(std::chrono::milliseconds interval)
{
    return [interval](Time after) { return after + interval; };
}

Housekeeper::Next Housekeeper::daily(std::chrono::minutes past_midnight, std::chrono::hours every)
{
    return [past_midnight, every](Time after) {
        const Time today = std::chrono::floor<std::chrono::days>(after) + past_midnight;
        const Time tomorrow = today + std::chrono::days(1);
        // Those that began yesterday go on until today's first.
        for (const Time first : {today - std::chrono::days(1), today})
            for (Time time = first; time < first + std::chrono::days(1); time += every)
                if (time > after)
                    return time;
        return tomorrow;
    };
}

} // namespace postfach::base
