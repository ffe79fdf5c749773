#include "server/imap/syntax/metadata.h"
#include "tests/support/catch.h"

using namespace postfach::imap;
using namespace std::string_literals;

namespace {

GetMetadata get(const std::string& text)
{
    Parser args(text);
    return parseGetMetadata(args);
}

std::vector<EntryValue> values(const std::string& text)
{
    Parser args(text);
    auto parsed = parseEntryValues(args);
    args.end();
    return parsed;
}

} // namespace

TEST_CASE("names that are no entries, and options that are none, are refused", "[imap][syntax][metadata][rfc5464-3.2]")
{
    for (const char* text : {"", " INBOX", " INBOX ", " INBOX ()", " INBOX /comment", " INBOX private/comment",
             " INBOX /private/", " INBOX /private//a", " INBOX /private/a*", " INBOX \"/private/%\"",
             " INBOX \"/private/\xc3\xa4\"", " INBOX \"/private/a\x01\"", " INBOX /privateer/a", " INBOX (/private/a",
             " INBOX (DEPTH 2) /private/a", " INBOX (DEPTH) /private/a", " INBOX (MAXSIZE x) /private/a",
             " INBOX (MAXSIZE -1) /private/a", " INBOX (SPEED 1) /private/a", " INBOX (MAXSIZE 1", " (DEPTH 1) INBOX",
             " INBOX /private/a (DEPTH 1)", " INBOX (/private/a DEPTH 1)"}) {
        INFO(text);
        CHECK_THROWS_AS(get(text), BadSyntax);
    }
    CHECK_THROWS_AS(get(" INBOX /private/" + std::string(300, 'a')), BadSyntax);
    for (const char* text : {"", "()", "/private/a x", "(/private/a)", "(/private/a x)", "(/private x)", "(/private \"x\")",
             "(/private/vendor/x \"y\")", "(/shared/vendor \"y\")", "(/private/a \"x\"", "(/private/a NIL /private/b)",
             "(/private/a ~\"x\")", "(/private/a {5}\r\nx)", "(/private/a {1}\r\n\0)"}) {
        INFO(text);
        CHECK_THROWS_AS(values(text), BadSyntax);
    }
    std::string many = "(/private/a NIL";
    for (int i = 0; i < 200; ++i)
        many += " /private/a NIL";
    CHECK_THROWS_AS(values(many + ")"), BadSyntax);
}

TEST_CASE("GETMETADATA's options stand before or behind the mailbox", "[imap][syntax][metadata][rfc5464-4.2]")
{
    const GetMetadata plain = get(" \"\" /shared/comment");
    CHECK((plain.mailbox.empty() && plain.entries == std::vector<std::string>{"/shared/comment"} && !plain.max_size
        && plain.depth == EntryDepth::none));
    for (const char* text : {" (MAXSIZE 1024 DEPTH infinity) INBOX (/private /shared/a)",
             " INBOX (depth INFINITY maxsize 1024) (/private \"/shared/a\")", " INBOX (DEPTH infinity) (/private /shared/a)"}) {
        const GetMetadata wanted = get(text);
        CHECK(wanted.mailbox == "INBOX");
        CHECK(wanted.entries == std::vector<std::string>{"/private", "/shared/a"});
        CHECK(wanted.depth == EntryDepth::all);
        CHECK(wanted.max_size.value_or(1024) == 1024);
    }
    CHECK(get(" INBOX (DEPTH 1) /private/a /private/b").entries.size() == 2);
    CHECK(get(" INBOX (\"/private/a\")").depth == EntryDepth::none);
}

TEST_CASE("values are strings, NIL, or any bytes", "[imap][syntax][metadata][rfc5464-4.3]")
{
    const auto all = values("(/private/a \"x\" /Shared/vendor/v.x/y NIL /private/c {3}\r\na\r\n /private/d ~{3}\r\na\0b)"s);
    REQUIRE(all.size() == 4);
    CHECK(all[0] == EntryValue{"/private/a", "x"});
    CHECK(all[1] == EntryValue{"/Shared/vendor/v.x/y", std::nullopt});
    CHECK(all[2] == EntryValue{"/private/c", "a\r\n"});
    CHECK(all[3] == EntryValue{"/private/d", std::string("a\0b", 3)});
}

TEST_CASE("what DEPTH lets see", "[imap][syntax][metadata][rfc5464-4.2.2]")
{
    using enum EntryDepth;
    CHECK(isAsked("/private/a", "/PRIVATE/a", none));
    CHECK_FALSE(isAsked("/private/a/b", "/private/a", none));
    CHECK(isAsked("/private/a/b", "/private/a", one));
    CHECK_FALSE(isAsked("/private/a/b/c", "/private/a", one));
    CHECK(isAsked("/private/a/b/c", "/private/a", all));
    CHECK(isAsked("/private/a", "/private", one));
    CHECK_FALSE(isAsked("/private/ab", "/private/a", all));
    CHECK_FALSE(isAsked("/private", "/private/a", all));
}
