// Task itself, and the compiler: constructs that g++ 12 translates wrongly in silence (a coroutine that never ends, a double
// free). A container whose compiler fails here must not be trusted with the rest. Our own code avoids these forms anyway.
#include "server/net/task.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using postfach::net::Task;

namespace {
// Suspends until the test opens it.
struct Gate {
    std::coroutine_handle<> waiting;
    bool closed = false; // open: never suspends
    bool await_ready() const noexcept { return !closed; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
    void await_resume() const noexcept {}
};

Gate gate;

Task<> pass()
{
    co_await gate;
}

// Runs the task to its end, opening the gate whenever it waits; false when it does not end.
template <class T>
bool ends(Task<T>& task)
{
    task.handle().resume();
    for (int opened = 0; !task.handle().done() && gate.waiting && opened < 1000; ++opened)
        std::exchange(gate.waiting, nullptr).resume();
    return task.handle().done();
}

// Counts lives: a double free shows as a negative balance.
struct Counted {
    static inline int alive = 0;
    int value = 0;
    Counted() { ++alive; }
    explicit Counted(int v) : value(v) { ++alive; }
    Counted(const Counted& other) : value(other.value) { ++alive; }
    Counted(Counted&& other) noexcept : value(std::exchange(other.value, -1)) { ++alive; }
    Counted& operator=(const Counted&) = default;
    Counted& operator=(Counted&&) = default;
    ~Counted() { --alive; }
};

struct Aggregate {
    Counted first;
    int second = 0;
    Counted third;
};

Task<bool> yes() { co_await pass(); co_return true; }
Task<bool> no() { co_await pass(); co_return false; }
Task<Counted> counted(int value) { co_await pass(); co_return Counted(value); }
Task<int> sum(Aggregate a) { co_await pass(); co_return a.first.value + a.second + a.third.value; }
template <class F>
Task<int> apply(F f) { co_await pass(); co_return f(); }
Task<int> valueOf(Counted c) { co_await pass(); co_return c.value; }

Task<int> inCondition()
{
    if (co_await yes())
        co_return 1;
    co_return 0;
}
Task<int> negated()
{
    if (!co_await no())
        co_return 1;
    co_return 0;
}
Task<int> inLoop()
{
    int n = 0;
    while (co_await yes())
        if (++n == 3)
            co_return n;
    co_return 0;
}
Task<int> breaking()
{
    for (;;)
        if (co_await yes())
            break;
    co_return 1;
}
Task<int> both()
{
    const bool all = co_await yes() && co_await yes();
    co_return all ? 1 : 0;
}
Task<int> switched()
{
    switch (co_await yes()) {
    case true:
        co_return 1;
    default:
        co_return 0;
    }
}
Task<int> lambdaInPlace()
{
    const Counted c(7);
    co_return co_await apply([c] { return c.value; });
}
Task<int> aggregateInPlace()
{
    const Counted a(3), b(4);
    co_return co_await sum(Aggregate{a, 1, b});
}
Task<int> aggregateOfAwaits()
{
    const Aggregate all{co_await counted(3), 1, co_await counted(4)};
    co_return all.first.value + all.second + all.third.value;
}
Task<int> ternary()
{
    const bool c = co_await yes();
    const Counted result = c ? co_await counted(5) : Counted();
    co_return result.value;
}
Task<int> ternaryArgument()
{
    const bool c = co_await no();
    co_return co_await valueOf(c ? Counted() : Counted(6));
}
Task<int> rangeBody()
{
    int total = 0;
    for (const int i : std::vector<int>{1, 2, 3}) {
        const Counted c = co_await counted(i);
        total += c.value;
    }
    co_return total;
}

Task<std::unique_ptr<int>> owned() { co_await pass(); co_return std::make_unique<int>(9); }

Task<> fails()
{
    const Counted held(1);
    co_await pass();
    throw std::runtime_error("failed");
}
Task<std::string> failsBelow()
{
    const Counted held(2);
    std::string text;
    try {
        co_await fails();
    } catch (const std::runtime_error& error) {
        text = error.what();
    }
    co_return text;
}

// How far the stack was used, in bytes.
struct Depth {
    std::uintptr_t lowest = UINTPTR_MAX, highest = 0;
    __attribute__((noinline)) void look()
    {
        const char here = 0;
        const auto at = reinterpret_cast<std::uintptr_t>(&here);
        lowest = std::min(lowest, at);
        highest = std::max(highest, at);
    }
};

Task<int> leaf(Depth& depth, int value)
{
    depth.look();
    co_return value;
}
Task<std::int64_t> manyLeaves(Depth& depth, int count)
{
    std::int64_t total = 0;
    for (int i = 0; i < count; ++i) {
        const int one = co_await leaf(depth, 1);
        total += one;
    }
    co_return total;
}
Task<int> waitingLeaf(Depth& depth)
{
    co_await pass();
    depth.look();
    co_return 1;
}
Task<std::int64_t> manyWaits(Depth& depth, int count)
{
    std::int64_t total = 0;
    for (int i = 0; i < count; ++i) {
        const int one = co_await waitingLeaf(depth);
        total += one;
    }
    co_return total;
}
} // namespace

TEST_CASE("the compiler translates coroutines rightly where g++ 12 does not", "[net][task][compiler]")
{
    struct Row {
        const char* name;
        Task<int> (*make)();
        int expected;
    };
    const Row rows[] = {
        {"if (co_await) co_return", inCondition, 1}, {"if (!co_await)", negated, 1},
        {"while (co_await)", inLoop, 3},             {"for (;;) if (co_await) break", breaking, 1},
        {"co_await && co_await", both, 1},           {"switch (co_await)", switched, 1},
        {"capturing lambda in place", lambdaInPlace, 7},
        {"aggregate in place", aggregateInPlace, 8}, {"aggregate of awaits", aggregateOfAwaits, 8},
        {"?: with co_await", ternary, 5},            {"?: as argument", ternaryArgument, 6},
        {"range-for body", rangeBody, 6},
    };
    for (const bool closed : {false, true})
        for (const Row& row : rows) {
            gate.closed = closed;
            CAPTURE(row.name, closed);
            {
                Task<int> task = row.make();
                REQUIRE(ends(task));
                CHECK(task.handle().promise().take() == row.expected);
            }
            CHECK(Counted::alive == 0);
        }
}

TEST_CASE("a task does nothing until awaited, moves its result out and its exception up", "[net][task]")
{
    for (const bool closed : {false, true}) {
        gate.closed = closed;
        {
            Task<std::unique_ptr<int>> task = owned();
            CHECK_FALSE(task.handle().done());
            REQUIRE(ends(task));
            CHECK(*task.handle().promise().take() == 9);
        }
        {
            Task<std::string> task = failsBelow();
            REQUIRE(ends(task));
            CHECK(task.handle().promise().take() == "failed");
        }
        {
            const Task<std::string> never_run = failsBelow();
        }
        CHECK(Counted::alive == 0);
    }
}

TEST_CASE("a task destroyed while it waits destroys what it holds", "[net][task]")
{
    gate.closed = true;
    {
        Task<std::string> task = failsBelow();
        task.handle().resume();
        CHECK_FALSE(task.handle().done());
        CHECK(Counted::alive == 2);
    }
    gate.waiting = nullptr;
    CHECK(Counted::alive == 0);
}

TEST_CASE("a million children in a row leave the stack flat, ready or waiting", "[net][task][stack]")
{
    Depth depth;
    gate.closed = false;
    {
        Task<std::int64_t> task = manyLeaves(depth, 1'000'000);
        REQUIRE(ends(task));
        CHECK(task.handle().promise().take() == 1'000'000);
    }
    CHECK(depth.highest - depth.lowest < 4096);
    gate.closed = true;
    Depth waited;
    {
        Task<std::int64_t> task = manyWaits(waited, 100'000);
        task.handle().resume();
        while (gate.waiting)
            std::exchange(gate.waiting, nullptr).resume();
        REQUIRE(task.handle().done());
        CHECK(task.handle().promise().take() == 100'000);
    }
    CHECK(waited.highest - waited.lowest < 4096);
    gate.closed = false;
}
