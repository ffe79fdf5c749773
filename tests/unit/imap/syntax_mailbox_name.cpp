#include "server/imap/syntax/mailbox_name.h"
#include "tests/support/catch.h"
#include "tests/support/work.h"


using namespace postfach::imap;
using namespace std::string_literals;

TEST_CASE("a name that is no modified UTF-7, or not the one way to write it, is refused", "[imap][syntax][utf7][rfc3501-5.1.3][threats-23]")
{
    const std::string cases[] = {
        "&AC8-etc"s,                // "/" hidden in a shift
        "&AC4ALg-/x"s,              // ".."
        "&AAA-"s,                   // NUL
        "&AGEAYg-"s,                // ASCII
        "&ACY-"s,                   // "&" itself
        "&Jjo"s, "&"s, "a&"s,       // never closed
        "&2AA-"s, "&3AA-"s,         // a surrogate alone
        "&2ADYAA-"s, "&3ADYAA-"s,   // two of a kind, or the wrong way round
        "&U,BTFw-&ZeVnLIqe-"s,      // adjacent shifts
        "\xc3\xa9"s, "a\x80"s,      // 8-bit
        "a\0b"s, "a\rb"s, "a\nb"s, "\t"s, "\x7f"s,
        "&Jjp-"s,                   // bits left over that are not zero
        "&JjoA-"s, "&Jj-"s, "&J-"s, // a wrong number of digits
        "&Jjo=-"s, "&Jj/-"s, "&Jj -"s, "&Jj&-"s,
        "&AOk-&AOk-"s,
    };
    for (const std::string& wire : cases) {
        INFO(wire);
        CHECK_FALSE(fromModifiedUtf7(wire).has_value());
    }
}

TEST_CASE("names go to modified UTF-7 and back", "[imap][syntax][utf7][rfc3501-5.1.3]")
{
    const std::pair<std::string, std::string> cases[] = {
        {"", ""},
        {"INBOX", "INBOX"},
        {"a&b", "a&-b"},
        {"&&", "&-&-"},
        {"Entw\u00fcrfe", "Entw&APw-rfe"},
        {"\u00e9&\u00e9", "&AOk-&-&AOk-"},
        {"~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
        {"\U0001F600", "&2D3eAA-"},
        {"\u263a!", "&Jjo-!"},
        {"-\u00e9-", "-&AOk--"},
    };
    for (const auto& [utf8, wire] : cases) {
        CHECK(toModifiedUtf7(utf8) == wire);
        CHECK(fromModifiedUtf7(wire).value_or("refused") == utf8);
    }
    for (char32_t c = 0x80; c < 0x3000; c += 7) {
        std::string utf8 = "x";
        if (c < 0x800) {
            utf8 += static_cast<char>(0xc0 | (c >> 6));
        } else {
            utf8 += static_cast<char>(0xe0 | (c >> 12));
            utf8 += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        }
        utf8 += static_cast<char>(0x80 | (c & 0x3f));
        CHECK(fromModifiedUtf7(toModifiedUtf7(utf8)).value_or("refused") == utf8);
    }
}

TEST_CASE("bytes that are no UTF-8 are written as U+FFFD, never as themselves", "[imap][syntax][utf7]")
{
    CHECK(toModifiedUtf7("a\xff") == "a&,,0-");
    CHECK(toModifiedUtf7("\xed\xa0\x80") == "&,,3,,f,9-"); // a surrogate is three wrong bytes
    CHECK(toModifiedUtf7("\xe2\x82") == "&,,3,,Q-");
}

TEST_CASE("LIST patterns match as RFC 9051 6.3.9 has it", "[imap][syntax][list][rfc9051-6.3.9]")
{
    struct Case {
        const char *name, *pattern;
        bool matches;
    };
    const Case cases[] = {
        {"Archive", "", false},          {"", "", true},
        {"Archive", "archive", false},   {"Archive", "Archiv", false},
        {"Archive", "Archivee", false},  {"Archive/2026", "%", false},
        {"Archive", "%/%", false},       {"a/b/c", "a/%", false},
        {"a/b/c", "%/c", false},         {"ab", "a%%bb", false},
        {"a/b", "a%b", false},           {"INBOXES", "inbox%S", false},
        {"Work/INBOX", "Work/inbox", false},
        {"Archive", "*", true},          {"Archive", "%", true},
        {"Archive/2026", "*", true},     {"Archive/2026", "Archive/%", true},
        {"Archive/2026", "%/%", true},   {"Archive/2026/1", "*/1", true},
        {"a/b/c", "a/%/c", true},        {"a/b/c", "a*c", true},
        {"a/b/c", "*%*%c", true},        {"a/b/c", "a/%*", true},
        {"INBOX", "inbox", true},        {"INBOX", "InB%", true},
        {"INBOX/x", "inbox/x", true},    {"INBOX/X", "inbox/x", false},
        {"aab", "%ab", true},            {"a/x//y", "a/%//y", true},
    };
    for (const Case& c : cases) {
        INFO(c.name << " against " << c.pattern);
        CHECK(matchesPattern(c.name, c.pattern, '/') == c.matches);
    }
    CHECK(matchesPattern("a.b", "a.%", '.'));
    CHECK_FALSE(matchesPattern("a.b", "%", '.'));
}

TEST_CASE("no LIST pattern explodes", "[imap][syntax][list][threats-19]")
{
    const std::string name(1000, 'a');
    std::string stars, percents, both;
    for (int i = 0; i < 500; ++i)
        stars += "*a";
    for (int i = 0; i < 2000; ++i)
        both += "%*";
    const std::string many(64'000, '%');
    const postfach::test::Work work;
    CHECK_FALSE(matchesPattern(name, stars + "*b", '/'));
    CHECK(matchesPattern(name, stars, '/'));
    CHECK(matchesPattern(name, both, '/'));
    CHECK(matchesPattern(name, many, '/'));
    CHECK_FALSE(matchesPattern(name, std::string(64'000, 'a'), '/'));
    CHECK(work.seconds() < 1);
}
