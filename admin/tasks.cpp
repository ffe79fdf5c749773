#include "admin/tasks.h"
#include "server/base/id.h"
#include "server/base/log.h"

#include <algorithm>

namespace postfach::admin {
namespace {
constexpr std::size_t kRemembered = 100;
}

std::string_view stateName(Task::State state)
{
    switch (state) {
    case Task::State::waiting: return "waiting";
    case Task::State::running: return "running";
    case Task::State::done: return "done";
    case Task::State::failed: return "failed";
    }
    return "failed";
}

Tasks::Tasks(const base::Clock& clock) : clock_(clock), thread_([this] { run(); }) {}

Tasks::~Tasks()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

Task Tasks::start(const std::string& kind, Work work)
{
    Task task;
    task.id = base::randomHex(8);
    task.kind = kind;
    task.created = clock_.now();
    {
        const std::lock_guard lock(mutex_);
        // The oldest finished ones are forgotten; one that still runs never is.
        while (tasks_.size() >= kRemembered) {
            const auto finished = std::find_if(tasks_.begin(), tasks_.end(), [](const Task& t) { return t.finished.has_value(); });
            if (finished == tasks_.end())
                break;
            tasks_.erase(finished);
        }
        tasks_.push_back(task);
        waiting_.emplace_back(task.id, std::move(work));
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

void Tasks::run()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_)
            return;
        auto [id, work] = std::move(waiting_.front());
        waiting_.pop_front();
        // Called with mutex_ held; the task is there: only finished ones are forgotten.
        const auto change = [this, &id = id](auto&& how) {
            for (auto& task : tasks_)
                if (task.id == id)
                    how(task);
        };
        change([](Task& task) { task.state = Task::State::running; });
        lock.unlock();
        Outcome outcome;
        std::string error;
        bool failed = false;
        try {
            outcome = work([this, &change](std::uint64_t done, std::uint64_t total) {
                const std::lock_guard guard(mutex_);
                change([&](Task& task) { task.progress = done, task.total = total; });
            });
        } catch (const std::exception& e) {
            failed = true;
            error = e.what();
            base::logError("admin", "task failed", {{"task", id}, {"reason", error}});
        }
        lock.lock();
        change([&](Task& task) {
            task.state = failed ? Task::State::failed : Task::State::done;
            task.error = error;
            task.findings = std::move(outcome.findings);
            task.result = std::move(outcome.result);
            task.finished = clock_.now();
        });
    }
}

} // namespace postfach::admin
