#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach::test;

namespace {

// The untagged lines behind their tags.
Lines found(ImapClient& client, const std::string& command)
{
    Lines lines = client.talk(command);
    CHECK(lines.back() == "OK ESEARCH completed");
    lines.pop_back();
    for (std::string& line : lines) {
        CHECK_THAT(line, Catch::StartsWith("* ESEARCH (TAG \""));
        line = line.substr(line.find(')') + 1);
        const std::size_t validity = line.find("UIDVALIDITY "); // a number nobody knows before
        if (validity != std::string::npos)
            line.erase(validity, line.find(' ', validity + 12) - validity + 1);
    }
    return lines;
}

} // namespace

TEST_CASE("ESEARCH looks into several mailboxes at once", "[imap][search][multisearch][rfc7377]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    for (const auto* name : {"Work", "Work/2025", "Work/2025/May", "Workshop"})
        client.talk(std::string("CREATE ") + name);
    server.fill(2, "Work");
    server.fill(4, "Work/2025");
    server.fill(1, "Work/2025/May");
    server.fill(1, "Workshop");

    SECTION("refusals")
    {
        for (const auto* command : {"ESEARCH", "ESEARCH ALL", "ESEARCH IN ALL", "ESEARCH IN () ALL", "ESEARCH IN (mailboxes) ALL",
                 "ESEARCH IN (selected) ALL", "ESEARCH IN (nowhere) ALL", "ESEARCH IN (selected-delayed) ALL",
                 "ESEARCH IN (mailboxes ()) ALL", "ESEARCH IN (subtree (Work) ALL", "ESEARCH IN (personal)",
                 "ESEARCH IN (personal) NONSENSE", "ESEARCH IN (personal) 1:2", "ESEARCH IN (personal) NOT (SEEN 1)",
                 "ESEARCH IN (personal) RETURN (SAVE) ALL", "ESEARCH IN (personal) RETURN (UPDATE) ALL",
                 "ESEARCH IN (personal (x 1)) ALL"})
            CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("ESEARCH IN (personal) CHARSET X-NONE ALL").back(), Catch::StartsWith("NO [BADCHARSET"));
        std::string many = "ESEARCH IN (mailboxes (a";
        for (int i = 0; i < 5'000; ++i)
            many += " a";
        CHECK_THAT(client.talk(many + ")) ALL").back(), Catch::StartsWith("BAD"));
        client.select();
        CHECK_THAT(client.talk("ESEARCH IN (selected personal) $").back(), Catch::StartsWith("BAD"));
    }
    SECTION("by name and by kind, each mailbox once")
    {
        CHECK(found(client, "ESEARCH IN (mailboxes Work) ALL") == Lines{" MAILBOX Work UID ALL 1:2"});
        CHECK(found(client, "ESEARCH IN (mailboxes (Work inbox nowhere)) ALL")
            == Lines{" MAILBOX INBOX UID ALL 1:3", " MAILBOX Work UID ALL 1:2"});
        CHECK(found(client, "ESEARCH IN (subtree Work) RETURN (COUNT) ALL")
            == Lines{" MAILBOX Work UID COUNT 2", " MAILBOX Work/2025 UID COUNT 4", " MAILBOX Work/2025/May UID COUNT 1"});
        CHECK(found(client, "ESEARCH IN (subtree-one Work mailboxes Work) RETURN (COUNT) ALL")
            == Lines{" MAILBOX Work UID COUNT 2", " MAILBOX Work/2025 UID COUNT 4"});
        CHECK(found(client, "ESEARCH IN (inboxes) RETURN (MIN MAX) ALL") == Lines{" MAILBOX INBOX UID MIN 1 MAX 3"});
        CHECK(found(client, "ESEARCH IN (personal) SUBJECT \"message 4\"") == Lines{" MAILBOX Work/2025 UID ALL 4"});
        CHECK(found(client, "ESEARCH IN (personal) RETURN (COUNT) SUBJECT elephant").empty());
        CHECK(found(client, "ESEARCH IN (personal) RETURN (PARTIAL 1:2) SUBJECT \"message 3\"")
            == Lines{" MAILBOX INBOX UID PARTIAL (1:2 3)", " MAILBOX Work/2025 UID PARTIAL (1:2 3)"});
        client.talk("SUBSCRIBE Work/2025/May");
        CHECK(found(client, "ESEARCH IN (subscribed) UID 1").size() == 2); // and INBOX
    }
    SECTION("the selected mailbox is searched as the session sees it, and stays selected")
    {
        client.select();
        server.fill(1); // not told yet
        const Lines lines = client.talk("ESEARCH ALL");
        REQUIRE(lines.size() == 4); // and EXISTS, RECENT
        CHECK_THAT(lines.front(), Catch::EndsWith(") UID ALL 1:3"));
        CHECK(found(client, "ESEARCH IN (selected) RETURN (COUNT) 2:3") == Lines{" MAILBOX INBOX UID COUNT 2"});
        CHECK(found(client, "ESEARCH IN (selected mailboxes Workshop) ALL").size() == 2);
        CHECK(client.talk("ESEARCH RETURN (SAVE) 2") == Lines{"OK ESEARCH completed"});
        CHECK(client.talk("SEARCH $").front() == "* SEARCH 2");
        CHECK(client.talk("ESEARCH IN (selected) RETURN (SAVE) 3:*") == Lines{"OK ESEARCH completed"});
        CHECK_THAT(client.talk("SEARCH $").front(), Catch::StartsWith("* SEARCH 3"));
    }
    SECTION("others see what another session put there")
    {
        auto other = server.imap();
        other.select("Work");
        other.talk("STORE 2 +FLAGS (\\Flagged)");
        CHECK(found(client, "ESEARCH IN (subtree Work) FLAGGED") == Lines{" MAILBOX Work UID ALL 2"});
        other.talk("CLOSE");
        other.talk("DELETE Workshop");
        CHECK(found(client, "ESEARCH IN (mailboxes Workshop) ALL").empty());
    }
}
