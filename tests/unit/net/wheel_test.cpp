// The lazy wheel with time as an argument: when deadlines fire, and that moved ones do not.
#include "server/net/wheel.h"
#include "tests/support/catch.h"

#include <deque>
#include <thread>

using postfach::net::Timed;
using postfach::net::Wheel;
using namespace std::chrono_literals;

namespace {
struct Alarm final : Timed {
    void due() noexcept override { ++rung; }
    std::atomic<int> rung{0};
};

const Wheel::Time kStart{1'000'000s};
} // namespace

TEST_CASE("a deadline rings once, not before its time and at most two ticks after", "[net][deadline]")
{
    for (const auto after : {0ms, 1ms, 49ms, 50ms, 51ms, 999ms, 51'150ms, 51'200ms, 51'250ms, 1'800'000ms}) {
        Wheel wheel(kStart);
        Alarm alarm;
        wheel.set(alarm, kStart + after);
        auto now = kStart;
        while (alarm.rung == 0 && now < kStart + 1h) {
            now += 10ms;
            wheel.advance(now);
        }
        CAPTURE(after.count());
        CHECK(now >= kStart + after);
        CHECK(now <= kStart + after + 2 * Wheel::kTick);
        for (int i = 0; i < 3000; ++i)
            wheel.advance(now += 50ms);
        CHECK(alarm.rung == 1);
        wheel.remove(alarm);
    }
}

TEST_CASE("a deadline pushed back, forward, or away rings at its newest place only", "[net][deadline]")
{
    Wheel wheel(kStart);
    Alarm back, forward, never;
    wheel.set(back, kStart + 1s);
    wheel.set(back, kStart + 100s);
    wheel.set(forward, kStart + 1800s);
    wheel.set(forward, kStart + 2s);
    wheel.set(never, kStart + 1s);
    wheel.set(never, Wheel::Time::max());
    auto now = kStart;
    const auto goTo = [&](Wheel::Time to) {
        for (; now < to; now += 50ms)
            wheel.advance(now);
    };
    goTo(kStart + 1900ms);
    CHECK(forward.rung == 0);
    goTo(kStart + 3s);
    CHECK(forward.rung == 1);
    goTo(kStart + 99s);
    CHECK(back.rung == 0);
    goTo(kStart + 101s);
    CHECK(back.rung == 1);
    CHECK(never.rung == 0);
    for (Alarm* alarm : {&back, &forward, &never})
        wheel.remove(*alarm);
}

TEST_CASE("after a long sleep of the poller everything overdue rings at once", "[net][deadline]")
{
    Wheel wheel(kStart);
    std::deque<Alarm> alarms(500);
    for (std::size_t i = 0; i < alarms.size(); ++i)
        wheel.set(alarms[i], kStart + i * 1s);
    wheel.advance(kStart + 2h);
    wheel.advance(kStart + 2h + 50ms);
    for (auto& alarm : alarms) {
        CHECK(alarm.rung == 1);
        wheel.remove(alarm);
    }
}

TEST_CASE("an entry that was removed is never touched again", "[net][deadline]")
{
    Wheel wheel(kStart);
    Alarm stays, stays_too;
    {
        Alarm goes;
        wheel.set(stays, kStart + 1s);
        wheel.set(goes, kStart + 1s);
        wheel.set(stays_too, kStart + 1s);
        wheel.remove(goes);
    }
    wheel.advance(kStart + 10s);
    CHECK(stays.rung == 1);
    CHECK(stays_too.rung == 1);
    wheel.remove(stays);
    wheel.remove(stays_too);
}

TEST_CASE("owners that move deadlines while the wheel turns lose none", "[net][deadline]")
{
    Wheel wheel(kStart);
    Alarm alarm;
    std::atomic<bool> moved{false};
    std::thread owner([&] {
        for (int i = 0; i < 100'000; ++i)
            wheel.set(alarm, kStart + (i % 2 == 0 ? 1000h : 500h) + i * 1us);
        wheel.set(alarm, kStart + 400h); // pulled forward, the last word
        moved = true;
    });
    auto now = kStart;
    while (!moved) // never reaches 400 h here
        wheel.advance(now = std::min(now + 50ms, kStart + 300h));
    owner.join();
    CHECK(alarm.rung == 0);
    for (int i = 0; i < 3; ++i)
        wheel.advance(now = kStart + 401h + i * 1s);
    CHECK(alarm.rung == 1);
    wheel.remove(alarm);
}
