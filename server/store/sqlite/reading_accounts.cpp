// Accounts, domains, aliases, tokens, settings: the reading side.
#include "server/base/text.h"
#include "server/store/names.h"
#include "server/store/sqlite/reading.h"

#include <algorithm>
#include <set>

namespace postfach::store::sqlite {
namespace {

#define SCAN_COLUMNS(t)                                                                                                        \
    " " t ".scan_infected, " t ".scan_encrypted, " t ".scan_macros, " t ".scan_phishing, " t ".scan_limits, " t ".scan_attachments, " \
    t ".scan_unscannable"

#define DOMAIN_COLUMNS \
    "SELECT d.name, d.created, (SELECT count(*) FROM account a WHERE a.domain = d.name)," \
    " d.pop3_retention, d.pop3_seen, d.pop3_hide, d.pop3_exclusive," SCAN_COLUMNS("d") "," TRASH_COLUMNS("d") " FROM domain d "

#define ACCOUNT_COLUMNS \
    "SELECT a.id, a.address, a.name, a.enabled, u.quota, u.used, u.messages, a.services, a.created, a.last_login, a.version," \
    " u.quota_messages, u.recoverable," \
    " a.pop3_retention, a.pop3_seen, a.pop3_hide, a.pop3_exclusive," \
    " d.pop3_retention, d.pop3_seen, d.pop3_hide, d.pop3_exclusive," SCAN_COLUMNS("a") "," SCAN_COLUMNS("d") "," \
    TRASH_COLUMNS("a") "," TRASH_COLUMNS("d") "," \
    " a.scopes, EXISTS (SELECT 1 FROM totp t WHERE t.account_id = a.id AND t.confirmed IS NOT NULL) " \
    "FROM account a JOIN usage u ON u.account_id = a.id LEFT JOIN domain d ON d.name = a.domain "

Account accountOf(const Statement& row)
{
    Account a;
    a.id = AccountId{row.integer(0)};
    a.address = row.text(1);
    a.name = row.text(2);
    a.enabled = row.integer(3) != 0;
    a.quota = static_cast<std::uint64_t>(row.integer(4));
    a.used = static_cast<std::uint64_t>(row.integer(5));
    a.messages = static_cast<std::uint64_t>(row.integer(6));
    a.services = unjoined(row.bytes(7), ',');
    a.created = base::fromMillis(row.integer(8));
    if (!row.isNull(9))
        a.last_login = base::fromMillis(row.integer(9));
    a.version = static_cast<std::uint64_t>(row.integer(10));
    a.pop3 = pop3PolicyOf(row, 13);
    a.pop3_in_force = a.pop3.over(pop3PolicyOf(row, 17)).over(Pop3Policy::defaults());
    a.scan = scanPolicyOf(row, 21);
    a.scan_of_domain = scanPolicyOf(row, 28);
    a.trash = trashPolicyOf(row, 35);
    a.trash_of_domain = trashPolicyOf(row, 39);
    a.scopes = unjoined(row.bytes(43), ',');
    a.totp = row.integer(44) != 0;
    a.quota_messages = static_cast<std::uint64_t>(row.integer(11));
    a.recoverable = static_cast<std::uint64_t>(row.integer(12));
    return a;
}

Domain domainOfRow(const Statement& row)
{
    return {row.text(0), base::fromMillis(row.integer(1)), static_cast<std::uint64_t>(row.integer(2)), pop3PolicyOf(row, 3),
            scanPolicyOf(row, 7), trashPolicyOf(row, 14)};
}

Alias aliasOf(const Statement& row) { return {row.text(0), unjoined(row.bytes(1), '\n'), base::fromMillis(row.integer(2))}; }

Token tokenOf(const Statement& row)
{
    Token t{row.text(0), row.text(1), unjoined(row.bytes(2), '\n'), base::fromMillis(row.integer(3)), {}, {}, unjoined(row.bytes(6), '\n')};
    if (!row.isNull(4))
        t.expires = base::fromMillis(row.integer(4));
    if (!row.isNull(5))
        t.last_used = base::fromMillis(row.integer(5));
    return t;
}

std::int64_t limitOf(const Page& page) { return static_cast<std::int64_t>(std::min<std::size_t>(page.limit, 1U << 30)); }

} // namespace

std::optional<Account> Reading::findAccount(std::string_view address)
{
    const std::string kept = base::lower(address);
    Statement row = db_.query(ACCOUNT_COLUMNS "WHERE a.address = ?", kept);
    if (!row.step())
        return std::nullopt;
    return accountOf(row);
}

std::optional<Account> Reading::account(AccountId id)
{
    Statement row = db_.query(ACCOUNT_COLUMNS "WHERE a.id = ?", id);
    if (!row.step())
        return std::nullopt;
    return accountOf(row);
}

std::optional<Credentials> Reading::credentials(AccountId id)
{
    Statement row = db_.query("SELECT argon2, scram_salt, scram_stored_key, scram_server_key, scram_iterations FROM account WHERE id = ?", id);
    if (!row.step())
        return std::nullopt;
    return Credentials{row.text(0), row.text(1), row.text(2), row.text(3), static_cast<std::uint32_t>(row.integer(4))};
}

std::vector<AppPassword> Reading::appPasswords(AccountId id)
{
    std::vector<AppPassword> all;
    Statement row = db_.query("SELECT label, hash, scram_salt, scram_stored_key, scram_server_key, scram_iterations, scopes, created, expires,"
                              " last_used FROM app_password WHERE account_id = ? ORDER BY label", id);
    while (row.step()) {
        AppPassword p{row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), static_cast<std::uint32_t>(row.integer(5)),
                      unjoined(row.bytes(6), ','), base::fromMillis(row.integer(7)), {}, {}};
        if (!row.isNull(8))
            p.expires = base::fromMillis(row.integer(8));
        if (!row.isNull(9))
            p.last_used = base::fromMillis(row.integer(9));
        all.push_back(std::move(p));
    }
    return all;
}

std::vector<Account> Reading::accounts(const Page& page)
{
    std::vector<Account> all;
    Statement row = db_.query(ACCOUNT_COLUMNS "WHERE a.address > ? ORDER BY a.address LIMIT ?", page.after, limitOf(page));
    while (row.step())
        all.push_back(accountOf(row));
    return all;
}

// Breadth first, so that the order is that of the targets. A circle of aliases ends because no address is looked at twice.
std::vector<AccountId> Reading::resolve(std::string_view address)
{
    constexpr int kDepth = 10;
    constexpr std::size_t kMost = 10'000; // addresses looked at: aliases of aliases multiply
    std::vector<AccountId> found;
    std::set<std::string> seen;
    std::vector<std::string> level{base::lower(address)};
    if (address.starts_with('@')) // no address: the key of an alias
        return found;
    const auto accountNamed = [&](const std::string& name) {
        Statement row = db_.query("SELECT id FROM account WHERE address = ?", name);
        if (!row.step())
            return false;
        const AccountId id{row.integer(0)};
        if (std::find(found.begin(), found.end(), id) == found.end())
            found.push_back(id);
        return true;
    };
    for (int depth = 0; depth <= kDepth && !level.empty(); ++depth) {
        std::vector<std::string> next;
        for (const std::string& name : level) {
            if (seen.size() >= kMost || !seen.insert(name).second)
                continue;
            const std::string rest = "@" + std::string(domainOf(name)); // the alias for what the domain has no name for
            for (const std::string& candidate : {name, withoutDetail(name), rest}) {
                if (candidate.empty())
                    continue;
                if (accountNamed(candidate))
                    break;
                if (auto alias = findAlias(candidate)) {
                    next.insert(next.end(), alias->targets.begin(), alias->targets.end());
                    break;
                }
            }
        }
        level = std::move(next);
    }
    return found;
}

std::optional<Domain> Reading::findDomain(std::string_view name)
{
    const std::string kept = base::lower(name);
    Statement row = db_.query(DOMAIN_COLUMNS "WHERE d.name = ?", kept);
    if (!row.step())
        return std::nullopt;
    return domainOfRow(row);
}

std::vector<Domain> Reading::domains(const Page& page)
{
    std::vector<Domain> all;
    Statement row = db_.query(DOMAIN_COLUMNS "WHERE d.name > ? ORDER BY d.name LIMIT ?", page.after, limitOf(page));
    while (row.step())
        all.push_back(domainOfRow(row));
    return all;
}

std::optional<Alias> Reading::findAlias(std::string_view address)
{
    const std::string kept = base::lower(address);
    Statement row = db_.query("SELECT address, targets, created FROM alias WHERE address = ?", kept);
    if (!row.step())
        return std::nullopt;
    return aliasOf(row);
}

std::vector<Alias> Reading::aliases(const Page& page)
{
    std::vector<Alias> all;
    Statement row = db_.query("SELECT address, targets, created FROM alias WHERE address > ? ORDER BY address LIMIT ?", page.after, limitOf(page));
    while (row.step())
        all.push_back(aliasOf(row));
    return all;
}

// The levels are kQuotaLevels'. In integers: a hundredth of a quota times a percentage does not overflow.
#define REACHED(used, quota) "CASE WHEN " quota " = 0 THEN 0 WHEN " used " >= " quota " - " quota " / 20 THEN 95" \
                             " WHEN " used " >= " quota " - " quota " / 10 THEN 90 WHEN " used " >= " quota " - " quota " / 5 THEN 80 ELSE 0 END"

std::vector<QuotaLevel> Reading::quotaLevels()
{
    std::vector<QuotaLevel> levels;
    {
        Statement row = db_.query("SELECT account_id, max(" REACHED("used", "quota") ", " REACHED("messages", "quota_messages") ") AS reached, warned"
                                  " FROM usage WHERE reached <> warned");
        while (row.step()) {
            levels.emplace_back();
            levels.back().account.id = AccountId{row.integer(0)};
            levels.back().reached = static_cast<unsigned>(row.integer(1));
            levels.back().told = static_cast<unsigned>(row.integer(2));
        }
    }
    for (QuotaLevel& level : levels)
        if (auto found = account(level.account.id))
            level.account = std::move(*found);
    return levels;
}

std::vector<Token> Reading::tokens()
{
    std::vector<Token> all;
    Statement row = db_.query("SELECT name, hash, scopes, created, expires, last_used, networks FROM token ORDER BY name");
    while (row.step())
        all.push_back(tokenOf(row));
    return all;
}

std::optional<Token> Reading::findToken(std::string_view hash)
{
    Statement row = db_.query("SELECT name, hash, scopes, created, expires, last_used, networks FROM token WHERE hash = ?", hash);
    if (!row.step())
        return std::nullopt;
    return tokenOf(row);
}

std::string Reading::setting(std::string_view name)
{
    Statement row = db_.query("SELECT value FROM setting WHERE name = ?", name);
    return row.step() ? row.text(0) : std::string();
}

ReadTx::Totals Reading::totals()
{
    Statement row = db_.query("SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM domain), (SELECT count(*) FROM mailbox),"
                              " (SELECT coalesce(sum(messages), 0) FROM usage), (SELECT value FROM tally WHERE name = 'bodies'),"
                              " (SELECT coalesce(sum(used), 0) FROM usage), (SELECT count(*) FROM quarantine)");
    row.step();
    const auto number = [&](int column) { return static_cast<std::uint64_t>(row.integer(column)); };
    return {number(0), number(1), number(2), number(3), number(4), number(5), number(6)};
}

} // namespace postfach::store::sqlite
