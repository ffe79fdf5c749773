#pragma once
// Long work of administrators (a check, a backup): one at a time on a thread of its own, watched by id and ended on request. The last
// hundred are remembered; who is told of each (News) keeps them through a restart, and gives them back. What had not ended when the
// server did is interrupted: nobody begins it again.
#include "server/base/clock.h"
#include "server/store/journal.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace postfach::admin {

struct Task {
    std::string id, kind;
    enum class State { waiting, running, done, failed, cancelled, interrupted } state = State::waiting;
    std::uint64_t progress = 0, total = 0; // bytes or steps; total 0: not known
    std::string error;                     // when failed, cancelled or interrupted
    std::vector<std::string> findings;     // of a check, one line each
    std::string result;                    // when done: what came of it, for a person
    base::Time created{};
    std::optional<base::Time> finished;
};

std::string_view stateName(Task::State state);

store::TaskRecord recordOf(const Task& task);       // its findings are cut after a thousand
Task taskOf(const store::TaskRecord& record);       // what it does not know is interrupted

class Tasks {
public:
    using Progress = std::function<void(std::uint64_t, std::uint64_t)>;
    struct Outcome {
        std::vector<std::string> findings;
        std::string result;
        Outcome() = default;
        Outcome(std::vector<std::string> found) : findings(std::move(found)) {} // NOLINT: most works have nothing else to say
    };
    // Throws to fail; ends early, by throwing, when it is told to stop.
    using Work = std::function<Outcome(const Progress&, const std::stop_token&)>;

    using News = std::function<void(const Task&)>; // of a task that is new, or whose state has changed; any thread, with nothing locked
    explicit Tasks(const base::Clock& clock, News news = {}, std::vector<Task> earlier = {}); // clock outlives it; earlier: all are over
    ~Tasks();                                 // tells the running one to stop and waits for it: it is interrupted

    // Both throw Problem 429 while twenty wait: what is noted of a task is noted behind the first.
    void requireRoom() const;
    Task start(const std::string& kind, Work work);
    std::optional<Task> find(const std::string& id) const;
    std::vector<Task> all() const;            // by age, the oldest first
    // One that waits is over at once, one that runs when it looks the next time. False: it is over already, or there is none.
    bool cancel(const std::string& id);

private:
    struct Job {
        std::string id;
        Work work;
    };
    void requireRoomLocked() const;
    void run();
    void runOne(Job job, const std::stop_token& stop);
    template <class Change>
    Task change(const std::string& id, Change how); // under the lock, then tells of it when its state is another

    const base::Clock& clock_;
    const News news_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> tasks_;                            // guarded by mutex_
    std::deque<Job> waiting_;                           // guarded by mutex_
    std::string running_;                               // guarded by mutex_: its id; empty: none
    std::stop_source stop_;                             // guarded by mutex_: of the running one
    bool stopping_ = false;                             // guarded by mutex_
    std::thread thread_;                                // last: starts when everything above stands
};

} // namespace postfach::admin
