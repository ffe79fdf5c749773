// The whole way once: accept, adopt, read a line, answer, end; in the clear and under TLS.
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

using namespace postfach::net;
using namespace postfach::test;

namespace {
Task<> echoLines(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    for (;;) {
        const std::string line(co_await stream.line(8192));
        if (line == "LOGOUT")
            break;
        if (line == "TLS") {
            stream.write("OK go\r\n");
            auto context = testContext();
            co_await stream.startTls(std::move(context));
            continue;
        }
        stream.write("echo " + line + "\r\n");
    }
    stream.write("BYE\r\n");
    co_await stream.close();
}

Task<> echoTls(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    auto context = testContext();
    co_await stream.startTls(std::move(context));
    for (;;) {
        const std::string line(co_await stream.line(8192));
        if (line == "LOGOUT")
            break;
        stream.write("echo " + line + "\r\n");
    }
    stream.write("BYE\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("a session answers line by line and ends when it says so", "[net][stream]")
{
    House house(echoLines);
    Client client(house.port());
    CHECK(client.talk("one") == "echo one");
    CHECK(client.talk("two") == "echo two");
    CHECK(client.talk("LOGOUT") == "BYE");
    CHECK(client.line() == "<end>");
    CHECK(house.empties());
}

TEST_CASE("the same session answers under TLS, from the first byte or after STARTTLS", "[net][stream][tls]")
{
    SECTION("from the first byte")
    {
        House house(echoTls);
        Client client(house.port());
        REQUIRE(client.startTls());
        CHECK(client.talk("one") == "echo one");
        CHECK(client.talk("LOGOUT") == "BYE");
        CHECK(client.line() == "<end>");
        CHECK(house.empties());
    }
    SECTION("after STARTTLS")
    {
        House house(echoLines);
        Client client(house.port());
        CHECK(client.talk("in the clear") == "echo in the clear");
        CHECK(client.talk("TLS") == "OK go");
        REQUIRE(client.startTls());
        CHECK(client.talk("hidden") == "echo hidden");
        CHECK(client.talk("LOGOUT") == "BYE");
        CHECK(house.empties());
    }
}
