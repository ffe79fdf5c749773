#include "server/imap/syntax/mailbox_name.h"

#include "server/base/text.h"

#include <cstdint>
#include <vector>

namespace postfach::imap {

namespace {

// RFC 3501 5.1.3: base64 with "," for "/", and no padding.
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

constexpr bool isDirect(char c) { return c >= 0x20 && c <= 0x7e; } // stands for itself; "&" as "&-"

void appendUtf8(std::string& out, char32_t c)
{
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | (c >> 6));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | (c >> 12));
        out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (c >> 18));
        out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    }
}

// The next character of UTF-8 at `at`; a byte that fits nowhere is U+FFFD, alone.
char32_t takeUtf8(std::string_view text, std::size_t& at)
{
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (at + length > text.size() || !base::isUtf8(text.substr(at, length))) {
        ++at;
        return 0xfffd;
    }
    char32_t c = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i)
        c = (c << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3f);
    at += length;
    return c;
}

// The 16-bit units of one shifted run, and a check that they are characters. Padding is left to the comparison in fromModifiedUtf7.
bool decodeRun(std::string_view run, std::string& out)
{
    std::uint32_t bits = 0;
    int count = 0;
    char32_t high = 0;
    for (const char c : run) {
        const std::size_t value = kAlphabet.find(c);
        if (value == std::string_view::npos)
            return false;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 16)
            continue;
        count -= 16;
        const char32_t unit = (bits >> count) & 0xffff;
        bits &= (1U << count) - 1;
        if (high != 0) {
            if (unit < 0xdc00 || unit > 0xdfff)
                return false;
            appendUtf8(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
            high = 0;
        } else if (unit >= 0xd800 && unit <= 0xdbff) {
            high = unit;
        } else if (unit < 0x80 || (unit >= 0xdc00 && unit <= 0xdfff)) {
            return false; // ASCII must not hide in a shift: "&AC8-" would be a second way to write the delimiter
        } else {
            appendUtf8(out, unit);
        }
    }
    return high == 0;
}

} // namespace

std::optional<std::string> fromModifiedUtf7(std::string_view wire)
{
    std::string out;
    for (std::size_t at = 0; at < wire.size();) {
        const char c = wire[at++];
        if (!isDirect(c))
            return std::nullopt;
        if (c != '&') {
            out += c;
            continue;
        }
        const std::size_t end = wire.find('-', at);
        if (end == std::string_view::npos)
            return std::nullopt;
        if (end == at)
            out += '&';
        else if (!decodeRun(wire.substr(at, end - at), out))
            return std::nullopt;
        at = end + 1;
    }
    // One name, one spelling: whatever we would write otherwise (adjacent shifts, bits left over) is refused.
    if (toModifiedUtf7(out) != wire)
        return std::nullopt;
    return out;
}

std::string toModifiedUtf7(std::string_view utf8)
{
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    bool shifted = false;
    const auto unshift = [&] {
        if (!shifted)
            return;
        if (count > 0)
            out += kAlphabet[(bits << (6 - count)) & 0x3f];
        out += '-';
        bits = 0;
        count = 0;
        shifted = false;
    };
    const auto unit = [&](char32_t value) {
        bits = (bits << 16) | static_cast<std::uint32_t>(value);
        count += 16;
        while (count >= 6) {
            count -= 6;
            out += kAlphabet[(bits >> count) & 0x3f];
        }
        bits &= (1U << count) - 1;
    };
    for (std::size_t at = 0; at < utf8.size();) {
        const char32_t c = takeUtf8(utf8, at);
        if (c < 0x80 && isDirect(static_cast<char>(c))) {
            unshift();
            out += static_cast<char>(c);
            if (c == '&')
                out += '-';
            continue;
        }
        if (!shifted)
            out += '&';
        shifted = true;
        if (c >= 0x10000) {
            unit(0xd800 + ((c - 0x10000) >> 10));
            unit(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            unit(c);
        }
    }
    unshift();
    return out;
}

// All states at once, as a nondeterministic automaton: state i has matched the pattern's first i literals, and stays where a wildcard
// stands behind them. Every byte of the name costs one pass over the states, sixty-four at a time, whatever the pattern is; and of a
// pattern with more literals than the name has bytes nothing is looked at.
bool matchesPattern(std::string_view name, std::string_view pattern, char delimiter)
{
    const std::size_t words = std::min(name.size(), pattern.size()) / 64 + 1; // of a set of states
    std::vector<std::uint64_t> moves(256 * words, 0); // from i to i + 1, by the byte that does it
    std::vector<std::uint64_t> stays(words, 0), stays_at_delimiter(words, 0), states(words, 0);
    const auto put = [](std::uint64_t* set, std::size_t state) { set[state / 64] |= std::uint64_t{1} << (state % 64); };
    const auto movesBy = [&moves, words](char c) { return moves.data() + words * static_cast<unsigned char>(c); };
    std::size_t literals = 0;
    for (const char c : pattern) {
        if (c == '*')
            put(stays_at_delimiter.data(), literals);
        if (c == '*' || c == '%')
            put(stays.data(), literals);
        else if (literals == name.size())
            return false;
        else
            put(movesBy(c), literals++);
    }

    // INBOX is one name in any case (RFC 9051 5.1), as a parent too.
    const bool inbox = base::istartsWith(name, "INBOX") && (name.size() == 5 || name[5] == delimiter);

    put(states.data(), 0);
    for (std::size_t at = 0; at < name.size(); ++at) {
        const char c = name[at];
        const bool any_case = inbox && at < 5;
        const std::uint64_t* by = movesBy(any_case ? base::asciiLower(c) : c);
        const std::uint64_t* or_by = any_case ? movesBy(base::asciiUpper(c)) : by;
        const std::uint64_t* stay = (c == delimiter ? stays_at_delimiter : stays).data();
        std::uint64_t carried = 0, alive = 0;
        for (std::size_t i = 0; i < words; ++i) {
            const std::uint64_t moved = states[i] & (by[i] | or_by[i]);
            states[i] = (states[i] & stay[i]) | (moved << 1) | carried;
            carried = moved >> 63;
            alive |= states[i];
        }
        if (alive == 0)
            return false;
    }
    return ((states[literals / 64] >> (literals % 64)) & 1) != 0;
}

} // namespace postfach::imap
