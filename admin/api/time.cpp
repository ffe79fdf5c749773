#include "admin/api/time.h"
#include "server/base/text.h"

namespace postfach::admin {

std::optional<base::Time> parseRfc3339(std::string_view text)
{
    using namespace std::chrono;
    const auto number = [&text](std::size_t at, std::size_t digits) -> int {
        const auto value = base::parseU32(text.substr(at, digits));
        return value ? static_cast<int>(*value) : -1;
    };
    if (text.size() < 20 || text.size() > 40 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
        text[16] != ':')
        return std::nullopt;
    const year_month_day date{year{number(0, 4)}, month{static_cast<unsigned>(number(5, 2))}, day{static_cast<unsigned>(number(8, 2))}};
    const int h = number(11, 2), m = number(14, 2), s = number(17, 2);
    if (number(0, 4) < 1970 || number(5, 2) < 0 || number(8, 2) < 0 || !date.ok() || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59)
        return std::nullopt;
    std::size_t at = 19;
    int millis = 0;
    if (text[at] == '.') {
        int scale = 100;
        const auto first = ++at;
        for (; at < text.size() && base::isDigit(text[at]); ++at, scale /= 10)
            millis += (text[at] - '0') * scale;
        if (at == first)
            return std::nullopt;
    }
    const auto zone = text.substr(at);
    minutes offset{0};
    if (zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':') {
        const auto zh = base::parseU32(zone.substr(1, 2)), zm = base::parseU32(zone.substr(4, 2));
        if (!zh || !zm || *zh > 23 || *zm > 59)
            return std::nullopt;
        offset = minutes{static_cast<int>(*zh * 60 + *zm) * (zone[0] == '-' ? -1 : 1)};
    } else if (zone != "Z" && zone != "z") {
        return std::nullopt;
    }
    return base::Time{sys_days{date}} + hours{h} + minutes{m} + seconds{s} + milliseconds{millis} - offset;
}

} // namespace postfach::admin
