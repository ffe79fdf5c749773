#include "server/net/wheel.h"

#include <algorithm>

namespace postfach::net {
namespace {
std::int64_t nanoseconds(Wheel::Time time)
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

constexpr std::int64_t kTickNanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(Wheel::kTick).count();
} // namespace

Wheel::Wheel(Time now) : current_(nanoseconds(now) / kTickNanoseconds) {}

std::int64_t Wheel::tickOf(std::int64_t when)
{
    return when == kNever ? kNever : when / kTickNanoseconds + 1;
}

// The owner stores due_, then reads placed_; the wheel stores placed_, then reads due_ (both sequentially consistent): at
// least one of them sees the other, so a deadline that is pulled forward while the wheel moves its entry is never lost.
void Wheel::set(Timed& entry, Time when)
{
    const std::int64_t due = when == Time::max() ? kNever : nanoseconds(when);
    entry.due_.store(due);
    if (tickOf(due) >= entry.placed_.load())
        return;
    const std::lock_guard lock(mutex_);
    if (entry.linked_)
        unlink(entry);
    place(entry, tickOf(due));
}

void Wheel::remove(Timed& entry) noexcept
{
    const std::lock_guard lock(mutex_);
    if (entry.linked_)
        unlink(entry);
    entry.placed_.store(kNever);
}

void Wheel::advance(Time time)
{
    const std::int64_t now = nanoseconds(time);
    const std::int64_t tick = now / kTickNanoseconds;
    const std::lock_guard lock(mutex_);
    // After a long sleep one round visits every slot.
    for (std::int64_t at = std::max(current_ + 1, tick - kSlots + 1); at <= tick; ++at) {
        current_ = at;
        Timed* entry = slots_[static_cast<std::size_t>(at % kSlots)];
        slots_[static_cast<std::size_t>(at % kSlots)] = nullptr;
        while (entry != nullptr) {
            Timed* const next = entry->after_;
            entry->linked_ = false;
            entry->before_ = entry->after_ = nullptr;
            visit(*entry, now);
            entry = next;
        }
    }
}

// The entry is off the wheel: back on it at its newest deadline, or due.
void Wheel::visit(Timed& entry, std::int64_t now) noexcept
{
    for (;;) {
        const std::int64_t due = entry.due_.load();
        if (due == kNever || due <= now) {
            entry.placed_.store(kNever);
            if (entry.due_.load() != due)
                continue; // moved this very moment; whoever moved it may have seen the old place
            if (due != kNever)
                entry.due();
            return;
        }
        place(entry, tickOf(due));
        if (entry.due_.load() >= due)
            return;
        unlink(entry);
    }
}

void Wheel::place(Timed& entry, std::int64_t tick) noexcept
{
    if (tick == kNever) {
        entry.placed_.store(kNever);
        return;
    }
    const std::int64_t at = std::clamp(tick, current_ + 1, current_ + kSlots - 1);
    Timed*& first = slots_[static_cast<std::size_t>(at % kSlots)];
    entry.before_ = nullptr;
    entry.after_ = first;
    if (first != nullptr)
        first->before_ = &entry;
    first = &entry;
    entry.linked_ = true;
    entry.placed_.store(at);
}

void Wheel::unlink(Timed& entry) noexcept
{
    if (entry.before_ != nullptr)
        entry.before_->after_ = entry.after_;
    else
        slots_[static_cast<std::size_t>(entry.placed_.load() % kSlots)] = entry.after_;
    if (entry.after_ != nullptr)
        entry.after_->before_ = entry.before_;
    entry.before_ = entry.after_ = nullptr;
    entry.linked_ = false;
}

} // namespace postfach::net
