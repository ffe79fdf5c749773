// Who gets in: ports, admission, networks, and the words for those who are turned away.
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include "server/base/error.h"
#include "server/base/metrics.h"
#include "server/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace postfach::net;
using namespace postfach::test;

namespace {
Task<> greet(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    stream.write("hello\r\n");
    for (;;) {
        const std::string line(co_await stream.line(100));
        stream.write(line + "\r\n");
    }
}

// The same for one who has shown who he is.
Task<> greetKnown(Strand& strand, Poco::Net::StreamSocket socket)
{
    strand.record().vouched();
    co_await greet(strand, std::move(socket));
}

ServiceOptions options(std::vector<std::string> addresses, std::uint16_t port = 0)
{
    ServiceOptions result;
    result.name = "imap";
    result.addresses = std::move(addresses);
    result.port = port;
    result.refusal = "* BYE too many connections, try again later\r\n";
    return result;
}

bool hasIpv6()
{
    const int fd = ::socket(AF_INET6, SOCK_STREAM, 0);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_addr = in6addr_loopback;
    const bool works = fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
    if (fd >= 0)
        ::close(fd);
    return works;
}

std::string refusalOf(std::vector<std::string> addresses, std::uint16_t port)
{
    Scheduler scheduler(1, 1);
    postfach::base::SystemClock clock;
    Sessions sessions({10, 10, 10}, clock);
    try {
        const Service service(scheduler, sessions, options(std::move(addresses), port), greet);
        return "bound";
    } catch (const postfach::base::Refused& refused) {
        return refused.what();
    }
}
} // namespace

TEST_CASE("a port that is in use is refused with its number and what to do", "[net][service]")
{
    House house(greet);
    const std::string port = std::to_string(house.port());
    CHECK(refusalOf({"127.0.0.1"}, house.port()) ==
          "port " + port + " is in use (127.0.0.1): choose another with -D imap.port=N or stop the other server");
    CHECK_THAT(refusalOf({"0.0.0.0"}, house.port()), Catch::StartsWith("port " + port + " is in use (0.0.0.0)"));
    CHECK_THAT(refusalOf({"203.0.113.77"}, 0), Catch::StartsWith("this host has no address 203.0.113.77"));
    CHECK_THAT(refusalOf({"no address"}, 0), Catch::StartsWith("cannot listen on no address"));
    CHECK_THAT(refusalOf({}, 0), Catch::StartsWith("no address to listen on"));
}

TEST_CASE("a bound service takes nobody before start() and everybody who waited after it", "[net][service]")
{
    Scheduler scheduler(1, 1);
    postfach::base::SystemClock clock;
    Sessions sessions({10, 10, 10}, clock);
    Service service(scheduler, sessions, options({"127.0.0.1"}), greet);
    Client early(service.port());
    CHECK(sessions.now() == 0);
    service.start();
    CHECK(early.line() == "hello");
    CHECK(service.name() == "imap");
    service.stop();
    CHECK_THROWS(Client(service.port()));
    CHECK(early.talk("still served") == "still served");
    service.stop();
    scheduler.stop();
}

TEST_CASE("port 0 with both families gives one port that both answer on", "[net][service]")
{
    House house(greet, options({"0.0.0.0", "::"}));
    Client four(house.port());
    CHECK(four.line() == "hello");
    if (hasIpv6()) {
        Client six(house.port(), "::1");
        CHECK(six.line() == "hello");
    }
}

TEST_CASE("when the house is full the next one hears why, and a place that is left is free again", "[net][service][admission]")
{
    House house(greetKnown, options({"127.0.0.1"}), 2, 2, 2);
    {
        Client first(house.port());
        Client second(house.port());
        CHECK(first.line() == "hello");
        CHECK(second.line() == "hello");
        CHECK(house.sessions.now() == 2);
        CHECK_THAT(postfach::base::prometheusText(), Catch::ContainsSubstring("postfach_connections{service=\"imap\"} 2"));
        Client third(house.port());
        CHECK(third.line() == "* BYE too many connections, try again later");
        CHECK(third.line() == "<end>");
        CHECK(first.talk("fine") == "fine");
    }
    REQUIRE(house.empties());
    CHECK(house.sessions.now() == 0);
    Client next(house.port());
    CHECK(next.line() == "hello");
}

TEST_CASE("networks that may not connect are turned away", "[net][service]")
{
    ServiceOptions picky = options({"127.0.0.1"});
    picky.allowed = [](const std::string& address) { return address != "127.0.0.1"; };
    House house(greet, picky);
    Client client(house.port());
    CHECK(client.rest() == picky.refusal);
    CHECK(house.sessions.now() == 0);
}

TEST_CASE("inNetwork() knows prefixes of both families", "[net][service]")
{
    struct Row {
        const char* address;
        const char* network;
        std::optional<bool> answer;
    };
    const std::vector<Row> rows = {
        {"192.0.2.1", "", std::nullopt},
        {"192.0.2.1", "192.0.2.0/33", std::nullopt},
        {"192.0.2.1", "192.0.2.0/", std::nullopt},
        {"192.0.2.1", "192.0.2.0/-1", std::nullopt},
        {"192.0.2.1", "192.0.2/24", std::nullopt},
        {"192.0.2.1", "fc00::/129", std::nullopt},
        {"192.0.2.1", "localhost", std::nullopt},
        {"192.0.2.1", "192.0.2.0/24", true},
        {"192.0.3.1", "192.0.2.0/24", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.2", "192.0.2.1", false},
        {"192.0.2.129", "192.0.2.128/25", true},
        {"192.0.2.127", "192.0.2.128/25", false},
        {"10.1.2.3", "0.0.0.0/0", true},
        {"::1", "0.0.0.0/0", false},
        {"10.1.2.3", "::/0", false},
        {"::ffff:10.1.2.3", "10.0.0.0/8", true},
        {"10.1.2.3", "::ffff:10.0.0.0/104", true},
        {"fd00::1", "fc00::/7", true},
        {"fe00::1", "fc00::/7", false},
        {"fe80::1%eth0", "fe80::/10", true},
        {"::1", "::1", true},
        {"rubbish", "::/0", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.address, row.network);
        CHECK(inNetwork(row.address, row.network) == row.answer);
    }
}
