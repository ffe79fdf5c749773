// Charsets by ICU. The names a mail gives are hostile too: only names that ICU's alias table holds ever reach ucnv_open,
// which would look for a file of any other name.
#include "server/base/text.h"
#include "server/mail/decode.h"

#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

namespace postfach::mail {

namespace {

constexpr std::size_t kName = 60; // the longest registered name has 45 characters (RFC 2978)

struct Close {
    void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using Converter = std::unique_ptr<UConverter, Close>;

// What mail means where its label says less, as the WHATWG Encoding Standard lists it: the label's own charset is a subset.
constexpr std::array<std::pair<std::string_view, const char*>, 14> kMeant{{
    {"iso-8859-1", "windows-1252"},
    {"iso8859-1", "windows-1252"},
    {"iso_8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"iso-8859-9", "windows-1254"},
    {"gb2312", "gb18030"},
    {"gbk", "gb18030"},
    {"x-gbk", "gb18030"},
    {"euc-kr", "windows-949"},
    {"ks_c_5601-1987", "windows-949"},
    {"shift_jis", "windows-31j"},
    {"x-sjis", "windows-31j"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"tis-620", "windows-874"},
}};

bool isSafeName(std::string_view name)
{
    return !name.empty() && name.size() <= kName && std::all_of(name.begin(), name.end(), [](char c) {
        const char low = base::asciiLower(c);
        return (low >= 'a' && low <= 'z') || base::isDigit(c) || c == '-' || c == '_' || c == '.' || c == ':' || c == '+';
    });
}

// The name to open a converter by; empty where there is none.
std::string icuName(std::string_view charset)
{
    charset = base::trim(charset);
    if (!isSafeName(charset))
        return {};
    const auto meant = std::find_if(kMeant.begin(), kMeant.end(), [&](const auto& m) { return base::iequals(m.first, charset); });
    const std::string name = meant != kMeant.end() ? meant->second : std::string(charset);
    UErrorCode error = U_ZERO_ERROR;
    const bool is_known = ucnv_countAliases(name.c_str(), &error) > 0 && U_SUCCESS(error);
    return is_known ? name : std::string();
}

Converter openConverter(const char* name)
{
    UErrorCode error = U_ZERO_ERROR;
    Converter converter(ucnv_open(name, &error));
    return U_SUCCESS(error) ? std::move(converter) : Converter();
}

// A header may name a charset for each of thousands of short words: the last one stays open, once a thread. Every conversion
// resets it.
UConverter* converterOf(const std::string& name)
{
    struct Opened {
        std::string name;
        Converter converter;
    };
    static thread_local Opened last;
    if (last.name != name || !last.converter)
        last = {name, openConverter(name.c_str())};
    return last.converter.get();
}

// ICU's standing callbacks put U+FFFD where bytes make no character.
std::string convert(UConverter* from, std::string_view bytes)
{
    // This side is always the same one: opened once a thread, and reset like the other.
    static thread_local const Converter to = openConverter("UTF-8");
    std::string out;
    if (!from || !to)
        return out;
    out.reserve(bytes.size() + bytes.size() / 2);
    std::array<UChar, 4096> pivot;
    std::array<char, 16384> buffer;
    UChar* pivot_source = pivot.data();
    UChar* pivot_target = pivot.data();
    const char* source = bytes.data();
    const char* const source_end = bytes.data() + bytes.size();
    bool is_first = true;
    for (;;) {
        char* target = buffer.data();
        UErrorCode error = U_ZERO_ERROR;
        ucnv_convertEx(to.get(), from, &target, buffer.data() + buffer.size(), &source, source_end, pivot.data(), &pivot_source,
                       &pivot_target, pivot.data() + pivot.size(), is_first, true, &error);
        is_first = false;
        out.append(buffer.data(), static_cast<std::size_t>(target - buffer.data()));
        if (error != U_BUFFER_OVERFLOW_ERROR)
            return out;
    }
}

bool isNamed(std::string_view charset, std::string_view name) { return base::iequals(base::trim(charset), name); }

} // namespace

bool isKnownCharset(std::string_view charset) { return !icuName(charset).empty(); }

std::string toUtf8(std::string_view charset, std::string_view bytes)
{
    const bool is_utf8 = isNamed(charset, "utf-8") || isNamed(charset, "utf8");
    const bool is_ascii = isNamed(charset, "us-ascii") || isNamed(charset, "ascii") || isNamed(charset, "ansi_x3.4-1968");
    std::string name;
    if (!is_utf8 && !is_ascii)
        name = icuName(charset);
    // A mail that says US-ASCII and has 8-bit bytes says nothing about them: it is treated like one that names no charset.
    if (name.empty() && base::isUtf8(bytes))
        return std::string(bytes);
    if (name.empty())
        name = is_utf8 ? "UTF-8" : "windows-1252";
    return convert(converterOf(name), bytes);
}

} // namespace postfach::mail
