#include "server/base/housekeeper.h"
#include "server/base/metrics.h"
#include "tests/support/catch.h"

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

using namespace postfach::base;
using namespace std::chrono_literals;

TEST_CASE("a job runs when it is due, not before, and once for all that was missed", "[base][housekeeper]")
{
    FakeClock clock;
    Housekeeper keeper(clock);
    int hourly = 0;
    int at_once = 0;
    keeper.add("hourly", Housekeeper::every(1h), [&](std::stop_token) { ++hourly; });
    keeper.add("at once", Housekeeper::every(1h), [&](std::stop_token) { ++at_once; }, true);
    CHECK(keeper.runDue() == 1);
    CHECK(at_once == 1);
    CHECK(hourly == 0);
    clock.advance(1h - 1ms);
    CHECK(keeper.runDue() == 0);
    clock.advance(1ms);
    CHECK(keeper.runDue() == 2);
    CHECK(hourly == 1);
    clock.advance(240h);
    CHECK(keeper.runDue() == 2);
    CHECK(keeper.runDue() == 0);
    CHECK(hourly == 2);
}

TEST_CASE("a clock that was set back does not stop the housekeeping", "[base][housekeeper]")
{
    FakeClock clock;
    Housekeeper keeper(clock);
    int ran = 0;
    keeper.add("job", Housekeeper::every(1h), [&](std::stop_token) { ++ran; });
    clock.advance(1h);
    keeper.runDue();
    clock.advance(-10'000h);
    CHECK(keeper.runDue() == 0);
    clock.advance(1h);
    CHECK(keeper.runDue() == 1);
    CHECK(ran == 2);
}

TEST_CASE("a daily job runs at its minute", "[base][housekeeper]")
{
    FakeClock clock(Time{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + 2h});
    Housekeeper keeper(clock);
    int ran = 0;
    keeper.add("nightly", Housekeeper::daily(150min), [&](std::stop_token) { ++ran; });
    clock.advance(29min);
    CHECK(keeper.runDue() == 0);
    clock.advance(1min);
    CHECK(keeper.runDue() == 1);
    CHECK(keeper.status().at(0).next == clock.now() + 24h);
    clock.advance(23h);
    CHECK(keeper.runDue() == 0);
}

TEST_CASE("a job that runs several times a day begins with its minute each day", "[base][housekeeper]")
{
    const Time day{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}};
    const auto next = Housekeeper::daily(150min, 10h); // 2:30, 12:30, 22:30
    CHECK(next(day) == day + 150min);
    CHECK(next(day + 150min) == day + 750min);
    CHECK(next(day + 13h) == day + 1350min);
    CHECK(next(day + 23h) == day + 24h + 150min);
    const auto late = Housekeeper::daily(23h, 6h); // 23:00, and 5:00, 11:00, 17:00 of the day after
    CHECK(late(day + 1h) == day + 5h);
    CHECK(late(day + 18h) == day + 23h);
}

TEST_CASE("a job that fails is told of and comes again, the others go on", "[base][housekeeper]")
{
    FakeClock clock;
    Housekeeper keeper(clock);
    int good = 0;
    keeper.add("bad", Housekeeper::every(1h), [](std::stop_token) { throw std::runtime_error("no such thing"); }, true);
    keeper.add("good", Housekeeper::every(1h), [&](std::stop_token) { ++good; }, true);
    CHECK(keeper.runDue() == 2);
    CHECK(good == 1);
    const auto status = keeper.status();
    CHECK(status.at(0).error == "no such thing");
    CHECK(status.at(0).last == clock.now());
    CHECK(status.at(0).next == clock.now() + 1h);
    CHECK(status.at(1).error.empty());
    CHECK(prometheusText().find("postfach_housekeeping_runs_total{job=\"bad\",outcome=\"failed\"} 1") != std::string::npos);
    clock.advance(1h);
    CHECK(keeper.runDue() == 2);
}

TEST_CASE("a job can be asked for by name, whatever its schedule says", "[base][housekeeper]")
{
    FakeClock clock;
    Housekeeper keeper(clock);
    int ran = 0;
    keeper.add("job", Housekeeper::every(1h), [&](std::stop_token) { ++ran; });
    CHECK_FALSE(keeper.run("another"));
    CHECK(keeper.run("job"));
    CHECK(ran == 1);
}

TEST_CASE("two jobs never run at once, on whatever threads they are asked for", "[base][housekeeper]")
{
    FakeClock clock;
    Housekeeper keeper(clock);
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> ran{0};
    for (const auto* name : {"one", "two"})
        keeper.add(name, Housekeeper::every(1ms), [&](std::stop_token) {
            most = std::max(most.load(), ++inside);
            std::this_thread::yield();
            --inside;
            ++ran;
        });
    keeper.start();
    std::thread other([&] {
        for (int i = 0; i < 200; ++i) {
            clock.advance(1ms);
            keeper.runDue();
            keeper.run("two");
        }
    });
    other.join();
    keeper.stop();
    CHECK(ran >= 400);
    CHECK(most == 1);
}

TEST_CASE("stopping tells the job that runs and waits for nothing else", "[base][housekeeper]")
{
    const SystemClock clock;
    std::promise<void> began;
    std::atomic<bool> told{false};
    const auto start = std::chrono::steady_clock::now();
    {
        Housekeeper keeper(clock);
        keeper.add("yearly", Housekeeper::every(8'760h), [](std::stop_token) {});
        keeper.start();
        keeper.add("long", Housekeeper::every(1h), [&](std::stop_token stop) { // added while the thread waits: it wakes
            began.set_value();
            while (!stop.stop_requested())
                std::this_thread::yield();
            told = true;
        }, true);
        REQUIRE(began.get_future().wait_for(10s) == std::future_status::ready);
    }
    CHECK(told);
    CHECK(std::chrono::steady_clock::now() - start < 20s);
}
