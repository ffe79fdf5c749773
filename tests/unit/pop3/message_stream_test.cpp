#include "server/pop3/message_stream.h"
#include "tests/support/catch.h"

using namespace postfach::pop3;

namespace {
std::string stuffed(const std::string& message, std::size_t step)
{
    DotStuffer stuffer;
    std::string out;
    for (std::size_t at = 0; at < message.size(); at += step)
        stuffer.feed(std::string_view(message).substr(at, step), [&out](std::string_view bytes) { out += bytes; });
    out += stuffer.finish();
    return out;
}

std::string top(const std::string& message, std::uint32_t lines, std::size_t step)
{
    TopCutter cutter(lines);
    std::string out;
    for (std::size_t at = 0; at < message.size() && !cutter.enough(); at += step)
        out += cutter.feed(std::string_view(message).substr(at, step));
    return out;
}
} // namespace

TEST_CASE("every line that begins with a dot gets one more, wherever the pieces end", "[pop3][rfc1939-3]")
{
    const std::pair<const char*, const char*> table[] = {
        {"a\r\n.b\r\n", "a\r\n..b\r\n.\r\n"},
        {".\r\n..\r\n", "..\r\n...\r\n.\r\n"},
        {"a.b\r\n", "a.b\r\n.\r\n"},
        {"\n.\n.\n..\r\n.", "\n..\n..\n...\r\n..\r\n.\r\n"},
        {"no line end", "no line end\r\n.\r\n"},
        {"", ".\r\n"},
        {"bare\n.lf", "bare\n..lf\r\n.\r\n"},
        {"bare at the end\n", "bare at the end\n\r\n.\r\n"}, // clients look for CRLF.CRLF
    };
    for (const auto& [message, wire] : table)
        for (const std::size_t step : {1, 2, 100})
            CHECK(stuffed(message, step) == wire);
}

TEST_CASE("TOP gives the header, the empty line and so many lines", "[pop3][rfc1939-7]")
{
    const std::string message = "A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree\r\nfour";
    for (const std::size_t step : {1, 3, 1000}) {
        CHECK(top(message, 0, step) == "A: 1\r\nB: 2\r\n\r\n");
        CHECK(top(message, 1, step) == "A: 1\r\nB: 2\r\n\r\none\r\n");
        CHECK(top(message, 3, step) == "A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree\r\n");
        CHECK(top(message, 4294967295U, step) == message);
        CHECK(top("A: no body\r\n", 5, step) == "A: no body\r\n");
    }
}
