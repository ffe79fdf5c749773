#include "server/imap/syntax/message_url.h"
#include "tests/support/catch.h"

using namespace postfach::imap;
using What = BodySection::What;

TEST_CASE("URLs that name no message of the account", "[imap][syntax][catenate][rfc4469-3]")
{
    for (const char* url : {"", "/", "/Drafts", "/Drafts/", ";UID=", "/Drafts/;UID=0", "/Drafts/;UID=-1",
             "/Drafts/;UID=4294967296", "/Drafts/;UID=1x", "/Drafts/;UID=1/", "/Drafts/;UID=1/x", "/Drafts;UID=1", "/;UID=1",
             "//server/Drafts/;UID=1", "imap://alice@server/Drafts/;UID=1", "imap:Drafts/;UID=1", "/Drafts;UIDVALIDITY=/;UID=1",
             "/Drafts;UIDVALIDITY=0/;UID=1", "/Drafts;UIDVALIDITY=x/;UID=1", "/%/;UID=1", "/%4/;UID=1", "/%zz/;UID=1",
             "/%ff/;UID=1", "/%00/;UID=1", "/a%0d/;UID=1", "/\xc3\xa4/;UID=1", "/../x/;UID=1", "/a/./b/;UID=1", "../x/;UID=1",
             "/Drafts/;UID=1/;SECTION=", "/Drafts/;UID=1/;SECTION=0", "/Drafts/;UID=1/;SECTION=1]",
             "/Drafts/;UID=1/;SECTION=1] BODY[2", "/Drafts/;UID=1/;SECTION=%5d", "/Drafts/;UID=1/;SECTION=1;EXPIRE=x",
             "/Drafts/;UID=1/;PARTIAL=", "/Drafts/;UID=1/;PARTIAL=1.0", "/Drafts/;UID=1/;PARTIAL=x",
             "/Drafts/;UID=1/;PARTIAL=1.2.3", "/Drafts/;UID=1/;PARTIAL=1/;SECTION=1", "/Drafts/;UID=1/;URLAUTH=anonymous",
             "/Drafts/;UID=1;EXPIRE=2026-01-01T00:00:00Z"}) {
        INFO(url);
        CHECK_FALSE(parseMessageUrl(url, "INBOX"));
    }
    CHECK_FALSE(parseMessageUrl(";UID=1", ""));
    CHECK_FALSE(parseMessageUrl("/" + std::string(5'000, 'x') + "/;UID=1", ""));
}

TEST_CASE("URLs name a mailbox, a message, a section and a range", "[imap][syntax][catenate][rfc5092]")
{
    const auto whole = parseMessageUrl("/Drafts/;UID=20", "");
    REQUIRE(whole);
    CHECK((whole->mailbox == "Drafts" && whole->uid == 20 && !whole->uid_validity && whole->section.what == What::whole
        && whole->section.part.empty()));

    const auto part =
        parseMessageUrl("/Entw%C3%BCrfe%20a/b;uidvalidity=385759045/;uid=20/;section=1.2.MIME/;partial=10.20", "INBOX");
    REQUIRE(part);
    CHECK(part->mailbox == "Entw\xc3\xbcrfe a/b");
    CHECK(part->uid_validity == 385759045);
    CHECK(part->section.part == std::vector<std::uint32_t>{1, 2});
    CHECK(part->section.what == What::mime);
    CHECK(part->section.partial == std::pair<std::uint64_t, std::uint64_t>{10, 20});

    const auto fields = parseMessageUrl("/Drafts/;UID=1/;SECTION=HEADER.FIELDS%20(Subject%20To)/;PARTIAL=5", "");
    REQUIRE(fields);
    CHECK(fields->section.fields == std::vector<std::string>{"Subject", "To"});
    CHECK(fields->section.partial->first == 5);
}

TEST_CASE("URLs without a slash are relative to the selected mailbox", "[imap][syntax][catenate][rfc3986-5.2]")
{
    CHECK(parseMessageUrl(";UID=1", "work/march")->mailbox == "work/march");
    CHECK(parseMessageUrl("april/;UID=1", "work/march")->mailbox == "work/april");
    CHECK(parseMessageUrl("april/;UID=1", "march")->mailbox == "april");
    CHECK(parseMessageUrl("april/;UID=1", "")->mailbox == "april");
    CHECK(parseMessageUrl("/april/;UID=1", "work/march")->mailbox == "april");
}

TEST_CASE("a URL in an answer ends no answer", "[imap][syntax][catenate][threats-3]")
{
    CHECK(urlForAnswer("/Drafts/;UID=1") == "/Drafts/;UID=1");
    CHECK(urlForAnswer("x] OK\r\n* 1 EXISTS") == "x%5d%20OK%0d%0a*%201%20EXISTS");
    CHECK(urlForAnswer("\xff") == "%ff");
    CHECK_FALSE(urlForAnswer("").empty());
    CHECK(urlForAnswer(std::string(100'000, 'x')).size() == 1'000);
}
