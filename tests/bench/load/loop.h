#pragma once
// One thread, one epoll: the clients of a run, timers, and what is said on standard input.
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace postfach::load {

using Clock = std::chrono::steady_clock;

class Handler {
public:
    virtual ~Handler() = default;
    virtual void ready(std::uint32_t events) = 0; // of epoll
};

// Handlers live until the loop has ended: events may be late.
class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void watch(int fd, std::uint32_t events, Handler& handler);  // adds, or changes what is waited for
    void change(int fd, std::uint32_t events, Handler& handler);
    void after(std::chrono::microseconds time, std::function<void()> action);
    void post(std::function<void()> action);                     // when the events at hand are through
    // Runs until `done`; throws Failed when that takes longer than `patience`.
    void until(const std::function<bool()>& done, std::chrono::seconds patience);
    std::string command();                                       // runs until a line comes on standard input; its end: ""

private:
    void pass(int wait_ms);
    int patience(int most_ms) const;

    int epoll_;
    std::multimap<Clock::time_point, std::function<void()>> timers_;
    std::vector<std::function<void()>> posted_;
};

} // namespace postfach::load
