#include "server/imap/syntax/fetch.h"
#include "tests/support/catch.h"
#include "tests/unit/imap/syntax_golden.h"

using namespace postfach;
using namespace std::string_literals;

namespace {

struct Answer {
    std::string label, value;
};

Answer answer(const std::string& message, const std::string& item)
{
    imap::Parser args(item);
    const imap::FetchItems items = imap::parseFetchItems(args);
    args.end();
    const mail::Summary summary = mail::summarize(message);
    const imap::BodySection& section = items.sections.at(0);
    std::string out;
    imap::putSection(out, section, summary, items.needsBytes(summary) ? std::string_view(message) : std::string_view());
    return {section.label, out.substr(section.label.size() + 1)};
}

std::string fetch(const std::string& message, const std::string& item)
{
    const Answer whole = answer(message, item);
    return whole.label + ' ' + whole.value;
}

std::string value(const std::string& message, const std::string& item) { return answer(message, item).value; }

std::string literal(const std::string& text) { return '{' + std::to_string(text.size()) + "}\r\n" + text; }

const std::string kPlain = "Subject: x\r\nX-A: 1\r\n folded\r\nsubject:y\r\nDate: z\r\n\r\nline one\r\nline two\r\n";

} // namespace

TEST_CASE("a part that is not there is NIL", "[imap][syntax][section][rfc9051-6.4.5.1]")
{
    for (const char* item : {"BODY[2]", "BODY[1.1]", "BODY[1.HEADER]", "BODY[1.TEXT]", "BODY[2.MIME]", "BODY[1.1.MIME]", "BODY[4294967295]",
                             "BODY[1.HEADER.FIELDS (Subject)]"})
        CHECK(value(kPlain, item) == "NIL");
    const std::string parts = test::goldenMail("parts");
    for (const char* item : {"BODY[4]", "BODY[1.3]", "BODY[2.1]", "BODY[1.HEADER]", "BODY[1.TEXT]", "BODY[1.1.1]", "BODY[2.HEADER]"})
        CHECK(value(parts, item) == "NIL");
}

TEST_CASE("what is there and empty is an empty string", "[imap][syntax][section]")
{
    CHECK(value("Subject: x\r\n\r\n", "BODY[TEXT]") == "\"\"");
    CHECK(value("Subject: x\r\n\r\n", "BODY[1]") == "\"\"");
    CHECK(value("Subject: x\r\n", "BODY[TEXT]") == "\"\"");
    CHECK(value(kPlain, "BODY[]<9999.5>") == "\"\"");
    CHECK(value(kPlain, "BODY[]<9223372036854775807.9223372036854775807>") == "\"\"");
    CHECK(value("", "BODY[]") == "\"\"");
    CHECK(value("", "BODY[HEADER]") == "\"\"");
}

TEST_CASE("a message without parts has its body as part 1", "[imap][syntax][section][rfc9051-6.4.5.1]")
{
    CHECK(fetch(kPlain, "BODY.PEEK[]") == "BODY[] " + literal(kPlain));
    CHECK(fetch(kPlain, "RFC822") == "RFC822 " + literal(kPlain));
    CHECK(value(kPlain, "BODY[1]") == literal("line one\r\nline two\r\n"));
    CHECK(value(kPlain, "BODY[TEXT]") == literal("line one\r\nline two\r\n"));
    CHECK(fetch(kPlain, "RFC822.TEXT") == "RFC822.TEXT " + literal("line one\r\nline two\r\n"));
    const std::string header = kPlain.substr(0, kPlain.find("line one"));
    CHECK(value(kPlain, "BODY[HEADER]") == literal(header));
    CHECK(fetch(kPlain, "RFC822.HEADER") == "RFC822.HEADER " + literal(header));
    CHECK(value(kPlain, "BODY[1.MIME]") == literal(header));
}

TEST_CASE("partial fetches are cut where they say", "[imap][syntax][section]")
{
    CHECK(fetch(kPlain, "BODY[]<0.7>") == "BODY[]<0> " + literal("Subject"));
    CHECK(fetch(kPlain, "BODY[TEXT]<5.3>") == "BODY[TEXT]<5> " + literal("one"));
    CHECK(fetch(kPlain, "BODY[TEXT]<15.9223372036854775807>") == "BODY[TEXT]<15> " + literal("two\r\n"));
    CHECK(fetch(kPlain, "BODY[HEADER.FIELDS (X-A)]<2.4>") == "BODY[HEADER.FIELDS (X-A)]<2> " + literal("A: 1"));
}

TEST_CASE("header fields keep order, folding and the empty line", "[imap][syntax][section][rfc9051-6.4.5.1]")
{
    CHECK(value(kPlain, "BODY[HEADER.FIELDS (date SUBJECT)]") == literal("Subject: x\r\nsubject:y\r\nDate: z\r\n\r\n"));
    CHECK(value(kPlain, "BODY[HEADER.FIELDS (X-A)]") == literal("X-A: 1\r\n folded\r\n\r\n"));
    CHECK(value(kPlain, "BODY[HEADER.FIELDS (X)]") == literal("\r\n"));
    CHECK(value(kPlain, "BODY[HEADER.FIELDS.NOT (Subject Date)]") == literal("X-A: 1\r\n folded\r\n\r\n"));
    CHECK(value(kPlain, "BODY[HEADER.FIELDS.NOT (X)]") == value(kPlain, "BODY[HEADER]"));
    CHECK(value("A: 1\nB: 2\n\nbody", "BODY[HEADER.FIELDS (b)]") == literal("B: 2\n\n"));
    CHECK(value("A: 1\r\nB: 2\r\n", "BODY[HEADER.FIELDS (b)]") == literal("B: 2\r\n")); // no empty line to repeat
    CHECK(value("junk\r\nA: 1\r\nmore junk\r\n\r\n", "BODY[HEADER.FIELDS.NOT (a)]") == literal("junk\r\nmore junk\r\n\r\n"));
}

TEST_CASE("a header too large to be kept is read from the message", "[imap][syntax][section]")
{
    const std::string header = "Subject: x\r\nX-Long: " + std::string(20'000, 'a') + "\r\n\r\n";
    CHECK(value(header + "body", "BODY[HEADER]") == literal(header));
    CHECK(value(header + "body", "BODY[HEADER.FIELDS (Subject)]") == literal("Subject: x\r\n\r\n"));
}

TEST_CASE("a multipart's parts are byte for byte between their boundaries", "[imap][syntax][section][rfc2046-5.1.1]")
{
    const std::string parts = test::goldenMail("parts");
    CHECK(value(parts, "BODY[1.1]") == literal("plain"));
    CHECK(value(parts, "BODY[1.1.MIME]") == literal("Content-Type: text/plain\r\n\r\n"));
    CHECK(value(parts, "BODY[1.2]") == literal("<p>plain</p>\r\n"));
    CHECK(value(parts, "BODY[2]") == literal("AAAA"));
    CHECK(value(parts, "BODY[TEXT]") == literal(parts.substr(parts.find("preamble"))));
    const std::size_t inner = parts.find("--inner\r\n"), outer = parts.find("\r\n--outer\r\nContent-Type: application");
    CHECK(value(parts, "BODY[1]") == literal(parts.substr(inner, outer - inner)));
}

TEST_CASE("HEADER and TEXT of a forwarded message are the inner message's", "[imap][syntax][section][rfc9051-6.4.5.1]")
{
    const std::string mail = test::goldenMail("forwarded");
    CHECK(value(mail, "BODY[1.HEADER.FIELDS (SUBJECT)]") == literal("Subject: inside\r\n\r\n"));
    CHECK(value(mail, "BODY[1.1]") == literal("deep"));
    CHECK(value(mail, "BODY[1.2.HEADER]") == literal("Subject: deeper\r\n\r\n"));
    CHECK(value(mail, "BODY[1.2.TEXT]") == literal("bottom"));
    CHECK(value(mail, "BODY[1.2.1]") == literal("bottom"));
    CHECK(value(mail, "BODY[1.2]") == literal("Subject: deeper\r\n\r\nbottom"));
    CHECK(value(mail, "BODY[1.MIME]") == literal("Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n"));
    CHECK(value(mail, "BODY[2.HEADER]") == "NIL"); // encoded: no message for us
    CHECK(value(mail, "BODY[2]") == literal("U3ViamVjdDogeAoKeQo="));
}

TEST_CASE("NUL and 8-bit bytes come back as they are", "[imap][syntax][section][threats-21]")
{
    const std::string message = "A: \x80\r\n\r\na\0b\xff\r"s;
    CHECK(value(message, "BODY[]") == literal(message));
    CHECK(value(message, "BODY[TEXT]") == literal("a\0b\xff\r"s));
}

TEST_CASE("a summary that does not fit its message reads nothing beyond it", "[imap][syntax][section]")
{
    const mail::Summary summary = mail::summarize(kPlain);
    imap::Parser args("(BODY[TEXT] BODY[1] BODY[1.MIME])");
    for (const imap::BodySection& section : imap::parseFetchItems(args).sections) {
        std::string out;
        imap::putSection(out, section, summary, "S");
        CHECK(out.size() < 30);
    }
}
