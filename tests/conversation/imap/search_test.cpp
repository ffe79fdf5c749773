#include "tests/support/catch.h"
#include "tests/support/test_server.h"

using namespace postfach::test;

TEST_CASE("SEARCH refuses nonsense and answers sense", "[imap][search][rfc9051-6.4.4]")
{
    TestServer server;
    server.fill(3);
    auto client = server.imap();
    client.append("INBOX", "From: Zo\xc3\xab <zoe@example.net>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 2 Feb 2026 10:00:00 +0000\r\n\r\nA needle in a haystack.\r\n",
                  "(\\Seen \\Flagged) \"05-Feb-2026 12:00:00 +0000\"");
    client.select();
    const auto found = [&](const std::string& keys) { return client.talk("SEARCH " + keys).front(); };

    SECTION("refusals")
    {
        for (const auto* command : {"SEARCH", "SEARCH NONSENSE", "SEARCH SUBJECT", "SEARCH (ALL", "SEARCH OR ALL", "SEARCH SINCE 99-Foo-2026", "SEARCH UID x"})
            CHECK_THAT(client.talk(command).back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("SEARCH CHARSET X-NONE ALL").back(), Catch::StartsWith("NO [BADCHARSET"));
        std::string nots;
        for (int i = 0; i < 10'000; ++i)
            nots += "NOT ";
        CHECK_THAT(client.talk("SEARCH " + nots + "ALL").back(), Catch::StartsWith("BAD"));
        CHECK_THAT(client.talk("SEARCH " + std::string(50'000, '(')).back(), Catch::StartsWith("BAD"));
    }
    SECTION("flags, numbers, dates, sizes")
    {
        CHECK(found("ALL") == "* SEARCH 1 2 3 4");
        CHECK(found("SEEN") == "* SEARCH 4");
        CHECK(found("UNSEEN") == "* SEARCH 1 2 3");
        CHECK(found("FLAGGED SEEN 4") == "* SEARCH 4");
        CHECK(found("2:*") == "* SEARCH 2 3 4");
        CHECK(found("UID 3:*") == "* SEARCH 3 4");
        CHECK(found("NOT 1:3") == "* SEARCH 4");
        CHECK(found("OR 1 4") == "* SEARCH 1 4");
        CHECK(found("BEFORE 1-Mar-2026") == "* SEARCH 4");
        CHECK(found("SINCE 1-Mar-2026") == "* SEARCH 1 2 3");
        CHECK(found("LARGER 100000") == "* SEARCH");
        CHECK(client.talk("UID SEARCH 1,3") == Lines{"* SEARCH 1 3", "OK UID SEARCH completed"});
    }
    SECTION("headers, text and dates as written, decoded and without regard to case")
    {
        CHECK(found("SUBJECT \"message 2\"") == "* SEARCH 2");
        CHECK(found("FROM BOB") == "* SEARCH 1 2 3");
        CHECK(found("SENTON 2-Feb-2026") == "* SEARCH 4");
        CHECK(found("CHARSET UTF-8 SUBJECT {7+}\r\ngr\xc3\xbc\xc3\x9f" "e") == "* SEARCH 4");
        CHECK(found("BODY needle") == "* SEARCH 4");
        CHECK(found("TEXT NEEDLE") == "* SEARCH 4");
        CHECK(found("OR SUBJECT \"message 1\" BODY needle") == "* SEARCH 1 4");
        CHECK(found("NOT BODY needle") == "* SEARCH 1 2 3");
        CHECK(found("HEADER Message-ID \"\"") == "* SEARCH 1 2 3");
        client.append("INBOX", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; filename=invoice.pdf\r\n\r\nx\r\n--b--\r\n");
        CHECK(found("TEXT invoice") == "* SEARCH 5"); // RFC 9051 6.4.4: MIME header fields are of the header
        CHECK(found("BODY invoice") == "* SEARCH");
    }
}

TEST_CASE("after ENABLE UTF8=ACCEPT a search names no charset, and where it must, UTF-8", "[imap][search][utf8][rfc9755-3]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", "Subject: =?utf-8?Q?=C3=84pfel?=\r\n\r\n");
    client.select();
    CHECK(client.talk("SEARCH CHARSET UTF-8 SUBJECT {6+}\r\n\u00c4pfel").front() == "* SEARCH 1");
    client.talk("ENABLE UTF8=ACCEPT");
    for (const auto* command : {"SEARCH CHARSET UTF-8 ALL", "UID SEARCH CHARSET US-ASCII ALL", "SEARCH RETURN (COUNT) CHARSET UTF-8 ALL",
             "ESEARCH IN (inboxes) RETURN (COUNT) CHARSET UTF-8 ALL", "SORT (DATE) US-ASCII ALL", "THREAD REFS ISO-8859-1 ALL"}) {
        INFO(command);
        CHECK(client.talk(command) == Lines{"BAD You enabled UTF8=ACCEPT: all that you say is UTF-8"});
    }
    CHECK(client.talk("SEARCH SUBJECT {6+}\r\n\u00c4pfel").front() == "* SEARCH 1");
    CHECK(client.talk("SEARCH SUBJECT \"\u00c4pfel\"").front() == "* SEARCH 1");
    CHECK(client.talk("SORT (DATE) utf-8 ALL").front() == "* SORT 1");
    CHECK(client.talk("THREAD REFS UTF-8 ALL").front() == "* THREAD (1)");
}
