// What is fetched before it is asked for: never more than the bounds, never what is deleted, never the wrong body.
#include "server/base/limits.h"
#include "server/pop3/read_ahead.h"
#include "tests/fuzz/hasty_strand.h"
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

struct Reader {
    explicit Reader(store::Store& s) : store(s) {}
    ReadAhead::Body take(std::uint32_t number) // with all the waiting it takes
    {
        ahead.note(number);
        const auto task = ahead.take(*strand, number);
        task.handle().resume();
        REQUIRE(task.handle().done());
        return task.handle().promise().take();
    }
    void goOn(const Maildrop& drop, bool pipelined)
    {
        ahead.goOn(*strand, drop, pipelined, [this](const std::vector<store::BodyId>& ids) {
            const auto tx = store.read();
            std::vector<ReadAhead::Body> bodies;
            for (const auto id : ids) {
                if (bodies.size() == readable)
                    throw std::runtime_error("not readable");
                bodies.push_back(std::make_shared<const std::string>(tx->body(id)));
            }
            return bodies;
        });
    }

    store::Store& store;
    std::size_t readable = 1000;
    net::Scheduler scheduler{1, 1};
    std::shared_ptr<fuzz::HastyStrand> strand = std::make_shared<fuzz::HastyStrand>(scheduler, "pop3");
    ReadAhead ahead;
};

bool has(const ReadAhead::Body& body, const std::string& text)
{
    return body && body->find(text) != std::string::npos;
}

} // namespace

TEST_CASE("bodies are read ahead where the client goes on in order, within the bounds", "[pop3][speed]")
{
    store::test::Office office;
    for (int i = 1; i <= 100; ++i)
        office.deliver("mail " + std::to_string(i) + ".");
    auto drop = Maildrop::open(*office.store, office.account());
    Reader reader(*office.store);
    ReadAhead& ahead = reader.ahead;

    SECTION("what came from elsewhere, out of memory, leaves what was fetched where it is")
    {
        reader.take(1);
        reader.goOn(drop, true);
        ahead.note(2);
        ahead.note(3);
        CHECK(has(reader.take(4), "mail 4."));
    }
    SECTION("none at first, unless more commands wait")
    {
        CHECK_FALSE(reader.take(7));
        CHECK(ahead.plan(drop, false).empty());
        CHECK(ahead.plan(drop, true) == upTo(8, 8 + base::limits::kPop3ReadAheadMessages - 1));
        CHECK_FALSE(reader.take(8)); // in order
        CHECK(ahead.plan(drop, false) == upTo(9, 9 + base::limits::kPop3ReadAheadMessages - 1));
        CHECK_FALSE(reader.take(50)); // a leap
        CHECK(ahead.plan(drop, false).empty());
    }
    SECTION("downwards as well, and past what is deleted")
    {
        drop.markDeleted(97);
        reader.take(100);
        reader.take(99);
        const auto plan = ahead.plan(drop, false);
        REQUIRE(plan.size() == base::limits::kPop3ReadAheadMessages);
        CHECK(Numbers(plan.begin(), plan.begin() + 3) == Numbers{98, 96, 95});
        reader.take(2);
        reader.take(1);
        CHECK(ahead.plan(drop, false).empty());
    }
    SECTION("what was fetched comes once, under its own number")
    {
        CHECK_FALSE(reader.take(1));
        reader.goOn(drop, true);
        CHECK(ahead.plan(drop, true).empty()); // one batch at a time
        CHECK(has(reader.take(2), "mail 2."));
        CHECK(has(reader.take(4), "mail 4.")); // 3 is passed over
        CHECK_FALSE(reader.take(3));
        CHECK_FALSE(reader.take(4));
    }
    SECTION("all of them in order, and back")
    {
        for (std::uint32_t n = 1; n <= 200; ++n) {
            const std::uint32_t number = n <= 100 ? n : 201 - n;
            const auto body = reader.take(number);
            CHECK((!body || has(body, "mail " + std::to_string(number) + ".")));
            CHECK((body || n < 3 || n == 101 || n == 102 || n == 103));
            reader.goOn(drop, false);
        }
    }
    SECTION("who goes elsewhere gets nothing of what was on its way")
    {
        reader.take(1);
        reader.goOn(drop, true);
        CHECK_FALSE(reader.take(90));
        CHECK_FALSE(reader.take(2));
    }
    SECTION("when they cannot be read each is asked for itself")
    {
        reader.readable = 3;
        reader.take(1);
        reader.goOn(drop, true);
        CHECK_FALSE(reader.take(2));
        CHECK_FALSE(reader.take(3));
    }
}

TEST_CASE("large bodies are not read ahead", "[pop3][speed]")
{
    store::test::Office office;
    const std::size_t half = base::limits::kPop3ReadAhead / 4 + 1; // of a batch
    office.deliver("small");
    office.deliver(store::test::noise(half, 1));
    office.deliver(store::test::noise(half, 2));
    office.deliver("small again");
    const auto drop = Maildrop::open(*office.store, office.account());
    Reader reader(*office.store);
    reader.take(1);
    CHECK(reader.ahead.plan(drop, true) == Numbers{2});
    reader.take(2);
    CHECK(reader.ahead.plan(drop, true) == Numbers{3, 4});
}

TEST_CASE("what is on its way counts for all sessions, also when nobody asks for it any more", "[pop3][speed]")
{
    store::test::Office office;
    const std::size_t size = base::limits::kPop3ReadAhead / 2; // a whole batch
    office.deliver(store::test::noise(size, 1));
    const auto drop = Maildrop::open(*office.store, office.account());
    Reader reader(*office.store);
    {
        std::vector<std::unique_ptr<ReadAhead>> stalled;
        const auto nothing = [](const std::vector<store::BodyId>&) { return std::vector<ReadAhead::Body>(); };
        while (!reader.ahead.plan(drop, true).empty() && stalled.size() <= base::limits::kPop3ReadAheadInAll / size) {
            stalled.push_back(std::make_unique<ReadAhead>());
            stalled.back()->goOn(*reader.strand, drop, true, nothing);
        }
        CHECK(reader.ahead.plan(drop, true).empty());
    }
    reader.scheduler.stop(); // the helper lets go of the last batch
    CHECK(reader.ahead.plan(drop, true) == Numbers{1});
}
