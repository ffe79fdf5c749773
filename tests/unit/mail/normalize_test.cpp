#include "server/mail/normalize.h"
#include "tests/support/catch.h"

#include <random>

using namespace postfach::mail;

TEST_CASE("every line end becomes CRLF and nothing else changes", "[mail][normalize]")
{
    const std::pair<std::string, std::string> rows[] = {
        {"", ""}, {"a", "a"}, {"\n", "\r\n"}, {"\r", "\r\n"}, {"\r\n", "\r\n"}, {"\n\r", "\r\n\r\n"}, {"\r\r\n", "\r\n\r\n"},
        {"\n\n", "\r\n\r\n"}, {"\r\r", "\r\n\r\n"}, {"a\nb\rc\r\nd", "a\r\nb\r\nc\r\nd"}, {"\r\n\n\r", "\r\n\r\n\r\n"},
        {std::string("a\0\n", 3), std::string("a\0\r\n", 4)},
    };
    for (const auto& [raw, wanted] : rows)
        CHECK(normalizeLineEnds(raw) == wanted);
}

TEST_CASE("the pieces in which the bytes come do not matter", "[mail][normalize]")
{
    std::mt19937 random(11);
    for (int round = 0; round < 2000; ++round) {
        std::string raw;
        for (unsigned i = 0, n = random() % 60; i < n; ++i)
            raw += "\r\nab"[random() % 4];
        std::string out;
        CrlfNormalizer normalizer;
        for (std::size_t at = 0; at < raw.size();) {
            const std::size_t length = random() % 5; // empty pieces too
            normalizer.feed(std::string_view(raw).substr(at, length), out);
            at += length;
        }
        normalizer.finish(out);
        REQUIRE(out == normalizeLineEnds(raw));
        REQUIRE(normalizeLineEnds(out) == out);
    }
}
