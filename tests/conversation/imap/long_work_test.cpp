#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

using namespace postfach;
using namespace postfach::test;
using namespace std::chrono_literals;
using Catch::StartsWith;

TEST_CASE("long work says how far it is", "[imap][inprogress][rfc9585]")
{
    TestServer::Settings settings;
    settings.imap_progress = std::chrono::milliseconds(0);
    TestServer server(settings);
    server.fill(500);
    auto client = server.imap();
    client.select();

    SECTION("SEARCH")
    {
        server.fill(2'000);
        client.talk("NOOP");
        const auto tag = client.sendTagged("SEARCH TEXT message");
        const auto answers = client.until(tag);
        REQUIRE(answers.size() == 4);
        CHECK(answers[0] == "* OK [INPROGRESS (\"" + tag + "\" 1000 2500)] Still at it");
        CHECK(answers[1] == "* OK [INPROGRESS (\"" + tag + "\" 2000 2500)] Still at it");
        CHECK_THAT(answers[2], StartsWith("* SEARCH 1 2 3 "));
        CHECK(answers.back() == "OK SEARCH completed");
    }
    SECTION("COPY, in one transaction all the same")
    {
        for (int doubled = 500; doubled <= 8'000; doubled *= 2)
            client.talk("COPY 1:* INBOX");
        auto phone = server.imap();
        const auto tag = client.sendTagged("COPY 1:* Archive");
        const auto answers = client.until(tag);
        CHECK_THAT(answers.back(), StartsWith("OK [COPYUID "));
        CHECK_THAT(phone.talk("STATUS Archive (MESSAGES)").front(), Catch::EndsWith("(MESSAGES 16000)"));
        // Steps that end while the one before is told are told with the next.
        REQUIRE(answers.size() >= 2);
        CHECK_THAT(answers[0], StartsWith("* OK [INPROGRESS (\"" + tag + "\" "));
        CHECK_THAT(answers[0], Catch::EndsWith("000 16000)] Still at it"));
        CHECK_THAT(client.talk("STORE 1:* +FLAGS.SILENT (\\Seen)").back(), StartsWith("OK "));
        CHECK_THAT(phone.talk("STATUS INBOX (UNSEEN)").front(), Catch::EndsWith("(UNSEEN 0)"));
    }
    SECTION("SORT and THREAD, which read headers in a second round: the goal stays the same, and nothing goes backwards")
    {
        server.fill(4'000);
        client.talk("NOOP");
        for (const auto* command : {"SORT (SUBJECT) UTF-8 TEXT message", "THREAD REFERENCES UTF-8 TEXT message"}) {
            INFO(command);
            const auto tag = client.sendTagged(command);
            auto answers = client.until(tag);
            CHECK_THAT(answers.back(), StartsWith("OK "));
            answers.resize(answers.size() - 2);
            std::uint64_t before = 0, last = 0;
            for (const auto& line : answers) {
                const std::string begin = "* OK [INPROGRESS (\"" + tag + "\" ";
                REQUIRE_THAT(line, StartsWith(begin));
                CHECK_THAT(line, Catch::EndsWith(" 2000000)] Still at it"));
                last = std::stoull(line.substr(begin.size()));
                CHECK(last > before);
                before = last;
            }
            CHECK(answers.size() >= 4);
            CHECK((last > 1'000'000 || command[0] == 'T')); // SORT has read them all: THREAD finds them in memory
        }
    }
    SECTION("ESEARCH of several mailboxes is one work")
    {
        server.fill(1'500);
        server.fill(2'000, "Archive");
        client.talk("NOOP");
        const auto tag = client.sendTagged("ESEARCH IN (mailboxes (Archive INBOX)) RETURN (COUNT) TEXT message");
        const auto answers = client.until(tag);
        REQUIRE(answers.size() == 5);
        CHECK(answers[0] == "* OK [INPROGRESS (\"" + tag + "\" 500000 2000000)] Still at it");
        CHECK_THAT(answers[1], StartsWith("* ESEARCH "));
        CHECK(answers[2] == "* OK [INPROGRESS (\"" + tag + "\" 1500000 2000000)] Still at it");
        CHECK_THAT(answers[3], StartsWith("* ESEARCH "));
    }
    SECTION("short work does not")
    {
        CHECK(client.talk("COPY 1:10 Archive").size() == 1);
        CHECK(client.talk("SEARCH UNSEEN").size() == 2);
    }
}

TEST_CASE("searches over long fields in memory let others get their turn", "[imap][search][threats-20]")
{
    TestServer server;
    auto canary = server.imap();
    canary.append("INBOX", "To: a@example.org, " + std::string(14'000, 'x') + "\r\n\r\n");
    canary.select();
    for (int copied = 1; copied < 1'024; copied *= 2)
        canary.talk("COPY 1:* INBOX");
    canary.talk("SEARCH TO y"); // from now on the one field of all of them is known
    std::string search = "SEARCH";
    for (int i = 0; i < 60; ++i)
        search += " NOT FUZZY TO \"q z\"";
    std::vector<ImapClient> searching; // one for each place where sessions run
    for (unsigned i = 0; i < std::min(std::thread::hardware_concurrency() + 1, 40U); ++i) {
        searching.push_back(server.imap());
        searching.back().select();
    }
    const auto begun = std::chrono::steady_clock::now();
    for (auto& client : searching)
        client.sendTagged(search);
    for (int i = 0; i < 10; ++i)
        CHECK(canary.talk("NOOP").size() == 1);
    const auto waited = std::chrono::steady_clock::now() - begun;
    for (auto& client : searching)
        CHECK_THAT(client.line(), StartsWith("* SEARCH 1 2 3 "));
    CHECK(waited * 3 < std::chrono::steady_clock::now() - begun);
}

TEST_CASE("who has gone is not searched for", "[imap][search][sort][thread][inprogress]")
{
    const std::string command = GENERATE("SEARCH TEXT message", "SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL");
    INFO(command);
    TestServer::Settings settings;
    settings.imap_progress = std::chrono::milliseconds(0);
    const auto before = metric("postfach_imap_abandoned_total");
    // A client that is slow to leave may come too late: the next one tries. What was sorted once is known, so each has a server of its own.
    bool ended = false;
    for (int tries = 0; tries < 20 && !ended; ++tries) {
        TestServer server(settings);
        server.fill(12'000);
        auto client = server.imap();
        client.select();
        const auto read_before = metric("postfach_imap_messages_read_total");
        client.sendTagged(command);
        REQUIRE_THAT(client.line(), StartsWith("* OK [INPROGRESS ("));
        client.reset();
        REQUIRE(within(60s, [] { return metric("postfach_imap_sessions") == 0; }));
        const auto read = metric("postfach_imap_messages_read_total") - read_before;
        CHECK(read >= 1'000);
        ended = metric("postfach_imap_abandoned_total") > before;
        if (ended)
            CHECK(read < 12'000);
    }
    CHECK(ended);
    CHECK(metric("postfach_imap_abandoned_total") == before + 1);
}

TEST_CASE("one command touches so many messages and no more", "[imap][messagelimit][rfc9738]")
{
    TestServer::Settings settings;
    settings.imap_messages_at_once = 3;
    TestServer server(settings);
    server.fill(6);
    auto client = server.imap();
    CHECK_THAT(client.talk("CAPABILITY").front(), Catch::ContainsSubstring(" MESSAGELIMIT=3"));
    client.select();

    CHECK(client.talk("UID FETCH 1:* UID")
        == Lines{"* 4 FETCH (UID 4)", "* 5 FETCH (UID 5)", "* 6 FETCH (UID 6)",
            "OK [MESSAGELIMIT 3 4] These are the last; name fewer at once for those before"});
    CHECK(client.talk("UID FETCH 1:3 UID").back() == "OK UID FETCH completed");
    CHECK(client.talk("UID FETCH 1:2,4:5 UID").back() == "OK [MESSAGELIMIT 3 2] These are the last; name fewer at once for those before");
    CHECK_THAT(client.talk("UID FETCH 1:* UID (PARTIAL 1:4)").back(), StartsWith("NO [MESSAGELIMIT 3] "));
    CHECK(client.talk("UID FETCH 1:* UID (PARTIAL 1:3)").size() == 4);
    for (const auto* command : {"STORE 1:4 FLAGS (\\Seen)", "COPY 1:4 Archive", "UID MOVE 1:4 Archive"})
        CHECK_THAT(client.talk(command).back(), StartsWith("NO [MESSAGELIMIT 3] "));
    CHECK(client.talk("SEARCH SEEN").front() == "* SEARCH");
    CHECK_THAT(client.talk("UID MOVE 1:3 Archive").back(), StartsWith("OK "));
}
