#include "server/base/text.h"
#include "server/mail/header.h"
#include "tests/support/catch.h"

using namespace postfach;
using namespace postfach::mail;

namespace {
struct Row {
    const char* written;
    const char* meant;
};
} // namespace

TEST_CASE("what is no encoded word stays as it is written", "[mail][rfc2047]")
{
    for (const char* text : {"", "plain", "=?", "=?=", "?=", "=?utf-8?", "=?utf-8?Q?", "=?utf-8?Q?open", "=?utf-8?X?abc?=", "=?\?Q?abc?=",
                             "=?utf-8?QQ?abc?=", "=?no-such-charset?Q?=41?=", "=?utf 8?Q?abc?=", "a =? b ?= c", "=?../../etc/passwd?Q?x?=",
                             "=?utf-8,version=1?Q?x?="})
        CHECK(decodeWords(text) == text);
}

TEST_CASE("encoded words become UTF-8", "[mail][rfc2047]")
{
    const Row rows[] = {
        {"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"},
        {"=?UTF-8?b?R3LDvMOfZQ==?=", "Grüße"},
        {"=?iso-8859-1?Q?a_b=E9?=", "a bé"},
        {"=?iso-8859-1?Q?=80=93?=", "€“"},               // meant as windows-1252
        {"=?windows-1251?B?z/Do4uXy?=", "Привет"},
        {"=?koi8-r?B?8NLJ18XU?=", "Привет"},
        {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
        {"=?shift_jis?B?k/qWew==?=", "日本"},
        {"=?gb2312?B?1tDOxA==?=", "中文"},
        {"=?big5?B?pKSk5Q==?=", "中文"},
        {"=?euc-kr?B?x9GxuQ==?=", "한국"},
        {"=?us-ascii*en-GB?Q?with_a_language?=", "with a language"},
        {"=?utf-8?Q?\?=", ""},
        {"=?utf-8?B?\?=", ""},
        // RFC 2047 8: white space between words goes, any other stays
        {"(=?ISO-8859-1?Q?a?=)", "(a)"},
        {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
        {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
        {"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
        {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
        {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
        {"=?utf-8?Q?a_ =09?= =?utf-8?Q?b _?=", "a  \tb  "}, // what is white at the end was meant
        {"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"},
        {"x =?utf-8?Q?a?= y =?utf-8?Q?b?= z", "x a y b z"},
        {"x=?utf-8?Q?a?=y", "xay"},
        // programs cut in the middle of a character, and of a base64 run
        {"=?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "Grüße"},
        {"=?utf-8?B?R3LD?= =?UTF-8?B?vMOfZQ==?=", "Grüße"},
        {"=?utf-8?B?R3LDvMOfZQ?=", "Grüße"},
        // spaces and question marks that should have been encoded
        {"=?utf-8?Q?a b c?=", "a b c"},
        {"=?utf-8?Q?what?_me?\?=", "what? me?"},
        {"=?utf-8?Q?=ZZ=4?=", "=ZZ=4"},
        // bytes that are no character of their charset
        {"=?utf-8?Q?a=FFb?=", "a\xef\xbf\xbd" "b"},
        // 8-bit bytes outside of words
        {"Gr\xfc\xdf" "e =?utf-8?Q?=C3=A9?=", "Grüße é"},
        {"Grüße =?utf-8?Q?=C3=A9?=", "Grüße é"},
        // line ends and NULs that were encoded
        {"=?utf-8?Q?a=0D=0ABcc:_x=00?=", "a  Bcc: x "},
    };
    for (const Row& row : rows) {
        INFO(row.written);
        CHECK(decodeWords(row.written) == row.meant);
        CHECK(base::isUtf8(decodeWords(row.written)));
    }
}
