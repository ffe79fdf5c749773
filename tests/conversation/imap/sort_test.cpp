#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <string>
#include <vector>

using namespace postfach::test;

namespace {

std::string mail(const std::string& header, const std::string& text = "text") { return header + "\r\n" + text + "\r\n"; }

void deliver(ImapClient& client)
{
    client.append("INBOX",
        mail(
            "From: Zoe <adam@example.org>\r\nTo: d@x\r\nCc: b@x\r\nSubject: Re: plums\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n"
            "Message-ID: <2@x>\r\nReferences: <1@x>\r\n"),
        "\"05-Mar-2026 12:00:00 +0000\"");
    client.append("INBOX",
        mail("From: carl@example.org\r\nTo: c@x\r\nSubject: plums\r\nDate: Sun, 1 Mar 2026 10:00:00 +0000\r\nMessage-ID: "
             "<1@x>\r\n",
            "a longer text, so that this is the largest of them"),
        "\"04-Mar-2026 12:00:00 +0000\"");
    client.append("INBOX",
        mail("From: =?utf-8?Q?=C3=85sa?= <bob@example.org>\r\nTo: a@x\r\nCc: a@x\r\nSubject: =?utf-8?Q?=C3=84pfel?=\r\n"
             "Message-ID: <3@x>\r\n"),
        "(\\Seen) \"03-Mar-2026 12:00:00 +0000\"");
    client.append("INBOX", mail("Subject: fwd: [list] APFEL\r\nDate: Sun, 1 Mar 2026 11:00:00 +0100\r\nMessage-ID: <4@x>\r\n"),
        "\"02-Mar-2026 12:00:00 +0000\"");
}

} // namespace

TEST_CASE("SORT refuses nonsense and orders by each key", "[imap][sort][rfc5256][rfc5957]")
{
    TestServer server;
    auto client = server.imap();
    deliver(client);
    CHECK_THAT(client.talk("SORT (DATE) UTF-8 ALL").back(), Catch::StartsWith("BAD"));
    client.select();
    const auto sorted = [&](const std::string& keys) { return client.talk("SORT (" + keys + ") UTF-8 ALL"); };
    const auto order = [](const std::string& numbers) { return Lines{"* SORT " + numbers, "OK SORT completed"}; };

    for (const auto* command : {"SORT", "SORT (DATE)", "SORT (DATE) UTF-8", "SORT DATE UTF-8 ALL", "SORT () UTF-8 ALL",
             "SORT (WEIGHT) UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL", "SORT (DATE) UTF-8 NONSENSE", "SORT (RELEVANCY) UTF-8 ALL",
             "SORT RETURN (UPDATE) (DATE) UTF-8 ALL", "SORT RETURN (DATE) UTF-8 ALL", "UID SORT (DATE)"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("SORT (DATE) X-NONE ALL").back(), Catch::StartsWith("NO [BADCHARSET"));

    CHECK(sorted("ARRIVAL") == order("4 3 2 1"));
    CHECK(sorted("REVERSE ARRIVAL") == order("1 2 3 4"));
    CHECK(sorted("DATE") == order("2 4 1 3")); // 10:00 and 11:00 +0100 are the same; 3 has no date
    CHECK(sorted("REVERSE DATE") == order("3 1 2 4"));
    CHECK(sorted("SUBJECT") == order("4 3 1 2")); // apfel, apfel with dots, plums, plums
    CHECK(sorted("SUBJECT DATE") == order("4 3 2 1"));
    CHECK(sorted("FROM") == order("4 1 3 2"));        // none, adam, bob, carl
    CHECK(sorted("DISPLAYFROM") == order("4 3 2 1")); // none, asa, carl@, zoe
    CHECK(sorted("TO") == order("4 3 2 1"));
    CHECK(sorted("DISPLAYTO") == order("4 3 2 1"));
    CHECK(sorted("CC SIZE") == order("4 2 3 1"));
    CHECK(sorted("REVERSE SIZE").front().substr(0, 8) == "* SORT 2");
    CHECK(client.talk("SORT (SUBJECT) US-ASCII UNSEEN").front() == "* SORT 4 1 2");
    CHECK(client.talk("SORT (SUBJECT) UTF-8 SUBJECT {6+}\r\n\xc3\x84pfel").front() == "* SORT 3");
    CHECK(client.talk("SORT (DATE) UTF-8 DRAFT") == Lines{"* SORT", "OK SORT completed"});
    client.talk("STORE 1 +FLAGS.SILENT (\\Deleted)");
    client.talk("EXPUNGE");
    CHECK(client.talk("UID SORT (SUBJECT) UTF-8 ALL") == Lines{"* SORT 4 3 2", "OK UID SORT completed"});
}

TEST_CASE("SORT RETURN answers in order", "[imap][sort][rfc5267-3]")
{
    TestServer server;
    auto client = server.imap();
    deliver(client);
    client.select();
    const auto found = [&](const std::string& command) {
        const std::string line = client.talk(command).front();
        return line.substr(line.find(')') + 1);
    };
    CHECK(found("SORT RETURN () (REVERSE ARRIVAL) UTF-8 ALL") == " ALL 1:4");
    CHECK(found("UID SORT RETURN (ALL COUNT) (SUBJECT) UTF-8 ALL") == " UID COUNT 4 ALL 4,3,1:2");
    CHECK(found("SORT RETURN (MIN MAX) (SUBJECT) UTF-8 ALL") == " MIN 4 MAX 2"); // first and last in the order
    CHECK(found("SORT RETURN (PARTIAL 2:3) (SUBJECT) UTF-8 ALL") == " PARTIAL (2:3 3,1)");
    CHECK(found("SORT RETURN (PARTIAL -1:-1) (SUBJECT) UTF-8 ALL") == " PARTIAL (-1:-1 2)");
    CHECK(client.talk("SORT RETURN (SAVE) (SUBJECT) UTF-8 3:4") == Lines{"OK SORT completed"});
    CHECK(client.talk("SEARCH $").front() == "* SEARCH 3 4");
    CHECK(found("SORT RETURN (SAVE MIN) (SUBJECT) UTF-8 $") == " MIN 4");
    CHECK(client.talk("SEARCH $").front() == "* SEARCH 4");
    client.talk("SEARCH MODSEQ 1");
    CHECK_THAT(client.talk("SORT (SUBJECT) UTF-8 MODSEQ 1").front(), Catch::StartsWith("* SORT 4 3 1 2 (MODSEQ "));
    CHECK_THAT(found("SORT RETURN (MIN) (SUBJECT) UTF-8 MODSEQ 1"), Catch::StartsWith(" MIN 4 MODSEQ "));
    CHECK(found("SORT RETURN (ALL RELEVANCY) (RELEVANCY) UTF-8 FUZZY SUBJECT \"apfel list\"") == " ALL 4 RELEVANCY (50)");
    client.talk("ENABLE UIDONLY");
    CHECK_THAT(client.talk("SORT (SUBJECT) UTF-8 ALL").back(), Catch::StartsWith("BAD [UIDREQUIRED]"));
    CHECK_THAT(client.talk("THREAD REFS UTF-8 ALL").back(), Catch::StartsWith("BAD [UIDREQUIRED]"));
}

TEST_CASE("SORT sees what was changed and brought since it was last asked", "[imap][sort]")
{
    TestServer server;
    auto client = server.imap();
    deliver(client);
    client.select();
    CHECK(client.talk("SORT (SUBJECT) UTF-8 ALL").front() == "* SORT 4 3 1 2");
    client.append("INBOX", mail("Subject: bananas\r\n"));
    CHECK(client.talk("SORT (SUBJECT) UTF-8 ALL").front() == "* SORT 4 3 5 1 2");
    // Without its bytes a message has no subject; the others keep their order.
    CHECK(client.talk("SEARCH SUBJECT banana").front() == "* SEARCH 5");
    CHECK(client.talk("SEARCH SUBJECT banana").front() == "* SEARCH 5");
}

TEST_CASE("a header too large to be kept is sorted and threaded all the same", "[imap][sort]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", mail("X-Long: " + std::string(20'000, 'x') + "\r\nSubject: b\r\nMessage-ID: <1@x>\r\n"));
    client.append("INBOX", mail("Subject: a\r\nIn-Reply-To: <1@x>\r\n"));
    client.select();
    CHECK(client.talk("SORT (SUBJECT) UTF-8 ALL").front() == "* SORT 2 1");
    CHECK(client.talk("THREAD REFS UTF-8 ALL").front() == "* THREAD (1 2)");
    CHECK(client.talk("SEARCH SUBJECT b").front() == "* SEARCH 1");
}

TEST_CASE("THREAD refuses nonsense and threads by each algorithm", "[imap][thread][rfc5256-3]")
{
    TestServer server;
    auto client = server.imap();
    deliver(client);
    CHECK_THAT(client.talk("THREAD REFERENCES UTF-8 ALL").back(), Catch::StartsWith("BAD"));
    client.select();
    for (const auto* command : {"THREAD", "THREAD REFERENCES", "THREAD REFERENCES UTF-8", "THREAD KNOTS UTF-8 ALL",
             "THREAD (REFS) UTF-8 ALL", "THREAD REFERENCES UTF-8 NONSENSE"})
        CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
    CHECK_THAT(client.talk("THREAD REFERENCES X-NONE ALL").back(), Catch::StartsWith("NO [BADCHARSET"));

    CHECK(client.talk("THREAD REFERENCES UTF-8 ALL") == Lines{"* THREAD (2 1)(4)(3)", "OK THREAD completed"});
    CHECK(client.talk("THREAD ORDEREDSUBJECT UTF-8 ALL").front() == "* THREAD (2 1)(4)(3)");
    CHECK(client.talk("THREAD REFS UTF-8 ALL").front() == "* THREAD (4)(3)(2 1)"); // by arrival
    CHECK(client.talk("THREAD REFERENCES UTF-8 SEEN").front() == "* THREAD (3)");
    CHECK(client.talk("THREAD REFERENCES UTF-8 DRAFT") == Lines{"* THREAD", "OK THREAD completed"});
    client.talk("STORE 2 +FLAGS.SILENT (\\Deleted)");
    client.talk("EXPUNGE");
    CHECK(client.talk("UID THREAD REFS UTF-8 ALL") == Lines{"* THREAD (4)(3)(1)", "OK UID THREAD completed"});
}
