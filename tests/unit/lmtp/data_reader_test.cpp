#include "server/lmtp/data_reader.h"
#include "tests/support/catch.h"

using namespace postfach::lmtp;

namespace {
struct Read {
    std::string content;
    std::size_t taken = 0;
    bool ended = false;
};

// In pieces of `step` bytes: what is found must not depend on where the network cuts.
Read read(const std::string& wire, std::size_t step)
{
    DataReader reader;
    Read result;
    while (result.taken < wire.size() && !reader.ended()) {
        const auto piece = std::string_view(wire).substr(result.taken, step);
        result.taken += reader.feed(piece, result.content);
    }
    result.ended = reader.ended();
    return result;
}
} // namespace

TEST_CASE("only CRLF.CRLF ends the data: every smuggling sequence is content", "[lmtp][smuggling]")
{
    using namespace std::string_literals;
    for (const auto& end : {"\n.\n"s, "\n.\r\n"s, "\r\n.\n"s, "\r.\r"s, "\r\n.\r"s, "\r.\r\n"s, "\r\n\0.\r\n"s, "\n.\r.\n"s, "\r\n.\0\r\n"s, "\r\r.\r\r"s})
        for (const std::size_t step : {1, 2, 3, 1000}) {
            const std::string smuggled = "MAIL FROM:<evil@example.com>\r\n";
            const auto result = read("text" + end + smuggled + "\r\n.\r\nQUIT\r\n", step);
            INFO(step);
            CHECK(result.ended);
            CHECK_THAT(result.content, Catch::StartsWith("text") && Catch::ContainsSubstring(smuggled));
            CHECK_FALSE(read("text" + end + smuggled, step).ended);
        }
}

TEST_CASE("dots are unstuffed behind CRLF and nowhere else", "[lmtp]")
{
    const std::pair<const char*, const char*> table[] = {
        {"..\r\n.\r\n", ".\r\n"},
        {"..a\r\n...b\r\n.\r\n", ".a\r\n..b\r\n"},
        {".a\r\n.\r\n", "a\r\n"},             // unstuffed though the client forgot to stuff
        {"a\n..b\r\n.\r\n", "a\n..b\r\n"},    // behind a bare LF a dot is a dot
        {"a\r..b\r\n.\r\n", "a\r..b\r\n"},
        {".\r\n", ""},                        // an empty message
        {"\r\n.\r\n", "\r\n"},
        {".\rx\r\n.\r\n", "\rx\r\n"},
        {".\r\r\n.\r\n", "\r\r\n"},
    };
    for (const auto& [wire, content] : table)
        for (const std::size_t step : {1, 2, 1000}) {
            const auto result = read(wire, step);
            CHECK(result.ended);
            CHECK(result.content == content);
        }
}

TEST_CASE("what follows the end is left for the next command", "[lmtp]")
{
    const std::string wire = "hello\r\n.\r\nMAIL FROM:<>\r\n";
    const auto result = read(wire, 1000);
    CHECK(wire.substr(result.taken) == "MAIL FROM:<>\r\n");
}
