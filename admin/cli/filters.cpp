// Options that narrow a list, as the parameters of its address; and times as a person says them.
#include "admin/api/target.h"
#include "admin/api/time.h"
#include "admin/cli/command.h"
#include "server/base/text.h"

#include <algorithm>
#include <chrono>

namespace postfach::admin {

std::string timeIn(const std::string& option, const std::string& text, int sign)
{
    using namespace std::chrono;
    const auto number = text.empty() ? std::nullopt : base::parseU32(std::string_view(text).substr(0, text.size() - 1));
    const auto now = floor<milliseconds>(system_clock::now());
    if (number && *number <= 100'000 && (text.back() == 'd' || text.back() == 'h'))
        return base::rfc3339(base::fromMillis(base::toMillis(now) + sign * (text.back() == 'd' ? 24 : 1) * 3'600'000LL * *number));
    const auto time = parseRfc3339(text);
    if (!time)
        throw Usage(option + " wants a time such as 30d, 12h or 2026-12-31T00:00:00Z");
    return base::rfc3339(*time);
}

std::string Invocation::narrowed(const std::string& target, std::initializer_list<const char*> names) const
{
    std::string query;
    for (const char* name : names) {
        std::string word = std::string_view(name) == "q" ? "--search" : "--" + std::string(name);
        std::replace(word.begin(), word.end(), '_', '-');
        if (const auto value = option(word)) {
            const bool is_time = word == "--since" || word == "--until";
            query += (query.empty() ? "?" : "&") + std::string(name) + "=" + percentEncoded(is_time ? timeIn(word, *value, -1) : *value);
        }
    }
    return target + query;
}

} // namespace postfach::admin
