#include "server/imap/syntax/sort.h"
#include "tests/support/catch.h"

#include <chrono>
#include <string>

using namespace postfach;
using namespace postfach::imap;

namespace {

std::vector<SortKey> parse(const std::string& text)
{
    Parser args(text);
    std::vector<SortKey> keys = parseSortKeys(args);
    args.end();
    return keys;
}

struct Mail {
    std::string header;
    std::uint32_t size = 0;
    std::int64_t arrived = 0;
};

bool before(const std::string& keys, const Mail& a, const Mail& b)
{
    const auto bytes = [&](const Mail& mail) {
        store::Message message;
        message.size = mail.size;
        message.internal_date = store::Time{std::chrono::seconds{mail.arrived}};
        return sortBytes(parse(keys), message, mail::readHeaderKeys(mail.header + "\r\n"), 100);
    };
    return bytes(a) < bytes(b);
}

// In one order and, reversed, in the other.
void ordered(const std::string& key, const Mail& a, const Mail& b)
{
    INFO(key << ": " << a.header << " / " << b.header);
    CHECK(before("(" + key + ")", a, b));
    CHECK_FALSE(before("(" + key + ")", b, a));
    CHECK(before("(REVERSE " + key + ")", b, a));
}

} // namespace

TEST_CASE("sort programs that break the grammar are refused", "[imap][syntax][sort][rfc5256]")
{
    std::string many = "(SIZE";
    for (int i = 0; i < 100; ++i)
        many += " SIZE";
    for (const std::string& text : {std::string(), std::string("SIZE"), std::string("()"), std::string("(REVERSE)"),
             std::string("(SIZE REVERSE)"), std::string("(REVERSE REVERSE SIZE)"), std::string("(WEIGHT)"), std::string("(SIZE"),
             std::string("(SIZE,DATE)"), many + ")"}) {
        INFO(text);
        CHECK_THROWS_AS(parse(text), BadSyntax);
    }
    CHECK(parse("(reverse Date SUBJECT)").size() == 2);
}

TEST_CASE("messages are ordered by each key", "[imap][syntax][sort][rfc5256-2][rfc5957]")
{
    ordered("SIZE", {"", 9}, {"", 10});
    ordered("ARRIVAL", {"", 0, -5}, {"", 0, 3});
    ordered("ARRIVAL", {"", 0, 255}, {"", 0, 256});
    ordered("DATE", {"Date: Sun, 1 Mar 2026 12:00:00 +0200\r\n"}, {"Date: Sun, 1 Mar 2026 11:00:00 +0000\r\n"}); // in UTC
    ordered("DATE", {"Date: whenever\r\n", 0, 100}, {"", 0, 101}); // as old as it is here
    ordered("SUBJECT", {"Subject: Re: [x] apple\r\n"}, {"Subject: Banana\r\n"});
    ordered("SUBJECT", {"Subject: banana\r\n"}, {"Subject: =?utf-8?Q?Bananes?=\r\n"});
    ordered("SUBJECT", {""}, {"Subject: a\r\n"});
    ordered("SUBJECT", {"Subject: Eb\r\n"}, {"Subject: =?utf-8?Q?=C3=89a?=\r\n"}); // by code points, decomposed
    // RFC 5051: capital letters are compared, and what stands between them and the small ones comes behind both.
    ordered("SUBJECT", {"Subject: az\r\n"}, {"Subject: a_\r\n"});
    ordered("SUBJECT", {"Subject: aZ\r\n"}, {"Subject: a[\r\n"});
    ordered("SUBJECT", {"Subject: a@\r\n"}, {"Subject: aa\r\n"});
    ordered("FROM", {"From: zoe@x\r\n"}, {"From: _zoe@x\r\n"});
    ordered("TO", {"To: zoe@x\r\n"}, {"To: ^zoe@x\r\n"});
    ordered("CC", {"Cc: zoe@x\r\n"}, {"Cc: _@x\r\n"});
    ordered("DISPLAYFROM", {"From: Zoe <z@x>\r\n"}, {"From: \"[Zoe]\" <z@x>\r\n"});
    ordered("DISPLAYTO", {"To: zoe@x\r\n"}, {"To: _zoe@x\r\n"});
    ordered("SUBJECT", {"Subject: Strasse\r\n"}, {"Subject: =?utf-8?Q?Stra=C3=9Fe?=\r\n"}); // no title case is two letters
    ordered("FROM", {"From: Zoe <adam@x>\r\n"}, {"From: Adam <zoe@x>\r\n"});
    ordered("DISPLAYFROM", {"From: Adam <zoe@x>\r\n"}, {"From: Zoe <adam@x>\r\n"});
    ordered("DISPLAYFROM", {"From: =?utf-8?Q?Adam?= <zoe@x>\r\n"}, {"From: bea@x\r\n"});
    ordered("TO", {"To: a@x, z@x\r\n"}, {"To: b@x\r\n"});
    ordered("DISPLAYTO", {"To: a@y\r\n"}, {"To: a@z\r\n"});
    ordered("CC", {""}, {"Cc: a@x\r\n"});
    CHECK_FALSE(before("(SUBJECT)", {"Subject: RE: x\r\n"}, {"Subject: X\r\n"}));
    CHECK_FALSE(before("(SUBJECT)", {"Subject: X\r\n"}, {"Subject: RE: x\r\n"}));
    CHECK(before("(SUBJECT REVERSE SIZE)", {"Subject: x\r\n", 2}, {"Subject: re: x\r\n", 1}));
    CHECK(before("(REVERSE SUBJECT SIZE)", {"Subject: b\r\n", 2}, {"Subject: a\r\n", 1}));
    CHECK(before("(REVERSE SUBJECT)", {"Subject: ab\r\n"}, {"Subject: a\r\n"}));
}
