// What the server does with mail that a POP3 client has downloaded: for ever, for a time, or not at all; several clients on one mailbox.
#include "server/base/housekeeper.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>

using namespace postfach::test;
using namespace std::chrono_literals;
namespace store = postfach::store;
using store::Pop3Policy;

namespace {

void setPolicy(TestServer& server, const Pop3Policy& policy)
{
    server.store().writeAndWait([&](store::WriteTx& tx) {
        store::AccountPatch patch;
        patch.pop3 = policy;
        tx.changeAccount(tx.findAccount("alice@example.org")->id, patch);
    });
}

Pop3Policy keepsFor(std::uint32_t days)
{
    Pop3Policy policy;
    policy.retention = days;
    return policy;
}

std::string count(TestServer& server)
{
    const auto stat = server.pop3().talk("STAT");
    return stat.substr(4, stat.find(' ', 4) - 4);
}

std::size_t inImap(TestServer& server, const std::string& criteria = "ALL")
{
    auto imap = server.imap();
    imap.select();
    const auto found = imap.talk("SEARCH " + criteria).front();
    return static_cast<std::size_t>(std::count(found.begin(), found.end(), ' ')) - 1;
}

// What a session whose line dropped leaves to write is written when the server has noticed: some time soon.
bool seenInImap(TestServer& server, std::size_t count)
{
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (inImap(server, "SEEN") != count)
        if (std::chrono::steady_clock::now() > until)
            return false;
    return true;
}

void settle(TestServer& server) { server.store().writeAndWait([](store::WriteTx&) {}); } // behind what dropped lines left to write

// A client that leaves mail on the server and takes what it does not know by UIDL.
std::size_t fetchNew(TestServer& server, Lines& known)
{
    auto client = server.pop3();
    std::size_t fetched = 0;
    const auto listing = client.list("UIDL");
    for (std::size_t i = 1; i < listing.size(); ++i) {
        const auto id = listing[i].substr(listing[i].find(' ') + 1);
        if (std::find(known.begin(), known.end(), id) != known.end())
            continue;
        client.retrieve("RETR " + listing[i].substr(0, listing[i].find(' ')));
        known.push_back(id);
        ++fetched;
    }
    client.talk("QUIT");
    return fetched;
}

} // namespace

TEST_CASE("retention delete takes away what was retrieved whole, at QUIT and not before", "[pop3][retention]")
{
    TestServer server;
    server.fill(4);
    setPolicy(server, keepsFor(Pop3Policy::kAtOnce));
    {
        auto dropped = server.pop3();
        dropped.retrieve("RETR 1");
        dropped.hangUp();
    }
    CHECK(seenInImap(server, 1));
    CHECK(count(server) == "4");
    auto client = server.pop3();
    client.retrieve("TOP 1 9");
    client.retrieve("RETR 2");
    client.retrieve("RETR 2");
    client.retrieve("RETR 3");
    client.talk("DELE 3");
    client.talk("RSET"); // takes DELE back; that it was retrieved is still true
    CHECK(client.talk("STAT").substr(0, 6) == "+OK 4 ");
    CHECK(client.talk("QUIT") == "+OK goodbye");
    CHECK(count(server) == "2");
    CHECK(inImap(server) == 2);
}

TEST_CASE("a message whose answer never reached its end is not taken away", "[pop3][retention]")
{
    TestServer server;
    setPolicy(server, keepsFor(Pop3Policy::kAtOnce));
    server.lmtp().deliver({"alice@example.org"}, "Subject: large\r\n\r\n" + std::string(8 << 20, 'x') + "\r\n");
    {
        auto client = server.pop3();
        client.send("RETR 1\r\nQUIT\r\n");
        CHECK_THAT(client.line(), Catch::StartsWith("+OK"));
        client.hangUp(); // in the middle
    }
    settle(server);
    CHECK(count(server) == "1");
}

TEST_CASE("days are counted from the first download, by the clock", "[pop3][retention]")
{
    TestServer server;
    server.fill(3);
    setPolicy(server, keepsFor(14));
    auto& housekeeper = server.appliance().housekeeper();
    housekeeper.runDue();
    auto client = server.pop3();
    client.retrieve("RETR 1");
    client.talk("QUIT");
    server.clock().advance(24h * 10);
    auto again = server.pop3();
    again.retrieve("RETR 1"); // the second time does not count
    again.retrieve("RETR 2");
    again.talk("QUIT");
    server.clock().advance(24h * 4 - 1s);
    housekeeper.run("pop3-retention");
    CHECK(count(server) == "3");
    auto open = server.pop3(); // a frozen picture: what goes now is numbered still
    server.clock().advance(1s);
    housekeeper.run("pop3-retention");
    CHECK(open.talk("STAT").substr(0, 6) == "+OK 3 ");
    CHECK(open.talk("DELE 1") == "+OK marked as deleted");
    CHECK(open.talk("QUIT") == "+OK goodbye");
    CHECK(count(server) == "2");
    CHECK(inImap(server) == 2);
    server.restart(); // the days are on the disk
    server.clock().advance(24h * 10);
    server.appliance().housekeeper().run("pop3-retention");
    CHECK(count(server) == "1"); // nobody ever downloaded the third: it stays
}

TEST_CASE("a longer policy, or one for ever, saves what was about to go", "[pop3][retention]")
{
    TestServer server;
    server.fill(1);
    setPolicy(server, keepsFor(7));
    auto client = server.pop3();
    client.retrieve("RETR 1");
    client.talk("QUIT");
    server.clock().advance(24h * 20);
    setPolicy(server, keepsFor(Pop3Policy::kForEver));
    server.appliance().housekeeper().run("pop3-retention");
    CHECK(count(server) == "1");
    setPolicy(server, keepsFor(7)); // it had been downloaded before the policy came back: that counts
    server.appliance().housekeeper().run("pop3-retention");
    CHECK(count(server) == "0");
}

TEST_CASE("two clients with different habits: one leaves mail for a time, one takes it away", "[pop3][retention][two clients]")
{
    TestServer server;
    setPolicy(server, keepsFor(Pop3Policy::kForEver));
    server.fill(5);
    Lines phone;
    CHECK(fetchNew(server, phone) == 5); // leaves all
    auto desk = server.pop3();           // downloads and deletes
    for (const auto* n : {"1", "2", "3"}) {
        desk.retrieve(std::string("RETR ") + n);
        desk.talk(std::string("DELE ") + n);
    }
    Lines second = phone;
    CHECK(fetchNew(server, second) == 0); // while the desk is in the middle of it
    CHECK(desk.talk("QUIT") == "+OK goodbye");
    server.fill(2);
    CHECK(fetchNew(server, phone) == 2);
    CHECK(phone.size() == 7); // each of the seven once
    CHECK(count(server) == "4");

    setPolicy(server, keepsFor(30)); // the office now keeps for a month
    Lines tablet;
    CHECK(fetchNew(server, tablet) == 4);
    server.clock().advance(24h * 31);
    server.fill(1);
    server.appliance().housekeeper().run("pop3-retention");
    CHECK(count(server) == "1"); // what came in since stays
    CHECK(fetchNew(server, phone) == 1);
    CHECK(fetchNew(server, tablet) == 1);
}

TEST_CASE("hiding takes out of POP3 and leaves in IMAP, for DELE and for retention", "[pop3][hide]")
{
    TestServer server;
    server.fill(4);
    Pop3Policy policy;
    policy.hide = true;
    setPolicy(server, policy);
    const auto before = server.pop3().list("UIDL");
    auto client = server.pop3();
    auto other = server.pop3();
    client.talk("DELE 2");
    CHECK(client.talk("QUIT") == "+OK goodbye");
    CHECK_THAT(other.retrieve("RETR 2"), Catch::ContainsSubstring("message 2")); // a frozen picture
    other.hangUp();
    CHECK(seenInImap(server, 1));

    auto next = server.pop3();
    CHECK(next.talk("STAT").substr(0, 6) == "+OK 3 ");
    const auto after = next.list("UIDL");
    REQUIRE(after.size() == 4);
    for (const auto& [now, then] : {std::pair{1, 1}, std::pair{2, 3}, std::pair{3, 4}})
        CHECK(after[now].substr(2) == before[then].substr(2));
    CHECK(next.list("LIST").size() == 4);
    CHECK_THAT(next.retrieve("RETR 2"), Catch::ContainsSubstring("message 3"));
    CHECK_THAT(next.talk("RETR 4"), Catch::StartsWith("-ERR"));
    CHECK(next.talk("DELE 3") == "+OK marked as deleted");
    next.talk("QUIT");
    CHECK(inImap(server) == 4);
    CHECK(seenInImap(server, 2)); // what was retrieved is read for IMAP, hidden or not
    server.restart();
    CHECK(count(server) == "2");

    policy.retention = Pop3Policy::kAtOnce;
    setPolicy(server, policy);
    auto last = server.pop3();
    last.retrieve("RETR 1");
    last.talk("QUIT");
    CHECK(count(server) == "1");
    CHECK(inImap(server) == 4);
}

TEST_CASE("whether RETR marks as read is a policy", "[pop3][seen]")
{
    TestServer server;
    server.fill(2);
    Pop3Policy policy;
    policy.seen = false;
    setPolicy(server, policy);
    auto client = server.pop3();
    client.retrieve("RETR 1");
    client.talk("QUIT");
    CHECK(inImap(server, "SEEN") == 0);
    policy.seen = true;
    setPolicy(server, policy);
    auto again = server.pop3();
    again.retrieve("RETR 2");
    again.hangUp(); // that it was read is true without QUIT
    CHECK(seenInImap(server, 1));
}

TEST_CASE("only under the policy exclusive is a second session turned away", "[pop3][in-use]")
{
    TestServer server;
    server.fill(1);
    auto one = server.pop3();
    auto two = server.pop3();
    Pop3Policy policy;
    policy.exclusive = true;
    setPolicy(server, policy);
    auto third = server.connect<Pop3Client>("pop3");
    third.line();
    third.talk("USER alice@example.org");
    CHECK_THAT(third.talk("PASS secret"), Catch::StartsWith("-ERR [IN-USE]"));
    CHECK(one.talk("QUIT") == "+OK goodbye");
    CHECK(two.talk("QUIT") == "+OK goodbye");
    third.talk("USER alice@example.org");
    CHECK_THAT(third.talk("PASS secret"), Catch::StartsWith("+OK"));
    CHECK_THAT(server.pop3("bob@example.org").talk("STAT"), Catch::StartsWith("+OK")); // another account is another matter
    auto imap = server.imap();                                                           // and IMAP is never kept out
    imap.select();
    CHECK(imap.talk("STORE 1 +FLAGS (\\Deleted)").back().substr(0, 2) == "OK");
    CHECK(imap.talk("EXPUNGE").back().substr(0, 2) == "OK");
    CHECK_THAT(third.talk("STAT"), Catch::StartsWith("+OK 1 "));
    third.talk("QUIT");
    CHECK_THAT(server.pop3().talk("STAT"), Catch::StartsWith("+OK 0 ")); // the word of goodbye comes after the place is free
}
