#include "server/imap/syntax/parser.h"
#include "tests/support/catch.h"

#include <functional>

using namespace postfach;
using namespace std::string_literals;
using imap::BadSyntax;
using imap::Parser;

namespace {

bool refuses(const std::string& text, const std::function<void(Parser&)>& read)
{
    Parser args(text);
    try {
        read(args);
        args.end();
    } catch (const BadSyntax& bad) {
        const std::string_view what = bad.what(); // it is sent to the client as it stands
        CHECK_FALSE(what.empty());
        CHECK(what.find_first_of("\r\n\0"s) == std::string_view::npos);
        return true;
    }
    return false;
}

template <class T>
T read(const std::string& text, T (Parser::*method)())
{
    Parser args(text);
    T out = (args.*method)();
    args.end();
    return out;
}

} // namespace

TEST_CASE("strings that break the grammar are refused", "[imap][syntax][parser][threats-3][threats-21]")
{
    for (const std::string& text :
         {""s, " "s, "("s, ")"s, "\""s, "\"a"s, "\"a\\"s, "\"a\\b\""s, "\"a\rb\""s, "\"a\nb\""s, "\"a\0b\""s, "a b"s, "a\\b"s, "a\"b\""s,
          "\x80"s, "\xc3\xa9"s, "a\x7f"s, "a\x01"s, "a\0"s, "{"s, "{}"s, "{3}"s, "{3}\r\n"s, "{3}\r\nab"s, "{-1}\r\n"s, "{a}\r\n"s, "{1}a"s,
          "{4294967296}\r\nx"s, "{18446744073709551616}\r\nx"s, "{99999999999999999999999}\r\nx"s, "{3+}\r\nx\0y"s, "{1}\r\nab"s,
          "%"s, "*"s, "a*"s}) {
        INFO(text);
        CHECK(refuses(text, [](Parser& args) { args.astring(); }));
    }
}

TEST_CASE("atoms, quoted strings and literals are read", "[imap][syntax][parser]")
{
    CHECK(read("INBOX", &Parser::astring) == "INBOX");
    CHECK(read("a]b[c+&~#", &Parser::astring) == "a]b[c+&~#");
    CHECK(read("\"\"", &Parser::astring).empty());
    CHECK(read("\"a \\\"b\\\\ (\"", &Parser::astring) == "a \"b\\ (");
    CHECK(read("\"\xc3\xa9\"", &Parser::astring) == "\u00e9");
    CHECK(read("{0}\r\n", &Parser::astring).empty());
    CHECK(read("{3}\r\na\r\n", &Parser::astring) == "a\r\n");
    CHECK(read("{3+}\r\n\"{)", &Parser::astring) == "\"{)");
    CHECK(read("\"a\"  ", &Parser::astring) == "a"); // trailing spaces are forgiven
    CHECK(read("nil", &Parser::nstring) == std::nullopt);
    CHECK(read("\"nil\"", &Parser::nstring) == "nil");
    CHECK(read("a%b*", &Parser::listMailbox) == "a%b*");
    CHECK(read("\"%\"", &Parser::listMailbox) == "%");
    CHECK(read("{1}\r\n*", &Parser::listMailbox) == "*");
    CHECK(refuses("a(", [](Parser& args) { args.listMailbox(); }));
    CHECK(refuses("a]", [](Parser& args) { args.atom(); }));
    CHECK(refuses("nila", [](Parser& args) { args.nstring(); }));
}

TEST_CASE("tags that could not be echoed are refused", "[imap][syntax][parser][threats-3]")
{
    for (const std::string& text : {""s, "*"s, "*\x01x"s, "+"s, "a+b"s, "a\x01"s, "\"a\""s, "{1}\r\na"s, "a(b"s, "\xff"s, "%"s})
        CHECK(refuses(text, [](Parser& args) { args.tag(); }));
    CHECK(read("A001.]", &Parser::tag) == "A001.]");
}

TEST_CASE("numbers do not wrap around", "[imap][syntax][parser]")
{
    for (const char* text : {"", "a", "-1", "+1", "1a", "4294967296", "18446744073709551617", "99999999999999999999999999"})
        CHECK(refuses(text, [](Parser& args) { args.number(); }));
    for (const char* text : {"9223372036854775808", "18446744073709551615", "184467440737095516160"})
        CHECK(refuses(text, [](Parser& args) { args.number64(); }));
    CHECK(refuses("0", [](Parser& args) { args.nzNumber(); }));
    CHECK(read("0", &Parser::number) == 0);
    CHECK(read("4294967295", &Parser::number) == 4294967295U);
    CHECK(read("9223372036854775807", &Parser::number64) == 9223372036854775807U);
    CHECK(read("7", &Parser::nzNumber) == 7);
}

TEST_CASE("words end where atoms end", "[imap][syntax][parser]")
{
    Parser args("Charset UTF-8");
    CHECK_FALSE(args.tryWord("CHAR"));
    CHECK_FALSE(args.tryWord("CHARSETS"));
    CHECK(args.tryWord("CHARSET"));
    CHECK(args.trySpace());
    CHECK_FALSE(args.tryWord("UTF"));
    CHECK(args.position() == 8);
    CHECK(args.rest() == "UTF-8");
    CHECK(args.peek() == 'U');
}

TEST_CASE("message sets are read, and $ is one where a SEARCH may have saved it", "[imap][syntax][parser]")
{
    for (const char* text : {"", "$1", "$a", "$,1", "1,$", "0", "1:99999999999999999999", "1,", "1a", "a", "1:2:3", "1-2"})
        CHECK(refuses(text, [](Parser& args) { args.sequenceSet(); }));
    CHECK(read("1:3,*", &Parser::sequenceSet).resolved(9).size() == 2);
    CHECK(read("$", &Parser::sequenceSet).isSaved());
    CHECK_FALSE(read("1", &Parser::sequenceSet).isSaved());
    CHECK(refuses("$", [](Parser& args) { args.numberSet(); }));
    CHECK(read("1:3", &Parser::numberSet).contains(2, 9));
}

TEST_CASE("date-times that are none are refused", "[imap][syntax][parser]")
{
    for (const char* text :
         {"", "\"\"", "01-Mar-2026 09:30:00 +0000", "\"01-Mar-2026 09:30:00 +0000", "\"32-Jan-2026 09:30:00 +0000\"",
          "\"29-Feb-2026 09:30:00 +0000\"", "\"00-Mar-2026 09:30:00 +0000\"", "\"01-Mrz-2026 09:30:00 +0000\"",
          "\"01-Mar-26 09:30:00 +0000\"", "\"01-Mar-2026 24:00:00 +0000\"", "\"01-Mar-2026 09:60:00 +0000\"",
          "\"01-Mar-2026 09:30:61 +0000\"", "\"01-Mar-2026 09:30:00 0000\"", "\"01-Mar-2026 09:30:00 +000\"",
          "\"01-Mar-2026 09:30:00 +0060\"", "\"01-Mar-2026 09:30:00 +2400\"", "\"01-Mar-2026 09:30:00\"", "\"01-Mar-2026  9:30:00 +0000\"",
          "\"01-Mar-2026 09:30:00 GMT\"", "\"01-Mar-2026 09:30:00 +0000 \"", "\"  1-Mar-2026 09:30:00 +0000\"",
          "\"1--Mar-2026 09:30:00 +0000\""}) {
        INFO(text);
        CHECK(refuses(text, [](Parser& args) { args.dateTime(); }));
    }
}

TEST_CASE("date-times are read as moments", "[imap][syntax][parser]")
{
    using namespace std::chrono;
    const store::Time morning{sys_days{2026y / March / 1} + 8h + 30min};
    CHECK(read("\"01-Mar-2026 09:30:00 +0100\"", &Parser::dateTime) == morning);
    CHECK(read("\" 1-Mar-2026 08:30:00 +0000\"", &Parser::dateTime) == morning);
    CHECK(read("\"1-mar-2026 08:30:00 -0000\"", &Parser::dateTime) == morning);
    CHECK(read("\"28-Feb-2026 23:00:00 -0930\"", &Parser::dateTime) == morning);
    CHECK(read("\"29-Feb-2024 00:00:60 +0000\"", &Parser::dateTime) == store::Time{sys_days{2024y / February / 29} + 1min});
}

TEST_CASE("search dates are days", "[imap][syntax][parser]")
{
    for (const char* text : {"", "1", "1-Mar", "Mar-1-2026", "31-Apr-2026", "0-Mar-2026", "1-Mar-26", "001-Mar-2026", "1-Mar-2026 ", "1-Mar-20260",
                             "1/Mar/2026", "-Mar-2026"})
        CHECK_FALSE(imap::parseSearchDate(text).has_value());
    CHECK(imap::parseSearchDate("1-Jan-1970") == 0);
    CHECK(imap::parseSearchDate("01-jan-1970") == 0);
    CHECK(imap::parseSearchDate("31-Dec-1969") == -1);
    CHECK(imap::parseSearchDate("1-Mar-2026") == 20513);
    CHECK(read("\"1-Mar-2026\"", &Parser::dateText) == "1-Mar-2026");
    CHECK(read("1-Mar-2026", &Parser::dateText) == "1-Mar-2026");
}

TEST_CASE("flags that nobody may set, or nobody knows, are refused", "[imap][syntax][parser]")
{
    for (const char* text : {"", "(", "(\\Seen", "(\\Recent)", "(\\recent)", "(\\Foo)", "(\\*)", "(\\)", "(a\\Seen)", "((a))", "(\"a\")", "(a b]c)",
                             "(\xc3\xa9)", "\\Seen", "(\\Seen,\\Draft)"}) {
        INFO(text);
        CHECK(refuses(text, [](Parser& args) { args.flagList(); }));
    }
    CHECK(refuses("\\Recent", [](Parser& args) { args.flagsOfStore(); }));
    CHECK(refuses("", [](Parser& args) { args.flagsOfStore(); }));
    CHECK(refuses('(' + std::string(300, 'k') + ')', [](Parser& args) { args.flagList(); }));
}

TEST_CASE("flags are read with and without parentheses", "[imap][syntax][parser]")
{
    const auto list = read("(\\SEEN \\deleted $Forwarded work)", &Parser::flagList);
    CHECK(list.system == (store::Flags::kSeen | store::Flags::kDeleted));
    CHECK(list.keywords == std::vector<std::string>{"$Forwarded", "work"});
    CHECK(read("()", &Parser::flagList).keywords.empty());
    CHECK(read("\\Draft \\Answered x", &Parser::flagsOfStore).system == (store::Flags::kDraft | store::Flags::kAnswered));
    CHECK(read("()", &Parser::flagsOfStore).system == 0);
    CHECK(read("(\\Flagged)", &Parser::flagsOfStore).system == store::Flags::kFlagged);
}
