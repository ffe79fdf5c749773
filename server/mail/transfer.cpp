// Content-Transfer-Encodings, RFC 2045 6, as mail clients read them.
#include "server/mail/decode.h"

#include "server/base/text.h"
#include "server/mail/lines.h"

#include <algorithm>
#include <array>

namespace postfach::mail {

namespace {

constexpr std::array<signed char, 256> base64Values()
{
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<signed char, 256> values{};
    for (auto& value : values)
        value = -1;
    for (std::size_t i = 0; i < letters.size(); ++i)
        values[static_cast<unsigned char>(letters[i])] = static_cast<signed char>(i);
    values[static_cast<unsigned char>('-')] = 62; // the URL alphabet, RFC 4648 5: some programs mix them up
    values[static_cast<unsigned char>('_')] = 63;
    return values;
}
constexpr auto kBase64 = base64Values();

constexpr std::array<signed char, 256> hexValues()
{
    std::array<signed char, 256> values{};
    for (auto& value : values)
        value = -1;
    for (int i = 0; i < 10; ++i)
        values[static_cast<std::size_t>('0' + i)] = static_cast<signed char>(i);
    for (int i = 0; i < 6; ++i)
        values[static_cast<std::size_t>('A' + i)] = values[static_cast<std::size_t>('a' + i)] = static_cast<signed char>(10 + i);
    return values;
}
constexpr auto kHex = hexValues();

int hexAt(std::string_view text, std::size_t at)
{
    return at < text.size() ? kHex[static_cast<unsigned char>(text[at])] : -1;
}

// One line of uuencoded bytes: a length character, then groups of four. What is missing in the last group counts as zero
// bits; whole groups that are missing do not, or two bytes of mail would become 63 here.
void uuLine(std::string_view line, std::string& out)
{
    const auto sixBits = [&](std::size_t at) {
        return at < line.size() ? (static_cast<unsigned>(static_cast<unsigned char>(line[at])) - 32U) & 63U : 0U;
    };
    std::size_t left = sixBits(0);
    for (std::size_t at = 1; left > 0 && at < line.size(); at += 4) {
        const unsigned group = sixBits(at) << 18 | sixBits(at + 1) << 12 | sixBits(at + 2) << 6 | sixBits(at + 3);
        for (int shift = 16; shift >= 0 && left > 0; shift -= 8, --left)
            out += static_cast<char>(group >> shift & 0xff);
    }
}

// "begin 644 name": RFC-less, POSIX uuencode.
bool isUuBegin(std::string_view line)
{
    if (!line.starts_with("begin ") || line.size() < 10)
        return false;
    std::size_t i = 6;
    while (i < line.size() && line[i] >= '0' && line[i] <= '7')
        ++i;
    return i >= 9 && i <= 10 && i < line.size() && line[i] == ' ';
}

// A line of yEnc (yEnc draft 1.3): each byte 42 further on; behind "=" another 64, for what a line must not hold.
void yencLine(std::string_view line, std::string& out)
{
    bool is_escaped = false;
    for (const char c : line) {
        if (c == '=' && !is_escaped) {
            is_escaped = true;
            continue;
        }
        if (c == '\r')
            continue; // never a byte of the file: it would be escaped
        out += static_cast<char>(static_cast<unsigned char>(c) - (is_escaped ? 106 : 42));
        is_escaped = false;
    }
}

// Its own word, or the beginning of bytes that were escaped?
bool isYencWord(std::string_view line, std::string_view word)
{
    return line.starts_with(word) && (line.size() == word.size() || isBlank(line[word.size()]));
}

} // namespace

std::string decodeBase64(std::string_view body)
{
    std::string out(body.size() / 4 * 3 + 3, '\0'); // no run of letters makes more than three bytes of four
    char* to = out.data();
    unsigned group = 0;
    int have = 0;
    const auto put = [&](unsigned byte) { *to++ = static_cast<char>(byte & 0xff); };
    const auto flush = [&] { // a run ends: two letters hold a byte, three hold two; one letter holds nothing
        if (have == 2)
            put(group >> 4);
        else if (have == 3) {
            put(group >> 10);
            put(group >> 2);
        }
        group = 0;
        have = 0;
    };
    const auto valueAt = [&](std::size_t at) { return static_cast<int>(kBase64[static_cast<unsigned char>(body[at])]); };
    for (std::size_t at = 0; at < body.size();) {
        if (have == 0 && body.size() - at >= 4) { // four letters in a row are the rule
            const int a = valueAt(at), b = valueAt(at + 1), c = valueAt(at + 2), d = valueAt(at + 3);
            if ((a | b | c | d) >= 0) {
                const auto four = static_cast<unsigned>(a << 18 | b << 12 | c << 6 | d);
                put(four >> 16);
                put(four >> 8);
                put(four);
                at += 4;
                continue;
            }
        }
        const char letter = body[at];
        const int value = valueAt(at++);
        if (value < 0) {
            if (letter == '=')
                flush();
            continue;
        }
        group = group << 6 | static_cast<unsigned>(value);
        if (++have == 4) {
            put(group >> 16);
            put(group >> 8);
            put(group);
            group = 0;
            have = 0;
        }
    }
    flush();
    out.resize(static_cast<std::size_t>(to - out.data()));
    return out;
}

std::string decodeQuotedPrintable(std::string_view body)
{
    std::string out;
    out.reserve(body.size());
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t next = nextLine(body, at);
        const std::string_view whole = body.substr(at, next - at);
        const std::string_view text = withoutLineEnd(whole);
        // RFC 2045 6.7 (3): white space at the end of a line was added on the way.
        const bool has_end = text.size() < whole.size();
        const std::string_view line = text.substr(0, text.find_last_not_of(" \t") + 1);
        bool joins_next = false;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::size_t sign = std::min(line.find('=', i), line.size());
            out += line.substr(i, sign - i);
            i = sign;
            if (i == line.size())
                break;
            if (hexAt(line, i + 1) >= 0 && hexAt(line, i + 2) >= 0) {
                out += static_cast<char>(hexAt(line, i + 1) * 16 + hexAt(line, i + 2));
                i += 2;
            } else if (i + 1 == line.size()) {
                joins_next = true; // soft line break
            } else {
                out += '='; // RFC 2045 6.7: leave what is no encoding as it is
            }
        }
        if (has_end && !joins_next)
            out += whole.substr(text.size());
        at = next;
    }
    return out;
}

std::vector<std::string> decodeUuencoded(std::string_view body)
{
    std::vector<std::string> blocks;
    bool inside = false;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t next = nextLine(body, at);
        const std::string_view line = withoutLineEnd(body.substr(at, next - at));
        at = next;
        if (isUuBegin(line)) {
            if (blocks.empty() || !blocks.back().empty()) // millions of empty ones would be more than the mail itself
                blocks.emplace_back();
            inside = true;
        } else if (inside && line == "end") {
            inside = false;
        } else if (inside && !line.empty()) {
            uuLine(line, blocks.back());
        }
    }
    return blocks;
}

std::vector<std::string> decodeYenc(std::string_view body)
{
    std::vector<std::string> blocks;
    std::size_t parts = 0;
    bool inside = false;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t next = nextLine(body, at);
        const std::string_view line = withoutLineEnd(body.substr(at, next - at));
        at = next;
        if (isYencWord(line, "=ybegin")) {
            if (blocks.empty() || !blocks.back().empty())
                blocks.emplace_back();
            inside = true;
        } else if (inside && isYencWord(line, "=ypart")) {
            ++parts;
        } else if (inside && isYencWord(line, "=yend")) {
            inside = false;
        } else if (inside) {
            yencLine(line, blocks.back());
        }
    }
    if (parts > 1) {
        std::string whole;
        for (const std::string& block : blocks)
            whole += block;
        blocks.push_back(std::move(whole));
    }
    return blocks;
}

std::string decodeTransfer(std::string_view encoding, std::string_view body)
{
    if (base::iequals(encoding, "base64"))
        return decodeBase64(body);
    if (base::iequals(encoding, "quoted-printable"))
        return decodeQuotedPrintable(body);
    if (base::iequals(encoding, "x-uuencode") || base::iequals(encoding, "uuencode") || base::iequals(encoding, "x-uue")) {
        std::string out;
        for (const std::string& block : decodeUuencoded(body))
            out += block;
        return out;
    }
    return std::string(body);
}

} // namespace postfach::mail
