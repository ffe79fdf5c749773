#include "server/store/recent_bodies.h"
#include "tests/support/catch.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace postfach::store;

namespace {
BodyId body(std::int64_t id) { return BodyId{id}; }
constexpr std::int64_t kShards = 16; // ids that differ by it lie in one shard
} // namespace

TEST_CASE("recent bodies: what was asked for least lately goes first", "[store][cache]")
{
    RecentBodies recent(kShards * 10'000); // two of 4,000 in each shard
    CHECK(recent.find(body(1)) == nullptr);
    recent.keep(body(1), std::string(4'000, 'a'));
    recent.keep(body(1 + kShards), std::string(4'000, 'b'));
    REQUIRE(recent.find(body(1)) != nullptr); // now the latest
    recent.keep(body(1 + 2 * kShards), std::string(4'000, 'c'));
    CHECK(recent.find(body(1 + kShards)) == nullptr);
    CHECK(*recent.find(body(1)) == std::string(4'000, 'a'));
    CHECK(*recent.find(body(1 + 2 * kShards)) == std::string(4'000, 'c'));
}

TEST_CASE("recent bodies: a large one is handed back and not kept, and pushes nothing out", "[store][cache]")
{
    RecentBodies recent(16 * 1024 * 1024);
    recent.keep(body(1), "small");
    const auto large = recent.keep(body(1 + kShards), std::string(RecentBodies::kLargest + 2'000, 'x'));
    REQUIRE(large);
    CHECK(large->size() == RecentBodies::kLargest + 2'000);
    CHECK(recent.find(body(1 + kShards)) == nullptr);
    CHECK(recent.find(body(1)) != nullptr);
    recent.keep(body(2), std::string(RecentBodies::kLargest, 'x'));
    CHECK(recent.find(body(2)) != nullptr);
}

TEST_CASE("recent bodies: who holds one keeps it, whatever is pushed out", "[store][cache]")
{
    RecentBodies recent(kShards * 5'000);
    const auto held = recent.keep(body(3), std::string(4'000, 'a'));
    for (int i = 1; i < 10; ++i)
        recent.keep(body(3 + i * kShards), std::string(4'000, 'b'));
    CHECK(recent.find(body(3)) == nullptr);
    CHECK(*held == std::string(4'000, 'a'));
}

TEST_CASE("recent bodies: many threads find what was kept, and nothing else under an id", "[store][cache]")
{
    RecentBodies recent(kShards * 20'000);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number)
        threads.emplace_back([&, number] {
            for (int step = 0; step < 20'000; ++step) {
                const std::int64_t id = (step * 7 + number * 13) % 200;
                auto found = recent.find(body(id));
                if (!found)
                    found = recent.keep(body(id), std::string(1'000, static_cast<char>('A' + id % 26)));
                wrong += found->size() == 1'000 && found->front() == 'A' + id % 26 ? 0 : 1;
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    CHECK(wrong == 0);
}
