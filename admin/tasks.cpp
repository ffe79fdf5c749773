#include "admin/tasks.h"
#include "admin/problem.h"
#include "server/base/id.h"
#include "server/base/log.h"

#include <algorithm>

namespace postfach::admin {
namespace {
constexpr std::size_t kRemembered = 100;
constexpr std::size_t kFindings = 1000; // that are kept of one
constexpr std::ptrdiff_t kWaiting = 20;  // each holds what it is to do: a whole office of 16 MiB
constexpr Task::State kStates[] = {Task::State::waiting, Task::State::running, Task::State::done, Task::State::failed, Task::State::cancelled,
    Task::State::interrupted};
}

std::string_view stateName(Task::State state)
{
    switch (state) {
    case Task::State::waiting: return "waiting";
    case Task::State::running: return "running";
    case Task::State::done: return "done";
    case Task::State::failed: return "failed";
    case Task::State::cancelled: return "cancelled";
    case Task::State::interrupted: return "interrupted";
    }
    return "failed";
}

store::TaskRecord recordOf(const Task& task)
{
    store::TaskRecord record{task.id, task.kind, std::string(stateName(task.state)), task.progress, task.total, task.error, task.result,
        task.findings, task.created, task.finished};
    if (const auto all = record.findings.size(); all > kFindings) {
        record.findings.resize(kFindings);
        record.findings.push_back("and " + std::to_string(all - kFindings) + " more");
    }
    return record;
}

Task taskOf(const store::TaskRecord& record)
{
    Task task;
    task.id = record.id;
    task.kind = record.kind;
    task.state = Task::State::interrupted;
    for (const auto state : kStates)
        if (record.state == stateName(state))
            task.state = state;
    task.progress = record.progress;
    task.total = record.total;
    task.error = record.error;
    task.findings = record.findings;
    task.result = record.result;
    task.created = record.created;
    task.finished = record.finished;
    return task;
}

Tasks::Tasks(const base::Clock& clock, News news, std::vector<Task> earlier) :
    clock_(clock), news_(std::move(news)), tasks_(earlier.begin(), earlier.end()), thread_([this] { run(); })
{
}

Tasks::~Tasks()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        stop_.request_stop();
    }
    changed_.notify_all();
    thread_.join();
}

void Tasks::requireRoomLocked() const
{
    if (std::count_if(tasks_.begin(), tasks_.end(), [](const Task& t) { return t.state == Task::State::waiting; }) >= kWaiting)
        throw busyFor(60, std::to_string(kWaiting) + " tasks are waiting already: try again when some are done.");
}

void Tasks::requireRoom() const
{
    const std::lock_guard lock(mutex_);
    requireRoomLocked();
}

Task Tasks::start(const std::string& kind, Work work)
{
    Task task;
    task.id = base::randomHex(8);
    task.kind = kind;
    task.created = clock_.now();
    {
        const std::lock_guard lock(mutex_);
        requireRoomLocked();
        // The oldest finished ones are forgotten; one that still runs never is.
        while (tasks_.size() >= kRemembered) {
            const auto finished =
                std::find_if(tasks_.begin(), tasks_.end(), [](const Task& t) { return t.finished.has_value(); });
            if (finished == tasks_.end())
                break;
            tasks_.erase(finished);
        }
        tasks_.push_back(task);
    }
    if (news_) // before it can be told that it runs
        news_(task);
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({task.id, std::move(work)});
    }
    changed_.notify_all();
    return task;
}

std::optional<Task> Tasks::find(const std::string& id) const
{
    const std::lock_guard lock(mutex_);
    for (const auto& task : tasks_)
        if (task.id == id)
            return task;
    return std::nullopt;
}

std::vector<Task> Tasks::all() const
{
    const std::lock_guard lock(mutex_);
    return {tasks_.begin(), tasks_.end()};
}

template <class Change>
Task Tasks::change(const std::string& id, Change how)
{
    Task after;
    bool news = false;
    {
        const std::lock_guard lock(mutex_);
        for (auto& task : tasks_) // it is there: only finished ones are forgotten
            if (task.id == id) {
                const auto before = task.state;
                how(task);
                news = task.state != before;
                after = task;
            }
    }
    if (news && news_)
        news_(after);
    return after;
}

bool Tasks::cancel(const std::string& id)
{
    {
        const std::lock_guard lock(mutex_);
        if (running_ == id) {
            stop_.request_stop();
            return true;
        }
        if (std::erase_if(waiting_, [&id](const Job& job) { return job.id == id; }) == 0)
            return false;
    }
    change(id, [this](Task& task) {
        task.state = Task::State::cancelled;
        task.error = "cancelled before it began";
        task.finished = clock_.now();
    });
    return true;
}

void Tasks::run()
{
    for (;;) {
        Job job;
        std::stop_token stop;
        {
            std::unique_lock lock(mutex_);
            running_.clear();
            changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (stopping_)
                return;
            job = std::move(waiting_.front());
            waiting_.pop_front();
            running_ = job.id;
            stop_ = {};
            stop = stop_.get_token();
        }
        runOne(std::move(job), stop);
    }
}

void Tasks::runOne(Job job, const std::stop_token& stop)
{
    change(job.id, [](Task& task) { task.state = Task::State::running; });
    Outcome outcome;
    std::string error;
    bool failed = false;
    const auto progress = [this, &job](std::uint64_t done, std::uint64_t total) {
        change(job.id, [&](Task& task) { task.progress = done, task.total = total; });
    };
    try {
        outcome = job.work(progress, stop);
    } catch (const std::exception& e) {
        failed = true;
        error = e.what();
        base::log(stop.stop_requested() ? base::LogLevel::info : base::LogLevel::error, "admin",
            stop.stop_requested() ? "task cancelled" : "task failed", {{"task", job.id}, {"reason", error}});
    }
    change(job.id, [&](Task& task) {
        task.state = !failed                  ? Task::State::done
            : !stop.stop_requested()          ? Task::State::failed
            : stopping_                       ? Task::State::interrupted
                                              : Task::State::cancelled;
        task.error = task.state == Task::State::interrupted ? "the server ended while it ran" : error;
        task.findings = std::move(outcome.findings);
        task.result = std::move(outcome.result);
        task.finished = clock_.now();
    });
}

} // namespace postfach::admin
