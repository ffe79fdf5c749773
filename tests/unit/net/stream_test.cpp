// Lines, pieces and queues of a connection, hostile or slow peers included.
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include "server/base/limits.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

using namespace postfach::net;
using namespace postfach::test;
namespace limits = postfach::base::limits;

namespace {
constexpr std::size_t kMax = 1000;

// Answers each line with its length and its text made visible.
Task<> measure(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    bool too_long = false;
    for (;;) {
        std::string line;
        try {
            line = co_await stream.line(kMax);
        } catch (const LineTooLong&) {
            too_long = true;
        }
        if (too_long || line == "LOGOUT")
            break;
        stream.write(std::to_string(line.size()) + " ");
        std::replace(line.begin(), line.end(), '\0', '0');
        std::replace(line.begin(), line.end(), '\r', 'R');
        stream.write(line + "\r\n");
    }
    stream.write(too_long ? "BYE line too long\r\n" : "BYE\r\n");
    co_await stream.close();
}

const auto kNoDelay = [](Client& client) {
    const int on = 1;
    ::setsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
};
} // namespace

TEST_CASE("lines: what is too long, what ends one, what stays in it", "[net][stream][line]")
{
    House house(measure);
    Client client(house.port());

    SECTION("one byte too long ends the connection with a word")
    {
        CHECK(client.talk(std::string(kMax + 1, 'x')) == "BYE line too long");
        CHECK(client.line() == "<end>");
    }
    SECTION("as long as allowed, with either end")
    {
        CHECK(client.talk(std::string(kMax, 'x')).starts_with("1000 x"));
        client.send(std::string(kMax, 'y') + "\n");
        CHECK(client.line().starts_with("1000 y"));
    }
    SECTION("a line without end is refused before it ends, and the refusal arrives although more was sent")
    {
        for (int i = 0; i < 40; ++i)
            CHECK(client.send(std::string(50'000, 'x'))); // no RST while we talk: it could overtake the refusal
        CHECK(client.line() == "BYE line too long");
        CHECK_FALSE(client.resetByPeer());
    }
    SECTION("CRLF and LF end a line; NUL, CR and nothing are content")
    {
        client.send(std::string_view("a\0b\r\nc\n\n\r\nd\re\r\nf\r\r\n", 20));
        CHECK(client.line() == "3 a0b");
        CHECK(client.line() == "1 c");
        CHECK(client.line() == "0 ");
        CHECK(client.line() == "0 ");
        CHECK(client.line() == "3 dRe");
        CHECK(client.line() == "2 fR");
    }
    SECTION("in one-byte pieces")
    {
        kNoDelay(client);
        const std::string text = "a line that comes slowly\r\nand another\r\n";
        for (const char& c : text)
            client.send(std::string_view(&c, 1));
        CHECK(client.line() == "24 a line that comes slowly");
        CHECK(client.line() == "11 and another");
    }
    SECTION("many in one piece, all answered in order")
    {
        std::string all;
        for (int i = 0; i < 3000; ++i)
            all += std::to_string(i) + "\r\n";
        client.send(all);
        for (int i = 0; i < 3000; ++i) {
            const std::string text = std::to_string(i);
            REQUIRE(client.line() == std::to_string(text.size()) + " " + text);
        }
    }
    SECTION("half a line and FIN ends quietly; a whole one is answered after FIN")
    {
        client.send("whole\r\nLOGOUT\r\nhal");
        client.finish();
        CHECK(client.line() == "5 whole");
        CHECK(client.line() == "BYE");
        CHECK(client.line() == "<end>");
    }
    CHECK(house.scheduler.sessions() <= 1);
}

TEST_CASE("a line that is just not too long may be cut between CR and LF", "[net][stream][line]")
{
    House house(measure, {}, 1, 1);
    Client client(house.port());
    Client canary(house.port());
    CHECK(client.talk("hi") == "2 hi");
    CHECK(canary.talk("hi") == "2 hi");
    client.send(std::string(kMax, 'x') + "\r");
    CHECK(canary.talk("after it") == "8 after it"); // first come, first served by the only worker: the piece was read
    client.send("\n");
    CHECK(client.line().starts_with("1000 x"));
    client.send(std::string(kMax + 1, 'x'));
    CHECK(client.line() == "BYE line too long"); // without an end
}

TEST_CASE("a peer that resets the connection takes only its own session with it", "[net][stream]")
{
    House house(measure);
    Client other(house.port());
    CHECK(other.talk("hi") == "2 hi");
    Client client(house.port());
    CHECK(client.talk("hi") == "2 hi");
    client.send("more");
    client.reset();
    CHECK(other.talk("still here") == "10 still here");
}

namespace {
struct Measured {
    std::atomic<std::size_t> most{0}, written{0};
    Tally done;
};

Task<> fetch(Strand& strand, Poco::Net::StreamSocket socket, Measured& measured, bool tls)
{
    Stream stream(strand, socket);
    auto context = testContext();
    if (tls)
        co_await stream.startTls(std::move(context));
    const std::string piece(16 * 1024, 'm');
    std::size_t written = 0;
    for (int i = 0; i < 2000; ++i) {
        stream.write(piece);
        written += piece.size();
        measured.most = std::max<std::size_t>(measured.most, written - stream.bytesOut());
        co_await stream.drain();
        measured.written = written;
    }
    co_await stream.close();
    measured.done.add();
}
} // namespace

namespace {
Task<> emptyLiteral(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    const std::string nothing(co_await stream.some(0));
    stream.write("got " + std::to_string(nothing.size()) + "\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("a literal of no bytes is complete before anything comes", "[net][stream]")
{
    House house(emptyLiteral);
    Client client(house.port());
    CHECK(client.line() == "got 0");
}

TEST_CASE("a slow reader's queue never grows past the high-water mark and a piece, plain and TLS", "[net][stream][slow-reader]")
{
    for (const bool tls : {false, true}) {
        Measured measured;
        House house([&measured, tls](Strand& strand, Poco::Net::StreamSocket socket) {
            return fetch(strand, std::move(socket), measured, tls);
        });
        Client client(house.port());
        if (tls)
            REQUIRE(client.startTls());
        CHECK(client.exactly(1000).size() == 1000);
        CHECK(client.rest().size() == 2000 * 16 * 1024 - 1000);
        CHECK(measured.most <= limits::kHighWaterMark + 16 * 1024);
        CHECK(measured.most >= limits::kHighWaterMark); // the mark was met: the reader was slow
        CHECK(measured.done.reaches(1));
    }
}

TEST_CASE("a peer that never reads is let go when the deadline passes", "[net][stream][slow-reader]")
{
    Measured measured;
    House house([&measured](Strand& strand, Poco::Net::StreamSocket socket) {
        strand.deadline(std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
        return fetch(strand, std::move(socket), measured, false);
    });
    Client client(house.port());
    CHECK(house.empties());
    CHECK(measured.done.now() == 0);
}

namespace {
std::string pattern(std::size_t size)
{
    std::string text(size, '\0');
    std::uint32_t state = 1;
    for (char& c : text) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

// Gives back what it gets, piece by piece; the first line says how much.
Task<> mirror(Strand& strand, Poco::Net::StreamSocket socket, bool tls)
{
    Stream stream(strand, socket);
    auto context = testContext();
    if (tls)
        co_await stream.startTls(std::move(context));
    const std::string count(co_await stream.line(100));
    std::size_t left = std::stoul(count);
    std::string all;
    while (left > 0) {
        const std::string_view piece = co_await stream.some(left);
        all += piece;
        left -= piece.size();
    }
    stream.write(all); // in one
    const std::string last(co_await stream.line(100));
    stream.write(last);
    co_await stream.close();
}
} // namespace

TEST_CASE("a large literal and a large answer pass byte for byte, plain and TLS", "[net][stream]")
{
    const std::string bytes = pattern(12'345'678);
    for (const bool tls : {false, true}) {
        House house([tls](Strand& strand, Poco::Net::StreamSocket socket) { return mirror(strand, std::move(socket), tls); });
        Client client(house.port());
        if (tls)
            REQUIRE(client.startTls());
        client.send(std::to_string(bytes.size()) + "\r\n");
        REQUIRE(client.send(bytes));
        client.send("the end\r\n");
        CHECK((client.exactly(bytes.size()) == bytes));
        CHECK(client.rest() == "the end");
    }
}

namespace {
// "x" lines are swallowed, all others come back.
Task<> sink(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    for (;;) {
        const std::string_view line = co_await stream.line(100);
        if (line != "x")
            stream.write("pong\r\n");
    }
}
} // namespace

TEST_CASE("a client that floods does not keep the only worker from others", "[net][stream][fairness]")
{
    House house(sink, {}, 1, 1);
    std::atomic<bool> over{false};
    std::vector<std::thread> floods;
    for (int i = 0; i < 2; ++i)
        floods.emplace_back([&] {
            std::string many;
            for (int n = 0; n < 50'000; ++n)
                many += "x\r\n";
            Client client(house.port());
            while (!over && client.send(many)) {
            }
        });
    Client canary(house.port());
    for (int i = 0; i < 50; ++i)
        CHECK(canary.talk("ping") == "pong");
    over = true;
    for (auto& flood : floods)
        flood.join();
}

namespace {
Task<> idle(Strand& strand, Poco::Net::StreamSocket socket, Tally& idling)
{
    Stream stream(strand, socket);
    for (;;) {
        idling.add();
        auto self = strand.shared_from_this();
        if (idling.now() == 1)
            self->wake(kNews);
        const std::uint32_t came = co_await stream.input(kNews);
        if ((came & kReadable) != 0)
            break;
        stream.write("* news\r\n");
    }
    const std::string line(co_await stream.line(100));
    stream.write("read " + line + "\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("input() tells news and bytes apart", "[net][stream][idle]")
{
    Tally idling;
    House house([&idling](Strand& strand, Poco::Net::StreamSocket socket) { return idle(strand, std::move(socket), idling); });
    Client client(house.port());
    CHECK(client.line() == "* news");
    CHECK(client.talk("DONE") == "read DONE");
}

namespace {
Task<> tellPeer(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    stream.write(stream.peerAddress() + (stream.peerIsLoopback() ? " loopback" : " elsewhere") + (stream.isTls() ? " tls\r\n" : " plain\r\n"));
    co_await stream.flush();
    stream.write(std::to_string(stream.bytesOut()) + "\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("a stream knows its peer and counts its bytes", "[net][stream]")
{
    House house(tellPeer);
    Client client(house.port());
    CHECK(client.line() == "127.0.0.1 loopback plain");
    CHECK(client.line() == "26");
}
