// Dates: RFC 5322 3.3, the obsolete forms of 4.3, and the C library's asctime order that old programs write.
#include "server/base/text.h"
#include "server/mail/header.h"
#include "server/mail/lines.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace postfach::mail {

namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

// RFC 5322 4.3. The letters of the military zones were defined with the wrong sign once: they say nothing, like any other name.
constexpr std::array<std::pair<std::string_view, int>, 11> kZones{{{"UT", 0}, {"GMT", 0}, {"UTC", 0}, {"EST", -300}, {"EDT", -240},
                                                                   {"CST", -360}, {"CDT", -300}, {"MST", -420}, {"MDT", -360},
                                                                   {"PST", -480}, {"PDT", -420}}};
constexpr std::size_t kMost = 200; // bytes of a date that are looked at
constexpr std::size_t kWords = 16;

// One space for commas, comments and white space, and none about the colons of a time, where old mail may have both.
std::string tidied(std::string_view text)
{
    std::string out;
    int depth = 0;
    for (const char c : text) {
        const bool separates = depth > 0 || isSpace(c) || c == ',' || c == '(' || c == ')' || c == '\0';
        if (c == '(')
            ++depth;
        else if (c == ')' && depth > 0)
            --depth;
        if (!separates) {
            if (c == ':' && out.ends_with(' '))
                out.pop_back();
            out += c;
        } else if (!out.empty() && out.back() != ' ' && out.back() != ':') {
            out += ' ';
        }
    }
    return out;
}

std::vector<std::string_view> words(std::string_view tidy)
{
    std::vector<std::string_view> found;
    for (std::size_t begin = 0; begin < tidy.size() && found.size() < kWords;) {
        const std::size_t end = std::min(tidy.find(' ', begin), tidy.size());
        found.push_back(tidy.substr(begin, end - begin));
        begin = end + 1;
    }
    return found;
}

std::optional<int> number(std::string_view text, std::size_t most_digits)
{
    const auto value = text.size() <= most_digits ? base::parseU32(text) : std::nullopt;
    return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
}

template <std::size_t N>
std::optional<int> nameIndex(const std::array<std::string_view, N>& names, std::string_view word)
{
    for (std::size_t i = 0; i < N; ++i)
        if (base::istartsWith(word, names[i]))
            return static_cast<int>(i);
    return std::nullopt;
}

std::optional<int> yearOf(std::string_view word)
{
    auto year = number(word, 4);
    if (!year || word.size() < 2)
        return std::nullopt;
    if (word.size() == 2)
        *year += *year < 50 ? 2000 : 1900;
    else if (word.size() == 3)
        *year += 1900;
    return year;
}

std::optional<std::chrono::milliseconds> timeOf(std::string_view word)
{
    const auto pieces = base::split(word, ':');
    if (pieces.size() < 2 || pieces.size() > 3)
        return std::nullopt;
    const auto hours = number(pieces[0], 2), minutes = number(pieces[1], 2);
    auto seconds = std::optional<int>(0);
    if (pieces.size() == 3)
        seconds = number(pieces[2].substr(0, pieces[2].find('.')), 2);
    if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 60)
        return std::nullopt;
    return std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds);
}

// +hhmm, -hhmm, +hh:mm; nullopt where the word is no number.
std::optional<int> numericZone(std::string_view word)
{
    if (word.size() < 5 || (word.front() != '+' && word.front() != '-'))
        return std::nullopt;
    const std::string_view minutes_text = word[3] == ':' ? word.substr(4) : word.substr(3);
    const auto hours = number(word.substr(1, 2), 2), minutes = number(minutes_text, 2);
    if (!hours || !minutes || *minutes > 59)
        return std::nullopt;
    const int offset = *hours * 60 + *minutes;
    return word.front() == '-' ? -offset : offset;
}

int namedZone(std::string_view word)
{
    const auto zone = std::find_if(kZones.begin(), kZones.end(), [&](const auto& z) { return base::iequals(z.first, word); });
    return zone == kZones.end() ? 0 : zone->second;
}

int zoneOf(const std::vector<std::string_view>& list, std::size_t at)
{
    if (at >= list.size())
        return 0;
    if (const auto offset = numericZone(list[at]))
        return *offset;
    if (base::istartsWith(list[at], "GMT") && list[at].size() > 3) // GMT+0100
        return numericZone(list[at].substr(3)).value_or(0);
    return namedZone(list[at]);
}

std::optional<Date> makeDate(std::optional<int> day, std::optional<int> month, std::optional<int> year,
                             std::optional<std::chrono::milliseconds> time, int offset)
{
    if (!day || !month || !year || !time)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month + 1)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok())
        return std::nullopt;
    return Date{base::Time{std::chrono::sys_days{date}} + *time - std::chrono::minutes(offset), offset};
}

} // namespace

std::optional<Date> parseDate(std::string_view value)
{
    const std::string text = tidied(value.substr(0, kMost));
    std::vector<std::string_view> list = words(text);
    std::size_t at = 0;
    if (!list.empty() && nameIndex(kDays, list[0]))
        at = 1;
    // 01-Mar-2026 is one word; dashes are those of a zone only behind the time.
    if (at < list.size() && list[at].find('-') != std::string_view::npos) {
        const auto pieces = base::split(list[at], '-');
        if (pieces.size() == 3) {
            list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
            list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), pieces.begin(), pieces.end());
        }
    }
    if (list.size() < at + 4)
        return std::nullopt;
    if (const auto month = nameIndex(kMonths, list[at])) { // Sun Mar  1 09:30:00 [CET] 2026
        const auto last = yearOf(list[at + 3]);
        if (last)
            return makeDate(number(list[at + 1], 2), month, last, timeOf(list[at + 2]), zoneOf(list, at + 4));
        if (list.size() < at + 5)
            return std::nullopt;
        return makeDate(number(list[at + 1], 2), month, yearOf(list[at + 4]), timeOf(list[at + 2]), zoneOf(list, at + 3));
    }
    return makeDate(number(list[at], 2), nameIndex(kMonths, list[at + 1]), yearOf(list[at + 2]), timeOf(list[at + 3]),
                    zoneOf(list, at + 4));
}

std::string formatDate(base::Time time, int offset_minutes)
{
    const auto local = time + std::chrono::minutes(offset_minutes);
    const auto day = std::chrono::floor<std::chrono::days>(local);
    const std::chrono::year_month_day date{day};
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(local - day).count();
    const int offset = std::abs(offset_minutes);
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%s, %u %s %04d %02d:%02d:%02d %c%02d%02d",
                  kDays[std::chrono::weekday{day}.c_encoding()].data(), static_cast<unsigned>(date.day()),
                  kMonths[static_cast<unsigned>(date.month()) - 1].data(), static_cast<int>(date.year()),
                  static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60),
                  offset_minutes < 0 ? '-' : '+', offset / 60 % 100, offset % 60);
    return buffer;
}

} // namespace postfach::mail
