#include "server/imap/syntax/writer.h"

#include "server/base/text.h"
#include "server/imap/syntax/characters.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace postfach::imap {

namespace {

constexpr std::size_t kLongestQuoted = 4096; // some clients read quoted strings into line buffers; literals announce their length

// IMAP4rev1 knows no 8-bit characters in quotes. Other control characters are allowed there, yet nobody expects them.
bool fitsQuotes(std::string_view text, bool eight_bit)
{
    return text.size() <= kLongestQuoted && std::all_of(text.begin(), text.end(), [eight_bit](char c) {
        const auto u = static_cast<unsigned char>(c);
        return c == '\t' || (u >= 0x20 && u < 0x7f) || (u >= 0x80 && eight_bit);
    });
}

void putQuoted(std::string& out, std::string_view text)
{
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    out += '"';
}

constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

} // namespace

void putString(std::string& out, std::string_view text)
{
    if (fitsQuotes(text, false))
        putQuoted(out, text);
    else
        putLiteral(out, text);
}

void putUtf8String(std::string& out, std::string_view text)
{
    if (fitsQuotes(text, true) && base::isUtf8(text))
        putQuoted(out, text);
    else
        putLiteral(out, text);
}

void putNstring(std::string& out, const std::optional<std::string>& text)
{
    if (text)
        putString(out, *text);
    else
        out += "NIL";
}

void putAstring(std::string& out, std::string_view text)
{
    const bool is_nil = text.size() == 3 && (text[0] | 32) == 'n' && (text[1] | 32) == 'i' && (text[2] | 32) == 'l';
    if (!text.empty() && !is_nil && std::all_of(text.begin(), text.end(), isAstringChar))
        out += text;
    else
        putString(out, text);
}

void putLiteral(std::string& out, std::string_view bytes)
{
    out += '{';
    out += std::to_string(bytes.size());
    out += "}\r\n";
    out += bytes;
}

void putInternalDate(std::string& out, store::Time time)
{
    using namespace std::chrono;
    // The grammar has four digits for the year. What lies outside comes from a broken clock; a valid wrong date is still readable.
    constexpr sys_seconds kFirst{sys_days{year{0} / January / 1}};
    constexpr sys_seconds kLast{sys_days{year{9999} / December / 31} + hours{24} - seconds{1}};
    const sys_seconds at = std::clamp(floor<seconds>(time), kFirst, kLast);
    const sys_days day = floor<days>(at);
    const year_month_day date{day};
    const hh_mm_ss clock{at - day};
    std::array<char, 40> text{};
    const int n = std::snprintf(text.data(), text.size(), "\"%02u-%s-%04d %02d:%02d:%02d +0000\"",
                                static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                                static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
                                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
    out.append(text.data(), static_cast<std::size_t>(n));
}

void putFlags(std::string& out, const store::Flags& flags, bool recent, const std::vector<std::string>& names)
{
    struct Named {
        std::uint64_t bit;
        const char* name;
    };
    static constexpr std::array<Named, 5> kSystem{{{store::Flags::kAnswered, "\\Answered"},
                                                   {store::Flags::kFlagged, "\\Flagged"},
                                                   {store::Flags::kDeleted, "\\Deleted"},
                                                   {store::Flags::kSeen, "\\Seen"},
                                                   {store::Flags::kDraft, "\\Draft"}}};
    const std::size_t start = out.size();
    const auto put = [&](std::string_view name) {
        out += out.size() == start ? '(' : ' ';
        out += name;
    };
    for (const Named& flag : kSystem)
        if (flags.has(flag.bit))
            put(flag.name);
    if (recent)
        put("\\Recent");
    // A keyword whose name is not known yet to this reader (added a moment ago) is left out rather than misnamed.
    for (unsigned i = 0; i < store::Flags::kKeywordBits && i < names.size(); ++i)
        if ((flags.bits >> (store::Flags::kFirstKeywordBit + i)) & 1)
            put(names[i]);
    for (const std::uint16_t index : flags.more)
        if (index < names.size())
            put(names[index]);
    if (out.size() == start)
        out += '(';
    out += ')';
}

} // namespace postfach::imap
