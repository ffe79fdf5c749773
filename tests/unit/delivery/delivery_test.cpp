#include "server/base/limits.h"
#include "server/delivery/notice.h"
#include "server/delivery/received.h"
#include "server/delivery/spool.h"
#include "server/delivery/understand.h"
#include "server/mail/summary.h"
#include "tests/support/catch.h"

#include <filesystem>
#include <system_error>

using namespace postfach;
using namespace postfach::delivery;

TEST_CASE("a spool gives back what it was given, small or large", "[delivery][spool]")
{
    const auto folder = std::filesystem::temp_directory_path().string();
    Spool small(folder);
    CHECK(small.view().empty());
    small.append("hello ");
    small.append("world");
    CHECK(small.view() == "hello world");

    Spool large(folder);
    std::string expected;
    for (int i = 0; expected.size() < 3 * base::limits::kSpoolInMemory; ++i) {
        const std::string piece = std::to_string(i) + std::string(1000, 'x');
        large.append(piece);
        expected += piece;
        if (i % 400 == 0)
            CHECK(large.view() == expected);
    }
    CHECK(large.size() == expected.size());
    CHECK(large.view() == expected);
    large.cut(large.size() + 1);
    CHECK(large.view() == expected);
    large.cut(expected.size() - 10);
    large.append("0123456789");
    expected.replace(expected.size() - 10, 10, "0123456789");
    CHECK(large.view() == expected);
    small.cut(5);
    small.append("!");
    CHECK(small.view() == "hello!");
    Spool moved(std::move(large));
    CHECK(moved.view() == expected);

    Spool nowhere("/nonexistent/folder");
    nowhere.append("small ones need no folder");
    CHECK_THROWS_AS(nowhere.append(std::string(base::limits::kSpoolInMemory, 'x')), std::system_error);
}

TEST_CASE("what is scanned is the whole and every decoded part", "[delivery]")
{
    const std::string message = "From: =?utf-8?q?Z=C3=B6e?= <zoe@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
                                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
                                "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8gd29ybGQ=\r\n"
                                "--b\r\nContent-Type: text/html; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\nPABiAD4A\r\n--b--\r\n";
    scanner::Content content;
    const auto understood = understand(message, content);
    REQUIRE(content.pieces.size() == 4);
    CHECK(content.pieces[0] == message);
    CHECK(content.pieces[1] == "hello world");
    CHECK(content.pieces[2] == "<b>");
    CHECK(understood.sender == "Z\xc3\xb6" "e <zoe@example.com>");
    CHECK(understood.subject == "Gr\xc3\xbc\xc3\x9f" "e");
    CHECK(mail::deserialize(understood.summary));
}

TEST_CASE("who writes no From is known by his return path", "[delivery]")
{
    const auto sender = [](const std::string& head) {
        scanner::Content content;
        return understand(head + "Subject: x\r\n\r\ntext\r\n", content).sender;
    };
    CHECK(sender("Return-Path: <me@example.net>\r\n") == "me@example.net");
    CHECK(sender("Return-Path: <me@example.net>\r\nFrom: you@example.net\r\n") == "you@example.net");
    CHECK(sender("Return-Path: <>\r\n").empty());
}

TEST_CASE("what a text has in it in uuencode or yEnc is scanned too", "[delivery]")
{
    scanner::Content content;
    understand("Subject: x\r\n\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n=ybegin line=128 size=3 name=dog.txt\r\nn\x99\x91\r\n=yend size=3\r\n", content);
    REQUIRE(content.pieces.size() == 3);
    CHECK(content.pieces[1].starts_with("Cat"));
    CHECK(content.pieces[2] == "Dog");
}

TEST_CASE("a mail of which something is left out says so, and one of a thousand parts is scanned whole", "[delivery]")
{
    const auto mailOf = [](int parts) {
        std::string message = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
        for (int i = 0; i < parts; ++i)
            message += "--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n";
        return message + "--b--\r\n";
    };
    scanner::Content content;
    CHECK(understand(mailOf(1'100), content).findings.empty());
    CHECK(content.pieces.size() == 1'101);
    const auto isLeftOut = [&](const std::string& message) {
        const auto findings = understand(message, content).findings;
        return findings.size() == 1 && findings.front().what == scanner::Class::limit;
    };
    CHECK(isLeftOut(mailOf(base::limits::kMimeParts + 10)));
    CHECK(isLeftOut("Content-Type: text/plain\r\n" + mailOf(base::limits::kMimeParts + 10))); // as who takes the last type reads it
    std::string fields;
    for (int i = 0; i < base::limits::kHeaderFields; ++i)
        fields += "X: y\r\n";
    CHECK(isLeftOut(fields + "Content-Transfer-Encoding: base64\r\n\r\naGVs==bG8=\r\n"));
}

TEST_CASE("hostile senders and subjects stay within their line of the notice", "[delivery][notice]")
{
    Notice notice;
    notice.server_name = "mail.example.org";
    notice.recipient = "alice@example.org";
    notice.sender = "evil@example.com";
    notice.subject = "Gr\xc3\xbc\xc3\x9f" "e";
    notice.signature = "Eicar-Test-Signature";
    const auto text = composeNotice(notice);
    const auto summary = mail::summarize(text);
    CHECK(mail::decodeWords(summary.envelope().subject.value_or("")) == "Quarantined: Gr\xc3\xbc\xc3\x9f" "e");
    for (const auto* wanted : {"evil@example.com", "Eicar-Test-Signature", "administrator"})
        CHECK_THAT(text, Catch::ContainsSubstring(wanted));
    CHECK(text.find("\n\n") == std::string::npos); // CRLF throughout
}

TEST_CASE("the head that delivery puts before a message is known again, and nothing else is taken for it", "[delivery][received]")
{
    const std::string mail = "Received: from a\r\n\tby b with SMTP\r\nSubject: x\r\n\r\ntext\r\n";
    const std::string one = "Return-Path: <a@b>\r\nReceived: from mx (1.2.3.4)\r\n\tby mail (Postfach) with LMTP id 1f\r\n\tfor <c@d>;\r\n\tdate\r\n";
    CHECK(withoutOwnHead(one + mail) == mail);
    for (const std::string& other : {std::string(), mail, "Return-Path: <a@b>\r\n" + mail, one.substr(0, 40), one.substr(20) + mail,
                                    "X: y\r\n" + one + mail}) {
        CAPTURE(other);
        CHECK(withoutOwnHead(other) == other);
    }
    CHECK(withoutOwnHead(one).empty());
}
