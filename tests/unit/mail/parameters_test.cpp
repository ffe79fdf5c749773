#include "server/mail/content_fields.h"
#include "tests/support/catch.h"

using namespace postfach::mail;

namespace {
std::string read(std::string_view text)
{
    std::string out;
    bool whole = true;
    for (const Parameter& parameter : parseParameters(text, whole))
        out += parameter.name + "=" + parameter.value + "|";
    return out;
}
Part partOf(std::string_view header)
{
    return parseStructure(std::string(header) + "\r\n\r\n").parts[0];
}
} // namespace

TEST_CASE("parameters are read as mail writes them", "[mail][rfc2045][rfc2231]")
{
    const std::pair<const char*, const char*> rows[] = {
        {"", ""},
        {";", ""},
        {"; ;;", ""},
        {"; name", ""},
        {"; =x; b=c", "b=c|"},
        {"; a=", "a=|"},
        {"; a=b; A=c", "a=b|"},
        {"; charset=us-ascii (Plain text)", "charset=us-ascii|"},
        {"; charset=\"us-ascii\"", "charset=us-ascii|"},
        {" ; (c;d=e) a = b (f;g=h) ; i=j", "a=b|i=j|"},
        {"; a=\"b;c\\\"d\"; e=f", "a=b;c\"d|e=f|"},
        {"; a=\"never closed; b=c", "a=never closed; b=c|"},
        {"; a=\"b\" junk; c=d", "a=b|c=d|"},
        {"; boundary=----=_Part_1/2", "boundary=----=_Part_1/2|"},
        {"; name=my letter.pdf; x=y", "name=my letter.pdf|x=y|"},
        {"; name=report(1).pdf", "name=report(1).pdf|"},
        {"; name=\"Gr\xfc\xdf" "e\"", "name=Grüße|"},
        // RFC 2231 3: continuations, whatever their order
        {"; url*0=\"ftp://\"; url*1=\"example.org/x\"", "url=ftp://example.org/x|"},
        {"; url*1=b; url*0=a; z=1; url*2=c", "url=abc|z=1|"},
        {"; a*10=k; a*9=j; a*0=a", "a=ajk|"},
        // RFC 2231 4: charset and language
        {"; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title=This is ***fun***|"},
        {"; t*=iso-8859-1''%e9", "t=é|"},
        {"; t*=''%c3%a9", "t=é|"},
        {"; t*=no-quotes%41", "t=no-quotesA|"},
        {"; t*=no-such-charset''%c3%a9", "t=é|"},
        {"; t*=utf-8''a%zz%4", "t=a%zz%4|"},
        // 4.1: both, encoded pieces and plain ones
        {"; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
         "title=This is even more ***fun*** isn't it!|"},
        {"; f*0*=utf-8''%e2%82; f*1*=%ac", "f=€|"},
        {"; filename=plain.txt; filename*=utf-8''bl%C3%BCte.txt", "filename=blüte.txt|"},
        {"; a*b=c; *=d; **=e", "a*b=c|*=e|"},
        {"; a*99999999999999999999=b", "a*99999999999999999999=b|"},
        // what was encoded brings no line end
        {"; t*=utf-8''a%0d%0ab%00c", "t=a  b c|"},
    };
    for (const auto& [written, meant] : rows) {
        INFO(written);
        CHECK(read(written) == meant);
    }
}

TEST_CASE("a Content-Type that cannot be read is plain text without parameters", "[mail][rfc2045-5.2]")
{
    for (const char* value : {"", "text", "text/", "/plain", "text;charset=utf-8", "(text/html)", "\"text/html\"", "=?utf-8?Q?text/html?=", "te\xfct/x"}) {
        const Part part = partOf(std::string("Content-Type: ") + value);
        INFO(value);
        CHECK(part.type + "/" + part.subtype == "text/plain");
        CHECK(part.parameters.empty());
    }
    const Part spaced = partOf("Content-Type:\r\n TEXT (x) / HTML;\r\n\tCharset=UTF-8");
    CHECK(spaced.type + "/" + spaced.subtype == "text/html");
    REQUIRE(spaced.parameters.size() == 1);
    CHECK(spaced.parameters[0].name == "charset");
    CHECK(spaced.parameters[0].value == "UTF-8");
    CHECK(partOf("Content-Type: text/html charset=utf-8; a=b").subtype == "html");
}

TEST_CASE("text without a charset parameter gets none", "[mail][structure]")
{
    CHECK(partOf("Subject: x").parameters.empty());
    CHECK(partOf("Content-Type: text/plain").parameters.empty());
}

TEST_CASE("the first field of a name counts", "[mail][structure]")
{
    const Part part = partOf("Content-Type: text/html\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit");
    CHECK(part.subtype == "html");
    CHECK(part.encoding == "base64");
}

TEST_CASE("the other Content fields are kept as written", "[mail][structure]")
{
    const Part part = partOf("Content-ID: <a@b>\r\nContent-Description: =?utf-8?Q?=C3=A9?= x\r\nContent-MD5: Q2hlY2s=\r\nContent-Location:\r\n http://x/y\r\n"
                             "Content-Language: en, de-AT (Austria), \r\nContent-Disposition: ATTACHMENT; filename=a; size=3\r\nContent-Transfer-Encoding: 8BIT;");
    CHECK(part.id == "<a@b>");
    CHECK(part.description == "=?utf-8?Q?=C3=A9?= x");
    CHECK(part.md5 == "Q2hlY2s=");
    CHECK(part.location == "http://x/y");
    CHECK(part.languages == std::vector<std::string>{"en", "de-AT"});
    CHECK(part.disposition == "attachment");
    CHECK(part.disposition_parameters.size() == 2);
    CHECK(part.encoding == "8bit");
}

TEST_CASE("a file name comes from the disposition, then from the type", "[mail][structure]")
{
    CHECK(fileName(partOf("Content-Type: image/png; name=a.png")) == "a.png");
    CHECK(fileName(partOf("Content-Type: image/png; name=a.png\r\nContent-Disposition: inline; filename=b.png")) == "b.png");
    CHECK(fileName(partOf("Content-Disposition: attachment; filename=\"=?iso-8859-1?Q?bl=FCte.png?=\"")) == "blüte.png");
    CHECK(fileName(partOf("Subject: x")) == "");
}
