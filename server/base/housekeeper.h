#pragma once
// What has to be done now and then (empty the trash, forget what nobody wanted back, copy): named jobs, each on its own schedule,
// one after the other on one thread. Never two at once, so no job needs to fear another.
//
// Life: the owner adds its jobs, then start(); jobs run until stop() or the destructor. A job that has more to do than a moment
// looks at its stop_token between two pieces and returns early; the rest comes the next time. What a job refers to outlives the
// housekeeper. A job that throws is logged and comes again when it is due.
//
// Times are those of the wall clock, because schedules are (every hour, at 2:30). It is asked anew every half minute, so that a
// clock that is set, or a machine that slept, costs no more than that. Tests move a fake clock and call runDue().
#include "server/base/clock.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace postfach::base {

class Housekeeper {
public:
    using Next = std::function<Time(Time after)>; // when to run, strictly after this time
    using Work = std::function<void(std::stop_token)>;

    struct Status {
        std::string name;
        bool running = false;
        Time next{};
        std::optional<Time> last;   // start of the last run
        std::string error;          // of the last run; empty when it was well
    };

    explicit Housekeeper(const Clock& clock);
    ~Housekeeper();
    Housekeeper(const Housekeeper&) = delete;
    Housekeeper& operator=(const Housekeeper&) = delete;

    // `name` stays the same for ever: metrics and log lines carry it. Any thread, also while running. A job due at once runs when
    // the thread starts, and then as `next` says: what a machine missed while it was off is made good.
    void add(std::string name, Next next, Work work, bool at_once = false);
    void start();
    void stop();          // ends the wait, tells the job that runs, waits for it

    int runDue();         // all that is due now, on the caller's thread; how many ran. Waits for what runs already
    bool run(const std::string& name); // now, whatever the schedule says; false when there is no such job
    std::vector<Status> status() const;

    static Next every(std::chrono::milliseconds interval);
    // UTC; and again after every so many hours, until the next day's first.
    static Next daily(std::chrono::minutes past_midnight, std::chrono::hours every = std::chrono::hours(24));

private:
    struct Job;
    void loop();
    void runOne(Job& job);
    Job* nextDue(Time now);

    const Clock& clock_;
    std::mutex turn_;             // held while a job runs; taken before mutex_
    mutable std::mutex mutex_;    // guards jobs_ and what is in them, but for their work
    std::condition_variable_any wake_;
    std::vector<std::unique_ptr<Job>> jobs_;
    bool changed_ = false;        // a job was added: the wait is reckoned anew
    std::stop_source stopping_;
    std::thread thread_;
};

} // namespace postfach::base
