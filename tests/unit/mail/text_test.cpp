#include "server/base/text.h"
#include "server/mail/text.h"
#include "tests/support/catch.h"

using namespace postfach;
using namespace postfach::mail;

namespace {
std::string bodyText(const std::string& message) { return searchableBody(message, parseStructure(message)); }
std::string headerText(const std::string& message) { return searchableHeader(message, parseStructure(message)); }
std::string previewText(const std::string& message, std::size_t characters = 200) { return preview(message, parseStructure(message), characters); }
const std::string kMixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
} // namespace

TEST_CASE("HTML becomes the text that is seen", "[mail][html]")
{
    const std::pair<const char*, const char*> rows[] = {
        {"", ""}, {"plain", "plain"}, {"a < b & c > d", "a < b & c > d"}, {"wo<b>r</b>d", "word"}, {"<p>one</p><p>two</p>", "one\ntwo\n"},
        {"a<br>b", "a\nb"}, {"a<!-- <b>no</b> -->b", "ab"}, {"a<!-- open", "a"}, {"x<script>if (a<b) {}</script>y", "x\ny"},
        {"x<STYLE type='text/css'>p > a {}</style >y", "x\ny"}, {"<a title=\"a > b\">x</a>", "x"}, {"<a title='\"'>x</a>", "x"},
        {"&lt;b&gt; &amp;amp; &quot;&apos;", "<b> &amp; \"'"}, {"Gr&uuml;&szlig;e", "Grüße"}, {"&#71;&#x72;&#XFC;", "Grü"}, {"&euro;&nbsp;5", "€\xc2\xa0" "5"},
        {"&unknown; &; & &#; &#x; &#99999999999;", "&unknown; &; & &#; &#x; &#99999999999;"}, {"&#0;&#xD800;&#x110000;", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"&copy 2026", "© 2026"}, {"<!DOCTYPE html><?xml?>x", "x"}, {"a<b", "a"}, {"a</", "a</"}, {"it<i>'</i>s", "it's"},
        {"<td>one</td><td>two</td>", "one\ntwo\n"},
    };
    for (const auto& [html, seen] : rows) {
        INFO(html);
        CHECK(htmlToText(html) == seen);
    }
}

TEST_CASE("search sees text as people do, whatever its encoding and charset", "[mail][search]")
{
    CHECK_THAT(bodyText("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=\r\n=DFe"), Catch::StartsWith("Grüße"));
    CHECK_THAT(bodyText("Content-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ=="), Catch::StartsWith("Grüße"));
    const std::string html = bodyText("Content-Type: text/html\r\n\r\n<a href='http://x/needle'>sp<b>l</b>it</a>");
    CHECK_THAT(html, Catch::ContainsSubstring("http://x/needle"));
    CHECK_THAT(html, Catch::ContainsSubstring("split"));
    const std::string parts = bodyText(kMixed + "preamble\r\n--b\r\n\r\nfirst\r\n--b\r\nContent-Type: image/png\r\n\r\npicture\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
                                                "Subject: inner\r\n\r\nforwarded\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n--b--\r\nepilogue\r\n");
    for (const char* there : {"first", "forwarded", "Action: failed"})
        CHECK_THAT(parts, Catch::ContainsSubstring(there));
    for (const char* absent : {"preamble", "picture", "epilogue", "Content-Type"})
        CHECK(parts.find(absent) == std::string::npos);
    CHECK(base::isUtf8(bodyText("Content-Type: text/plain; charset=utf-8\r\n\r\n\xff\xfe\x80")));
}

TEST_CASE("search sees the headers decoded, and those of parts and inner messages", "[mail][search][rfc9051-6.4.4]")
{
    const std::string text = headerText("Subject: =?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe?=\r\nX-Raw: caf\xe9\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                                        "--b\r\nContent-Type: message/rfc822\r\nContent-ID: <here-too>\r\n\r\nSubject: inner\r\n\r\nx\r\n--b--\r\n");
    CHECK_THAT(text, Catch::StartsWith("Subject: Grüße\nX-Raw: café\n"));
    CHECK_THAT(text, Catch::ContainsSubstring("Subject: inner\n"));
    CHECK_THAT(text, Catch::ContainsSubstring("Content-ID: <here-too>\n"));
}

TEST_CASE("a preview is the first text a reader would see, on one line", "[mail][preview][rfc8970]")
{
    CHECK(previewText("") == "");
    CHECK(previewText("\r\n \r\n\r\n") == "");
    CHECK(previewText("\r\n  one\r\n\r\n two\tthree \r\n") == "one two three");
    CHECK(previewText("\r\n" + std::string(500, 'x')).size() == 200);
    CHECK(previewText("Content-Type: text/plain; charset=utf-8\r\n\r\näöü ß", 4) == "äöü");
    CHECK(previewText("Content-Type: text/html\r\n\r\n<style>p {}</style><title>no</title><p>Hello&nbsp;&zwnj;&zwnj; <b>you</b>") == "Hello you");
    CHECK(previewText(kMixed + "--b\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--b\r\n\r\nplain\r\n--b--\r\n") == "plain");
    CHECK(previewText(kMixed + "--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--b--\r\n") == "html");
    CHECK(previewText(kMixed + "--b\r\nContent-Disposition: attachment\r\n\r\nattached\r\n--b\r\n\r\ntext\r\n--b--\r\n") == "text");
    CHECK(previewText("Content-Type: image/png\r\n\r\npicture") == "");
    CHECK(base::isUtf8(previewText("Content-Type: text/plain; charset=utf-8\r\n\r\n\xff\xfe\x80 x")));
}
