#include "tests/bench/load/options.h"

#include "tests/bench/load/answer.h"

#include <cstdlib>
#include <string_view>

namespace postfach::load {

Options::Options(int count, const char* const* words)
{
    for (int at = 0; at < count; ++at) {
        const std::string_view word = words[at];
        if (word.substr(0, 2) != "--")
            throw Failed("not an option: " + std::string(word));
        const bool has_value = at + 1 < count && std::string_view(words[at + 1]).substr(0, 2) != "--";
        values_[std::string(word.substr(2))] = has_value ? words[++at] : "";
    }
}

std::string Options::text(const std::string& name, const std::string& otherwise) const
{
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
}

std::string Options::require(const std::string& name) const
{
    if (!is(name))
        throw Failed("--" + name + " is missing");
    return text(name);
}

long Options::number(const std::string& name, long otherwise) const
{
    const auto found = values_.find(name);
    if (found == values_.end())
        return otherwise;
    char* end = nullptr;
    const long value = std::strtol(found->second.c_str(), &end, 10);
    if (found->second.empty() || *end != '\0')
        throw Failed("--" + name + " is no number: " + found->second);
    return value;
}

std::vector<std::string> Options::list(const std::string& name) const
{
    std::vector<std::string> found;
    const std::string all = require(name);
    for (std::size_t at = 0; at <= all.size();) {
        const std::size_t comma = std::min(all.find(',', at), all.size());
        if (comma > at)
            found.push_back(all.substr(at, comma - at));
        at = comma + 1;
    }
    if (found.empty())
        throw Failed("--" + name + " is empty");
    return found;
}

} // namespace postfach::load
