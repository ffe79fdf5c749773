// What a client without UTF-8 is given: every header readable, every body untouched.
#include "server/base/text.h"
#include "server/mail/header.h"
#include "server/mail/summary.h"
#include "server/mail/surrogate.h"
#include "tests/support/catch.h"

using namespace postfach;
using namespace postfach::mail;

namespace {

std::string ascii(const std::string& field) { return asciiHeader(field).value_or("as it was"); }

std::string downgraded(const std::string& message)
{
    std::string out;
    std::size_t at = 0;
    const auto read = [&message](std::uint64_t begin, std::uint64_t end) { return message.substr(begin, end - begin); };
    for (const Replacement& r : surrogate(parseStructure(message), read)) {
        REQUIRE(r.begin >= at);
        out += message.substr(at, r.begin - at) + r.bytes;
        at = r.end;
    }
    out += message.substr(at);
    CHECK(surrogateOf(message) == out);
    return out;
}

} // namespace

TEST_CASE("a header of ASCII, or with bytes that are no UTF-8, stays as it is", "[mail][surrogate]")
{
    for (const auto* header : {"", "Subject: plain\r\n\r\n", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\n",
             "Subject: Gr\xFC\xDF"
             "e\r\n\r\n",
             "Content-Type: multipart/mixed; boundary=\"m\xC3\xBCll\"\r\n\r\n", "no field \xC3\xBC\r\n\r\n"})
        CHECK_FALSE(asciiHeader(header).value_or(header) != header);
}

TEST_CASE("text becomes encoded words that say the same", "[mail][surrogate][rfc6858-2.3]")
{
    const std::string header =
        "Received: by x; Sun, 1 Mar 2026 09:30:00 +0000\r\nsubject: Gr\xC3\xBC\xC3\x9F"
        "e und =?iso-8859-1?Q?=E4hnliches?=\r\n"
        " aus Stra\xC3\x9F"
        "burg, und noch sehr viel mehr davon, damit es sich nicht in einer Zeile ausgeht\r\nX-B: 1\r\n\r\n";
    const std::string out = ascii(header);
    CHECK(base::isAscii(out));
    CHECK(out.starts_with("Received: by x; Sun, 1 Mar 2026 09:30:00 +0000\r\nsubject: =?utf-8?B?"));
    CHECK(out.ends_with("?=\r\nX-B: 1\r\n\r\n"));
    CHECK(decodeWords(fieldText(out, "Subject")) == decodeWords(fieldText(header, "Subject")));
    for (const std::string_view line : base::split(out, '\n'))
        CHECK(line.size() <= 82); // a name and one encoded word
}

TEST_CASE("names are encoded, addresses stay - one that is not ASCII is told and is nobody's", "[mail][surrogate][rfc6858-2.1]")
{
    CHECK(ascii("From: J\xC3\xB6rg <joerg@example.org>\r\n") == "From: =?utf-8?B?SsO2cmc=?= <joerg@example.org>\r\n");
    CHECK(ascii("Return-Path: <j\xC3\xB6rg@example.org>\r\n")
        == "Return-Path: =?utf-8?B?asO2cmdAZXhhbXBsZS5vcmc=?=\r\n <invalid@internationalized-address.invalid>\r\n");
    const std::string out = ascii("To: \"Kowalski, J\xC3\xB3zef\" <\"j k\"@example.org>, plain@example.org,\r\n Team \xC3\x84: "
                                  "a@example.org, j\xC3\xB6rg@example.org;,\r\n"
                                  " Bob <bob@b\xC3\xBC"
                                  "cher.example> (home)\r\n");
    CHECK(base::isAscii(out));
    const auto addresses = parseAddresses(fieldText(out, "To"));
    REQUIRE(addresses.size() == 7);
    CHECK(decodeWords(*addresses[0].name) == "Kowalski, J\xC3\xB3zef");
    CHECK(*addresses[0].mailbox == "j k");
    CHECK(*addresses[1].mailbox == "plain");
    CHECK(addresses[2].isGroupStart());
    CHECK(decodeWords(*addresses[2].mailbox) == "Team \xC3\x84");
    CHECK(*addresses[3].mailbox == "a");
    CHECK(decodeWords(*addresses[4].name) == "j\xC3\xB6rg@example.org");
    CHECK(*addresses[4].host == "internationalized-address.invalid");
    CHECK(addresses[5].isGroupEnd());
    CHECK(decodeWords(*addresses[6].name)
        == "Bob <bob@b\xC3\xBC"
           "cher.example>");
    CHECK(*addresses[6].mailbox == "invalid");
}

TEST_CASE("file names become extended parameters, and the boundary stays", "[mail][surrogate][rfc6858-2.2]")
{
    CHECK(ascii("Content-Disposition: attachment; filename=\"\xC3\xBC.pdf\"; size=7\r\n")
        == "Content-Disposition: attachment; filename*0*=utf-8''%C3%BC.pdf; size=\"7\"\r\n");
    const std::string message =
        "Subject: \xC3\xA4\r\nContent-Type: multipart/mixed; boundary=b; x=\xC3\xA4\r\n\r\npre\xC3\xA4mbel\r\n--b\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\nk\xC3\xB6rper\r\n--b\r\n"
        "Content-Type: application/pdf; name=\"Stra\xC3\x9F"
        "e und noch ein langer Name.pdf\"\r\nContent-Description: Stra\xC3\x9F"
        "e\r\n\r\nbytes\r\n--b\r\n"
        "Content-Type: message/rfc822\r\n\r\nSubject: inn\xC3\xA9r\r\n\r\ninner k\xC3\xB6rper\r\n--b--\r\n";
    const std::string out = downgraded(message);
    const Structure before = parseStructure(message), after = parseStructure(out);
    REQUIRE(before.parts.size() == 5);
    REQUIRE(after.parts.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(base::isAscii(after.parts[i].header(out)));
        CHECK(fileName(after.parts[i]) == fileName(before.parts[i]));
        if (before.parts[i].kind == Part::Kind::leaf)
            CHECK(after.parts[i].body(out) == before.parts[i].body(message));
    }
    CHECK(decodeWords(fieldText(after.parts[4].header(out), "Subject")) == "inn\xC3\xA9r");
    CHECK(downgraded(out) == out);
}

TEST_CASE("a field that has no room for an encoded word is kept under another name", "[mail][surrogate][rfc6857-3.2]")
{
    const std::string out = ascii("Message-ID: <\xC3\xA9@example.org>\r\nSubject: x\r\n");
    CHECK(out.starts_with("Downgraded-Message-ID: =?utf-8?B?"));
    CHECK(decodeWords(fieldText(out, "Downgraded-Message-ID")) == "<\xC3\xA9@example.org>");
}

TEST_CASE("headers past every bound are served as they are", "[mail][surrogate][hostile]")
{
    const std::string large = "Subject: \xC3\xA4" + std::string(300 * 1024, 'x') + "\r\n\r\nbody\r\n";
    CHECK(downgraded(large) == large);
    std::string crowd = "Cc: ";
    for (int i = 0; i < 1100; ++i)
        crowd += "a@b.example, ";
    crowd += "\xC3\xA4@b.example\r\n\r\n";
    CHECK(downgraded(crowd) == crowd); // nobody is left out
    const std::string many = "To: " + std::string(2000, ',') + "\xC3\xA4\r\n\r\n";
    CHECK(base::isAscii(downgraded(many)));
}
