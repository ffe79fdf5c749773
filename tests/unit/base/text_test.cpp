#include "server/base/text.h"
#include "tests/support/catch.h"

using namespace postfach::base;

TEST_CASE("numbers are digits and nothing else", "[base]")
{
    for (const auto* bad : {"", " 1", "1 ", "+1", "-1", "0x1", "1a", "4294967296", "99999999999999999999"})
        CHECK_FALSE(parseU32(bad));
    CHECK(parseU32("0") == 0U);
    CHECK(parseU32("4294967295") == 4294967295U);
    CHECK(parseU32("007") == 7U);
    CHECK_FALSE(parseU64("18446744073709551616"));
    CHECK(parseU64("18446744073709551615") == 18446744073709551615ULL);
    CHECK_FALSE(parseU32(std::string("1\0", 2)));
}

TEST_CASE("base64 refuses what is not canonical and turns back what it made", "[base][rfc4648]")
{
    for (const auto* bad : {"A", "AA", "AAA", "A===", "AA=A", "AB==", "AAB=", "A A=", "AAAA=", "====", "AA==AAAA", "!!!!", "AAA\n"})
        CHECK_FALSE(unbase64(bad));
    CHECK(unbase64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        CHECK(unbase64(base64(bytes)) == bytes);
        bytes += static_cast<char>(i * 7);
    }
}

TEST_CASE("UTF-8 is well-formed or it is not", "[base][rfc3629]")
{
    for (const auto* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xffz", "\xe2\x82"})
        CHECK_FALSE(isUtf8(bad));
    for (const auto* good : {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x93\xac", "\xf4\x8f\xbf\xbf"})
        CHECK(isUtf8(good));
}

TEST_CASE("what is logged cannot forge a line", "[base]")
{
    CHECK(printable("a\r\nb") == "a\\x0d\\x0ab");
    CHECK(printable("\"q\\") == "\\x22q\\x5c");
    CHECK(printable("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
    CHECK(printable("\xff") == "\\xff");
    CHECK(printable(std::string(1000, 'x'), 10) == "xxxxxxxxxx...");
}

TEST_CASE("split keeps empty fields, trim takes only white space", "[base]")
{
    CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
    CHECK(split("", ',') == std::vector<std::string_view>{""});
    CHECK(trim(" \t a b\r\n") == "a b");
    CHECK(trim("  ").empty());
    CHECK(iequals("INBOX", "inbox"));
    CHECK_FALSE(iequals("INBOX", "inbo"));
    CHECK(istartsWith("Received: x", "received:"));
    CHECK(hex("\x01\xff") == "01ff");
    CHECK(unhex("01fF") == "\x01\xff");
    CHECK_FALSE(unhex("0"));
    CHECK_FALSE(unhex("0g"));
    for (const std::string broken : {"%", "%4", "a%4", "%zz", "%%41", "% 41"})
        CHECK_FALSE(percentDecoded(broken));
    CHECK(percentDecoded("a%2Fb%c3%A4+%25") == "a/b\xC3\xA4+%");
    CHECK(percentDecoded("")->empty());
}
