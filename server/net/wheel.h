#pragma once
// Private to server/net: deadlines of many strands, most of which are moved long before they come.
// A lazy wheel: pushing a deadline back is one store; the wheel notices when it comes to the old place and moves the entry
// on. Intrusive, because a heap with dead entries would keep a finished session for half an hour.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <mutex>

namespace postfach::net {

// What can be put on the wheel. The owner takes it off (remove) before it dies.
class Timed {
public:
    virtual ~Timed() = default;
    virtual void due() noexcept = 0; // under the wheel's mutex; must not call back into the wheel

private:
    friend class Wheel;
    std::atomic<std::int64_t> due_{std::numeric_limits<std::int64_t>::max()};    // nanoseconds; written by the owner
    std::atomic<std::int64_t> placed_{std::numeric_limits<std::int64_t>::max()}; // tick; written under the wheel's mutex
    Timed* before_ = nullptr; // guarded by the wheel's mutex, as are the next two
    Timed* after_ = nullptr;
    bool linked_ = false;
};

class Wheel {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds kTick{50};

    explicit Wheel(Time now = std::chrono::steady_clock::now());
    void set(Timed& entry, Time when); // the entry's owner only
    void remove(Timed& entry) noexcept;
    void advance(Time now);            // one thread: calls due() where it is time

private:
    static constexpr std::int64_t kSlots = 1024; // 51 s; what is further off comes by and is placed again
    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
    static std::int64_t tickOf(std::int64_t nanoseconds); // the first tick not before it
    void place(Timed& entry, std::int64_t tick) noexcept;
    void unlink(Timed& entry) noexcept;
    void visit(Timed& entry, std::int64_t now) noexcept;

    std::mutex mutex_;
    std::array<Timed*, kSlots> slots_{}; // guarded by mutex_
    std::int64_t current_;               // guarded by mutex_: the last tick that was visited
};

} // namespace postfach::net
