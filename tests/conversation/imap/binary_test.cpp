#include "server/base/text.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <chrono>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

TEST_CASE("pieces of a part are those of the whole, and it is decoded once for all of them", "[imap][binary][rfc3516]")
{
    TestServer server;
    auto client = server.imap();
    std::mt19937 random(20261129);
    const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
    std::string bytes;
    for (std::size_t i = 0; i < 300'000; ++i)
        bytes += static_cast<char>(random());
    const auto lines = [&](const std::string& text, bool uneven) {
        std::string out;
        for (std::size_t at = 0, length = 76; at < text.size(); at += length) {
            length = uneven ? 1 + below(100) : 76;
            out += text.substr(at, length) + (uneven && below(9) == 0 ? "!\r\n" : "\r\n");
        }
        return out;
    };
    const auto escaped = [&] {
        std::string out;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            static constexpr std::string_view kHex = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(bytes[i]);
            out += '=';
            out += kHex[byte / 16];
            out += kHex[byte % 16];
            out += i % 20 == 19 ? (below(3) == 0 ? "\r\n" : "=\r\n") : "";
        }
        return out;
    };
    const std::vector<std::pair<std::string, std::string>> parts{{"base64", lines(base::base64(bytes), false)},
        {"base64", lines(base::base64(bytes), true)}, {"base64", lines(base::base64(bytes.substr(0, 100'000)) + base::base64(bytes), true)},
        {"quoted-printable", escaped()}, {"7bit", lines(base::base64(bytes), false)}};
    std::string message = "Content-Type: multipart/mixed; boundary=x\r\n\r\n";
    const std::string small = "--x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(base::base64(bytes.substr(0, 1'000)), false);
    for (const auto& [encoding, text] : parts)
        message += "--x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + text + "\r\n";
    message += small + "--x--\r\n";
    client.append("INBOX", message);
    client.append("Archive", "Subject: another\r\n" + message);
    client.select();
    const auto fetch = [&](std::size_t part, const std::string& piece) {
        const std::string line = client.talk("UID FETCH 1 BINARY.PEEK[" + std::to_string(part) + "]" + piece).front();
        const auto at = line.find("}\r\n");
        return at == std::string::npos ? std::string() : line.substr(at + 3, line.size() - at - 4);
    };

    for (std::size_t part = 1; part <= parts.size(); ++part) {
        INFO("part " << part);
        const std::string whole = fetch(part, "");
        REQUIRE(whole.size() >= 60'000);
        const auto before = metric("postfach_imap_parts_decoded_total");
        for (int i = 0; i < 30; ++i) {
            const std::size_t from = below(whole.size() + 2'000), length = 1 + below(90'000);
            INFO("from " << from << ", " << length << " bytes");
            const std::string expected = from < whole.size() ? whole.substr(from, length) : "";
            CHECK((fetch(part, "<" + std::to_string(from) + "." + std::to_string(length) + ">") == expected));
        }
        const auto decoded = metric("postfach_imap_parts_decoded_total") - before;
        CHECK(decoded == (parts[part - 1].first == "7bit" ? 0U : 1U));
    }
    SECTION("another part, or another mailbox, is not taken for it")
    {
        const std::string first = fetch(1, "<100.1000>"), third = fetch(3, "<100.1000>");
        CHECK((first == bytes.substr(100, 1'000)));
        CHECK((fetch(1, "<299000.5000>") == bytes.substr(299'000)));
        CHECK((fetch(3, "<100000.1000>") == bytes.substr(0, 1'000)));
        const auto before = metric("postfach_imap_parts_decoded_total");
        client.select("Archive");
        CHECK((fetch(3, "<100.1000>") == third));
        CHECK(client.talk("UID FETCH 1 (BINARY.SIZE[3] BINARY.PEEK[3]<400000.9>)").front() == "* 1 FETCH (UID 1 BINARY.SIZE[3] 400000 BINARY[3]<400000> ~{0}\r\n)");
        CHECK(metric("postfach_imap_parts_decoded_total") == before + 1);
    }
    SECTION("what is kept is counted, and given back")
    {
        const auto kept = [] { return metric("postfach_imap_decoded_bytes"); };
        client.select();
        CHECK(kept() == 0);
        fetch(1, "<0.10>");
        CHECK(kept() == bytes.size());
        fetch(1, "<10.10>");
        CHECK(kept() == bytes.size());
        fetch(4, "<0.10>");
        CHECK(kept() > bytes.size()); // its lines have ends
        fetch(6, "<0.10>");
        CHECK(kept() == 0); // a small one is not
        client.talk("UNSELECT");
        CHECK(kept() == 0);
        client.select();
        fetch(1, "<0.10>");
        CHECK(kept() == bytes.size());
        client.hangUp();
        CHECK(within(std::chrono::seconds(60), [&] { return kept() == 0; }));
    }
}
