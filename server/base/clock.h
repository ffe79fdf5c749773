#pragma once
// Wall-clock time behind an interface, so that tests can move it. Intervals inside the process (deadlines, bans) are
// measured with std::chrono::steady_clock instead: an administrator who sets the clock must not log people out.
#include <atomic>
#include <chrono>
#include <string>

namespace postfach::base {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
public:
    virtual ~Clock() = default;
    virtual Time now() const noexcept = 0; // any thread
};

class SystemClock final : public Clock {
public:
    Time now() const noexcept override;
};

// A clock that stands still until it is told to move.
class FakeClock final : public Clock {
public:
    explicit FakeClock(Time start = Time{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}}) : now_(start) {}
    Time now() const noexcept override { return now_.load(); }
    void advance(std::chrono::milliseconds by) { now_.store(now_.load() + by); }
    void set(Time t) { now_.store(t); }

private:
    std::atomic<Time> now_;
};

std::string rfc3339(Time time);        // 2026-03-01T09:30:00.125Z, for logs and the API
constexpr std::int64_t toMillis(Time time) { return time.time_since_epoch().count(); }
constexpr Time fromMillis(std::int64_t millis) { return Time{std::chrono::milliseconds{millis}}; }

} // namespace postfach::base
