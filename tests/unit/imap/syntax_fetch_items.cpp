#include "server/imap/syntax/fetch.h"
#include "tests/support/catch.h"

using namespace postfach;
using imap::BadSyntax;
using What = imap::BodySection::What;

namespace {

imap::FetchItems parse(const std::string& text)
{
    imap::Parser args(text);
    imap::FetchItems items = imap::parseFetchItems(args);
    args.end();
    return items;
}

std::string repeated(const std::string& text, int times)
{
    std::string out;
    for (int i = 0; i < times; ++i)
        out += text;
    return out;
}

} // namespace

TEST_CASE("FETCH items that break the grammar are refused", "[imap][syntax][fetch][rfc9051-9]")
{
    for (const char* text :
         {"", "(", "()", "(FLAGS", "FLAGS)", "FLAGS UID", "(FLAGS,UID)", "(ALL)", "(FLAGS FAST)", "FOO", "BODY.PEEK", "RFC822.PEEK",
         "BODYSTRUCTURE[1]",
          "RFC822[1]", "((FLAGS))", "BODY[", "BODY[]]", "BODY[0]", "BODY[1.0]", "BODY[1.]", "BODY[.1]", "BODY[1..2]",
          "BODY[4294967296]", "BODY[-1]",
          "BODY[MIME]", "BODY[FOO]", "BODY[1.FOO]", "BODY[HEADER.1]", "BODY[TEXT.MIME]", "BODY[HEADER.FIELDS]", "BODY[HEADER.FIELDS ()]",
          "BODY[HEADER.FIELDS Date]", "BODY[HEADER.FIELDS (Date]", "BODY[HEADER (Date)]", "BODY[]<>", "BODY[]<0>", "BODY[]<0.0>",
          "BODY[]<0.-1>",
          "BODY[]<a.1>", "BODY[]<0.9223372036854775808>", "BODY[]<0.1", "BODY [TEXT]", "BODY[ TEXT]", "BODY[]FLAGS", "\"FLAGS\"",
          "{5}\r\nFLAGS",
          "PREVIEW (EAGER)", "PREVIEW (LAZY", "PREVIEW(LAZY)", "(PREVIEW (LAZY LAZY))", "EMAILID (LAZY)", "THREADIDS"}) {
        INFO(text);
        CHECK_THROWS_AS(parse(text), BadSyntax);
    }
}

TEST_CASE("FETCH is bounded", "[imap][syntax][fetch][threats-10]")
{
    CHECK_THROWS_AS(parse("BODY[" + repeated("1.", 5000) + "1]"), BadSyntax);
    CHECK_THROWS_AS(parse("BODY[HEADER.FIELDS (" + repeated("x ", 5000) + "y)]"), BadSyntax);
    CHECK_THROWS_AS(parse(repeated("(", 50'000)), BadSyntax);
    std::string many = "(";
    for (int i = 0; i < 5000; ++i)
        many += "BODY[]<" + std::to_string(i) + ".1> ";
    CHECK_THROWS_AS(parse(many + "UID)"), BadSyntax);

    const auto same = parse("(" + repeated("BODY.PEEK[] ", 500) + "BODY[])");
    REQUIRE(same.sections.size() == 1);
    CHECK(same.setsSeen()); // one of them did not only peek
    CHECK(parse("(BODY[]<0.5> BODY[]<0.9> BODY[]<0.5>)").sections.size() == 2);
}

TEST_CASE("FETCH items and macros", "[imap][syntax][fetch]")
{
    const auto all = parse("all");
    CHECK((all.flags && all.internal_date && all.size && all.envelope && !all.body && !all.uid));
    const auto full = parse("FULL");
    CHECK((full.envelope && full.body));
    const auto fast = parse("FAST");
    CHECK((fast.flags && fast.internal_date && fast.size && !fast.envelope));
    CHECK_FALSE(fast.needsSummary());
    CHECK_FALSE(fast.needsBytes());

    const auto list = parse("(uid flags RFC822.SIZE InternalDate Envelope BODY BodyStructure)");
    CHECK((list.uid && list.flags && list.size && list.internal_date && list.envelope && list.body && list.body_structure));
    CHECK(list.needsSummary());
    CHECK_FALSE(list.needsBytes());
    CHECK_FALSE(list.setsSeen());
}

TEST_CASE("PREVIEW takes LAZY, and leaves other parentheses to others", "[imap][syntax][fetch][rfc8970-6]")
{
    const auto list = parse("(PREVIEW (lazy) EMAILID THREADID SAVEDATE)");
    CHECK((list.preview && list.email_id && list.thread_id && list.save_date));
    CHECK((list.needsSummary() && list.needsRows()));
    CHECK_FALSE(parse("THREADID").needsRows());
    imap::Parser args("PREVIEW (CHANGEDSINCE 1)");
    CHECK(imap::parseFetchItems(args).preview);
    CHECK(args.rest() == " (CHANGEDSINCE 1)");
}

TEST_CASE("RFC822 and its relatives keep their names", "[imap][syntax][fetch][rfc3501-6.4.5]")
{
    const auto items = parse("(RFC822 RFC822.HEADER RFC822.TEXT)");
    REQUIRE(items.sections.size() == 3);
    CHECK((items.sections[0].label == "RFC822" && items.sections[0].what == What::whole && !items.sections[0].peek));
    CHECK((items.sections[1].label == "RFC822.HEADER" && items.sections[1].what == What::header && items.sections[1].peek));
    CHECK((items.sections[2].label == "RFC822.TEXT" && items.sections[2].what == What::text && !items.sections[2].peek));
    CHECK_FALSE(parse("RFC822.HEADER").setsSeen());
}

TEST_CASE("sections are read, and named in the answer as they were asked for", "[imap][syntax][fetch][rfc9051-6.4.5.1]")
{
    struct Case {
        const char *asked, *label;
        What what;
        std::size_t numbers;
        bool peek;
    };
    const Case cases[] = {
        {"body[]", "BODY[]", What::whole, 0, false},
        {"BODY.PEEK[]<5.10>", "BODY[]<5>", What::whole, 0, true},
        {"BODY[HEADER]", "BODY[HEADER]", What::header, 0, false},
        {"BODY[text]", "BODY[TEXT]", What::text, 0, false},
        {"BODY.PEEK[1]", "BODY[1]", What::whole, 1, true},
        {"BODY[1.2.3]", "BODY[1.2.3]", What::whole, 3, false},
        {"BODY[1.2.mime]", "BODY[1.2.MIME]", What::mime, 2, false},
        {"BODY[4.HEADER]<0.1>", "BODY[4.HEADER]<0>", What::header, 1, false},
        {"BODY[4.TEXT]", "BODY[4.TEXT]", What::text, 1, false},
        {"BODY[header.fields (Date \"From\" {2}\r\nTo)]", "BODY[HEADER.FIELDS (Date From To)]", What::headerFields, 0, false},
        {"BODY.PEEK[2.HEADER.FIELDS.NOT (\"a b\" X)]", "BODY[2.HEADER.FIELDS.NOT (\"a b\" X)]", What::headerFieldsNot, 1, true},
    };
    for (const Case& c : cases) {
        INFO(c.asked);
        const auto items = parse(c.asked);
        REQUIRE(items.sections.size() == 1);
        CHECK(items.sections[0].label == c.label);
        CHECK(items.sections[0].what == c.what);
        CHECK(items.sections[0].part.size() == c.numbers);
        CHECK(items.sections[0].peek == c.peek);
        CHECK(items.setsSeen() == !c.peek);
    }
    const auto partial = parse("BODY[]<7.9>").sections[0].partial;
    REQUIRE(partial);
    CHECK((partial->first == 7 && partial->second == 9));
}

TEST_CASE("the top header alone needs no bytes while it is kept", "[imap][syntax][fetch]")
{
    mail::Summary kept, large;
    kept.top_header = "Subject: x\r\n\r\n";
    const auto header = parse("(BODY.PEEK[HEADER] BODY.PEEK[HEADER.FIELDS (Date)] BODY.PEEK[HEADER.FIELDS.NOT (Date)] RFC822.HEADER)");
    CHECK(header.needsSummary());
    CHECK_FALSE(header.needsBytes(kept));
    CHECK(header.needsBytes(large));
    CHECK(parse("(BODY[HEADER] BODY[1])").needsBytes(kept));
    CHECK(parse("BODY[1.HEADER]").needsBytes(kept));
    CHECK_FALSE(parse("ENVELOPE").needsBytes(large));
}

TEST_CASE("what two ask for is asked once", "[imap][syntax][fetch]")
{
    const auto both = imap::merged(parse("(UID FLAGS BODY.PEEK[1] BODY.PEEK[]<0.10> BINARY.PEEK[2])"), parse("(UID ENVELOPE BODY[1] BODY[]<0.20> BODY[2])"));
    CHECK(both.uid);
    CHECK(both.flags);
    CHECK(both.envelope);
    CHECK_FALSE(both.size);
    std::vector<std::string> labels;
    for (const auto& section : both.sections)
        labels.push_back(section.label);
    CHECK(labels == std::vector<std::string>{"BODY[1]", "BODY[]<0>", "BINARY[2]", "BODY[]<0>", "BODY[2]"});
    CHECK(both.sections[3].partial->second == 20);
}
