#include "server/base/text.h"
#include "server/mail/decode.h"
#include "tests/support/catch.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <random>
#include <vector>

using namespace postfach;
using namespace postfach::mail;

TEST_CASE("base64 is read past junk, missing padding and padding in the middle", "[mail][base64]")
{
    const std::pair<const char*, const char*> rows[] = {
        {"", ""}, {"=", ""}, {"====", ""}, {"!", ""}, {"Q", ""}, {"QQ", "A"}, {"QQ==", "A"}, {"QUI", "AB"}, {"QUI=", "AB"}, {"QUJD", "ABC"},
        {"QUJD\r\nREVG\r\n", "ABCDEF"}, {"Q U\tJ\nD", "ABC"}, {"Q*U(J)D", "ABC"}, {"QQ==QUI=QUJD", "AABABC"}, {"QUJD====REVG", "ABCDEF"},
        {"QQ=QUJD", "AABC"}, {"-_-_", "\xfb\xff\xbf"}, {"+/+/", "\xfb\xff\xbf"},
    };
    for (const auto& [written, meant] : rows) {
        INFO(written);
        CHECK(decodeBase64(written) == meant);
    }
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        std::string bytes(random() % 200, '\0');
        for (char& c : bytes)
            c = static_cast<char>(random());
        CHECK(decodeBase64(base::base64(bytes)) == bytes);
    }
}

TEST_CASE("quoted-printable is read past what is no encoding", "[mail][quoted-printable][rfc2045-6.7]")
{
    const std::pair<const char*, const char*> rows[] = {
        {"", ""}, {"a=3Db", "a=b"}, {"=c3=A9", "é"}, {"a=\r\nb", "ab"}, {"a=\nb", "ab"}, {"a= \t\r\nb", "ab"}, {"a=", "a"}, {"a  \r\nb", "a\r\nb"},
        {"a=20\r\nb", "a \r\nb"}, {"=ZZ", "=ZZ"}, {"=4", "=4"}, {"==41", "=A"}, {"a\nb\n", "a\nb\n"}, {"a ", "a"}, {"a\r\n \t", "a\r\n"}, {" ", ""}, {"a=20", "a "}, {"a= ", "a"}, {"=\r\n=\r\n", ""}, {" \r\n", "\r\n"},
    };
    for (const auto& [written, meant] : rows) {
        INFO(base::printable(written));
        CHECK(decodeQuotedPrintable(written) == meant);
    }
}

TEST_CASE("every uuencoded block is found", "[mail][uuencode]")
{
    CHECK(decodeUuencoded("").empty());
    CHECK(decodeUuencoded("begin at the beginning\nend\n").empty());
    CHECK(decodeUuencoded("begin 999 x\n#0V%T\n`\nend\n").empty());
    CHECK(decodeUuencoded("text\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\nmore\r\nbegin 0600 b\r\n#0V%T\r\n`\r\nend\r\n")
          == std::vector<std::string>{"Cat", "Cat"});
    CHECK(decodeUuencoded("begin 644 a\nend\nbegin 644 b\nend\nbegin 644 c\n#0V%T\n") == std::vector<std::string>{"Cat"}); // no crowd of empty ones
    CHECK(decodeUuencoded("begin 644 never closed\n#0V%T\n") == std::vector<std::string>{"Cat"});
    CHECK(decodeTransfer("X-UUENCODE", "begin 644 cat.txt\n#0V%T\n`\nend\n") == "Cat");
}

TEST_CASE("every block of yEnc is found, and parts of a file are put together", "[mail][yenc]")
{
    const auto coded = [](std::string_view bytes) {
        std::string out;
        for (const char byte : bytes) {
            const char c = static_cast<char>(static_cast<unsigned char>(byte) + 42);
            if (c == '\0' || c == '\r' || c == '\n' || c == '=')
                out += {'=', static_cast<char>(c + 64)};
            else
                out += c;
        }
        return out;
    };
    const auto block = [&](std::string_view bytes, const std::string& part = "") {
        return "=ybegin line=128 size=3 name=a b.com\r\n" + part + coded(bytes) + "\r\n=yend size=3\r\n";
    };
    CHECK(decodeYenc("").empty());
    CHECK(decodeYenc("a text\r\nthat says =ybegin line=1\r\n=ybeginning\r\n=yend\r\n").empty());
    CHECK(decodeYenc(block("Cat")) == std::vector<std::string>{"Cat"});
    CHECK(decodeYenc("text\r\n" + block("Cat") + "more\r\n" + block("Dog")) == std::vector<std::string>{"Cat", "Dog"});
    CHECK(decodeYenc(block("Ca", "=ypart begin=1 end=2\r\n") + block("t", "=ypart begin=3 end=3\r\n")) == std::vector<std::string>{"Ca", "t", "Cat"});
    CHECK(decodeYenc("=ybegin\n" + coded("C") + "\n" + coded("at")) == std::vector<std::string>{"Cat"}); // never closed, and short lines
    CHECK(decodeYenc("=ybegin x\n=ybegin y\n=yend\n=yend\n") == std::vector<std::string>{""}); // no crowd of empty ones
    CHECK(decodeYenc("=ybegin x\nk=\n=\nk\r\r\n") == std::vector<std::string>{"AA"}); // an escape of nothing

    std::string all;
    for (int byte = 0; byte < 256; ++byte)
        all += static_cast<char>(byte);
    CHECK(decodeYenc(block(all)) == std::vector<std::string>{all});
    std::string many;
    for (int i = 0; i < 100'000; ++i)
        many += "=ybegin\n=ypart\n";
    CHECK(decodeYenc(many).size() == 2); // nothing, and nothing put together
}

TEST_CASE("an encoding that nobody knows leaves the bytes as they are", "[mail]")
{
    for (const char* encoding : {"", "7bit", "8bit", "binary", "rot13"})
        CHECK(decodeTransfer(encoding, "=41QUJD") == "=41QUJD");
    CHECK(decodeTransfer("BASE64", "QUJD") == "ABC");
    CHECK(decodeTransfer("Quoted-Printable", "=41") == "A");
}

TEST_CASE("a charset's name never reaches the file system", "[mail][charset]")
{
    for (const std::string name : {"", " ", "x-unknown", "../../etc/passwd", "utf-8,version=1", "utf-8/x", "\0utf-8", "no such", "unknown-8bit"})
        CHECK_FALSE(isKnownCharset(name));
    CHECK_FALSE(isKnownCharset(std::string(100'000, 'u')));
    for (const char* name : {"utf-8", "UTF8", "us-ascii", "iso-8859-1", "ISO-8859-15", "windows-1252", "koi8-r", "koi8-u", "iso-2022-jp", "euc-jp", "Shift_JIS",
                             "gb2312", "gbk", "gb18030", "big5", "euc-kr", "ks_c_5601-1987", "utf-16", "utf-16le", "utf-7", "cp1250", "macintosh",
                             "iso-8859-8-i", "tis-620", "cp850", "windows-874", "iso-8859-9"}) {
        INFO(name);
        CHECK(isKnownCharset(name));
    }
}

TEST_CASE("bytes of any charset become UTF-8", "[mail][charset]")
{
    CHECK(toUtf8("utf-8", "Grüße") == "Grüße");
    CHECK(toUtf8("utf-8", "a\xff" "b") == "a\xef\xbf\xbd" "b");
    CHECK(toUtf8("iso-8859-1", "\xe9\x80") == "é€");
    CHECK(toUtf8("us-ascii", "Gr\xfc\xdf" "e") == "Grüße"); // it says nothing about these bytes
    CHECK(toUtf8("us-ascii", "Grüße") == "Grüße");
    CHECK(toUtf8("x-unknown", "Grüße") == "Grüße");
    CHECK(toUtf8("x-unknown", "Gr\xfc\xdf" "e") == "Grüße");
    CHECK(toUtf8("", "\x93x\x94") == "“x”");
    CHECK(toUtf8("utf-16le", std::string_view("a\0\xac\x20", 4)) == "a€");
    CHECK(toUtf8("utf-7", "Hi Mom +Jjo-!") == "Hi Mom ☺!");
    CHECK(toUtf8("iso-2022-jp", "\x1b$BF|K\\\x1b(B.") == "日本.");
    CHECK(toUtf8(" UTF-8 ", "é") == "é");
    std::string many, wanted;
    for (int i = 0; i < 50'000; ++i) { // beyond one buffer
        many += "\xe9x";
        wanted += "éx";
    }
    CHECK(toUtf8("windows-1252", many) == wanted);
}

TEST_CASE("what comes out of a charset is always UTF-8", "[mail][charset]")
{
    std::mt19937 random(5);
    for (const char* charset : {"utf-8", "iso-2022-jp", "shift_jis", "gb18030", "big5", "euc-kr", "utf-7", "utf-16", "hz-gb-2312", "", "nonsense"})
        for (int round = 0; round < 50; ++round) {
            std::string bytes(random() % 300, '\0');
            for (char& c : bytes)
                c = static_cast<char>(random());
            REQUIRE(base::isUtf8(toUtf8(charset, bytes)));
        }
}

TEST_CASE("folding makes equal what differs only in case", "[mail][fold]")
{
    CHECK(foldCase("") == "");
    CHECK(foldCase("ABC xyz") == "abc xyz");
    CHECK(foldCase("GRÜSSE") == foldCase("Grüße"));
    CHECK(foldCase("ΣΊΣΥΦΟΣ") == foldCase("σίσυφος"));
    CHECK(foldCase("ПРИВЕТ") == "привет");
    CHECK(foldCase("\u00c9\u00e9") == "e\u0301e\u0301"); // RFC 5051: composed or not is the same
    CHECK(foldCase("E\u0301") == foldCase("\u00e9"));
    CHECK(foldCase("\u2460\uff21") == "1a"); // circled, full width
    CHECK(withoutAccents(foldCase("Cr\u00e8me br\u00fbl\u00e9e, \u0421\u0430\u0439\u0442")) == "creme brulee, \u0441\u0430\u0438\u0442");
    CHECK(foldCase("ﬃ") == "ffi");
    CHECK(foldCase("ılık") == "ilik"); // RFC 5051: the title case of both is I
    CHECK(foldCase("𐐀") == "𐐨"); // beyond the BMP
    CHECK(foldCase("日本") == "日本");
    CHECK(foldCase("a\xff" "B\xc3") == "a\xef\xbf\xbd" "b\xef\xbf\xbd");
    CHECK(foldCase(std::string(63, 'A') + "Ü" + std::string(200, 'B')) == std::string(63, 'a') + "u\u0308" + std::string(200, 'b'));
}

TEST_CASE("names are composed as Net-Unicode wants them, and what is no UTF-8 stays", "[mail][nfc][rfc5198-2]")
{
    CHECK(composed("") == "");
    CHECK(composed("plain ASCII & more") == "plain ASCII & more");
    CHECK(composed("U\u0308bung/Cafe\u0301") == "\u00dcbung/Caf\u00e9");
    CHECK(composed("\u00dcbung") == "\u00dcbung");
    CHECK(composed("q\u0307\u0323") == "q\u0323\u0307"); // the order of accents
    CHECK(composed("\u1112\u1161\u11ab") == "\ud55c");    // Hangul
    CHECK(composed("\u212b") == "\u00c5");                 // Angstrom
    CHECK(composed("\ufb03") == "\ufb03");                 // a ligature is no accent: compatibility stays
    CHECK(composed("\u0958") == "\u0915\u093c");           // and some grow
    CHECK(composed("U\xcc\x88\xff") == "U\xcc\x88\xff");
}

TEST_CASE("the comparator of RFC 5051 compares the title case, decomposed, of each character", "[mail][collation][rfc5051]")
{
    CHECK(collationKey("") == "");
    CHECK(collationKey("abc XYZ [_^") == "ABC XYZ [_^");
    CHECK(collationKey("\u00c9") == "E\u0301");
    CHECK(collationKey("\u00e9") == "E\u0301");
    CHECK(collationKey("e\u0301") == "E\u0301");
    CHECK(collationKey("ПриВет") == "ПРИВЕТ");
    CHECK(collationKey("σς") == "ΣΣ");
    CHECK(collationKey("ß") == "ß");                     // its title case is not one letter
    CHECK(collationKey("ı") == "I");
    CHECK(collationKey("\u017f") == "S");                // the long s
    CHECK(collationKey("\u01c6") == "DZ\u030c");         // the pieces of a ligature have a title case of their own
    CHECK(collationKey("ﬃ") == "FFI");
    CHECK(collationKey("\u2460\uff41") == "1A");         // circled, full width
    CHECK(collationKey("\u1fb3") == "\u0391\u0399");
    CHECK(collationKey("\uac01") == "\uac01");           // not by UnicodeData.txt
    CHECK(collationKey("𐐨") == "𐐀");                    // beyond the BMP
    CHECK(collationKey("日本") == "日本");
    CHECK(collationKey("a\xff" "b\xc3") == "A\xef\xbf\xbd" "B\xef\xbf\xbd");
}

TEST_CASE("every character has a collation key that is its own, is not long, and folds to the same as the character", "[mail][collation][rfc5051]")
{
    for (char32_t character = 0; character <= 0x10ffff; ++character) {
        if (character >= 0xd800 && character <= 0xdfff)
            continue;
        std::uint8_t bytes[4];
        std::size_t length = 0;
        U8_APPEND_UNSAFE(bytes, length, static_cast<UChar32>(character));
        const std::string utf8(bytes, bytes + length);
        const std::string key = collationKey(utf8);
        if (key.empty() || key.size() > 64 || collationKey(key) != key || foldCase(key) != foldCase(utf8)) {
            FAIL("U+" << std::hex << static_cast<std::uint32_t>(character));
        }
    }
    SUCCEED();
}

TEST_CASE("folding gives for every character what ICU's full case folding and decomposition give", "[mail][fold]")
{
    for (UChar32 character = 0; character <= 0x10ffff; ++character) {
        if (character >= 0xd800 && character <= 0xdfff)
            continue;
        std::uint8_t bytes[4];
        int length = 0;
        U8_APPEND_UNSAFE(bytes, length, character);
        const std::string text(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(length));

        UChar source[2], pieces[64], folded[64], whole[64];
        char wanted[128];
        int source_length = 0, wanted_length = 0;
        U16_APPEND_UNSAFE(source, source_length, character);
        UErrorCode error = U_ZERO_ERROR;
        const UNormalizer2* decomposer = unorm2_getNFKDInstance(&error);
        const int pieces_length = unorm2_normalize(decomposer, source, source_length, pieces, 64, &error);
        const int folded_length = u_strFoldCase(folded, 64, pieces, pieces_length, U_FOLD_CASE_DEFAULT, &error);
        const int whole_length = unorm2_normalize(decomposer, folded, folded_length, whole, 64, &error);
        u_strToUTF8(wanted, 128, &wanted_length, whole, whole_length, &error);
        std::string by_icu(wanted, static_cast<std::size_t>(wanted_length));
        if (by_icu == "\u0131") // the one where RFC 5051 makes more equal
            by_icu = "i";
        if (foldCase(text) != by_icu)
            FAIL("U+" << std::hex << character);
    }
    SUCCEED();
}
