// Webhooks, tasks and statistics (server/store/journal.h): small tables beside the journal.
#include "server/base/text.h"
#include "server/store/names.h"
#include "server/store/sqlite/writing.h"

#include <chrono>

namespace postfach::store::sqlite {

namespace {
std::optional<Time> timeAt(const Statement& row, int column)
{
    return row.isNull(column) ? std::nullopt : std::optional(base::fromMillis(row.integer(column)));
}

std::optional<std::int64_t> millis(const std::optional<Time>& time)
{
    return time ? std::optional<std::int64_t>(base::toMillis(*time)) : std::nullopt;
}
} // namespace

std::vector<Webhook> Reading::webhooks()
{
    std::vector<Webhook> all;
    Statement row = db_.query(
        "SELECT name, url, kinds, account, secret, created, changed, told, failures, failing_since, next_try FROM webhook ORDER BY name");
    while (row.step())
        all.push_back({row.text(0), row.text(1), unjoined(row.bytes(2), ','), row.text(3), row.text(4), base::fromMillis(row.integer(5)),
                       base::fromMillis(row.integer(6)), row.integer(7), static_cast<int>(row.integer(8)), timeAt(row, 9), timeAt(row, 10)});
    return all;
}

std::vector<WebhookAttempt> Reading::webhookAttempts(std::string_view webhook)
{
    std::vector<WebhookAttempt> all;
    Statement row = db_.query(
        "SELECT time, event, kind, attempt, status, error, milliseconds FROM webhook_attempt WHERE webhook = ? ORDER BY id DESC", webhook);
    while (row.step())
        all.push_back({base::fromMillis(row.integer(0)), row.integer(1), row.text(2), static_cast<int>(row.integer(3)),
                       static_cast<int>(row.integer(4)), row.text(5), static_cast<std::uint64_t>(row.integer(6))});
    return all;
}

std::vector<TaskRecord> Reading::tasks()
{
    std::vector<TaskRecord> all;
    Statement row = db_.query("SELECT id, kind, state, progress, total, error, result, findings, created, finished FROM task ORDER BY created, id");
    while (row.step())
        all.push_back({row.text(0), row.text(1), row.text(2), static_cast<std::uint64_t>(row.integer(3)), static_cast<std::uint64_t>(row.integer(4)),
                       row.text(5), row.text(6), unjoined(row.bytes(7), '\n'), base::fromMillis(row.integer(8)), timeAt(row, 9)});
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
    db_.run("DELETE FROM webhook_attempt WHERE webhook = ?", name);
}

void Writing::noteWebhookAttempt(std::string_view webhook, const WebhookAttempt& a, std::optional<Time> next_try)
{
    if (next_try)
        db_.run("UPDATE webhook SET failures = ?2, failing_since = coalesce(failing_since, ?3), next_try = ?4 WHERE name = ?1", webhook, a.attempt,
                base::toMillis(a.time), base::toMillis(*next_try));
    else
        db_.run("UPDATE webhook SET told = max(told, ?2), failures = 0, failing_since = NULL, next_try = NULL WHERE name = ?1", webhook, a.event);
    if (db_.changes() == 0)
        return;
    db_.run("INSERT INTO webhook_attempt (webhook, time, event, kind, attempt, status, error, milliseconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", webhook,
            base::toMillis(a.time), a.event, a.kind, a.attempt, a.status, a.error, a.milliseconds);
    db_.run("DELETE FROM webhook_attempt WHERE id <= (SELECT id FROM webhook_attempt WHERE webhook = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)"
            " AND webhook = ?1",
            webhook, static_cast<std::int64_t>(kWebhookAttempts));
}

void Writing::putTask(const TaskRecord& task)
{
    if (task.id.empty() || task.kind.empty() || task.state.empty())
        throw Error(Error::Kind::badName, "a task needs an id, a kind and a state");
    db_.run("INSERT OR REPLACE INTO task (id, kind, state, progress, total, error, result, findings, created, finished)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            task.id, task.kind, task.state, static_cast<std::int64_t>(task.progress), static_cast<std::int64_t>(task.total), task.error, task.result,
            joined(task.findings, '\n'), base::toMillis(task.created), millis(task.finished));
}

void Writing::forgetTasks(Time finished_before, std::size_t keep)
{
    db_.run("DELETE FROM task WHERE finished < ?", base::toMillis(finished_before));
    db_.run("DELETE FROM task WHERE id IN (SELECT id FROM task WHERE finished IS NOT NULL ORDER BY finished DESC, id LIMIT -1 OFFSET ?)",
            static_cast<std::int64_t>(keep));
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
