#include "server/imap/syntax/fetch.h"
#include "server/mail/header.h"
#include "tests/support/catch.h"
#include "tests/unit/imap/syntax_golden.h"

#include <algorithm>

using namespace postfach;
using namespace std::string_literals;

namespace {

std::string envelope(const mail::Envelope& e)
{
    std::string out;
    imap::putEnvelope(out, e);
    return out;
}

std::string structure(const std::string& message, bool extended)
{
    std::string out;
    imap::putBodyStructure(out, mail::summarize(message), extended);
    return out;
}

mail::Address person(const std::string& mailbox)
{
    mail::Address address;
    address.mailbox = mailbox;
    address.host = "example.org";
    return address;
}

} // namespace

TEST_CASE("ENVELOPE, BODY and BODYSTRUCTURE of the golden mails", "[imap][syntax][golden][rfc9051-7.5.2]")
{
    for (const std::string name : {"plain", "addresses", "parts", "forwarded"}) {
        const std::string message = test::goldenMail(name);
        const std::string got = "ENVELOPE " + envelope(mail::summarize(message).envelope()) + "\r\nBODY " + structure(message, false)
                              + "\r\nBODYSTRUCTURE " + structure(message, true) + "\r\n";
        INFO(name);
        CHECK(got == mail::normalizeLineEnds(test::readFile(test::goldenPath(name + ".ref"))));
    }
}

TEST_CASE("an envelope without anything is ten NILs", "[imap][syntax][envelope]")
{
    CHECK(envelope({}) == "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
}

TEST_CASE("an absent Sender or Reply-To is From, a present one is itself", "[imap][syntax][envelope][rfc9051-7.5.2]")
{
    mail::Envelope e;
    e.from = {person("f")};
    CHECK(envelope(e)
          == R"((NIL NIL ((NIL NIL "f" "example.org")) ((NIL NIL "f" "example.org")) ((NIL NIL "f" "example.org")) NIL NIL NIL NIL NIL))");
    e.sender = {person("s")};
    e.reply_to = {person("r")};
    CHECK(envelope(e)
          == R"((NIL NIL ((NIL NIL "f" "example.org")) ((NIL NIL "s" "example.org")) ((NIL NIL "r" "example.org")) NIL NIL NIL NIL NIL))");
}

TEST_CASE("what a header smuggles in stays inside its string", "[imap][syntax][envelope][threats-3]")
{
    mail::Envelope e;
    e.subject = "a\r\n* 99 EXISTS";
    e.message_id = "\"\\";
    e.date = "";
    e.in_reply_to = "\xff";
    CHECK(envelope(e) == "(\"\" {14}\r\na\r\n* 99 EXISTS NIL NIL NIL NIL NIL NIL {1}\r\n\xff \"\\\"\\\\\")");
}

TEST_CASE("a group has a begin without host and an end without either", "[imap][syntax][envelope][rfc9051-7.5.2]")
{
    mail::Envelope e;
    e.to = mail::parseAddresses("team: a@example.org;");
    CHECK(envelope(e)
          == R"((NIL NIL NIL NIL NIL ((NIL NIL "team" NIL)(NIL NIL "a" "example.org")(NIL NIL NIL NIL)) NIL NIL NIL NIL))");
}

TEST_CASE("a part that only says it is a message or a multipart is a file", "[imap][syntax][bodystructure]")
{
    mail::Summary summary;
    summary.envelopes.emplace_back(0, mail::Envelope{});
    mail::Part part;
    part.type = "message";
    part.subtype = "rfc822";
    part.encoding = "base64";
    part.body_end = 8;
    summary.structure.parts = {part};
    std::string out;
    imap::putBodyStructure(out, summary, false);
    CHECK(out == R"(("application" "octet-stream" NIL NIL NIL "base64" 8))");

    summary.structure.parts[0].kind = mail::Part::Kind::multipart; // and a multipart has at least one part
    summary.structure.parts[0].subtype = "mixed";
    out.clear();
    imap::putBodyStructure(out, summary, false);
    CHECK(out == R"((("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) "mixed"))");
}

TEST_CASE("a summary that names itself as its own part ends", "[imap][syntax][bodystructure]")
{
    mail::Summary summary;
    mail::Part part;
    part.kind = mail::Part::Kind::multipart;
    part.children = {0};
    summary.structure.parts = {part};
    std::string out;
    imap::putBodyStructure(out, summary, true);
    CHECK(out.size() < 10'000);
}

TEST_CASE("nesting to the limit and far past it is printed in bounded depth", "[imap][syntax][bodystructure][threats-11]")
{
    for (const int levels : {90, 5000}) {
        std::string message, inner;
        for (int i = 0; i < levels; ++i)
            message += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) + "\r\n";
        const std::string out = structure(message + "\r\nx\r\n", true);
        int depth = 0, deepest = 0;
        for (const char c : out) {
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            deepest = std::max(deepest, depth);
        }
        CHECK(depth == 0);
        CHECK(deepest <= 110);
    }
    std::string forwards;
    for (int i = 0; i < 5000; ++i)
        forwards += "Content-Type: message/rfc822\r\n\r\n";
    CHECK(structure(forwards, true).size() < 1'000'000);
}
