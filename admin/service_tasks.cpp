// Service: long work, which a restart does not forget, and the pass over stored mail among it.
#include "admin/answering.h"
#include "admin/service.h"
#include "server/base/log.h"
#include "server/base/text.h"

namespace postfach::admin {
namespace {
constexpr auto kTasksKept = std::chrono::hours(24 * 7); // of what is over
constexpr std::size_t kMost = 100;

store::NewEvent eventOf(const Task& task)
{
    const std::string_view state = task.state == Task::State::running ? "started" : stateName(task.state);
    return {"task." + std::string(state), "",
        base::jsonObject({{"id", task.id}, {"kind", task.kind}, {"error", task.error}, {"result", task.result}, {"findings", task.findings.size()}})};
}

Task taskOf(const delivery::Rescan::Status& pass)
{
    Task task;
    task.id = pass.id;
    task.kind = "rescan";
    task.state = !pass.finished      ? Task::State::running
        : pass.cancelled             ? Task::State::cancelled
        : pass.problem.empty()       ? Task::State::done
                                     : Task::State::failed;
    task.progress = pass.scanned;
    task.total = pass.scanned + pass.left;
    task.error = pass.cancelled ? "cancelled; POST /api/v1/scans begins another" : pass.problem;
    task.created = pass.started;
    task.finished = pass.finished;
    if (pass.finished)
        task.result = std::to_string(pass.scanned) + " contents scanned, " + std::to_string(pass.hits) + " infected";
    return task;
}
} // namespace

// What ended with the server was done by nobody since.
std::vector<Task> Service::earlierTasks()
{
    std::vector<Task> all;
    try {
        for (const auto& record : context_.store.read()->tasks())
            if (!record.finished || context_.clock.now() - *record.finished < kTasksKept)
                all.push_back(admin::taskOf(record));
    } catch (const store::Error& error) {
        base::logError("admin", "earlier tasks are not readable", {{"reason", error.what()}});
    }
    for (auto& task : all) {
        if (task.finished)
            continue;
        task.error = task.state == Task::State::waiting ? "the server ended before it began" : "the server ended while it ran";
        task.state = Task::State::interrupted;
        task.finished = context_.clock.now();
        tellTask(task);
    }
    return all;
}

void Service::tellTask(const Task& task)
{
    context_.store.writeLater([record = recordOf(task), event = eventOf(task), waits = task.state == Task::State::waiting](store::WriteTx& tx) {
        tx.putTask(record);
        if (record.finished)
            tx.forgetTasks(tx.now() - kTasksKept, kMost);
        if (!waits)
            tx.addEvent(event);
    });
}

std::vector<Task> Service::tasks()
{
    auto all = tasks_.all();
    if (const auto pass = context_.rescan.status(); !pass.id.empty())
        all.push_back(taskOf(pass));
    return all;
}

std::optional<Task> Service::task(const std::string& id)
{
    if (const auto pass = context_.rescan.status(); !pass.id.empty() && pass.id == id)
        return taskOf(pass);
    return tasks_.find(id);
}

Task Service::cancelTask(const By& by, const std::string& id)
{
    const auto known = task(id);
    if (!known)
        throw Problem(404, "not_found", "There is no task " + base::printable(id, 100) + ".");
    const Problem over(409, "finished", "The task is over.");
    if (known->kind == "rescan") {
        if (known->finished)
            throw over;
        cancelRescan(by);
    } else {
        if (!tasks_.cancel(id))
            throw over;
        note(by, "task.cancel", known->kind + "/" + id);
    }
    return task(id).value_or(*known);
}

} // namespace postfach::admin
