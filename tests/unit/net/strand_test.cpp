// Waking and waiting: nothing lost, nothing doubled, and what ends a wait without being asked for.
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include <thread>

using namespace postfach::net;
using namespace postfach::test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {
// What a session and its test share.
struct Shared {
    std::mutex mutex;
    std::vector<std::shared_ptr<Strand>> strands; // guarded by mutex
    Tally arrived, done;
    std::atomic<int> posted{0}, overlaps{0}, wrong{0};
    std::atomic<bool> flag{false};
    std::atomic<std::uint64_t> most{0};

    void arrive(Strand& strand)
    {
        {
            const std::lock_guard lock(mutex);
            strands.push_back(strand.shared_from_this());
        }
        arrived.add();
    }
    std::shared_ptr<Strand> strand()
    {
        const std::lock_guard lock(mutex);
        return strands.front();
    }
};

using SharedSession = Task<> (*)(Strand&, Poco::Net::StreamSocket, Shared&);

Scheduler::Session with(SharedSession session, Shared& shared)
{
    return
        [session, &shared](Strand& strand, Poco::Net::StreamSocket socket) { return session(strand, std::move(socket), shared); };
}

constexpr int kPosts = 60'000;

// Waits for news until all was seen; a lost wake-up leaves it waiting for ever, a doubled one overlaps.
Task<> reader(Strand& strand, Poco::Net::StreamSocket, Shared& shared)
{
    std::atomic<int> inside{0};
    shared.arrive(strand);
    int seen = 0;
    while (seen < kPosts) {
        const std::uint32_t came = co_await strand.wait(kNews | kReadable);
        if (inside.fetch_add(1) != 0)
            ++shared.overlaps;
        if ((came & kNews) != 0)
            seen = shared.posted.load();
        inside.fetch_sub(1);
    }
    shared.done.add();
}
} // namespace

TEST_CASE("no wake-up is lost and none runs a session twice, with three threads waking eight sessions", "[net][strand]")
{
    Shared shared;
    House house(with(reader, shared));
    std::vector<Client> clients;
    for (int i = 0; i < 8; ++i)
        clients.emplace_back(house.port());
    REQUIRE(shared.arrived.reaches(8));
    std::vector<std::thread> wakers;
    for (int i = 0; i < 3; ++i)
        wakers.emplace_back([&shared] {
            for (int n = 0; n < kPosts / 3; ++n) {
                ++shared.posted;
                for (const auto& strand : shared.strands)
                    strand->wake(kNews);
            }
        });
    for (auto& waker : wakers)
        waker.join();
    CHECK(shared.done.reaches(8));
    CHECK(shared.overlaps == 0);
    CHECK(house.empties());
    for (const auto& strand : shared.strands)
        strand->wake(kNews); // the session is over: harmless
}

namespace {
Task<> echoAndNews(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    shared.arrive(strand);
    for (;;) {
        const std::uint32_t came = co_await stream.input(kNews);
        if ((came & kNews) != 0)
            stream.write("news\r\n");
        if ((came & kReadable) == 0)
            continue;
        const std::string line(co_await stream.line(100));
        stream.write(line + "\r\n");
    }
}
} // namespace

TEST_CASE("a client that comes back at once has its worker, and news for it is not lost meanwhile", "[net][strand]")
{
    Shared shared;
    House house(with(echoAndNews, shared));
    Client quick(house.port()), other(house.port());
    REQUIRE(shared.arrived.reaches(2));
    for (int round = 0; round < 500; ++round) {
        REQUIRE(quick.talk("one") == "one");
        REQUIRE(quick.talk("and") == "and");
        for (const auto& each : shared.strands)
            each->wake(kNews); // one of them is just being waited for
        REQUIRE(quick.line() == "news");
        REQUIRE(other.line() == "news");
    }
}

namespace {
Task<> flushThenNews(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    stream.write(std::string(16 << 20, 'x'));
    shared.arrive(strand);
    co_await stream.flush();
    const std::uint32_t came = co_await stream.input(kNews);
    stream.write(came == kNews ? "news\r\n" : "something else\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("news that comes while a slow reader is served is told afterwards", "[net][strand]")
{
    Shared shared;
    House house(with(flushThenNews, shared));
    Client client(house.port());
    REQUIRE(shared.arrived.reaches(1));
    shared.strand()->wake(kNews);
    CHECK(client.exactly(16 << 20).size() == 16 << 20);
    CHECK(client.line() == "news");
}

namespace {
Task<> impatient(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    strand.deadline(Clock::now() + 1h);
    strand.deadline(Clock::now() + 20ms); // pulled forward
    bool late = false;
    try {
        co_await stream.line(100);
    } catch (const DeadlinePassed&) {
        late = true;
    }
    if (late)
        stream.write("BYE too late\r\n");
    co_await stream.close();
    shared.done.add();
}

Task<> movedWhileInTheAir(Strand& strand, Poco::Net::StreamSocket socket, Shared&)
{
    Stream stream(strand, socket);
    strand.deadline(Clock::now() + 10ms);
    const auto until = Clock::now() + 200ms; // holds the worker on purpose: the wheel fires meanwhile
    while (Clock::now() < until) {
    }
    strand.deadline(Clock::now() + 1h);
    for (;;) {
        const std::string line(co_await stream.line(100));
        stream.write(line + "\r\n");
    }
}

Task<> survivor(Strand& strand, Poco::Net::StreamSocket socket, Shared&)
{
    Stream stream(strand, socket);
    for (int i = 0; i < 3; ++i) {
        strand.deadline(Clock::now() + 20ms);
        bool late = false;
        try {
            co_await stream.line(100);
        } catch (const DeadlinePassed&) {
            late = true;
        }
        stream.write(late ? "still here\r\n" : "line\r\n");
    }
    strand.deadline(SteadyTime::max());
    const std::string line(co_await stream.line(100));
    stream.write("got " + line + "\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("a deadline ends a wait, also one that was pulled forward", "[net][strand][deadline]")
{
    Shared shared;
    House house(with(impatient, shared));
    Client client(house.port());
    CHECK(client.line() == "BYE too late");
    CHECK(client.line() == "<end>");
}

TEST_CASE("a deadline that was moved while its news was in the air does not fire", "[net][strand][deadline]")
{
    Shared shared;
    House house(with(movedWhileInTheAir, shared));
    Client client(house.port());
    CHECK(client.talk("alive") == "alive");
}

TEST_CASE("a session that sets a new deadline lives on after one passed", "[net][strand][deadline]")
{
    Shared shared;
    House house(with(survivor, shared));
    Client client(house.port());
    for (int i = 0; i < 3; ++i)
        CHECK(client.line() == "still here");
    CHECK(client.talk("word") == "got word");
}

namespace {
Task<> polite(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    stream.write("hello\r\n");
    bool ending = false;
    try {
        co_await stream.line(100);
    } catch (const ShuttingDown&) {
        ending = true;
    }
    if (ending)
        stream.write("BYE shutting down\r\n");
    co_await stream.close();
    shared.done.add();
}

Task<> stubborn(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    stream.write("hello\r\n");
    int told = 0;
    for (;;) {
        try {
            co_await stream.line(100);
        } catch (const ShuttingDown&) {
            ++told;
            shared.posted = told;
        }
    }
}

Task<> deaf(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    stream.write("hello\r\n");
    co_await stream.flush();
    for (;;) {
        try {
            co_await strand.turn(); // ready at all times, hears nothing
        } catch (const ShuttingDown&) {
            ++shared.posted;
        } catch (const PeerGone&) {
            break;
        }
    }
    shared.done.add();
}

Task<> endless(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    shared.arrive(strand);
    const auto never = [&shared](std::function<void()> done) { shared.flag = done != nullptr; };
    co_await strand.completion(never);
}
} // namespace

TEST_CASE("shutdown wakes parked sessions, which may still say so", "[net][strand][shutdown]")
{
    Shared shared;
    House house(with(polite, shared));
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) {
        clients.emplace_back(house.port());
        CHECK(clients.back().line() == "hello");
    }
    house.scheduler.stop();
    CHECK(shared.done.now() == 20);
    for (Client& client : clients) {
        CHECK(client.line() == "BYE shutting down");
        CHECK(client.line() == "<end>");
    }
    CHECK(house.scheduler.sessions() == 0);
}

TEST_CASE("shutdown is told once, and a session that goes on waiting ends after the goodbye time", "[net][strand][shutdown]")
{
    Shared shared;
    House house(with(stubborn, shared));
    Client client(house.port());
    CHECK(client.line() == "hello");
    const auto before = Clock::now();
    house.scheduler.stop();
    CHECK(Clock::now() - before < 6s);
    CHECK(shared.posted == 1);
    CHECK(house.scheduler.sessions() == 0);
}

TEST_CASE("patience over, sessions are cut off", "[net][strand][shutdown]")
{
    Shared shared;
    House house(with(deaf, shared));
    Client client(house.port());
    CHECK(client.line() == "hello");
    house.scheduler.stop(10ms);
    CHECK(shared.posted <= 1); // it may have had no turn before it was cut off
    CHECK(shared.done.now() == 1);
    CHECK(house.scheduler.sessions() == 0);
}

TEST_CASE("a completion that never comes cannot keep the scheduler from being destroyed", "[net][strand][shutdown]")
{
    Shared shared;
    {
        House house(with(endless, shared));
        Client client(house.port());
        REQUIRE(shared.arrived.reaches(1));
        house.scheduler.stop(10ms);
        CHECK(house.scheduler.sessions() == 1);
    }
    CHECK(shared.flag);
    shared.strand()->wake(kDone); // after the scheduler's end: harmless
}

TEST_CASE("a connection that comes after stop() is closed at once", "[net][strand][shutdown]")
{
    Shared shared;
    House house(with(polite, shared));
    house.scheduler.stop();
    Client client(house.port());
    CHECK(client.line() == "<end>");
    CHECK(house.scheduler.sessions() == 0);
}

namespace {
Task<> moody(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    const std::string line(co_await stream.line(100));
    if (line == "throw")
        throw std::runtime_error("on purpose, by the test of throwing sessions");
    if (line == "number")
        throw 7;
    stream.write("fine\r\n");
    co_await stream.close();
}

Task<> worksElsewhere(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    auto fails = []() -> int { throw std::runtime_error("no luck"); };
    std::string text;
    try {
        const int never = co_await strand.offload(std::move(fails));
        text = std::to_string(never);
    } catch (const std::runtime_error& error) {
        text = error.what();
    }
    stream.write(text + "\r\n");
    int set = 0;
    auto sets = [&set] { set = 42; };
    co_await strand.offload(std::move(sets));
    stream.write(std::to_string(set) + "\r\n");
    auto owns = [] { return std::make_unique<std::string>("moved"); };
    const std::unique_ptr<std::string> owned = co_await strand.offload(std::move(owns));
    stream.write(*owned + "\r\n");
    co_await stream.close();
}

Task<> answeredLater(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    std::thread other;
    for (int i = 0; i < 200; ++i) {
        int result = 0;
        const auto start = [&](std::function<void()> done) {
            if (other.joinable())
                other.join();
            other = std::thread([&result, i, done = std::move(done)] {
                result = i;
                done();
            });
        };
        co_await strand.completion(start);
        if (result != i)
            ++shared.wrong;
        const auto at_once = [](std::function<void()> done) { done(); };
        co_await strand.completion(at_once);
    }
    other.join();
    stream.write("done\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("a session that throws ends alone", "[net][strand]")
{
    House house(moody);
    Client bystander(house.port());
    for (const char* const mood : {"throw", "number", "throw"}) {
        Client client(house.port());
        CHECK(client.talk(mood) == "<end>");
    }
    CHECK(bystander.talk("hello") == "fine");
    CHECK(house.empties());
}

namespace {
// "wait" blocks in offloaded work until another session has said "free"; that one floods the only worker with turns meanwhile.
Task<> blocks(Strand& strand, Poco::Net::StreamSocket socket, Shared& shared)
{
    Stream stream(strand, socket);
    const std::string line(co_await stream.line(100));
    if (line == "free") {
        shared.flag = true;
        for (int i = 0; i < 1'000; ++i)
            co_await strand.turn();
    } else {
        shared.arrive(strand);
        auto wait = [&shared] {
            while (!shared.flag)
                std::this_thread::yield();
        };
        co_await strand.offload(std::move(wait));
    }
    stream.write("done\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("who blocks in offloaded work keeps the only worker from nobody, and comes back", "[net][strand][offload]")
{
    const int blocked = GENERATE(1, 2, 5); // in its own thread; in the helper too; in the helper's queue as well
    CAPTURE(blocked);
    for (int round = 0; round < 20; ++round) {
        Shared shared;
        House house(with(blocks, shared), {}, 1, 1);
        std::vector<std::unique_ptr<Client>> waiting;
        for (int i = 0; i < blocked; ++i) {
            waiting.push_back(std::make_unique<Client>(house.port()));
            waiting.back()->send("wait\r\n");
        }
        REQUIRE(shared.arrived.reaches(blocked));
        Client other(house.port());
        CHECK(other.talk("free") == "done");
        for (auto& one : waiting)
            CHECK(one->line() == "done");
        CHECK(house.empties());
    }
}

TEST_CASE("offloaded work gives its result or exception back", "[net][strand][offload]")
{
    House house(worksElsewhere);
    Client client(house.port());
    CHECK(client.line() == "no luck");
    CHECK(client.line() == "42");
    CHECK(client.line() == "moved");
}

TEST_CASE("a completion returns when another thread, or the same one, has answered", "[net][strand][completion]")
{
    Shared shared;
    House house(with(answeredLater, shared));
    Client client(house.port());
    CHECK(client.line() == "done");
    CHECK(shared.wrong == 0);
}

namespace {
Task<> turns(Strand& strand, Poco::Net::StreamSocket, Shared& shared)
{
    shared.arrive(strand);
    while (!shared.flag)
        co_await strand.turn();
    shared.done.add();
}
} // namespace

TEST_CASE("turn() lets others run, time after time, on the only worker", "[net][strand][fairness]")
{
    Shared shared;
    House house(with(turns, shared), {}, 1, 1);
    Client first(house.port());
    Client second(house.port());
    Client third(house.port());
    CHECK(shared.arrived.reaches(3)); // the second can only arrive when the first yields
    shared.flag = true;
    CHECK(shared.done.reaches(3));
}
