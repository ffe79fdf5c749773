// Scanning policies of domains and accounts, and what an administrator allowed for good.
#include "server/base/limits.h"
#include "server/store/sqlite/writing.h"

namespace postfach::store::sqlite {
namespace {

using Column = std::optional<std::int64_t>;

Column column(const ScanPolicy& policy, ScanPolicy::Line line)
{
    const auto action = policy.actions[line];
    return action ? Column(static_cast<std::int64_t>(*action)) : std::nullopt;
}

#define SCAN_COLUMNS                                                                                                      \
    "scan_infected = ?, scan_encrypted = ?, scan_macros = ?, scan_phishing = ?, scan_limits = ?, scan_attachments = ?, " \
    "scan_unscannable = ?"

} // namespace

ScanPolicy scanPolicyOf(const Statement& row, int first)
{
    ScanPolicy policy;
    for (std::size_t line = 0; line < policy.actions.size(); ++line) {
        const int at = first + static_cast<int>(line);
        if (row.isNull(at) || row.integer(at) < 0 || row.integer(at) >= static_cast<std::int64_t>(ScanPolicy::kActions.size()))
            continue; // what is no action is taken for unset; check() names it
        const auto action = static_cast<ScanAction>(row.integer(at));
        if (ScanPolicy::allows(static_cast<ScanPolicy::Line>(line), action))
            policy.actions[line] = action;
    }
    return policy;
}

void Writing::putScanPolicy(AccountId id, const ScanPolicy& policy)
{
    using P = ScanPolicy;
    db_.run("UPDATE account SET " SCAN_COLUMNS " WHERE id = ?", column(policy, P::infected), column(policy, P::encrypted), column(policy, P::macros),
            column(policy, P::phishing), column(policy, P::limits), column(policy, P::attachments), column(policy, P::unscannable), id);
}

void Writing::putScanPolicy(const std::string& domain, const ScanPolicy& policy)
{
    using P = ScanPolicy;
    db_.run("UPDATE domain SET " SCAN_COLUMNS " WHERE name = ?", column(policy, P::infected), column(policy, P::encrypted), column(policy, P::macros),
            column(policy, P::phishing), column(policy, P::limits), column(policy, P::attachments), column(policy, P::unscannable), domain);
}

// --- allowances

namespace {
std::string_view wordOf(Allowance::Kind kind) { return kind == Allowance::Kind::content ? "content" : "signature"; }
} // namespace

std::vector<Allowance> Reading::allowances()
{
    std::vector<Allowance> all;
    Statement row = db_.query("SELECT kind, what, created, expires, author FROM allowance ORDER BY kind, what");
    while (row.step()) {
        Allowance one;
        one.kind = row.text(0) == "content" ? Allowance::Kind::content : Allowance::Kind::signature;
        one.what = row.text(1);
        one.created = base::fromMillis(row.integer(2));
        if (!row.isNull(3))
            one.expires = base::fromMillis(row.integer(3));
        one.author = row.text(4);
        all.push_back(std::move(one));
    }
    return all;
}

bool Reading::isAllowed(Allowance::Kind kind, std::string_view what, Time now)
{
    return db_.query("SELECT 1 FROM allowance WHERE kind = ? AND what = ? AND (expires IS NULL OR expires > ?)", wordOf(kind), what,
                     base::toMillis(now)).step();
}

void Writing::putAllowance(const Allowance& allowance)
{
    db_.run("DELETE FROM allowance WHERE expires <= ?", base::toMillis(now_));
    Statement count = db_.query("SELECT count(*) FROM allowance");
    count.step();
    if (count.integer(0) >= base::limits::kAllowances)
        throw Error(Error::Kind::limit, "too many allowances");
    count.step();
    db_.run("INSERT OR REPLACE INTO allowance (kind, what, created, expires, author) VALUES (?, ?, ?, ?, ?)", wordOf(allowance.kind),
            allowance.what, base::toMillis(now_), allowance.expires ? std::optional(base::toMillis(*allowance.expires)) : std::nullopt,
            allowance.author);
}

void Writing::removeAllowance(Allowance::Kind kind, std::string_view what)
{
    db_.run("DELETE FROM allowance WHERE kind = ? AND what = ?", wordOf(kind), what);
    if (db_.changes() == 0)
        throw Error(Error::Kind::noSuchEntry, "no such allowance");
}

} // namespace postfach::store::sqlite
