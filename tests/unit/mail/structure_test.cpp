#include "server/mail/structure.h"
#include "tests/support/catch.h"
#include "tests/unit/mail/outline.h"

#include <random>

using namespace postfach::mail;
using namespace postfach::mail::test;

namespace {
std::string bodyOf(std::string_view message, std::size_t part)
{
    const Structure s = parseStructure(message);
    INFO(message);
    REQUIRE(part < s.parts.size());
    CHECK(brokenRule(message, s) == "");
    return std::string(s.parts[part].body(message));
}
const std::string kHead = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
} // namespace

TEST_CASE("bytes that are no mail still have a structure of one text part", "[mail][structure]")
{
    for (const std::string message : {"", "\n", "\r\n", "\r", "hello", "hello\r\n", ":", "\0\0", "--\r\n", " \r\n\r\nx"}) {
        const Structure s = parseStructure(message);
        INFO(postfach::base::printable(message));
        CHECK(brokenRule(message, s) == "");
        REQUIRE(s.parts.size() == 1);
        CHECK(s.parts[0].type + "/" + s.parts[0].subtype == "text/plain");
        CHECK_FALSE(s.truncated);
    }
}

TEST_CASE("what a limit left unread of a header is told where the body might be read otherwise", "[mail][structure]")
{
    const auto isCut = [](const std::string& header) { return parseStructure(header + "\r\nbody\r\n").truncated; };
    const auto times = [](int count, const std::string& text) {
        std::string out;
        for (int i = 0; i < count; ++i)
            out += text;
        return out;
    };
    const std::string encoding = "Content-Transfer-Encoding: base64\r\n";
    const std::string comment = '(' + std::string(70'000, 'x') + ')';
    CHECK(isCut(times(1'000, "X: y\r\n") + encoding));
    CHECK(isCut(kHead + "--b\r\n" + times(1'000, "X: y\r\n") + encoding + "\r\nbody\r\n--b--"));
    CHECK(isCut("Content-Type: " + comment + " multipart/mixed; boundary=b\r\n"));
    CHECK(isCut("Content-Transfer-Encoding: " + comment + " base64\r\n"));
    CHECK(isCut("Content-Disposition: attachment; x=\"" + comment + "\"; filename=setup.exe\r\n"));
    CHECK(isCut("Content-Type: multipart/mixed" + times(100, "; a=b") + "; boundary=b\r\n"));

    CHECK_FALSE(isCut(times(999, "X: y\r\n") + encoding));
    CHECK_FALSE(isCut("Content-Type: text/plain" + times(100, "; a=b") + "\r\n"));
    CHECK_FALSE(isCut("To: " + times(10'000, "<a@b.example>,\r\n ") + "<c@d.example>\r\nReceived: " + comment + "\r\n"));
    CHECK_FALSE(isCut("Content-Description: " + comment + "\r\n"));
}

TEST_CASE("a part ends before the line end that its boundary owns", "[mail][structure][rfc2046-5.1.1]")
{
    CHECK(bodyOf(kHead + "--b\r\n\r\nbody\r\n--b--\r\n", 1) == "body");
    CHECK(bodyOf(kHead + "--b\r\n\r\nbody\r\n\r\n--b--\r\n", 1) == "body\r\n");
    CHECK(bodyOf(kHead + "--b\r\n\r\n\r\n--b--\r\n", 1) == "");
    CHECK(bodyOf(kHead + "--b\r\n\r\n--b--\r\n", 1) == "");
    CHECK(bodyOf(kHead + "--b\r\n--b--\r\n", 1) == "");
    CHECK(bodyOf(kHead + "--b\r\nA: b\r\n--b--\r\n", 1) == "");
    CHECK(bodyOf(kHead + "--b\r\n\r\nbody\n--b--\n", 1) == "body");
    CHECK(bodyOf(kHead + "--b\r\n\r\nbody\r\r\n--b--\r\n", 1) == "body\r");
    CHECK(bodyOf(kHead + "--b\r\n\r\nbody\r\n", 1) == "body\r\n"); // never closed: to the end
    CHECK(bodyOf(kHead + "--b\r\n\r\nbody\r\n--b", 1) == "body");
    CHECK(bodyOf(kHead + "--b  \t\r\n\r\nbody\r\n--b-- \r\n", 1) == "body");
    CHECK(bodyOf(kHead + "--b\r\n\r\n--c\r\n --b\r\n-b\r\n--b--\r\n", 1) == "--c\r\n --b\r\n-b");
}

TEST_CASE("a header that its boundary cuts keeps its last line end", "[mail][structure]")
{
    const std::string message = kHead + "--b\r\nContent-Type: text/html\r\n--b--\r\n";
    const Structure s = parseStructure(message);
    REQUIRE(s.parts.size() == 2);
    CHECK(s.parts[1].header(message) == "Content-Type: text/html\r\n");
    CHECK(s.parts[1].subtype == "html");
    CHECK(brokenRule(message, s) == "");
}

TEST_CASE("a header that its boundary cuts may announce parts that never come", "[mail][structure]")
{
    for (const char* type : {"message/rfc822", "multipart/mixed; boundary=x", "multipart/digest"}) {
        const std::string message = kHead + "--b\r\nContent-Type: " + type + "\r\n--b--\r\n";
        const Structure s = parseStructure(message);
        CHECK(brokenRule(message, s) == "");
        REQUIRE(s.parts.size() == 3);
        CHECK(s.parts[2].parent == 1);
        CHECK(s.parts[2].subtype == "plain");
    }
}

TEST_CASE("a multipart without a boundary line has one empty text part at its end", "[mail][structure]")
{
    for (const char* parameter : {"", "; boundary=", "; boundary=\"  \"", "; boundary=other", "; boundary"}) {
        const std::string message = std::string("Content-Type: multipart/mixed") + parameter + "\r\n\r\nsome\r\n--text\r\n";
        const Structure s = parseStructure(message);
        INFO(parameter);
        CHECK(brokenRule(message, s) == "");
        REQUIRE(s.parts.size() == 2);
        CHECK(s.parts[0].kind == Part::Kind::multipart);
        CHECK(s.parts[1].header_begin == message.size());
        CHECK(s.parts[1].bodySize() == 0);
        CHECK(s.parts[1].type + "/" + s.parts[1].subtype == "text/plain");
    }
}

TEST_CASE("after its end line a boundary is text of the epilogue", "[mail][structure]")
{
    const std::string message = kHead + "--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--\r\n";
    const Structure s = parseStructure(message);
    CHECK(s.parts.size() == 2);
    CHECK(s.parts[0].body_end == message.size());
}

TEST_CASE("the innermost of equal boundaries is meant, the outer one after it is closed", "[mail][structure]")
{
    const std::string message = kHead + "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nin\r\n--b--\r\n--b\r\n\r\nout\r\n--b--\r\n";
    const Structure s = parseStructure(message);
    CHECK(brokenRule(message, s) == "");
    REQUIRE(s.parts.size() == 4);
    CHECK(s.parts[2].parent == 1);
    CHECK(s.parts[2].body(message) == "in");
    CHECK(s.parts[3].parent == 0);
    CHECK(s.parts[3].body(message) == "out");
}

TEST_CASE("of boundaries that begin alike the longest that fits is meant, whichever is outside", "[mail][structure]")
{
    for (const auto& [outer, inner] : {std::pair<std::string, std::string>{"aa", "aaaa"}, {"aaaa", "aa"}}) {
        const std::string message = "Content-Type: multipart/mixed; boundary=" + outer + "\r\n\r\n--" + outer
            + "\r\nContent-Type: multipart/mixed; boundary=" + inner + "\r\n\r\n--" + inner + "\r\n\r\nin\r\n--" + inner
            + "--\r\n--" + outer + "\r\n\r\nout\r\n--" + outer + "--\r\n";
        const Structure s = parseStructure(message);
        INFO(message);
        CHECK(brokenRule(message, s) == "");
        REQUIRE(s.parts.size() == 4);
        CHECK(s.parts[2].body(message) == "in");
        CHECK(s.parts[3].parent == 0);
        CHECK(s.parts[3].body(message) == "out");
    }
}

TEST_CASE("a longer boundary that sorts before the line does not hide the shorter one that fits", "[mail][structure]")
{
    // '+' sorts before '-': the nearest boundary before "foo--" is "foo+1", which is no prefix of it. The inner one is never closed.
    const std::string message = "Content-Type: multipart/mixed; boundary=foo\r\n\r\n--foo\r\nContent-Type: multipart/mixed; boundary=foo+1\r\n\r\n"
                                "--foo+1\r\n\r\nin\r\n--foo--\r\nepilogue\r\n";
    const Structure s = parseStructure(message);
    CHECK(brokenRule(message, s) == "");
    REQUIRE(s.parts.size() == 3);
    CHECK(s.parts[2].body(message) == "in");
    CHECK(s.parts[1].body_end == s.parts[2].body_end);
}

TEST_CASE("message/rfc822 holds a message only where it is not encoded", "[mail][structure][rfc2046-5.2.1]")
{
    for (const char* encoding : {"base64", "quoted-printable", "x-uuencode"}) {
        const std::string message = std::string("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: ") + encoding + "\r\n\r\nSubject: x\r\n\r\ny";
        CHECK(parseStructure(message).parts.size() == 1);
    }
    for (const char* encoding : {"7bit", "8BIT", "binary"}) {
        const std::string message = std::string("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: ") + encoding + "\r\n\r\nSubject: x\r\n\r\ny";
        const Structure s = parseStructure(message);
        REQUIRE(s.parts.size() == 2);
        CHECK(s.parts[0].body_lines == 2);
        CHECK(s.parts[1].header(message) == "Subject: x\r\n\r\n");
        CHECK(s.parts[1].body(message) == "y");
    }
    CHECK(parseStructure("Content-Type: message/global\r\n\r\nSubject: x\r\n\r\ny").parts.size() == 2);
    CHECK(parseStructure("Content-Type: message/delivery-status\r\n\r\nSubject: x\r\n\r\ny").parts.size() == 1);
    CHECK(parseStructure("Content-Type: message/rfc822").parts.size() == 2);
}

TEST_CASE("section numbers find what RFC 9051 6.4.5 says they find", "[mail][structure][rfc9051-6.4.5]")
{
    const std::string leaf = "Subject: x\r\n\r\ny";
    const Structure of_leaf = parseStructure(leaf);
    CHECK(findSection(of_leaf, {}) == 0);
    CHECK(findSection(of_leaf, {1}) == 0);
    for (const std::vector<std::uint32_t>& numbers : {std::vector<std::uint32_t>{0}, {2}, {1, 1}, {4294967295U}})
        CHECK(findSection(of_leaf, numbers) == -1);

    // 1 text; 2 message with a text; 3 message with a multipart of two
    const std::string mixed = kHead
        + "--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ntwo\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
          "Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\na\r\n--i\r\n\r\nb\r\n--i--\r\n--b--\r\n";
    const Structure s = parseStructure(mixed);
    REQUIRE(s.parts.size() == 8);
    CHECK(findSection(s, {1}) == 1);
    CHECK(findSection(s, {2}) == 2);
    CHECK(findSection(s, {2, 1}) == 3);
    CHECK(findSection(s, {3}) == 4);
    CHECK(findSection(s, {3, 1}) == 6);
    CHECK(findSection(s, {3, 2}) == 7);
    for (const std::vector<std::uint32_t>& numbers : {std::vector<std::uint32_t>{4}, {1, 1}, {2, 2}, {2, 1, 1}, {3, 3}, {3, 1, 1}, {0}, {3, 0}})
        CHECK(findSection(s, numbers) == -1);

    const Structure in_message = parseStructure("Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nc");
    REQUIRE(in_message.parts.size() == 3);
    CHECK(findSection(in_message, {1}) == 0);
    CHECK(findSection(in_message, {1, 1}) == 1);
    CHECK(findSection(in_message, {1, 1, 1}) == 2);
    CHECK(findSection(in_message, {1, 1, 1, 1}) == -1);
    CHECK(findSection(in_message, {1, 2}) == -1);
}

TEST_CASE("random heaps of boundaries and headers never break the tree", "[mail][structure]")
{
    static constexpr const char* kPieces[] = {"--a", "--ab", "--abc", "--a--", "--ab--", "--", "\r\n", "\n", "\r", "\r\n\r\n", "x", " ",
        "Content-Type: multipart/mixed; boundary=a\r\n", "Content-Type: multipart/digest; boundary=ab\r\n", "Content-Type: multipart/x; boundary=abc\r\n",
        "Content-Type: message/rfc822\r\n", "Content-Type: text/html\r\n", "\r\n--a\r\n", "\r\n--ab\r\n", "\n--abc\n", std::data("\0x")};
    std::mt19937 random(7);
    for (int round = 0; round < 4000; ++round) {
        std::string message;
        for (unsigned i = 0, n = random() % 40; i < n; ++i)
            message += kPieces[random() % std::size(kPieces)];
        const Structure s = parseStructure(message);
        const std::string broken = brokenRule(message, s);
        INFO(postfach::base::printable(message, 4000));
        REQUIRE(broken == "");
    }
}
