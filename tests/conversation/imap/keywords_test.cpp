#include "server/base/limits.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <cstddef>
#include <string>

using namespace postfach::test;

namespace {

constexpr int kMost = postfach::base::limits::kKeywordsPerAccount;
constexpr int kAtOnce = 500;
constexpr std::size_t kLongestFlags = 17 * 1024; // of what is said of them in one line

std::string label(int number) { return "Label" + std::to_string(number); }

std::string labels(int from, int behind)
{
    std::string names;
    for (int i = from; i < behind; ++i)
        names += (names.empty() ? "" : " ") + label(i);
    return names;
}

std::size_t bytesOf(const Lines& lines)
{
    std::size_t bytes = 0;
    for (const std::string& line : lines)
        bytes += line.size();
    return bytes;
}

const std::string& lineWith(const Lines& lines, const std::string& words)
{
    const auto at =
        std::find_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(words) != std::string::npos; });
    REQUIRE(at != lines.end());
    return *at;
}

// All there may be but `missing`: by STORE in two mailboxes of 20, and by APPEND into a third, 500 to a message.
void makeKeywords(TestServer& server, int missing = 0)
{
    server.fill(20);
    server.fill(20, "Archive");
    auto client = server.imap();
    for (int from = 0; from < kMost; from += kAtOnce) {
        const std::string names = labels(from, std::min(from + kAtOnce, kMost - missing));
        const int batch = from / kAtOnce;
        CAPTURE(from);
        if (batch % 4 == 3) {
            CHECK_THAT(client.append("Sent", sampleMessage(batch), '(' + names + ')').back(), Catch::StartsWith("OK"));
            continue;
        }
        client.select(batch % 2 == 0 ? "INBOX" : "Archive");
        const std::string number = std::to_string(batch + 1);
        CHECK(client.talk("STORE " + number + " +FLAGS.SILENT (" + names + ')').back() == "OK STORE completed");
    }
}

} // namespace

TEST_CASE("an account has 10,000 keywords, and they are found again in every mailbox after a restart",
    "[imap][store][append][search][keywords]")
{
    static_assert(kMost >= 10'000);
    TestServer server;
    makeKeywords(server);
    server.restart();
    auto client = server.imap();

    for (int from = 0; from < kMost; from += kAtOnce) {
        const int batch = from / kAtOnce;
        const bool appended = batch % 4 == 3;
        const std::string number = std::to_string(appended ? batch / 4 + 1 : batch + 1);
        CAPTURE(from);
        client.select(appended ? "Sent" : batch % 2 == 0 ? "INBOX" : "Archive");
        CHECK(client.talk("SEARCH KEYWORD " + label(from)).front() == "* SEARCH " + number);
        CHECK(client.talk("SEARCH KEYWORD lABEL" + std::to_string(from + kAtOnce - 1)).front() == "* SEARCH " + number);
        CHECK(
            lineWith(client.talk("FETCH " + number + " FLAGS"), "FETCH").find(labels(from, from + kAtOnce)) != std::string::npos);
    }
    CHECK(server.store().check(false).empty());
}

TEST_CASE("a message has at most 1,000 keywords, whatever the account has", "[imap][store][append][keywords]")
{
    TestServer server;
    makeKeywords(server);
    auto client = server.imap();
    client.select();
    const std::string full = labels(100, 1100);
    CHECK(client.talk("STORE 1:2 FLAGS.SILENT (" + full + ')').back() == "OK STORE completed");
    const std::string refused = "NO [LIMIT] That is more than an account may have";
    CHECK(client.talk("STORE 1 +FLAGS.SILENT (\\Seen Label1100)").back() == refused);
    CHECK(client.talk("STORE 1 FLAGS.SILENT (Label1100 " + full + ')').back() == refused);
    CHECK(client.append("INBOX", sampleMessage(1), "(Label1100 " + full + ')').back() == refused);
    CHECK(client.talk("SEARCH KEYWORD Label1100").front() == "* SEARCH 3"); // which has it since it was made
    CHECK(client.talk("SEARCH SEEN").front() == "* SEARCH");
    CHECK(client.talk("STORE 1 -FLAGS.SILENT (Label100)").back() == "OK STORE completed");
    CHECK(client.talk("STORE 1 +FLAGS.SILENT (Label1100)").back() == "OK STORE completed");
    CHECK(client.talk("SEARCH KEYWORD Label1100").front() == "* SEARCH 1 3");
}

TEST_CASE("what is said of many flags is bounded, and true", "[imap][select][store][keywords][rfc9051-7.3.5]")
{
    TestServer server;
    makeKeywords(server, 2);
    auto client = server.imap(); // one is kept for later, one more is beyond what fits
    auto other = server.imap();
    client.select();

    const Lines lines = other.select();
    for (const std::string words : {"* FLAGS (", "[PERMANENTFLAGS ("}) {
        const std::string& line = lineWith(lines, words);
        CHECK(line.size() < kLongestFlags);
        CHECK_THAT(line,
            Catch::ContainsSubstring("\\Seen") && Catch::ContainsSubstring(" Label0 ") && Catch::ContainsSubstring(" Label500 "));
    }
    // Not all are named, and those that are not can be used: to a client that is what \* says.
    CHECK_THAT(lineWith(lines, "[PERMANENTFLAGS ("), Catch::ContainsSubstring(" \\*)"));

    // A new one costs what it is, not what all are.
    const Lines made = client.talk("STORE 20 FLAGS (Newest)");
    CHECK(lineWith(made, "FETCH") == "* 20 FETCH (FLAGS (Newest))");
    CHECK(bytesOf(made) < 2 * kLongestFlags);
    CHECK(lineWith(other.talk("NOOP"), "* 20 FETCH") == "* 20 FETCH (FLAGS (Newest))");

    // The last one, with one too many: neither is made, and nothing else of the command is done.
    CHECK(client.talk("STORE 19 +FLAGS (\\Flagged Last TooMany)").back() == "NO [LIMIT] That is more than an account may have");
    CHECK(client.append("Archive", sampleMessage(1), "(Last TooMany)").back()
        == "NO [LIMIT] That is more than an account may have");
    CHECK(client.talk("SEARCH FLAGGED").front() == "* SEARCH");
    CHECK_THAT(lineWith(client.talk("STATUS Archive (MESSAGES)"), "STATUS"), Catch::ContainsSubstring("MESSAGES 20"));
    CHECK(client.talk("STORE 19 +FLAGS.SILENT (Last)").back() == "OK STORE completed");
    CHECK_THAT(client.talk("STORE 19 +FLAGS.SILENT (TooMany)").back(), Catch::StartsWith("NO [LIMIT]"));
    CHECK(client.talk("STORE 19 +FLAGS.SILENT (Label0 last)").back() == "OK STORE completed");
    // To take away what is not there needs no room for it.
    CHECK(client.talk("STORE 1:20 -FLAGS.SILENT (TooMany " + labels(0, 5000) + ')').back() == "OK STORE completed");
    CHECK(client.talk("SEARCH KEYWORD Label4").front() == "* SEARCH");
    CHECK(client.talk("SEARCH KEYWORD Last").front() == "* SEARCH 19");
    CHECK_THAT(lineWith(other.select(), "[PERMANENTFLAGS ("), Catch::ContainsSubstring(" \\*)"));
}
