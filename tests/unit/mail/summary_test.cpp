#include "server/base/hash.h"
#include "server/mail/summary.h"
#include "tests/support/catch.h"
#include "tests/unit/mail/outline.h"

#include <random>

using namespace postfach;
using namespace postfach::mail;

namespace {
const std::string kMail =
    "From: Ada <ada@example.org>\r\nSender: s@example.org\r\nReply-To: r@example.org\r\nTo: g: a@b, c@d;\r\nTo: late@example.org\r\nCc: \"x, y\" <c@c>\r\nBcc: b@b\r\n"
    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n folded\r\nSubject: second\r\nDate: Sun, 1 Mar 2026 09:30:00 +0100\r\nMessage-ID: <m@example.org>\r\nIn-Reply-To: <i@example.org>\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\nContent-Language: en\r\n\r\n--b\r\nContent-Disposition: inline; filename=x\r\n\r\nHello\r\nthere\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: in@example.org\r\n\r\ndeep\r\n--b--\r\n";
} // namespace

TEST_CASE("a summary holds what IMAP asks for", "[mail][summary]")
{
    const Summary s = summarize(kMail);
    const Envelope& e = s.envelope();
    CHECK(e.subject == "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= folded");
    CHECK(e.date == "Sun, 1 Mar 2026 09:30:00 +0100");
    CHECK(e.message_id == "<m@example.org>");
    CHECK(e.in_reply_to == "<i@example.org>");
    CHECK(e.from.size() == 1);
    CHECK(e.to.size() == 5); // two fields are one list
    CHECK(e.cc.at(0).name == "x, y");
    CHECK(s.size == kMail.size());
    CHECK(s.header_size == s.structure.parts[0].body_begin);
    CHECK(s.top_header == kMail.substr(0, s.header_size));
    CHECK(s.preview == "Hello there");
    CHECK(s.sent == 1772353800000);
    REQUIRE(s.envelopes.size() == 2);
    REQUIRE(s.envelopeOf(3) != nullptr);
    CHECK(s.envelopeOf(3)->subject == "inner");
    CHECK(s.envelopeOf(1) == nullptr);
    CHECK(s.envelopeOf(99) == nullptr);
}

TEST_CASE("an absent field is absent, an empty one is empty", "[mail][summary]")
{
    const Summary s = summarize("Subject:\r\nTo:\r\n\r\n");
    CHECK(s.envelope().subject == "");
    CHECK_FALSE(s.envelope().date);
    CHECK(s.envelope().to.empty());
    CHECK_FALSE(s.sent);
}

TEST_CASE("a large header is not kept in the summary", "[mail][summary]")
{
    CHECK_FALSE(summarize("X: " + std::string(9'000, 'x') + "\r\n\r\n").top_header);
    CHECK(summarize("X: " + std::string(8'000, 'x') + "\r\n\r\n").top_header);
}

TEST_CASE("a summary reads back as it was written", "[mail][summary]")
{
    for (const std::string& mail : {std::string(), std::string("x"), kMail, std::string("Date: 1 Jan 1960 00:00 +0000\r\n\r\n"), std::string("Date: 1 Jan 1970 00:00 +0000\r\n\r\n")}) {
        const Summary s = summarize(mail);
        const auto back = deserialize(serialize(s));
        REQUIRE(back);
        CHECK(serialize(*back) == serialize(s));
        CHECK(test::outline(mail, back->structure) == test::outline(mail, s.structure));
        CHECK(back->sent == s.sent);
        CHECK(back->top_header == s.top_header);
        CHECK(back->preview == s.preview);
        CHECK(back->size == s.size);
        CHECK(back->header_size == s.header_size);
        CHECK(back->envelope().subject == s.envelope().subject);
        CHECK(back->structure.parts.back().children.empty());
    }
}

TEST_CASE("a damaged summary is none", "[mail][summary]")
{
    const std::string blob = serialize(summarize(kMail));
    CHECK_FALSE(deserialize(""));
    CHECK_FALSE(deserialize("x"));
    CHECK_FALSE(deserialize(blob + "x"));
    CHECK_FALSE(deserialize(std::string(100'000, '\xff')));
    for (std::size_t i = 0; i < blob.size(); ++i) {
        REQUIRE_FALSE(deserialize(std::string_view(blob).substr(0, i)));
        for (const int bit : {0, 7}) {
            std::string damaged = blob;
            damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
            REQUIRE_FALSE(deserialize(damaged));
        }
    }
}

TEST_CASE("a forged summary with a right checksum still has a sound tree, or is none", "[mail][summary]")
{
    const std::string blob = serialize(summarize(kMail));
    const auto sealed = [](std::string bytes) {
        const std::uint64_t hash = base::checksum(std::string_view(bytes).substr(10));
        for (std::size_t i = 0; i < 8; ++i)
            bytes[2 + i] = static_cast<char>(hash >> (8 * i) & 0xff);
        return bytes;
    };
    REQUIRE(deserialize(sealed(blob)));
    std::mt19937 random(13);
    int accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string forged = blob;
        for (unsigned i = 0, n = 1 + random() % 4; i < n; ++i)
            forged[10 + random() % (forged.size() - 10)] = static_cast<char>(random() % 3 ? random() : 0xff);
        if (random() % 8 == 0)
            forged.resize(10 + random() % (forged.size() - 10));
        const auto summary = deserialize(sealed(forged));
        if (!summary)
            continue;
        ++accepted;
        const auto& parts = summary->structure.parts;
        REQUIRE_FALSE(parts.empty());
        for (std::size_t i = 0; i < parts.size(); ++i) {
            REQUIRE((parts[i].header_begin <= parts[i].body_begin && parts[i].body_begin <= parts[i].body_end && parts[i].body_end <= summary->size));
            REQUIRE((i == 0 || static_cast<std::size_t>(parts[i].parent) < i));
            if (i > 0) {
                const Part& parent = parts[static_cast<std::size_t>(parts[i].parent)];
                REQUIRE((parts[i].header_begin >= parent.body_begin && parts[i].body_end <= parent.body_end));
            }
            REQUIRE((parts[i].kind != Part::Kind::message || parts[i].children.size() == 1));
            REQUIRE((parts[i].kind == Part::Kind::leaf) == parts[i].children.empty());
        }
        REQUIRE_FALSE(summary->envelopes.empty());
    }
    CHECK(accepted > 0); // texts may be forged: the checksum is no signature
}

TEST_CASE("a summary of another version is none", "[mail][summary]")
{
    std::string blob = serialize(summarize(kMail));
    blob[0] = static_cast<char>(blob[0] + 1);
    CHECK_FALSE(deserialize(blob));
}
