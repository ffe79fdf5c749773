#include "server/mail/binary.h"
#include "server/mail/decode.h"
#include "server/mail/structure.h"
#include "tests/support/catch.h"

using namespace postfach::mail;
using namespace std::string_literals;

namespace {

std::string everyByte(int times)
{
    std::string all;
    for (int i = 0; i < times * 256; ++i)
        all += static_cast<char>(i);
    return all;
}

} // namespace

TEST_CASE("NUL outside of a binary part cannot be encoded", "[mail][binary][rfc3516-4.4]")
{
    CHECK_FALSE(encodeBinaryParts("Subject: a\0b\r\n\r\ntext"s));
    CHECK_FALSE(encodeBinaryParts("Subject: x\r\n\r\nte\0xt"s));
    CHECK_FALSE(encodeBinaryParts("Content-Transfer-Encoding: base64\r\n\r\n\0"s));
    CHECK_FALSE(encodeBinaryParts(
        "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n\0--b\r\n\r\nx\r\n--b--\r\n"s));
    CHECK_FALSE(encodeBinaryParts(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\r\n--b\r\nX: \0\r\n\r\nx\r\n--b--\r\n"s));
}

TEST_CASE("binary parts with NUL come back from base64 as they were, all else is untouched", "[mail][binary][rfc3516-6]")
{
    const std::string bytes = everyByte(3);
    SECTION("a message that is one part")
    {
        const auto encoded =
            encodeBinaryParts("Subject: x\r\nContent-Transfer-Encoding:\r\n BINARY\r\nX-Last: y\r\n\r\n" + bytes);
        REQUIRE(encoded);
        CHECK_THAT(*encoded, Catch::StartsWith("Subject: x\r\nContent-Transfer-Encoding: base64\r\nX-Last: y\r\n\r\nAAECAwQF"));
        const Structure structure = parseStructure(*encoded);
        CHECK(structure.parts[0].encoding == "base64");
        CHECK(decodeBase64(structure.parts[0].body(*encoded)) == bytes);
        for (std::size_t at = 0, end = 0; (end = encoded->find("\r\n", at)) != std::string::npos; at = end + 2)
            CHECK(end - at <= 76);
    }
    SECTION("two of four parts, one of them in a message in the message")
    {
        const std::string inner = "Subject: inner\r\nContent-Transfer-Encoding: binary\r\n\r\n" + "\0\1"s;
        const std::string message = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
                                    "boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\nbefore\r\n--b\r\n"
                                    "Content-Transfer-Encoding: binary\r\n\r\nno NUL\r\n--b\r\nContent-Type: "
                                    "image/png\r\ncontent-transfer-encoding: binary\r\n\r\n"
            + bytes + "\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n" + inner
            + "\r\n--b--\r\nafter\r\n";
        const auto encoded = encodeBinaryParts(message);
        REQUIRE(encoded);
        CHECK(encoded->find('\0') == std::string::npos);
        const Structure before = parseStructure(message), now = parseStructure(*encoded);
        REQUIRE(now.parts.size() == before.parts.size());
        CHECK(now.parts[1].body(*encoded) == "no NUL");
        CHECK(now.parts[1].encoding == "binary");
        CHECK(decodeBase64(now.parts[2].body(*encoded)) == bytes);
        CHECK(decodeBase64(now.parts[4].body(*encoded)) == "\0\1"s);
        CHECK_THAT(*encoded, Catch::EndsWith("\r\n--b--\r\nafter\r\n"));
    }
    CHECK(encodeBinaryParts("Subject: x\r\n\r\ntext") == "Subject: x\r\n\r\ntext");
}
