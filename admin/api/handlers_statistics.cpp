// Statistics over time.
#include "admin/api/handlers.h"
#include "admin/api/json.h"
#include "admin/api/time.h"

#include <algorithm>

namespace postfach::admin::handle {
namespace {

constexpr auto kLongest = std::chrono::hours(24 * 400);

base::Time timeOf(const Call& call, const std::string& name, base::Time standard)
{
    const auto text = call.parameter(name);
    const auto time = text.empty() ? std::optional(standard) : parseRfc3339(text);
    if (!time)
        throw Problem(422, "invalid_parameter", "The parameter \"" + name + "\" must be a time such as 2026-12-31T00:00:00Z.");
    return *time;
}

} // namespace

Response getStatistics(Service& service, const Call& call)
{
    const auto word = call.parameter("step").empty() ? std::string("hour") : call.parameter("step");
    if (word != "hour" && word != "day")
        throw Problem(422, "invalid_parameter", "The parameter \"step\" may be hour or day.");
    const std::chrono::hours step(word == "hour" ? 1 : 24);
    const auto begin = [&](base::Time time) {
        return word == "hour" ? base::Time(std::chrono::floor<std::chrono::hours>(time)) : base::Time(std::chrono::floor<std::chrono::days>(time));
    };
    const auto now = service.context().clock.now();
    const auto until = timeOf(call, "to", begin(now) + step);
    const auto from = begin(timeOf(call, "from", until - (word == "hour" ? std::chrono::hours(24) : std::chrono::hours(24 * 30))));
    if (from >= until || until - from > kLongest)
        throw Problem(422, "invalid_parameter", "The parameter \"from\" must lie before \"to\", 400 days at most.");
    const auto found = service.statistics(from, until, step);
    Poco::JSON::Array::Ptr times = new Poco::JSON::Array;
    for (const auto& time : found.times)
        times->add(base::rfc3339(time));
    auto series = object();
    for (const auto& [name, values] : found.series) {
        Poco::JSON::Array::Ptr list = new Poco::JSON::Array;
        for (const auto& value : values)
            list->add(value ? Poco::Dynamic::Var(*value) : Poco::Dynamic::Var());
        series->set(name, list);
    }
    auto out = object();
    out->set("from", base::rfc3339(from));
    out->set("to", base::rfc3339(until));
    out->set("step", word);
    out->set("times", times);
    out->set("series", series);
    return Response::json(200, out);
}

} // namespace postfach::admin::handle
