#include "server/imap/syntax/parser.h"
#include "server/imap/syntax/writer.h"
#include "tests/support/catch.h"

using namespace postfach;
using namespace std::string_literals;

namespace {

std::string string(std::string_view text)
{
    std::string out;
    imap::putString(out, text);
    return out;
}

std::string astring(std::string_view text)
{
    std::string out;
    imap::putAstring(out, text);
    return out;
}

std::string date(std::chrono::sys_seconds time)
{
    std::string out;
    imap::putInternalDate(out, store::Time{time});
    return out;
}

} // namespace

TEST_CASE("nothing that could end a line or a string stands in quotes", "[imap][syntax][writer][threats-3]")
{
    CHECK(string("") == "\"\"");
    CHECK(string("plain") == "\"plain\"");
    CHECK(string("a\"b\\c") == "\"a\\\"b\\\\c\"");
    CHECK(string("a\"b\\c\rd") == "{7}\r\na\"b\\c\rd");
    CHECK(string("a\r\n* 99 EXISTS") == "{14}\r\na\r\n* 99 EXISTS");
    CHECK(string("a\0b"s) == "{3}\r\na\0b"s);
    CHECK(string("\xc3\xa9") == "{2}\r\n\xc3\xa9");
    CHECK(string("\x1b") == "{1}\r\n\x1b");
    CHECK(string("a\tb") == "\"a\tb\"");
    CHECK(string(std::string(5000, 'x')) == "{5000}\r\n" + std::string(5000, 'x'));
}

TEST_CASE("an astring is an atom only where it can be one", "[imap][syntax][writer]")
{
    CHECK(astring("INBOX") == "INBOX");
    CHECK(astring("a]b") == "a]b");
    CHECK(astring("") == "\"\"");
    CHECK(astring("nil") == "\"nil\"");
    CHECK(astring("two words") == "\"two words\"");
    CHECK(astring("50%") == "\"50%\"");
    CHECK(astring("a*") == "\"a*\"");
    CHECK(astring("{3}") == "\"{3}\"");
    CHECK(astring("\xc3\xa9") == "{2}\r\n\xc3\xa9");
}

TEST_CASE("what the writer writes, the parser reads", "[imap][syntax][writer][parser]")
{
    for (const std::string& text : {""s, "NIL"s, "a"s, "a b"s, "\"\\"s, "a\r\nb"s, "\xff\xfe"s, "{5}\r\n"s, "]"s, "(%*)"s}) {
        const std::string quoted = string(text), atom = astring(text);
        imap::Parser first(quoted), second(atom);
        CHECK(first.string() == text);
        CHECK(first.atEnd());
        CHECK(second.astring() == text);
        CHECK(second.atEnd());
    }
}

TEST_CASE("internal dates have two digits for the day and four for the year", "[imap][syntax][writer]")
{
    using namespace std::chrono;
    CHECK(date(sys_days{2026y / March / 1} + 9h + 30min) == "\"01-Mar-2026 09:30:00 +0000\"");
    CHECK(date(sys_days{1969y / December / 31} + 23h + 59min + 59s) == "\"31-Dec-1969 23:59:59 +0000\"");
    CHECK(date(sys_days{12000y / January / 1}) == "\"31-Dec-9999 23:59:59 +0000\"");
    CHECK(date(sys_days{-(5y) / January / 1}) == "\"01-Jan-0000 00:00:00 +0000\"");
}

TEST_CASE("flags are written with the account's keywords", "[imap][syntax][writer]")
{
    const std::vector<std::string> names(70, "x");
    std::vector<std::string> named = names;
    named[0] = "$Forwarded";
    named[57] = "last";
    named[65] = "more";
    store::Flags flags;
    const auto written = [&](bool recent) {
        std::string out;
        imap::putFlags(out, flags, recent, named);
        return out;
    };
    CHECK(written(false) == "()");
    CHECK(written(true) == "(\\Recent)");
    flags.bits = store::Flags::kSeen | store::Flags::kDeleted | (1ULL << 6) | (1ULL << 63);
    flags.more = {65, 5000}; // the second is not known here yet
    CHECK(written(true) == "(\\Deleted \\Seen \\Recent $Forwarded last more)");
}
