#include "server/base/text.h"
#include "server/mail/compose.h"
#include "server/mail/decode.h"
#include "server/mail/normalize.h"
#include "server/mail/summary.h"
#include "server/mail/text.h"
#include "tests/support/catch.h"
#include "tests/unit/mail/outline.h"

using namespace postfach;
using namespace postfach::mail;

namespace {
Draft draftOf(std::string subject, std::string text)
{
    Draft draft;
    draft.from_name = "Postfach";
    draft.from_address = "postmaster@example.org";
    draft.to_address = "ada@example.org";
    draft.subject = std::move(subject);
    draft.text = std::move(text);
    draft.date = base::Time{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}};
    draft.message_id = "1@example.org";
    return draft;
}
void checkShape(const std::string& mail)
{
    CHECK(normalizeLineEnds(mail) == mail);
    CHECK(base::isAscii(mail));
    CHECK(mail.ends_with("\r\n"));
    for (const std::string_view line : base::split(mail, '\n'))
        CHECK(line.size() <= 200); // far below RFC 5322's 998; nearly all stay at 78
    CHECK(test::brokenRule(mail, parseStructure(mail)) == "");
}
} // namespace

TEST_CASE("nothing in a draft can forge a field", "[mail][compose]")
{
    Draft draft = draftOf("x\r\nBcc: eve@example.org\r\n\r\nbody", "text");
    draft.from_name = "a\r\nX-One: 1";
    draft.from_address = "a@b>\r\nX-Two: 2";
    draft.to_address = "c@d, eve@example.org\nX-Three: 3";
    draft.message_id = "id\r\nX-Four: 4";
    draft.extra = {{"X-Mine", "a\r\nX-Five: 5"}};
    draft.attachments = {{"a\r\nX-Six: 6\".txt", "text/plain\r\nX-Seven: 7", "bytes"}};
    const std::string mail = compose(draft);
    checkShape(mail);
    for (const char* name : {"Bcc", "X-One", "X-Two", "X-Three", "X-Four", "X-Five"})
        CHECK_FALSE(findField(mail, name));
    CHECK(mail.find("\nX-Six") == std::string::npos);
    CHECK(mail.find("\nX-Seven") == std::string::npos);
    CHECK(summarize(mail).envelope().to.size() == 1);
}

TEST_CASE("header text is one line of ASCII, cut between characters", "[mail][compose]")
{
    CHECK(mail::headerText("") == "");
    CHECK(mail::headerText("plain text") == "plain text");
    CHECK(mail::headerText("a\r\nb\tc\x7f") == "a  b c");
    CHECK(mail::headerText("abcdef", 3) == "abc");
    CHECK(decodeWords(mail::headerText("Grüße")) == "Grüße");
    CHECK(decodeWords(mail::headerText("äöü", 3)) == "ä");
    CHECK(decodeWords(mail::headerText("=?utf-8?Q?trick?=")) == "=?utf-8?Q?trick?=");
    CHECK(decodeWords(mail::headerText("caf\xe9")) == "café");
    std::string longest;
    for (int i = 0; i < 200; ++i)
        longest += "ü€";
    CHECK(decodeWords(mail::headerText(longest, 5'000)) == longest);
    for (const std::string_view word : base::split(mail::headerText(longest, 5'000), ' '))
        CHECK(word.size() <= 75);
}

TEST_CASE("a composed mail reads back as what was meant", "[mail][compose]")
{
    const std::string long_line = "A line that is much longer than seventy-six characters has to be broken where a space stands, and flowed.";
    const std::string mail = compose(draftOf("Grüße aus einem sehr langen Betreff, der gefaltet werden muss, weil er lang ist", "First.\n\n" + long_line + "\n> not a quote\nFrom me\n"));
    checkShape(mail);
    const Summary s = summarize(mail);
    CHECK(decodeWords(*s.envelope().subject) == "Grüße aus einem sehr langen Betreff, der gefaltet werden muss, weil er lang ist");
    CHECK(s.envelope().from.at(0).name == "Postfach");
    CHECK(s.sent == base::toMillis(base::Time{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}}));
    const std::string body(s.structure.parts[0].body(mail));
    CHECK_THAT(body, Catch::StartsWith("First.\r\n\r\nA line that"));
    CHECK_THAT(body, Catch::ContainsSubstring(" \r\n"));
    CHECK_THAT(body, Catch::ContainsSubstring("\r\n > not a quote\r\n From me\r\n"));
    for (const std::string_view line : base::split(body, '\n'))
        CHECK(line.size() <= 78);
}

TEST_CASE("text that is not ASCII survives", "[mail][compose]")
{
    for (const std::string text : {"Grüße\nzweite Zeile = 2 \n", "日本語のとても長いテキスト日本語のとても長いテキスト日本語のとても長いテキスト日本語のとても長いテキスト\n"}) {
        const std::string mail = compose(draftOf("x", text));
        checkShape(mail);
        CHECK_THAT(searchableBody(mail, parseStructure(mail)), Catch::ContainsSubstring(text.substr(0, text.find_first_of(" \n"))));
    }
    const std::string endless = compose(draftOf("x", std::string(5'000, 'x')));
    CHECK_THAT(searchableBody(endless, parseStructure(endless)), Catch::ContainsSubstring(std::string(5'000, 'x')));
    for (const std::string_view line : base::split(endless, '\n'))
        CHECK(line.size() <= 998);
}

TEST_CASE("attachments keep their bytes and names", "[mail][compose]")
{
    Draft draft = draftOf("x", "see below\n");
    std::string all_bytes;
    for (int i = 0; i < 256; ++i)
        all_bytes += static_cast<char>(i);
    const std::string inner = "Subject: inner\r\n\r\nbody\r\n";
    draft.attachments = {{"a  \"b\".bin", "application/octet-stream", all_bytes}, {"ein sehr langer Dateiname mit Blüten und Grüßen.txt", "text/plain", ""}, {"mail.eml", "message/rfc822", inner}, {"x", "broken", "x"}};
    const std::string mail = compose(draft);
    checkShape(mail);
    const Structure s = parseStructure(mail);
    REQUIRE(s.parts.size() == 7);
    CHECK(decodeTransfer(s.parts[2].encoding, s.parts[2].body(mail)) == all_bytes);
    CHECK(fileName(s.parts[2]) == "a  \"b\".bin");
    CHECK(fileName(s.parts[3]) == "ein sehr langer Dateiname mit Blüten und Grüßen.txt");
    CHECK(s.parts[4].kind == Part::Kind::message);
    CHECK(std::string(s.parts[4].body(mail)) + "\r\n" == inner + "\r\n");
    CHECK(s.parts[6].type == "application");
}

TEST_CASE("a display name is quoted or encoded where it must be", "[mail][compose]")
{
    for (const std::string name : {"Ada King", "King, Ada \"the\" \\ Countess", "Müller, Jürgen", "a@b", ""}) {
        Draft draft = draftOf("x", "y");
        draft.from_name = name;
        const auto from = summarize(compose(draft)).envelope().from;
        INFO(name);
        REQUIRE(from.size() == 1);
        CHECK(decodeWords(from[0].name.value_or("")) == name);
        CHECK(from[0].mailbox == "postmaster");
    }
}
