// Webhooks and statistics (server/store/journal.h): small tables beside the journal.
#include "server/base/text.h"
#include "server/store/names.h"
#include "server/store/sqlite/writing.h"

#include <chrono>

namespace postfach::store::sqlite {

std::vector<Webhook> Reading::webhooks()
{
    std::vector<Webhook> all;
    Statement row = db_.query("SELECT name, url, kinds, account, secret, created, changed, told FROM webhook ORDER BY name");
    while (row.step())
        all.push_back({row.text(0), row.text(1), unjoined(row.bytes(2), ','), row.text(3), row.text(4), base::fromMillis(row.integer(5)),
                       base::fromMillis(row.integer(6)), row.integer(7)});
    return all;
}

void Writing::putWebhook(const Webhook& w)
{
    if (w.name.empty() || w.url.empty() || w.secret.empty())
        throw Error(Error::Kind::badName, "a webhook needs a name, a URL and a secret");
    db_.run("INSERT OR REPLACE INTO webhook (name, url, kinds, account, secret, created, changed, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            w.name, w.url, joined(w.kinds, ','), w.account, w.secret, base::toMillis(w.created), base::toMillis(w.changed), w.told);
}

void Writing::removeWebhook(std::string_view name)
{
    db_.run("DELETE FROM webhook WHERE name = ?", name);
    if (db_.changes() == 0)
        throw Error(Error::Kind::noSuchEntry, "no webhook " + base::printable(name));
}

void Writing::noteWebhook(std::string_view name, std::int64_t told)
{
    db_.run("UPDATE webhook SET told = max(told, ?) WHERE name = ?", told, name);
}

std::vector<Statistic> Reading::statistics(Time from, Time until)
{
    std::vector<Statistic> all;
    Statement row = db_.query("SELECT series, hour, value FROM statistic WHERE hour >= ? AND hour < ? ORDER BY hour, series", base::toMillis(from),
                              base::toMillis(until));
    while (row.step())
        all.push_back({row.text(0), base::fromMillis(row.integer(1)), row.integer(2)});
    return all;
}

void Writing::count(const Statistic& what, Counting how)
{
    const auto hour = base::toMillis(std::chrono::floor<std::chrono::hours>(what.hour));
    if (how == Counting::sum)
        db_.run("INSERT INTO statistic (hour, series, value) VALUES (?1, ?2, ?3) ON CONFLICT (hour, series) DO UPDATE SET value = value + ?3", hour,
                what.series, what.value);
    else
        db_.run("INSERT INTO statistic (hour, series, value) VALUES (?1, ?2, ?3) ON CONFLICT (hour, series) DO UPDATE SET value = ?3", hour,
                what.series, what.value);
}

void Writing::forgetStatistics(Time before) { db_.run("DELETE FROM statistic WHERE hour < ?", base::toMillis(before)); }

} // namespace postfach::store::sqlite
