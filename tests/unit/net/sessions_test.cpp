// Who is here: bounds, who makes room, what is told of each, and how one is told to go.
#include "server/net/sessions.h"
#include "tests/support/catch.h"
#include "tests/unit/net/net_test.h"

#include <algorithm>
#include <utility>

using namespace postfach::net;
using namespace postfach::test;
using postfach::base::FakeClock;

namespace {
using Refusal = Sessions::Refusal;

struct Door {
    explicit Door(Sessions::Bounds bounds) : sessions(bounds, clock) {}
    ~Door() { leaveAll(); }
    SessionRecord* enter(const std::string& address, const std::string& service = "imap")
    {
        auto record = sessions.enter(service, address, refusal);
        if (record)
            inside.push_back(record);
        return record.get();
    }
    void leave(SessionRecord* record)
    {
        const auto at = std::find_if(inside.begin(), inside.end(), [&](const auto& one) { return one.get() == record; });
        sessions.leave(**at);
        inside.erase(at);
    }
    void leaveAll()
    {
        for (const auto& record : inside)
            sessions.leave(*record);
        inside.clear();
    }
    std::vector<std::string> addresses(const Sessions::Filter& filter = {})
    {
        std::vector<std::string> all;
        for (const auto& info : sessions.list(filter, "", 1000))
            all.push_back(info.address);
        return all;
    }

    FakeClock clock;
    Sessions sessions;
    Refusal refusal{};
    std::vector<std::shared_ptr<SessionRecord>> inside;
};
using Texts = std::vector<std::string>;
} // namespace

TEST_CASE("an address, an IPv6 /64 and an account have their bounds, loopback has that of the whole alone", "[net][sessions][admission]")
{
    Door door({8, 2, 2});
    CHECK(door.enter("192.0.2.1"));
    CHECK(door.enter("::ffff:192.0.2.1"));
    CHECK_FALSE(door.enter("192.0.2.1"));
    CHECK(door.refusal == Refusal::address);
    CHECK(door.enter("2001:db8:0:1::1"));
    CHECK(door.enter("2001:db8:0:1:ffff::2"));
    CHECK_FALSE(door.enter("2001:db8:0:1::3"));
    CHECK(door.enter("2001:db8:0:2::1"));
    for (int i = 0; i < 3; ++i)
        CHECK(door.enter("127.0.0.1"));
    CHECK(door.sessions.now() == 8);

    CHECK(door.inside[0]->loggedIn("alice@example.org"));
    CHECK(door.inside[1]->loggedIn("alice@example.org"));
    CHECK_FALSE(door.inside[2]->loggedIn("alice@example.org"));
    CHECK(door.inside[2]->loggedIn("bob@example.org"));
    door.leave(door.inside[0].get());
    CHECK(door.inside[2]->loggedIn("alice@example.org"));

    door.leaveAll();
    CHECK(door.sessions.now() == 0);
    CHECK(door.enter("192.0.2.1"));
    CHECK(door.refusal == Refusal::none);
}

TEST_CASE("in a full house the oldest who has not logged in makes room, and nobody who has", "[net][sessions][pressure]")
{
    Door door({3, 10, 10});
    auto* const oldest = door.enter("192.0.2.1");
    auto* const owner = door.enter("192.0.2.2");
    auto* const mta = door.enter("192.0.2.3", "lmtp");
    REQUIRE(owner->loggedIn("alice@example.org"));
    mta->vouched();

    CHECK(door.enter("192.0.2.4"));
    CHECK(oldest->farewell() == Farewell::pressure);
    CHECK(owner->farewell() == Farewell::none);
    CHECK(mta->farewell() == Farewell::none);
    SECTION("whoever lingers after being told does so within a bound")
    {
        CHECK_FALSE(door.enter("192.0.2.5"));
        CHECK(door.refusal == Refusal::full);
        door.leave(oldest);
        CHECK(door.enter("192.0.2.6"));
        CHECK(door.inside[2]->farewell() == Farewell::pressure); // 192.0.2.4, the oldest stranger now
    }
    SECTION("where all have logged in the newcomer is refused")
    {
        door.leave(oldest);
        REQUIRE(door.inside[2]->loggedIn("bob@example.org"));
        CHECK_FALSE(door.enter("192.0.2.7"));
        CHECK(door.refusal == Refusal::full);
        CHECK(door.sessions.now() == 3);
    }
}

TEST_CASE("a list tells what is known of each, in pages, by account and by service", "[net][sessions]")
{
    Door door({100, 100, 100});
    CHECK(door.addresses() == Texts{});
    for (int i = 1; i <= 5; ++i)
        door.enter("192.0.2." + std::to_string(i), i % 2 == 0 ? "pop3s" : "imap");
    door.inside[0]->loggedIn("alice@example.org");
    door.inside[3]->loggedIn("alice@example.org");
    door.inside[4]->loggedIn("bob@example.org");

    CHECK(door.addresses({"alice@example.org", "", ""}) == Texts{"192.0.2.1", "192.0.2.4"});
    CHECK(door.addresses({"alice@example.org", "pop3s", ""}) == Texts{"192.0.2.4"});
    CHECK(door.addresses({"", "pop3s", ""}) == Texts{"192.0.2.2", "192.0.2.4"});
    CHECK(door.addresses({"", "", "imap"}) == Texts{"192.0.2.2", "192.0.2.4"});
    CHECK(door.addresses({"carol@example.org", "", ""}) == Texts{});
    const auto first = door.sessions.list({}, "", 2);
    REQUIRE(first.size() == 2);
    const auto second = door.sessions.list({}, first.back().id, 2);
    REQUIRE(second.size() == 2);
    CHECK(second.front().address == "192.0.2.3");

    auto& record = *door.inside[0];
    record.state("selected");
    record.about("Entw\xc3\xbcrfe\r\n* BYE");
    record.client(std::string(1000, 'x') + "\x1b[31m");
    record.tls("TLSv1.3", "TLS_AES_256_GCM_SHA384");
    record.countIn(7);
    record.countOut(9);
    const auto info = door.sessions.find(first.front().id).value();
    CHECK_THAT(info.state, Catch::StartsWith("selected Entw\xc3\xbcrfe"));
    CHECK(info.state.find_first_of("\r\n") == std::string::npos);
    CHECK(info.client.size() <= 210);
    CHECK(info.client.find('\x1b') == std::string::npos);
    CHECK(info.account == "alice@example.org");
    CHECK(info.tls == "TLSv1.3");
    CHECK(info.since == door.clock.now());
    CHECK(info.bytes_in == 7);
    CHECK(info.bytes_out == 9);
    for (const char* id : {"", "0", "zzzzzzzzzzzzzzzz", "0000000000000000", "ffffffffffffffff", "00000000000000001"})
        CHECK_FALSE(door.sessions.find(id));
}

TEST_CASE("who logs out and stays is a stranger again", "[net][sessions][rfc8437]")
{
    Door door({2, 10, 1});
    auto* const one = door.enter("192.0.2.1");
    auto* const two = door.enter("192.0.2.2");
    one->loggedOut(); // nobody was
    REQUIRE(one->loggedIn("alice@example.org", "phone"));
    CHECK_FALSE(two->loggedIn("alice@example.org"));
    one->loggedOut();
    CHECK(one->info().account.empty());
    CHECK(door.addresses({"alice@example.org", "", ""}) == Texts{});
    CHECK(door.sessions.endAll("alice@example.org") == 0);
    CHECK(door.sessions.endOpenedWith("alice@example.org", "phone") == 0);
    one->loginBegins();
    two->loginBegins();
    CHECK(two->loggedIn("alice@example.org")); // the place is free
    CHECK(one->loggedIn("bob@example.org"));
    CHECK(one->info().account == "bob@example.org");
    CHECK_FALSE(door.enter("192.0.2.3")); // both have logged in
    one->loggedOut();
    CHECK(door.enter("192.0.2.3"));
    CHECK(one->farewell() == Farewell::pressure);
    CHECK(two->farewell() == Farewell::none);
    door.leave(one);
    CHECK(door.sessions.now() == 2);
}

TEST_CASE("who is told to go hears it once, by name or with all of the account", "[net][sessions]")
{
    Door door({100, 100, 100});
    auto* const phone = door.enter("192.0.2.1");
    auto* const laptop = door.enter("192.0.2.1", "imaps");
    auto* const fetcher = door.enter("192.0.2.1", "pop3s");
    auto* const other = door.enter("192.0.2.1");
    for (auto* const one : {phone, laptop, fetcher})
        one->loggedIn("alice@example.org");
    other->loggedIn("bob@example.org");

    CHECK_FALSE(door.sessions.end("ffffffffffffffff"));
    CHECK(door.sessions.end(phone->info().id));
    CHECK(phone->farewell() == Farewell::administrator);
    CHECK(door.sessions.endAll("nobody@example.org") == 0);
    CHECK(door.sessions.endAll("alice@example.org", {"pop3"}) == 1);
    CHECK(fetcher->farewell() == Farewell::account);
    CHECK(laptop->farewell() == Farewell::none);
    CHECK(door.sessions.endAll("alice@example.org", {"imap"}) == 2);
    CHECK(laptop->farewell() == Farewell::account);
    CHECK(phone->farewell() == Farewell::administrator);
    CHECK(other->farewell() == Farewell::none);
}

TEST_CASE("who came with an app password that is taken back goes, whoever came with another stays", "[net][sessions]")
{
    Door door({100, 100, 100});
    auto* const phone = door.enter("192.0.2.1");
    auto* const tablet = door.enter("192.0.2.1", "pop3");
    auto* const owner = door.enter("192.0.2.1");
    auto* const other = door.enter("192.0.2.1");
    auto* const slow = door.enter("192.0.2.1");
    auto* const late = door.enter("192.0.2.1");
    phone->loggedIn("alice@example.org", "phone");
    tablet->loggedIn("alice@example.org", "tablet");
    owner->loggedIn("alice@example.org");
    other->loggedIn("bob@example.org", "phone");
    slow->loginBegins();
    CHECK(door.sessions.endOpenedWith("alice@example.org", "phone") == 1);
    CHECK(phone->farewell() == Farewell::account);
    for (auto* const one : {tablet, owner, other})
        CHECK(one->farewell() == Farewell::none);

    CHECK(slow->loggedIn("alice@example.org", "phone")); // its password was right when it was looked at
    CHECK(slow->farewell() == Farewell::account);
    late->loginBegins();
    CHECK(late->loggedIn("alice@example.org", "phone")); // a new one under the old label
    CHECK(late->farewell() == Farewell::none);
}

TEST_CASE("a login that was under way when the account's sessions were ended does not slip through", "[net][sessions]")
{
    Door door({100, 100, 100});
    auto* const slow = door.enter("192.0.2.1");
    auto* const fetcher = door.enter("192.0.2.1", "pop3");
    auto* const other = door.enter("192.0.2.1");
    for (auto* const one : {slow, fetcher, other})
        one->loginBegins();
    door.sessions.endAll("alice@example.org", {"imap"});
    CHECK(slow->loggedIn("alice@example.org"));
    CHECK(slow->farewell() == Farewell::account);
    CHECK(fetcher->loggedIn("alice@example.org"));
    CHECK(fetcher->farewell() == Farewell::none);
    CHECK(other->loggedIn("bob@example.org"));
    CHECK(other->farewell() == Farewell::none);

    auto* const late = door.enter("192.0.2.1");
    late->loginBegins();
    CHECK(late->loggedIn("alice@example.org"));
    CHECK(late->farewell() == Farewell::none);

    auto* const longest = door.enter("192.0.2.1"); // so long that its ending may be forgotten
    longest->loginBegins();
    for (int i = 0; i < 3000; ++i)
        door.sessions.endAll("carol@example.org");
    CHECK(longest->loggedIn("dave@example.org"));
    CHECK(longest->farewell() == Farewell::account);
}

namespace {
// Says hello, waits, and says why it goes.
Task<> waiter(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    stream.write("hello\r\n");
    std::string words;
    try {
        co_await stream.line(100);
    } catch (const ShuttingDown& told) {
        words = told.what();
    } catch (const PeerGone&) {
    }
    stream.write(words + "\r\n");
    co_await stream.close();
}

Task<> handshake(Strand& strand, Poco::Net::StreamSocket socket)
{
    Stream stream(strand, socket);
    try {
        co_await stream.startTls(testContext());
    } catch (const ShuttingDown&) {
    }
    stream.write("words that nobody could read\r\n");
    co_await stream.close();
}
} // namespace

TEST_CASE("a waiting session that is told to go says why, and the others wait on", "[net][sessions][strand]")
{
    House house(waiter);
    Client one(house.port());
    Client two(house.port());
    CHECK(one.line() == "hello");
    CHECK(two.line() == "hello");
    const auto all = house.sessions.list({}, "", 10);
    REQUIRE(all.size() == 2);
    CHECK(house.sessions.end(all[0].id));
    CHECK(one.line() == "the administrator has ended this session");
    CHECK(one.line() == "<end>");
    house.sessions.makeRoom();
    CHECK(two.line() == "too many connections, log in sooner");
    CHECK(two.rest().empty());
    CHECK(house.empties());
    CHECK(house.sessions.now() == 0);
}

TEST_CASE("a hundred that sit in the handshake make room at once, without another goodbye time each", "[net][sessions][pressure][threats-26]")
{
    House house(handshake, {}, 2, 2, 100);
    std::vector<Client> silent;
    for (int i = 0; i < 100; ++i)
        silent.emplace_back(house.port());
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) {
        Client next(house.port());
        REQUIRE(next.startTls());
        CHECK(next.line() == "words that nobody could read");
    }
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(8)); // 100 goodbye times would be 200 s
    CHECK(house.sessions.now() <= 126);
}
