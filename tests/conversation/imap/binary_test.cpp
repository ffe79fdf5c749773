#include "server/base/text.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <string>

using namespace postfach;
using namespace postfach::test;

namespace {

const std::string kBytes = std::string("all\0bytes\xff", 10);

std::string message()
{
    return "Subject: binary\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
           "--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=\r\n=C3=9Fe\r\n"
           "--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base::base64(kBytes)
        + "\r\n--x\r\nContent-Type: application/x-other\r\nContent-Transfer-Encoding: x-own\r\n\r\nwhatever\r\n"
          "--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x--\r\n";
}

} // namespace

TEST_CASE("BINARY gives a part decoded", "[imap][binary][rfc3516]")
{
    TestServer server;
    auto client = server.imap();
    client.append("INBOX", message());
    client.append("INBOX", message());
    client.select();
    const auto fetch = [&](const std::string& items) { return client.talk("FETCH 1 (" + items + ")"); };

    for (const auto* wrong : {"BINARY", "BINARY.PEEK", "BINARY[", "BINARY[x]", "BINARY[1.MIME]", "BINARY[TEXT]", "BINARY[0]", "BINARY[1]<0>",
             "BINARY.SIZE[1]<0.5>", "BINARY.NONE[1]"})
    {
        INFO(wrong);
        CHECK_THAT(fetch(wrong).back(), Catch::StartsWith("BAD"));
    }

    CHECK(fetch("BINARY.PEEK[1]").front() == "* 1 FETCH (BINARY[1] {7}\r\nGr\xc3\xbc\xc3\x9f" "e)");
    CHECK(fetch("BINARY.PEEK[2]").front() == "* 1 FETCH (BINARY[2] ~{10}\r\n" + kBytes + ")");
    CHECK(fetch("BINARY.PEEK[2]<3.2>").front() == std::string("* 1 FETCH (BINARY[2]<3> ~{2}\r\n\0b)", 33));
    CHECK(fetch("BINARY.PEEK[2]<10.5>").front() == "* 1 FETCH (BINARY[2]<10> \"\")");
    CHECK(fetch("BINARY.SIZE[1] BINARY.SIZE[2] BINARY.SIZE[4] BINARY.SIZE[9]").front()
        == "* 1 FETCH (BINARY.SIZE[1] 7 BINARY.SIZE[2] 10 BINARY.SIZE[4] 5 BINARY.SIZE[9] 0)");
    CHECK(fetch("BINARY.PEEK[4] BINARY.PEEK[9]").front() == "* 1 FETCH (BINARY[4] {5}\r\nplain BINARY[9] NIL)");
    CHECK(fetch("BINARY.SIZE[]").front() == "* 1 FETCH (BINARY.SIZE[] " + std::to_string(message().size()) + ")");
    CHECK(fetch("BINARY.PEEK[]").front() == "* 1 FETCH (BINARY[] {" + std::to_string(message().size()) + "}\r\n" + message() + ")");
    CHECK(client.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS (\\Recent))"); // none of these marks it as read

    SECTION("an encoding that nobody knows costs its part alone, and is said")
    {
        const auto answers = client.talk("FETCH 1:2 (UID BINARY.PEEK[3])");
        CHECK(answers[0] == "* 1 FETCH (UID 1)");
        CHECK(answers[1] == "* 2 FETCH (UID 2)");
        CHECK_THAT(answers[2], Catch::StartsWith("NO [UNKNOWN-CTE]"));
    }
    SECTION("without PEEK it is read, as BODY[] does")
    {
        CHECK_THAT(fetch("BINARY[4]").front(), Catch::EndsWith("BINARY[4] {5}\r\nplain)"));
        CHECK(client.talk("FETCH 1 FLAGS").front() == "* 1 FETCH (FLAGS (\\Seen \\Recent))");
    }
}

TEST_CASE("BINARY of a large part", "[imap][binary][rfc3516]")
{
    TestServer server;
    auto client = server.imap();
    std::string bytes;
    while (bytes.size() < 900'000)
        bytes += "line " + std::to_string(bytes.size()) + '\0';
    std::string coded;
    const std::string letters = base::base64(bytes);
    for (std::size_t at = 0; at < letters.size(); at += 76)
        coded += letters.substr(at, 76) + "\r\n";
    client.append("INBOX", "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + coded);
    client.select();
    const auto size = std::to_string(bytes.size());
    CHECK(client.talk("FETCH 1 BINARY.SIZE[1]").front() == "* 1 FETCH (BINARY.SIZE[1] " + size + ")");
    CHECK(client.talk("FETCH 1 (BINARY.PEEK[1] UID)").front() == "* 1 FETCH (UID 1 BINARY[1] ~{" + size + "}\r\n" + bytes + ")");
    CHECK(client.talk("FETCH 1 BINARY.PEEK[1]<500000.300000>").front()
        == "* 1 FETCH (BINARY[1]<500000> ~{300000}\r\n" + bytes.substr(500'000, 300'000) + ")");
    CHECK(client.talk("FETCH 1 BINARY.PEEK[]").front().substr(0, 24) == "* 1 FETCH (BINARY[] ~{12");
}
