#include "server/mail/header_keys.h"
#include "tests/support/catch.h"

#include <string>

using namespace postfach::mail;
using namespace std::string_literals;
using Text = HeaderKeys::Text;

TEST_CASE("a header's keys are decoded, and folded or collated", "[mail][header][rfc5256][rfc5957]")
{
    const HeaderKeys keys = readHeaderKeys("Date: Sun, 1 Mar 2026 00:30:00 +0200\r\n"
                                           "From: =?utf-8?Q?J=C3=BCrgen?= <JJ@example.org>, Other <o@example.org>\r\n"
                                           "To: Friends: a@example.org, b@example.org;\r\n"
                                           "Cc: Carol@Example.org\r\n"
                                           "Subject: RE: [list]\r\n =?iso-8859-1?Q?Gr=FC=DFe?=\r\n"
                                           "Subject: second\r\n"
                                           "Message-ID: <One@Example>\r\n"
                                           "In-Reply-To: <other@x> <more@x>\r\n"
                                           "References: <a@x>\r\n <B@x>\r\n\r\nSubject: of the body\r\n");
    CHECK(keys.text(Text::subject) == " re: [list] gru\u0308sse\0 second"s);
    CHECK(keys.text(Text::baseSubject) == "GRU\u0308ßE");
    CHECK(keys.isReply());
    CHECK(keys.text(Text::from) == " ju\u0308rgen <jj@example.org>, other <o@example.org>");
    CHECK(keys.text(Text::fromMailbox) == "JJ");
    CHECK(keys.text(Text::fromDisplay) == "JU\u0308RGEN");
    CHECK(keys.text(Text::toMailbox) == "FRIENDS");
    CHECK(keys.text(Text::toDisplay) == "FRIENDS");
    CHECK(keys.text(Text::ccMailbox) == "CAROL");
    CHECK(keys.has(Text::subject));
    CHECK(keys.has(Text::cc));
    CHECK_FALSE(keys.has(Text::bcc));
    CHECK(keys.text(Text::messageId) == "One@Example");
    CHECK(keys.references() == std::vector<std::string_view>{"a@x", "B@x"});
    CHECK(keys.sent() == 1772317800); // the 28th of February in UTC
    CHECK(keys.sentDay() == 20513);   // the 1st of March where it was written
}

TEST_CASE("what a header does not have is empty", "[mail][header]")
{
    for (const char* header : {"", "\r\n", "X: y\r\n\r\n", "Date: whenever\r\nReferences: none\r\nMessage-ID: bare\r\n\r\n"}) {
        const HeaderKeys keys = readHeaderKeys(header);
        for (std::size_t i = 0; i < HeaderKeys::kTexts; ++i)
            CHECK(keys.text(static_cast<Text>(i)).empty());
        CHECK_FALSE(keys.has(Text::subject));
        CHECK_FALSE(keys.isReply());
        CHECK_FALSE(keys.sent());
        CHECK(keys.references().empty());
    }
    CHECK(readHeaderKeys("From: bob@example.org\r\n\r\n").text(Text::fromDisplay) == "BOB@EXAMPLE.ORG");
    CHECK(readHeaderKeys("From: \"\" <bob@example.org>\r\n\r\n").text(Text::fromDisplay) == "BOB@EXAMPLE.ORG");
    CHECK(readHeaderKeys("In-Reply-To: Your mail <a@x> <b@x>\r\n\r\n").references() == std::vector<std::string_view>{"a@x"});
    CHECK(readHeaderKeys("References:\r\nIn-Reply-To: <a@x>\r\n\r\n").references() == std::vector<std::string_view>{"a@x"});
    CHECK(readHeaderKeys("Subject:\r\n\r\n").has(Text::subject));
}
