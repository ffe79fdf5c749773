#include "tests/support/catch.h"
#include "tests/support/test_server.h"
#include "tests/support/work.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace postfach::test;
using namespace postfach;

namespace {

std::string literal(const std::string& text) { return "{" + std::to_string(text.size()) + "}\r\n" + text; }

const std::string kTwoParts = "From: Bob <bob@example.org>\r\nTo: alice@example.org\r\nSubject: two parts\r\nDate: Sun, 1 Mar 2026 09:30:00 +0000\r\n"
                              "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
                              "--x\r\nContent-Type: text/plain\r\n\r\nfirst part\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
                              "Subject: inner\r\n\r\ninner text\r\n--x--\r\n";

// Memory of this process that is no file's, the clients' too. A sanitizer keeps what was freed: then it says nothing.
std::uint64_t heldMemory()
{
    std::ifstream status("/proc/self/status");
    std::string word;
    std::uint64_t kib = 0;
    while (!kIsSanitized && status >> word)
        if (word == "RssAnon:")
            status >> kib;
    return kib * 1024;
}

} // namespace

TEST_CASE("FETCH refuses what is no message, no item and no state", "[imap][fetch][rfc9051-6.4.5]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    client.select();
    for (const auto* command : {"FETCH", "FETCH 1", "FETCH 0 FLAGS", "FETCH 4 FLAGS", "FETCH 1 ()", "FETCH 1 WEATHER", "FETCH 1:99999999999999999999 FLAGS",
                                "FETCH 1 (FLAGS", "FETCH 1 BODY[", "FETCH 1 BODY[0]", "FETCH 1 BODY[]<0>", "FETCH x FLAGS", "UID FETCH $1 FLAGS"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("UID FETCH 99 FLAGS") == Lines{"OK UID FETCH completed"});
    CHECK(client.talk("FETCH 3:* UID") == Lines{"* 3 FETCH (UID 3)", "OK FETCH completed"});
    CHECK(client.talk("UID FETCH 99:* UID") == Lines{"* 3 FETCH (UID 3)", "OK UID FETCH completed"});
}

TEST_CASE("an exploding set of numbers names each message once", "[imap][fetch][threats-9]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    client.select();
    std::string set = "1:4294967295";
    for (int i = 0; i < 4'000; ++i)
        set += ",1:4294967295";
    CHECK(client.talk("UID FETCH " + set + " UID").size() == 4);
}

TEST_CASE("FETCH of what is in memory", "[imap][fetch]")
{
    TestServer server;
    server.fill(2);
    auto client = server.imap();
    client.select();
    const auto size = std::to_string(sampleMessage(1).size());
    CHECK(client.talk("FETCH 1 (UID FLAGS RFC822.SIZE INTERNALDATE)").front()
          == "* 1 FETCH (UID 1 FLAGS (\\Recent) INTERNALDATE \"01-Mar-2026 00:00:00 +0000\" RFC822.SIZE " + size + ")");
    CHECK(client.talk("FETCH 1:2 FAST").size() == 3);
    CHECK(client.talk("UID FETCH 2 (FLAGS)").front() == "* 2 FETCH (UID 2 FLAGS (\\Recent))");
}

TEST_CASE("bodies come back byte for byte, whole, by section and in parts", "[imap][fetch][rfc9051-6.4.5]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", kTwoParts);
    client.select();
    CHECK(client.talk("FETCH 1 BODY.PEEK[]").front() == "* 1 FETCH (BODY[] " + literal(kTwoParts) + ")");
    CHECK(client.talk("FETCH 1 RFC822.SIZE").front() == "* 1 FETCH (RFC822.SIZE " + std::to_string(kTwoParts.size()) + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[]<10.5>").front() == "* 1 FETCH (BODY[]<10> " + literal(kTwoParts.substr(10, 5)) + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[]<99999.5>").front() == "* 1 FETCH (BODY[]<99999> \"\")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[1]").front() == "* 1 FETCH (BODY[1] " + literal("first part") + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[2.HEADER]").front() == "* 1 FETCH (BODY[2.HEADER] " + literal("Subject: inner\r\n\r\n") + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[2.TEXT]").front() == "* 1 FETCH (BODY[2.TEXT] " + literal("inner text") + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[1.MIME]").front() == "* 1 FETCH (BODY[1.MIME] " + literal("Content-Type: text/plain\r\n\r\n") + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]").front()
          == "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] " + literal("Subject: two parts\r\n\r\n") + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[7]").front() == "* 1 FETCH (BODY[7] NIL)");
    CHECK(client.talk("FETCH 1 RFC822.HEADER").front()
          == "* 1 FETCH (RFC822.HEADER " + literal(kTwoParts.substr(0, kTwoParts.find("\r\n\r\n") + 4)) + ")");
    const auto envelope = client.talk("FETCH 1 ENVELOPE").front();
    CHECK_THAT(envelope, Catch::StartsWith("* 1 FETCH (ENVELOPE (\"Sun, 1 Mar 2026 09:30:00 +0000\" \"two parts\" ((\"Bob\" NIL \"bob\" \"example.org\"))"));
    CHECK_THAT(client.talk("FETCH 1 BODYSTRUCTURE").front(), Catch::StartsWith("* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\""));
}

TEST_CASE("large bodies stream in pieces and arrive whole", "[imap][fetch]")
{
    TestServer server;
    auto client = server.imap();
    std::string big = "Subject: big\r\n\r\n";
    for (int i = 0; big.size() < 3'000'000; ++i)
        big += "line " + std::to_string(i) + " of a message that does not fit into one piece of anything\r\n";
    std::string middle = "Subject: middle\r\n\r\n" + std::string(200'000, 'm') + "\r\n";
    CHECK_THAT(client.append("INBOX", big).back(), Catch::StartsWith("OK [APPENDUID "));
    client.append("INBOX", middle);
    client.append("INBOX", big.substr(0, 1'000'000));
    client.select();
    const auto all = client.talk("FETCH 1:3 (UID BODY.PEEK[])");
    REQUIRE(all.size() == 4);
    CHECK(all[0] == "* 1 FETCH (UID 1 BODY[] " + literal(big) + ")");
    CHECK(all[1] == "* 2 FETCH (UID 2 BODY[] " + literal(middle) + ")");
    CHECK(all[2] == "* 3 FETCH (UID 3 BODY[] " + literal(big.substr(0, 1'000'000)) + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[TEXT]").front() == "* 1 FETCH (BODY[TEXT] " + literal(big.substr(16)) + ")");
    CHECK(client.talk("FETCH 1 BODY.PEEK[]<2000000.700000>").front() == "* 1 FETCH (BODY[]<2000000> " + literal(big.substr(2'000'000, 700'000)) + ")");
    CHECK(client.talk("FETCH 1 (BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[]<2999000.99999999> UID)").front()
          == "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (Subject)] " + literal("Subject: big\r\n\r\n") + " BODY[]<2999000> " + literal(big.substr(2'999'000)) + ")");
}

TEST_CASE("reading sets \\Seen, peeking does not, and everybody hears of it", "[imap][fetch][rfc9051-6.4.5]")
{
    TestServer server;
    server.fill(3);
    auto laptop = server.imap();
    auto phone = server.imap();
    laptop.select();
    phone.select();
    laptop.talk("FETCH 1 (BODY.PEEK[] RFC822.HEADER ENVELOPE)");
    CHECK(laptop.talk("SEARCH SEEN").front() == "* SEARCH");
    CHECK_THAT(laptop.talk("FETCH 1 BODY[TEXT]").front(), Catch::StartsWith("* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {"));
    CHECK(laptop.talk("NOOP") == Lines{"OK NOOP completed"});
    CHECK(phone.talk("NOOP") == Lines{"* 1 FETCH (FLAGS (\\Seen))", "OK NOOP completed"});
    CHECK_THAT(phone.talk("UID FETCH 2:3 RFC822").front(), Catch::StartsWith("* 2 FETCH (UID 2 FLAGS (\\Seen) RFC822 {"));
    CHECK(laptop.talk("NOOP").size() == 3);
}

TEST_CASE("a client that does not read costs the server no memory for what it asked", "[imap][fetch][threats-10]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", "Subject: x\r\n\r\n" + std::string(1'000'000, 'x'));
    client.select();
    std::string all;
    for (int i = 0; i < 200; ++i)
        all += "f" + std::to_string(i) + " FETCH 1 BODY.PEEK[]\r\n";
    const std::uint64_t before = heldMemory();
    client.send(all);
    auto canary = server.imap(); // answers while the other waits for room
    CHECK_THAT(canary.select().back(), Catch::StartsWith("OK"));
    for (int i = 0; i < 3; ++i)
        CHECK(client.until("f" + std::to_string(i)).size() == 2);
    CHECK(heldMemory() < before + 20'000'000);
}

TEST_CASE("fields picked from a large header, and a large body behind them, are not held for a client that does not read", "[imap][fetch][threats-10]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", "Subject: x\r\nX-Long: " + std::string(4'000'000, 'x') + "\r\n\r\nbody\r\n");
    client.append("INBOX", "Subject: x\r\nX-Short: " + std::string(10'000, 'x') + "\r\n\r\n" + std::string(40'000'000, 'b'));
    client.select();
    std::string picked = "FETCH 1 (";
    for (int i = 0; i < 20; ++i)
        picked += "BODY.PEEK[HEADER.FIELDS.NOT (A" + std::to_string(i) + ")] ";
    const std::string long_header = picked + "UID)", large_body = "FETCH 2 (BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[])";
    for (const std::string& command : {large_body, long_header}) {
        auto other = server.imap();
        other.select();
        const std::uint64_t before = heldMemory();
        other.send("a " + command + "\r\n");
        other.line(); // the answer has begun: what the server needed for it, it has
        CHECK(heldMemory() < before + 12'000'000);
        other.reset();
    }
    const auto told = client.talk("FETCH 1 (BODY.PEEK[HEADER.FIELDS (X-Long)] BODY.PEEK[HEADER.FIELDS (X-None)]<0.1> BODY.PEEK[HEADER.FIELDS.NOT (X-Long)])");
    const bool all_there = told.front()
        == "* 1 FETCH (BODY[HEADER.FIELDS (X-Long)] " + literal("X-Long: " + std::string(4'000'000, 'x') + "\r\n\r\n")
            + " BODY[HEADER.FIELDS (X-None)]<0> " + literal("\r") + " BODY[HEADER.FIELDS.NOT (X-Long)] " + literal("Subject: x\r\n\r\n") + ")";
    CHECK(all_there);
}

TEST_CASE("fields of the header of a message within a large one are picked, and NIL where there is none", "[imap][fetch]")
{
    TestServer server;
    auto client = server.imap();
    const std::string large = kTwoParts.substr(0, kTwoParts.find("inner text")) + std::string(200'000, 'i') + "\r\n--x--\r\n";
    client.append("INBOX", large);
    client.select();
    CHECK(client.talk("FETCH 1 (BODY.PEEK[2.HEADER.FIELDS (Subject)] BODY.PEEK[1.HEADER.FIELDS (Subject)])").front()
          == "* 1 FETCH (BODY[2.HEADER.FIELDS (Subject)] " + literal("Subject: inner\r\n\r\n") + " BODY[1.HEADER.FIELDS (Subject)] NIL)");
}

TEST_CASE("a message that is damaged costs the fields of no other", "[imap][fetch][damage]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", "Subject: before\r\n\r\nx\r\n");
    client.append("INBOX", "Subject: damaged\r\nX-Short: " + std::string(10'000, 'x') + "\r\n\r\n" + std::string(600'000, 'b'));
    client.append("INBOX", "Subject: behind\r\n\r\nx\r\n");
    server.restart();
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server.data() + "/data/bodies"))
        if (entry.is_regular_file()) {
            std::filesystem::resize_file(entry, 10);
            ++files;
        }
    REQUIRE(files == 1);
    auto again = server.imap();
    again.select();
    const auto told = again.talk("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (Subject)])");
    REQUIRE(told.size() == 3);
    CHECK(told.at(0) == "* 1 FETCH (BODY[HEADER.FIELDS (Subject)] " + literal("Subject: before\r\n\r\n") + ")");
    CHECK(told.at(1) == "* 3 FETCH (BODY[HEADER.FIELDS (Subject)] " + literal("Subject: behind\r\n\r\n") + ")");
    CHECK_THAT(told.at(2), Catch::ContainsSubstring("NO [CORRUPTION]"));
}

TEST_CASE("a summary that is missing is made anew and kept", "[imap][fetch]")
{
    TestServer server;
    const auto message = sampleMessage(7);
    const auto body = server.store().prepareBody(message);
    store::BodyId id;
    server.store().writeAndWait([&](store::WriteTx& tx) {
        const auto account = tx.findAccount("alice@example.org");
        store::NewMessage fresh;
        fresh.body = id = tx.addBody(*body, "");
        fresh.internal_date = server.clock().now();
        tx.append(tx.findMailbox(account->id, "INBOX")->id, fresh);
    });
    auto client = server.imap();
    client.select();
    CHECK_THAT(client.talk("FETCH 1 ENVELOPE").front(), Catch::ContainsSubstring("\"message 7\""));
    CHECK(!server.store().read()->summary(id).empty());
}
