// THREATS 11 to 17: what a stranger can send to make a parser slow, deep or large. Every case asks for an answer in time
// linear in its bytes; the seconds are generous enough for a debug build on a busy machine.
#include "server/base/limits.h"
#include "server/mail/summary.h"
#include "server/mail/text.h"
#include "tests/support/catch.h"
#include "tests/support/work.h"
#include "tests/unit/mail/outline.h"

using namespace postfach;
using namespace postfach::mail;
using postfach::test::secondsOf;

namespace {

std::string repeat(std::string_view piece, std::size_t times)
{
    std::string out;
    out.reserve(piece.size() * times);
    for (std::size_t i = 0; i < times; ++i)
        out += piece;
    return out;
}

Summary summarizeWithin(double seconds, const std::string& message)
{
    Summary summary;
    CHECK(secondsOf([&] { summary = summarize(message); }) < seconds);
    CHECK(mail::test::brokenRule(message, summary.structure) == "");
    CHECK(summary.structure.parts.size() <= static_cast<std::size_t>(base::limits::kMimeParts));
    const auto back = deserialize(serialize(summary));
    REQUIRE(back);
    CHECK(serialize(*back) == serialize(summary));
    return summary;
}

int depthOf(const Structure& s)
{
    int deepest = 0;
    std::vector<int> depth(s.parts.size());
    for (std::size_t i = 1; i < s.parts.size(); ++i)
        deepest = std::max(deepest, depth[i] = depth[static_cast<std::size_t>(s.parts[i].parent)] + 1);
    return deepest;
}

} // namespace

TEST_CASE("a hundred thousand multiparts in each other end at the depth limit in one opaque part", "[mail][hostile][threat-11]")
{
    std::string message;
    for (int i = 0; i < 100'000; ++i) {
        const std::string boundary = "b" + std::to_string(i);
        message += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
    }
    const Summary summary = summarizeWithin(2, message);
    CHECK(summary.structure.truncated);
    CHECK(depthOf(summary.structure) == base::limits::kMimeDepth);
    CHECK(summary.structure.parts.back().type + "/" + summary.structure.parts.back().subtype == "application/octet-stream");
    CHECK(summary.structure.parts.back().body_end == message.size());
}

TEST_CASE("multiparts in each other that share one boundary cost no more", "[mail][hostile][threat-11]")
{
    const Summary summary = summarizeWithin(2, repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 100'000));
    CHECK(depthOf(summary.structure) <= base::limits::kMimeDepth);
}

TEST_CASE("five thousand messages in each other end at the depth limit", "[mail][hostile][threat-11]")
{
    const Summary summary = summarizeWithin(2, repeat("Content-Type: message/rfc822\r\n\r\n", 5'000));
    CHECK(summary.structure.truncated);
    CHECK(depthOf(summary.structure) == base::limits::kMimeDepth);
    CHECK(summary.envelopes.size() == 101);
}

TEST_CASE("a hundred thousand siblings end at the part limit, the rest being one part", "[mail][hostile][threat-12]")
{
    const std::string message = "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + repeat("--x\r\n\r\ny\r\n", 100'000);
    const Summary summary = summarizeWithin(3, message);
    CHECK(summary.structure.truncated);
    CHECK(summary.structure.parts.size() + 3 > static_cast<std::size_t>(base::limits::kMimeParts));
    CHECK(summary.structure.parts.back().subtype == "octet-stream");
    CHECK(summary.structure.parts.back().body_end == message.size());
    std::string text;
    CHECK(secondsOf([&] { text = searchableBody(message, summary.structure); }) < 2);
}

TEST_CASE("a hundred thousand multiparts without parts stay within the part limit", "[mail][hostile][threat-12]")
{
    summarizeWithin(5, "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + repeat("--x\r\nContent-Type: multipart/mixed\r\n\r\n", 100'000));
}

TEST_CASE("half a million fields cost linear time", "[mail][hostile][threat-13]")
{
    const Summary summary = summarizeWithin(2, repeat("To: a@example.org\r\n", 500'000) + "\r\nx");
    CHECK(summary.envelope().to.size() <= static_cast<std::size_t>(base::limits::kAddresses));
    CHECK_FALSE(summary.top_header);
    summarizeWithin(2, repeat("no field at all\r\n", 500'000));
    summarizeWithin(2, "To: " + repeat("a@example.org, ", 100'000) + "\r\n\r\n");
}

TEST_CASE("a Subject of 20 MiB and one folded a million times are cut, within a second", "[mail][hostile][threat-14]")
{
    const Summary huge = summarizeWithin(1, "Subject: " + std::string(20U << 20, 'x') + "\r\n\r\n");
    CHECK(huge.envelope().subject->size() <= base::limits::kHeaderField);
    summarizeWithin(1, "Subject: x\r\n" + repeat(" y\r\n", 1'000'000) + "\r\n");
    summarizeWithin(1, "Content-Type: text/plain; name=\"" + std::string(20U << 20, 'x') + "\"\r\n\r\n");
}

TEST_CASE("a storm of parameters is cut at the limit", "[mail][hostile][threat-15]")
{
    std::string message = "Content-Type: text/plain";
    for (int i = 0; i < 100'000; ++i)
        message += "; name*" + std::to_string(i) + "*=%41";
    const Summary pieces = summarizeWithin(1, message + "\r\n\r\n");
    REQUIRE(pieces.structure.parts[0].parameters.size() == 1);
    CHECK(pieces.structure.parts[0].parameters[0].value == std::string(100, 'A'));

    message = "Content-Type: text/plain\r\nContent-Disposition: attachment";
    for (int i = 0; i < 100'000; ++i)
        message += ";\r\n n" + std::to_string(i) + "=v";
    const Summary names = summarizeWithin(1, message + "\r\n\r\n");
    CHECK(names.structure.parts[0].disposition_parameters.size() == static_cast<std::size_t>(base::limits::kMimeParameters));
    summarizeWithin(1, "Content-Type: text/plain" + std::string(1'000'000, ';') + "\r\n\r\n");
    summarizeWithin(1, "Content-Language: " + std::string(1'000'000, ',') + "\r\n\r\n");
}

TEST_CASE("encoded words, comments and groups by the hundred thousand cost linear time", "[mail][hostile][threat-16]")
{
    const std::string words = repeat("=?utf-8?B?w6k=?= ", 200'000);
    std::string decoded;
    CHECK(secondsOf([&] { decoded = decodeWords(words); }) < 2);
    CHECK(decoded.size() == 400'001);
    for (const char* piece : {"=?utf-8?B?", "=?", "=?a?q?", "=?utf-8?q?=?", "?=", "=?utf-8?B?w6k=?=x", "=?iso-8859-1?q?=e9?= =?utf-8?q?=c3=a9?= "}) {
        INFO(piece);
        CHECK(secondsOf([&] { decodeWords(repeat(piece, 200'000)); }) < 3);
    }
    for (const char* piece : {"(", "g:", "g:g:g:", "<", "\"", "\\", "@", "[", "a ", ";", ",", "a@b", "(x)", ".", "<@a,@b:", "<@,", "a,<@"}) {
        INFO(piece);
        const std::string list = repeat(piece, 200'000);
        for (const std::string& one : {"<@" + list, "<@a:" + list}) // a route that never ends
            CHECK(secondsOf([&] { parseAddresses(one); }) < 1);
        std::vector<Address> found;
        CHECK(secondsOf([&] { found = parseAddresses(list); }) < 1);
        CHECK(found.size() <= static_cast<std::size_t>(base::limits::kAddresses));
        bool in_group = false;
        for (const Address& address : found) {
            REQUIRE_FALSE((in_group && address.isGroupStart()));
            REQUIRE_FALSE((!in_group && address.isGroupEnd()));
            in_group = address.isGroupStart() || (in_group && !address.isGroupEnd());
        }
        CHECK_FALSE(in_group);
        summarizeWithin(1, "From: " + list + "\r\nTo: " + list + "\r\nReferences: " + list + "\r\nDate: " + list
                               + "\r\nContent-Type: " + list + "\r\nContent-Disposition: " + list + "\r\n\r\n");
        CHECK(secondsOf([&] { messageIds(list); }) < 1);
    }
    summarizeWithin(2, repeat("To: g: a@example.org, b@example.org;\r\n", 1'000) + "\r\n");
}

TEST_CASE("near misses of boundaries cost linear time", "[mail][hostile][threat-17]")
{
    const std::string endless(1U << 20, 'b');
    summarizeWithin(2, "Content-Type: multipart/mixed; boundary=" + endless + "\r\n\r\n--" + endless + "\r\n\r\nx\r\n--" + endless + "--\r\n");
    const std::string prefix = std::string(69, 'b');
    const Summary summary = summarizeWithin(2, "Content-Type: multipart/mixed; boundary=" + prefix + "x\r\n\r\n--" + prefix + "x\r\n\r\n"
                                                  + repeat("--" + prefix + "\r\n", 200'000));
    CHECK(summary.structure.parts.size() == 2);
}

TEST_CASE("near misses of ninety open boundaries cost no more than of one", "[mail][hostile][threat-17]")
{
    std::string head, boundary = "b";
    for (int i = 0; i < 90; ++i, boundary += 'b')
        head += "Content-Type: multipart/mixed; boundary=" + boundary + "x\r\n\r\n--" + boundary + "x\r\n";
    summarizeWithin(3, head + "\r\n" + repeat("--bbb\r\n", 200'000));
    summarizeWithin(3, head + "\r\n" + repeat("--" + boundary + "\r\n", 50'000));
}

TEST_CASE("ninety long boundaries that begin alike cost linear time, however often another opens", "[mail][hostile][threat-17]")
{
    for (const std::size_t length : {std::size_t{900}, std::size_t{60'000}}) {
        std::string message;
        for (int i = 0; i < 90; ++i) {
            const std::string boundary = std::string(length, 'b') + std::to_string(i) + "x";
            message += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
        }
        message += "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + repeat("--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n", 4'000);
        CHECK(summarizeWithin(3, message).structure.truncated == (length > base::limits::kBoundary));
    }
}

TEST_CASE("a boundary of more than 70 characters is understood", "[mail][hostile][threat-17]")
{
    const std::string boundary(300, 'b');
    const Structure s = parseStructure("Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n\r\nx\r\n--" + boundary + "--\r\n");
    CHECK(s.parts.size() == 2);
}

TEST_CASE("HTML that is never closed costs linear time", "[mail][hostile]")
{
    for (const char* piece : {"<", "<a", "<a ", "<a href=\"", "<!--", "<script>", "</", "&", "&amp", "&#", "&#x110000;", "<style>x", "<b>"}) {
        INFO(piece);
        const std::string html = repeat(piece, 200'000);
        CHECK(secondsOf([&] { htmlToText(html); }) < 3);
    }
}

TEST_CASE("two bytes of uuencoded mail do not become sixty", "[mail][hostile]")
{
    CHECK(searchableBody("Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n" + repeat("_\n", 100'000),
                         parseStructure("Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n" + repeat("_\n", 100'000))).size() < 200'000);
}

TEST_CASE("structure of plain mail is read at more than memory's walking pace", "[mail][structure][speed]")
{
    std::string part = repeat("TWFpbCBpcyBvbGRlciB0aGFuIHRoZSB3ZWIgYW5kIHdpbGwgb3V0bGl2ZSBpdCwgSSBzdXBwb3Nl\r\n", 200'000);
    const std::string message = "Content-Type: multipart/mixed; boundary=\"----=_Part_1\"\r\n\r\n------=_Part_1\r\n\r\n" + part
        + "\r\n------=_Part_1\r\nContent-Transfer-Encoding: base64\r\n\r\n" + part + "\r\n------=_Part_1--\r\n";
    double best = 1e9;
    for (int i = 0; i < 3; ++i)
        best = std::min(best, secondsOf([&] { CHECK(parseStructure(message).parts.size() == 3); }));
    const double rate = static_cast<double>(message.size()) / best / 1e9;
    INFO("structure: " << rate << " GB/s");
    CHECK(rate > 0.1); // this build may be a debug one, and sanitized; the release build reaches a multiple of 1
}
