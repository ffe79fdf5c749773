// Long work: in a line, ended on request, and interrupted by the end.
#include "admin/problem.h"
#include "admin/tasks.h"
#include "tests/support/catch.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <stdexcept>

using namespace postfach;
using namespace postfach::admin;
using State = Task::State;

namespace {

// What is told of tasks, in its order.
class Told {
public:
    Tasks::News news()
    {
        return [this](const Task& task) {
            const std::lock_guard lock(mutex_);
            all_.push_back(task.kind + " " + std::string(stateName(task.state)));
        };
    }
    std::vector<std::string> all()
    {
        const std::lock_guard lock(mutex_);
        return all_;
    }

private:
    std::mutex mutex_;
    std::vector<std::string> all_; // guarded by mutex_
};

// Work that ends when it is told to stop, and says when it runs.
Tasks::Work endless(std::promise<void>& runs)
{
    return [&runs](const Tasks::Progress& progress, const std::stop_token& stop) -> Tasks::Outcome {
        progress(1, 2);
        runs.set_value();
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        stopped.wait(lock, stop, [] { return false; });
        throw std::runtime_error("told to stop");
    };
}

} // namespace

TEST_CASE("what runs when the server ends is interrupted, what waits stays waiting", "[admin][tasks]")
{
    base::FakeClock clock;
    Told told;
    std::promise<void> runs;
    {
        Tasks tasks(clock, told.news());
        tasks.start("check", endless(runs));
        runs.get_future().wait();
        tasks.start("backup", [](const Tasks::Progress&, const std::stop_token&) { return Tasks::Outcome(); });
    }
    CHECK(told.all() == std::vector<std::string>{"check waiting", "check running", "backup waiting", "check interrupted"});
}

TEST_CASE("what is cancelled is cancelled, and earlier tasks stand before the others", "[admin][tasks]")
{
    base::FakeClock clock;
    Told told;
    Task earlier;
    earlier.id = "0123";
    earlier.kind = "backup";
    earlier.state = State::done;
    earlier.finished = clock.now();
    std::promise<void> runs;
    Tasks tasks(clock, told.news(), {earlier});
    REQUIRE(tasks.find("0123"));
    CHECK_FALSE(tasks.cancel("0123"));
    const auto id = tasks.start("check", endless(runs)).id;
    runs.get_future().wait();
    CHECK(tasks.all().size() == 2);
    CHECK(tasks.all().front().id == "0123");
    CHECK(tasks.cancel(id));
    std::promise<void> after;
    tasks.start("last", [&after](const Tasks::Progress&, const std::stop_token&) {
        after.set_value();
        return Tasks::Outcome();
    });
    after.get_future().wait(); // behind it
    CHECK(tasks.find(id)->state == State::cancelled);
    CHECK(tasks.find(id)->progress == 1);
}

TEST_CASE("a task is the same when it comes back from the store", "[admin][tasks]")
{
    base::FakeClock clock;
    Task task;
    task.id = "77";
    task.kind = "check";
    task.created = clock.now();
    task.finished = clock.now();
    task.error = "e", task.result = "r", task.progress = 3, task.total = 4;
    for (const auto state : {State::waiting, State::running, State::done, State::failed, State::cancelled, State::interrupted}) {
        task.state = state;
        const auto again = taskOf(recordOf(task));
        CHECK(again.state == state);
        CHECK(again.total == 4);
        CHECK(again.result == "r");
        CHECK(again.finished == task.finished);
    }
    task.findings.assign(5000, "wrong");
    CHECK(taskOf(recordOf(task)).findings.size() == 1001);
    auto strange = recordOf(task);
    strange.state = "of a later version";
    CHECK(taskOf(strange).state == State::interrupted);
}

TEST_CASE("no more than twenty tasks wait: each holds what it is to do", "[admin][tasks]")
{
    base::FakeClock clock;
    std::promise<void> runs;
    const auto nothing = [](const Tasks::Progress&, const std::stop_token&) { return Tasks::Outcome(); };
    Tasks tasks(clock);
    const auto first = tasks.start("check", endless(runs)).id;
    runs.get_future().wait();
    std::string last;
    for (int i = 0; i < 20; ++i)
        last = tasks.start("backup", nothing).id;
    int status = 0;
    try {
        tasks.start("backup", nothing);
    } catch (const Problem& problem) {
        status = problem.status;
    }
    CHECK(status == 429);
    CHECK(tasks.all().size() == 21);
    CHECK(tasks.cancel(last));
    CHECK_NOTHROW(tasks.start("backup", nothing));
}
