#include "server/base/hash.h"
#include "server/imap/object_id.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <chrono>

using namespace postfach::test;

namespace {

// What is said between the tag and the end of the only untagged line.
std::string found(ImapClient& client, const std::string& command)
{
    const Lines lines = client.talk(command);
    REQUIRE(lines.size() == 2);
    CHECK_THAT(lines.back(), Catch::StartsWith("OK"));
    const std::size_t end = lines.front().find(')');
    CHECK_THAT(lines.front(), Catch::StartsWith("* ESEARCH (TAG \""));
    return end == std::string::npos ? lines.front() : lines.front().substr(end + 1);
}

} // namespace

TEST_CASE("SEARCH RETURN answers with ends, number and set", "[imap][search][rfc4731][rfc9394]")
{
    TestServer server;
    server.fill(6);
    auto client = server.imap();
    client.select();
    client.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
    client.talk("EXPUNGE"); // UIDs 2 to 6 are numbers 1 to 5
    client.talk("STORE 2,4:5 +FLAGS.SILENT (\\Flagged)");

    SECTION("refusals")
    {
        for (const auto* command : {"SEARCH RETURN", "SEARCH RETURN ALL", "SEARCH RETURN (", "SEARCH RETURN ()",
                 "SEARCH RETURN (NONSENSE) ALL", "SEARCH RETURN (ALL)ALL", "SEARCH RETURN (PARTIAL 1:2 ALL) ALL",
                 "SEARCH RETURN (PARTIAL 0:2) ALL", "SEARCH RETURN (RELEVANCY) ALL"})
            CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("SEARCH RETURN (ALL) CHARSET X-NONE ALL").back(), Catch::StartsWith("NO [BADCHARSET"));
    }
    SECTION("by number and by UID")
    {
        CHECK(found(client, "SEARCH RETURN () FLAGGED") == " ALL 2,4:5");
        CHECK(found(client, "UID SEARCH RETURN () FLAGGED") == " UID ALL 3,5:6");
        CHECK(found(client, "SEARCH RETURN (MIN MAX COUNT) FLAGGED") == " MIN 2 MAX 5 COUNT 3");
        CHECK(found(client, "UID SEARCH RETURN (MIN MAX) FLAGGED") == " UID MIN 3 MAX 6");
        CHECK(found(client, "UID SEARCH RETURN (PARTIAL -1:-2) CHARSET UTF-8 FLAGGED") == " UID PARTIAL (-1:-2 5:6)");
        CHECK(found(client, "UID SEARCH RETURN (PARTIAL 2:3) ALL") == " UID PARTIAL (2:3 3:4)");
        CHECK(found(client, "SEARCH RETURN (ALL MIN) DRAFT") == "");
        CHECK(found(client, "UID SEARCH RETURN (COUNT PARTIAL 1:1000) DRAFT") == " UID COUNT 0 PARTIAL (1:1000 NIL)");
    }
    SECTION("the tag is the command's, in quotes")
    {
        client.send("a.7 SEARCH RETURN (COUNT) ALL\r\n");
        CHECK(client.line() == "* ESEARCH (TAG \"a.7\") COUNT 5");
        CHECK(client.line() == "a.7 OK SEARCH completed");
    }
}

TEST_CASE("a search for MODSEQ tells the highest of what it tells", "[imap][search][rfc7162-3.1.5][rfc4731-3.2]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    client.select();
    client.talk("STORE 2 +FLAGS.SILENT (\\Seen)");
    client.talk("STORE 1 +FLAGS.SILENT (\\Seen)");
    const auto modseq = [&](const std::string& command) {
        const std::string line = client.talk(command).front();
        const std::size_t at = line.find("MODSEQ ");
        return at == std::string::npos ? -1 : std::stoi(line.substr(at + 7));
    };
    for (const auto* command :
        {"SEARCH MODSEQ", "SEARCH MODSEQ x", "SEARCH MODSEQ -1", "SEARCH RETURN () MODSEQ \"/flags/\\\\Seen\" 1"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS (\\Seen \\Recent))"); // nothing was enabled by them
    CHECK_THAT(client.talk("SEARCH MODSEQ 1").front(), Catch::StartsWith("* OK [HIGHESTMODSEQ "));
    CHECK_THAT(client.talk("FETCH 1 FLAGS").front(), Catch::ContainsSubstring("MODSEQ")); // RFC 7162 3.1: it enables CONDSTORE

    const int one = modseq("SEARCH 1 MODSEQ 1"), two = modseq("SEARCH 2 MODSEQ 1"), three = modseq("SEARCH 3 MODSEQ 1");
    CHECK(three > 0);
    CHECK(three < two);
    CHECK(two < one);
    CHECK(client.talk("SEARCH MODSEQ " + std::to_string(two)).front() == "* SEARCH 1 2 (MODSEQ " + std::to_string(one) + ")");
    CHECK(client.talk("SEARCH OR MODSEQ " + std::to_string(one + 1) + " DRAFT").front() == "* SEARCH");
    CHECK(client.talk("SEARCH ALL").front() == "* SEARCH 1 2 3");
    CHECK(modseq("SEARCH RETURN (ALL) 2:3 MODSEQ 1") == two);
    CHECK(modseq("SEARCH RETURN (MIN) MODSEQ 1") == one);
    CHECK(modseq("SEARCH RETURN (MAX) MODSEQ 1") == three);
    CHECK(modseq("SEARCH RETURN (MIN MAX) 2:3 MODSEQ 1") == two);
    CHECK(modseq("SEARCH RETURN (MAX COUNT) MODSEQ 1") == one);
    CHECK(modseq("SEARCH RETURN (PARTIAL 3:9) MODSEQ 1") == three);
    CHECK(modseq("SEARCH RETURN (COUNT) DRAFT MODSEQ 1") == -1);

    // What another session changes counts at once, though it is not told yet.
    auto other = server.imap();
    other.select();
    other.talk("STORE 3 +FLAGS.SILENT (\\Seen)");
    CHECK(
        client.talk("SEARCH MODSEQ " + std::to_string(one + 1)).front() == "* SEARCH 3 (MODSEQ " + std::to_string(one + 1) + ")");
}

TEST_CASE("with IMAP4rev2 every SEARCH answers as ESEARCH", "[imap][search][rfc9051-6.4.4]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    client.select();
    CHECK(client.talk("SEARCH 2:3").front() == "* SEARCH 2 3");
    client.talk("ENABLE IMAP4rev2");
    CHECK(found(client, "SEARCH 2:3") == " ALL 2:3");
    CHECK(found(client, "UID SEARCH 2") == " UID ALL 2");
    CHECK(found(client, "SEARCH DRAFT") == "");
    CHECK(found(client, "SEARCH RETURN (COUNT) ALL") == " COUNT 3");
    CHECK(client.talk("SEARCH RETURN (SAVE) 2") == Lines{"OK SEARCH completed"});
}

TEST_CASE("with UIDONLY a search goes by UID alone", "[imap][search][rfc9586]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    client.select();
    client.talk("ENABLE UIDONLY");
    for (const auto* command : {"SEARCH ALL", "UID SEARCH 1", "UID SEARCH NOT (SEEN 1:*)", "UID SEARCH RETURN (COUNT) 1"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD [UIDREQUIRED]"));
    CHECK(client.talk("UID SEARCH RETURN (SAVE) UID 2") == Lines{"OK UID SEARCH completed"});
    CHECK(client.talk("UID SEARCH UID $").front() == "* SEARCH 2");
    CHECK(client.talk("UID SEARCH $").front() == "* SEARCH 2");
}

TEST_CASE("$ is what the last SEARCH saved", "[imap][search][rfc5182]")
{
    TestServer server;
    server.fill(6);
    auto client = server.imap();
    client.select();
    client.talk("STORE 2:3,5 +FLAGS.SILENT (\\Flagged)");

    SECTION("it is empty at first, and where nothing was found")
    {
        CHECK(client.talk("FETCH $ UID") == Lines{"OK FETCH completed"});
        CHECK(client.talk("SEARCH $").front() == "* SEARCH");
        CHECK(client.talk("SEARCH RETURN (SAVE) DRAFT") == Lines{"OK SEARCH completed"});
        CHECK(client.talk("STORE $ +FLAGS (\\Deleted)") == Lines{"OK STORE completed"});
    }
    SECTION("refusals")
    {
        for (const auto* command :
            {"FETCH $1 UID", "FETCH $,1 UID", "FETCH 1,$ UID", "STORE $a +FLAGS (\\Seen)", "SEARCH RETURN (SAVE)"})
            CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    }
    SECTION("every command that takes a set takes it")
    {
        CHECK(client.talk("SEARCH RETURN (SAVE) FLAGGED") == Lines{"OK SEARCH completed"});
        CHECK(client.talk("FETCH $ UID")
            == Lines{"* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "* 5 FETCH (UID 5)", "OK FETCH completed"});
        CHECK(client.talk("UID FETCH $ UID").size() == 4);
        CHECK(client.talk("SEARCH $ 3:*").front() == "* SEARCH 3 5");
        CHECK(client.talk("SEARCH NOT UID $").front() == "* SEARCH 1 4 6");
        CHECK(client.talk("STORE $ +FLAGS (\\Seen)").size() == 4);
        CHECK_THAT(client.talk("COPY $ Archive").back(), Catch::ContainsSubstring("2:3,5"));
        CHECK_THAT(client.talk("UID STORE $ +FLAGS.SILENT (\\Deleted)").back(), Catch::StartsWith("OK"));
        CHECK(client.talk("SEARCH RETURN (SAVE) $ 3:*").size() == 1); // of itself, smaller
        CHECK(client.talk("UID EXPUNGE $") == Lines{"* 5 EXPUNGE", "* 3 EXPUNGE", "OK UID EXPUNGE completed"});
        CHECK(client.talk("SEARCH $").front() == "* SEARCH");
    }
    SECTION("the other options say what is kept")
    {
        CHECK(client.talk("SEARCH RETURN (SAVE MIN) FLAGGED").size() == 2);
        CHECK(client.talk("SEARCH $").front() == "* SEARCH 2");
        CHECK(client.talk("SEARCH RETURN (MIN SAVE MAX) FLAGGED").size() == 2);
        CHECK(client.talk("SEARCH $").front() == "* SEARCH 2 5");
        CHECK(client.talk("SEARCH RETURN (MIN SAVE COUNT) FLAGGED").size() == 2);
        CHECK(client.talk("SEARCH $").front() == "* SEARCH 2 3 5");
        CHECK(client.talk("SEARCH RETURN (SAVE PARTIAL 2:2) FLAGGED").size() == 2);
        CHECK(client.talk("SEARCH $").front() == "* SEARCH 3");
    }
    SECTION("it shrinks with what is expunged, and what arrives stays out")
    {
        auto other = server.imap();
        other.select();
        client.talk("SEARCH RETURN (SAVE) ALL");
        other.talk("STORE 2,6 +FLAGS.SILENT (\\Deleted)");
        other.talk("EXPUNGE");
        CHECK(client.talk("SEARCH $").front() == "* SEARCH 1 2 3 4 5 6"); // not told yet
        client.talk("NOOP");
        server.fill(2);
        client.talk("NOOP");
        CHECK(client.talk("SEARCH $").front() == "* SEARCH 1 2 3 4");
        CHECK(client.talk("UID SEARCH $").front() == "* SEARCH 1 3 4 5");
    }
    SECTION("BAD leaves it, NO and another mailbox empty it, a search that saves nothing leaves it")
    {
        client.talk("SEARCH RETURN (SAVE) FLAGGED");
        client.talk("SEARCH RETURN (SAVE) NONSENSE");
        client.talk("SEARCH ALL");
        client.talk("SEARCH CHARSET X-NONE ALL");
        CHECK(client.talk("SEARCH $").front() == "* SEARCH 2 3 5");
        CHECK_THAT(client.talk("SEARCH RETURN (SAVE) CHARSET X-NONE ALL").back(), Catch::StartsWith("NO"));
        CHECK(client.talk("SEARCH $").front() == "* SEARCH");
        client.talk("SEARCH RETURN (SAVE) FLAGGED");
        client.select();
        CHECK(client.talk("SEARCH $").front() == "* SEARCH");
    }
    SECTION("commands in one go see what the one before saved")
    {
        client.send("a SEARCH RETURN (SAVE) FLAGGED\r\nb UID SEARCH RETURN (COUNT) $\r\n");
        CHECK(client.line() == "a OK SEARCH completed");
        CHECK(client.line() == "* ESEARCH (TAG \"b\") UID COUNT 3");
        CHECK(client.line() == "b OK UID SEARCH completed");
    }
}

TEST_CASE("OLDER and YOUNGER go by the server's clock", "[imap][search][rfc5032]")
{
    using namespace std::chrono_literals;
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", sampleMessage(1));
    server.clock().advance(1h);
    client.append("INBOX", sampleMessage(2));
    server.clock().advance(10s);
    client.select();
    for (const auto* command : {"SEARCH OLDER", "SEARCH OLDER 0", "SEARCH YOUNGER -5", "SEARCH YOUNGER 1h"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("SEARCH YOUNGER 60").front() == "* SEARCH 2");
    CHECK(client.talk("SEARCH OLDER 60").front() == "* SEARCH 1");
    CHECK(client.talk("SEARCH YOUNGER 10 OLDER 10").front() == "* SEARCH 2");
    CHECK(client.talk("SEARCH YOUNGER 3610").front() == "* SEARCH 1 2");
    CHECK(client.talk("SEARCH YOUNGER 3609").front() == "* SEARCH 2");
}

TEST_CASE("SAVEDON and its kin go by when a message came into this mailbox", "[imap][search][rfc8514]")
{
    using namespace std::chrono_literals;
    TestServer server; // its clock begins on the 1st of March 2026
    auto client = server.imap();
    client.append("INBOX", sampleMessage(1), "\"05-Feb-2020 12:00:00 +0000\"");
    server.clock().advance(24h);
    client.append("INBOX", sampleMessage(2), "\"06-Feb-2020 12:00:00 +0000\"");
    client.select();
    client.talk("COPY 1 Archive");
    for (const auto* command : {"SEARCH SAVEDON", "SEARCH SAVEDBEFORE today", "SEARCH SAVEDSINCE 31-Feb-2026"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("SEARCH SAVEDATESUPPORTED").front() == "* SEARCH 1 2");
    CHECK(client.talk("SEARCH SAVEDON 1-Mar-2026").front() == "* SEARCH 1");
    CHECK(client.talk("SEARCH SAVEDSINCE 2-Mar-2026").front() == "* SEARCH 2");
    CHECK(client.talk("SEARCH SAVEDBEFORE 2-Mar-2026").front() == "* SEARCH 1");
    CHECK(client.talk("SEARCH NOT SAVEDBEFORE 3-Mar-2026").front() == "* SEARCH");
    client.select("Archive");
    CHECK(client.talk("SEARCH SAVEDON 2-Mar-2026").front() == "* SEARCH 1");
}

TEST_CASE("EMAILID finds a content wherever it is, THREADID nothing", "[imap][search][rfc8474]")
{
    TestServer server;
    server.fill(2);
    auto client = server.imap();
    client.select();
    for (const auto* command : {"SEARCH EMAILID", "SEARCH THREADID", "SEARCH EMAILID ()"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("SEARCH EMAILID M0123456789abcdef0123456789abcdef").front() == "* SEARCH");
    CHECK(client.talk("SEARCH NOT EMAILID M0123456789abcdef0123456789abcdef").front() == "* SEARCH 1 2");
    CHECK(client.talk("SEARCH EMAILID " + postfach::imap::emailId(postfach::base::sha256(sampleMessage(2)))).front()
        == "* SEARCH 2");
    CHECK(client.talk("SEARCH THREADID T1").front() == "* SEARCH");
}

TEST_CASE("FUZZY finds words apart, in any order and without accents", "[imap][search][rfc6203]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", "Subject: =?utf-8?Q?Caf=C3=A9_in_Orl=C3=A9ans?=\r\n\r\nThe quick brown fox.\r\n");
    client.append("INBOX", "Subject: Orleans, a cafe\r\n\r\nNothing to see.\r\n");
    client.append("INBOX", "Subject: something else\r\n\r\nA fox, brown.\r\n");
    client.select();
    for (const auto* command :
        {"SEARCH FUZZY", "SEARCH FUZZY NONSENSE", "SEARCH RETURN (RELEVANCY) ALL", "SEARCH RETURN (RELEVANCY) FUZZY ALL"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK(client.talk("SEARCH SUBJECT \"cafe orleans\"").front() == "* SEARCH");
    CHECK(client.talk("SEARCH FUZZY SUBJECT \"cafe orleans\"").front() == "* SEARCH 1 2");
    CHECK(client.talk("SEARCH FUZZY BODY \"fox brown\"").front() == "* SEARCH 1 3");
    CHECK(client.talk("SEARCH FUZZY (TEXT orleans TEXT nothing)").front() == "* SEARCH 2");
    CHECK(client.talk("SEARCH FUZZY 2:3 SUBJECT orleans").front() == "* SEARCH 2");
    CHECK(found(client, "UID SEARCH RETURN (ALL RELEVANCY) FUZZY BODY \"brown fox\"") == " UID ALL 1,3 RELEVANCY (100 50)");
    CHECK(found(client, "SEARCH RETURN (ALL RELEVANCY) FUZZY BODY \"elephant\"") == "");
}
