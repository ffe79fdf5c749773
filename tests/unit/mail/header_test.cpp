#include "server/mail/header.h"
#include "server/base/limits.h"
#include "server/base/text.h"
#include "tests/support/catch.h"

#include <vector>

using namespace postfach;
using namespace postfach::mail;

namespace {
std::vector<std::string> namesOf(std::string_view header)
{
    std::vector<std::string> names;
    eachField(header, [&](const Field& field) {
        names.emplace_back(field.name);
        return true;
    });
    return names;
}
using Names = std::vector<std::string>;
} // namespace

TEST_CASE("what is no field ends up in no field", "[mail][header]")
{
    CHECK(namesOf("") == Names{});
    CHECK(namesOf("\r\nA: b\r\n") == Names{});
    CHECK(namesOf("no colon\r\nA: b\r\n") == Names{"A"});
    CHECK(namesOf("From ada Sun Mar  1 09:30:00 2026\nA: b\n") == Names{"A"});
    CHECK(namesOf(" folded: from nowhere\r\nA: b\r\n") == Names{"A"});
    CHECK(namesOf("bad name: x\r\n: x\r\nS\xc3\xbc: x\r\nA: b\r\n") == Names{"A"});
    CHECK(namesOf("no colon\r\n but: folded\r\nA: b\r\n") == Names{"A"});
    CHECK(namesOf("A: b\r\n\r\nC: d\r\n") == Names{"A"});
    CHECK(namesOf("A: b\n\nC: d\n") == Names{"A"});
    CHECK(namesOf("A : b\r\nC:d\r\nE:") == Names{"A", "C", "E"});
}

TEST_CASE("a line of white space is folding, not the end of the header", "[mail][header]")
{
    CHECK(namesOf("A: b\r\n \r\nC: d\r\n") == Names{"A", "C"});
}

TEST_CASE("a field keeps its bytes", "[mail][header]")
{
    const std::string header = "Subject:  one\r\n two \r\n\tthree\r\nTo: x\r\n";
    const auto field = findField(header, "sUBJECT");
    REQUIRE(field);
    CHECK(field->name == "Subject");
    CHECK(field->value == "  one\r\n two \r\n\tthree");
    CHECK(field->whole == "Subject:  one\r\n two \r\n\tthree\r\n");
    CHECK(fieldText(header, "subject") == "one two \tthree");
    CHECK_FALSE(findField(header, "Cc"));
    CHECK(fieldText(header, "Cc") == "");
    CHECK(fieldText("A: 1\r\nA: 2\r\n", "a") == "1");
}

TEST_CASE("no more fields than the limit are looked at, and no more bytes of one", "[mail][header]")
{
    std::string header;
    for (int i = 0; i < base::limits::kHeaderFields + 10; ++i)
        header += "A: b\r\n";
    CHECK(namesOf(header).size() == static_cast<std::size_t>(base::limits::kHeaderFields));
    CHECK_FALSE(findField(header + "Late: x\r\n", "late"));
    CHECK(fieldText("A: " + std::string(200'000, 'x') + "\r\n", "A").size() <= base::limits::kHeaderField);
}

TEST_CASE("unfolding leaves no control character that could end a line", "[mail][header]")
{
    CHECK(unfold("a\r\n b") == "a b");
    CHECK(unfold("a\n\tb") == "a\tb");
    CHECK(unfold("a\r\nb") == "a b");
    CHECK(unfold("a\rb\nc") == "a b c");
    CHECK(unfold(std::string_view("a\0b", 3)) == "a b");
    CHECK(unfold("a\r\n") == "a ");
    CHECK(unfold("a\r\r\n b") == "a  b");
    CHECK(unfold(std::string_view("a\0 b", 4)) == "a  b");
    CHECK(unfold("") == "");
}

TEST_CASE("Message-IDs are what stands between angle brackets", "[mail][header]")
{
    using Ids = std::vector<std::string>;
    CHECK(messageIds("") == Ids{});
    CHECK(messageIds("no id") == Ids{});
    CHECK(messageIds("<unclosed@x") == Ids{});
    CHECK(messageIds("<> <a@b>") == Ids{"a@b"});
    CHECK(messageIds("<a@b><c@d>\r\n <e@f> (comment)") == Ids{"a@b", "c@d", "e@f"});
    CHECK(messageIds("<lost <a@b>") == Ids{"a@b"});
    CHECK(messageIds("<long\r\n er@b>") == Ids{"longer@b"});
}
