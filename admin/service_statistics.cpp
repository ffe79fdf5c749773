// Service: what was counted, by the hour, kept for a year. The numbers are those of /metrics, looked at every minute.
#include "admin/answering.h"
#include "admin/service.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <algorithm>
#include <array>

namespace postfach::admin {
namespace {

using Counting = store::WriteTx::Counting;
constexpr auto kStatisticsKept = std::chrono::hours(24 * 400);

struct Source {
    const char* series; // stays the same for ever
    const char* metric;
    Counting how;
};
constexpr std::array<Source, 15> kSources{{
    {"deliveries.stored", "postfach_deliveries_total{outcome=\"stored\"}", Counting::sum},
    {"deliveries.quarantined", "postfach_deliveries_total{outcome=\"quarantined\"}", Counting::sum},
    {"deliveries.refused", "postfach_deliveries_total{outcome=\"refused\"}", Counting::sum},
    {"logins.ok", "postfach_logins_total{outcome=\"ok\"}", Counting::sum},
    {"logins.wrong", "postfach_logins_total{outcome=\"wrong\"}", Counting::sum},
    {"logins.disabled", "postfach_logins_total{outcome=\"disabled\"}", Counting::sum},
    {"bans", "postfach_login_bans_total", Counting::sum},
    {"scans.clean", "postfach_scanner_scans_total{verdict=\"clean\"}", Counting::sum},
    {"scans.infected", "postfach_scanner_infected_total", Counting::sum},
    {"scans.unscannable", "postfach_scanner_unscannable_total", Counting::sum},
    {"scans.errors", "postfach_scanner_errors_total", Counting::sum},
    {"store.accounts", "postfach_store_accounts", Counting::latest},
    {"store.messages", "postfach_store_messages", Counting::latest},
    {"store.bytes", "postfach_store_bytes", Counting::latest},
    {"store.quarantined", "postfach_store_quarantined", Counting::latest},
}};

std::optional<std::int64_t> valueOf(const std::string& text, const std::string& metric)
{
    const auto at = text.find("\n" + metric + " ");
    if (at == std::string::npos)
        return std::nullopt;
    const auto begin = at + metric.size() + 2;
    const auto number = base::parseU64(std::string_view(text).substr(begin, text.find('\n', begin) - begin));
    return number && *number <= INT64_MAX ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

} // namespace

// Counters of the process count on from where they are now.
void Service::beginStatistics()
{
    const std::string text = "\n" + base::prometheusText();
    for (const Source& source : kSources)
        if (source.how == Counting::sum)
            counted_[source.series] = valueOf(text, source.metric).value_or(0);
}

void Service::sampleStatistics()
{
    {
        const std::lock_guard lock(mutex_);
        totals_.clear(); // counted anew
    }
    const std::string text = "\n" + metrics();
    const auto now = context_.clock.now();
    const auto hour = std::chrono::floor<std::chrono::hours>(now);
    const bool fresh = hour != counted_hour_;
    std::vector<std::pair<store::Statistic, Counting>> news;
    for (const Source& source : kSources) {
        const auto value = valueOf(text, source.metric);
        if (!value)
            continue;
        auto& before = counted_[source.series];
        const auto change = source.how == Counting::latest ? *value : *value < before ? *value : *value - before;
        if (source.how == Counting::latest ? fresh || *value != before : change != 0)
            news.push_back({{source.series, now, change}, source.how});
        before = *value;
    }
    counted_hour_ = hour;
    if (news.empty())
        return;
    context_.store.writeAndWait([&](store::WriteTx& tx) {
        for (const auto& [what, how] : news)
            tx.count(what, how);
        if (fresh)
            tx.forgetStatistics(now - kStatisticsKept);
    });
}

Statistics Service::statistics(base::Time from, base::Time until, std::chrono::hours step)
{
    const auto rows = answering("statistics", [&] { return context_.store.read()->statistics(from, until); });
    Statistics out;
    for (auto at = from; at < until; at += step)
        out.times.push_back(at);
    for (const Source& source : kSources)
        out.series.emplace(source.series,
            std::vector<std::optional<std::int64_t>>(
                out.times.size(), source.how == Counting::sum ? std::optional<std::int64_t>(0) : std::nullopt));
    for (const auto& row : rows) {
        const auto series = out.series.find(row.series);
        const auto source =
            std::find_if(kSources.begin(), kSources.end(), [&](const Source& s) { return row.series == s.series; });
        if (series == out.series.end() || source == kSources.end())
            continue;
        auto& value = series->second[static_cast<std::size_t>((row.hour - from) / step)];
        value = source->how == Counting::sum ? value.value_or(0) + row.value : row.value; // of several the latest, by hour
    }
    return out;
}

} // namespace postfach::admin
