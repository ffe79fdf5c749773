#include "admin/api/filters.h"
#include "admin/api/time.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {

std::optional<base::Time> timeOf(const Call& call, const std::string& name)
{
    const auto text = call.parameter(name);
    if (text.empty())
        return std::nullopt;
    const auto time = parseRfc3339(text);
    if (!time)
        throw Problem(422, "invalid_parameter", "The parameter \"" + name + "\" must be a time such as 2026-12-31T00:00:00Z.");
    return time;
}

std::string wordOf(const Call& call, const std::string& name, std::initializer_list<std::string_view> allowed)
{
    auto word = call.parameter(name);
    if (word.empty() || std::find(allowed.begin(), allowed.end(), word) != allowed.end())
        return word;
    std::string known;
    for (const auto one : allowed)
        known.append(known.empty() ? "" : ", ").append(one);
    throw Problem(422, "invalid_parameter", "The parameter \"" + name + "\" must be one of " + known + ".");
}

bool flagOf(const Call& call, const std::string& name)
{
    const auto value = call.parameter(name);
    if (!value.empty() && value != "true" && value != "false")
        throw Problem(422, "invalid_parameter", "The parameter \"" + name + "\" must be true or false.");
    return value == "true";
}

Span spanOf(const Call& call) { return {timeOf(call, "since"), timeOf(call, "until")}; }

std::int64_t messageIn(const Call& call, std::size_t place, const char* kind)
{
    const auto number = base::parseU64(call.values[place]);
    if (!number || *number > INT64_MAX)
        throw Problem(404, "not_found", "There is no " + std::string(kind) + " message " + base::printable(call.values[place]) + ".");
    return static_cast<std::int64_t>(*number);
}

Sort sortOf(const Call& call, const std::vector<std::string_view>& names)
{
    Sort sort;
    const auto asked = call.parameter("sort");
    if (!call.target.query.contains("sort"))
        return sort;
    sort.descending = asked.starts_with('-');
    const auto found = std::find(names.begin(), names.end(), std::string_view(asked).substr(sort.descending ? 1 : 0));
    if (found == names.end()) {
        std::string known;
        for (const auto one : names)
            known.append(known.empty() ? "" : ", ").append(one);
        throw Problem(422, "invalid_parameter", "The parameter \"sort\" must be one of " + known + ", with - before it for the other way.");
    }
    sort.order = static_cast<std::size_t>(found - names.begin());
    return sort;
}

bool hasPart(std::string_view text, std::string_view part) { return part.empty() || base::lower(text).find(base::lower(part)) != std::string::npos; }

std::string sortable(std::uint64_t number)
{
    const auto digits = std::to_string(number);
    return std::string(20 - digits.size(), '0') + digits;
}

std::string sortable(const std::optional<base::Time>& time)
{
    return sortable(time ? static_cast<std::uint64_t>(std::max<std::int64_t>(base::toMillis(*time), 0)) : 0);
}

} // namespace postfach::admin
