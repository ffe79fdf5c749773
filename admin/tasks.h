#pragma once
// Long work of administrators (a check, a backup): one at a time on a thread of its own, watched by id. The last hundred
// are remembered in memory; a restart forgets them, as it ended them.
#include "server/base/clock.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace postfach::admin {

struct Task {
    std::string id, kind;
    enum class State { waiting, running, done, failed } state = State::waiting;
    std::uint64_t progress = 0, total = 0; // bytes or steps; total 0: not known
    std::string error;                     // when failed
    std::vector<std::string> findings;     // of a check, one line each
    std::string result;                    // when done: what came of it, for a person
    base::Time created{};
    std::optional<base::Time> finished;
};

std::string_view stateName(Task::State state);

class Tasks {
public:
    using Progress = std::function<void(std::uint64_t, std::uint64_t)>;
    struct Outcome {
        std::vector<std::string> findings;
        std::string result;
        Outcome() = default;
        Outcome(std::vector<std::string> found) : findings(std::move(found)) {} // NOLINT: most works have nothing else to say
    };
    using Work = std::function<Outcome(const Progress&)>; // throws to fail

    explicit Tasks(const base::Clock& clock); // clock outlives it
    ~Tasks();                                 // waits for the running one

    Task start(const std::string& kind, Work work);
    std::optional<Task> find(const std::string& id) const;

private:
    void run();

    const base::Clock& clock_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> tasks_;                            // guarded by mutex_
    std::deque<std::pair<std::string, Work>> waiting_;  // guarded by mutex_
    bool stopping_ = false;                             // guarded by mutex_
    std::thread thread_;                                // last: starts when everything above stands
};

} // namespace postfach::admin
