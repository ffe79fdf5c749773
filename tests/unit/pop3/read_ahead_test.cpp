// What is fetched before it is asked for: never more than the bounds, never what is deleted, never the wrong body.
#include "server/base/limits.h"
#include "server/pop3/read_ahead.h"
#include "tests/support/catch.h"
#include "tests/unit/store/store_fixture.h"

using namespace postfach;
using namespace postfach::pop3;
using Numbers = std::vector<std::uint32_t>;

namespace {

Numbers upTo(std::uint32_t from, std::uint32_t to)
{
    Numbers numbers;
    for (std::uint32_t n = from; n <= to; ++n)
        numbers.push_back(n);
    return numbers;
}

} // namespace

TEST_CASE("bodies are read ahead where the client goes on in order, within the bounds", "[pop3][speed]")
{
    store::test::Office office;
    for (int i = 0; i < 100; ++i)
        office.deliver("mail " + std::to_string(i));
    auto drop = Maildrop::open(*office.store, office.account());

    SECTION("the first alone, unless more commands wait")
    {
        ReadAhead ahead;
        CHECK_FALSE(ahead.take(7));
        CHECK(ahead.plan(drop, 7, false) == Numbers{7});
        CHECK(ahead.plan(drop, 7, true) == upTo(7, 7 + base::limits::kPop3ReadAheadMessages - 1));
        CHECK_FALSE(ahead.take(8)); // in order
        CHECK(ahead.plan(drop, 8, false).size() == base::limits::kPop3ReadAheadMessages);
        CHECK_FALSE(ahead.take(50)); // a leap
        CHECK(ahead.plan(drop, 50, false) == Numbers{50});
    }
    SECTION("downwards as well, and past what is deleted")
    {
        drop.markDeleted(97);
        ReadAhead ahead;
        ahead.take(100);
        ahead.take(99);
        const auto plan = ahead.plan(drop, 99, false);
        REQUIRE(plan.size() == base::limits::kPop3ReadAheadMessages);
        CHECK(Numbers(plan.begin(), plan.begin() + 4) == Numbers{99, 98, 96, 95});
        ahead.take(2);
        ahead.take(1);
        CHECK(ahead.plan(drop, 1, false) == Numbers{1});
    }
    SECTION("what was kept comes once, under its own number")
    {
        ReadAhead ahead;
        std::vector<std::string> bodies{"asked for", "two", "three", "four"};
        ahead.keep({1, 2, 3, 4}, bodies);
        CHECK(ahead.take(2) == "two");
        CHECK(ahead.take(4) == "four"); // 3 is passed over
        CHECK_FALSE(ahead.take(3));
        CHECK_FALSE(ahead.take(4));
    }
}

TEST_CASE("large bodies are not read ahead", "[pop3][speed]")
{
    store::test::Office office;
    const std::size_t half = base::limits::kPop3ReadAhead / 2 + 1;
    office.deliver("small");
    office.deliver(store::test::noise(half, 1));
    office.deliver(store::test::noise(half, 2));
    office.deliver("small again");
    const auto drop = Maildrop::open(*office.store, office.account());
    ReadAhead ahead;
    CHECK(ahead.plan(drop, 1, true) == Numbers{1, 2});
    CHECK(ahead.plan(drop, 3, true) == Numbers{3, 4});
}
