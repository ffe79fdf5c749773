// Who logged in, or tried to: an hour's like ones in one row, so many rows of an account, for so long.
#include "server/store/sqlite/sqlite_store.h"

#include <set>

namespace postfach::store::sqlite {
namespace {
constexpr std::size_t kAccountsAtOnce = 100;       // accounts in one transaction: a few milliseconds of the writer
} // namespace

std::vector<LoginRecord> Reading::logins(AccountId id)
{
    std::vector<LoginRecord> all;
    Statement row = db_.query("SELECT service, address, mechanism, tls, outcome, app_password, first, last, times FROM login"
                              " WHERE account_id = ? ORDER BY last DESC, hour, service, address, mechanism, tls, outcome, app_password", id);
    while (row.step()) {
        LoginRecord one;
        one.account = id;
        one.service = row.text(0);
        one.address = row.text(1);
        one.mechanism = row.text(2);
        one.tls = row.integer(3) != 0;
        one.outcome = static_cast<LoginRecord::Outcome>(row.integer(4));
        one.app_password = row.text(5);
        one.first = base::fromMillis(row.integer(6));
        one.last = base::fromMillis(row.integer(7));
        one.times = static_cast<std::uint64_t>(row.integer(8));
        all.push_back(std::move(one));
    }
    return all;
}

void Writing::recordLogins(const std::vector<LoginRecord>& logins)
{
    std::set<std::int64_t> accounts;
    for (const LoginRecord& one : logins) {
        if (!db_.query("SELECT 1 FROM account WHERE id = ?", one.account).step())
            continue;
        accounts.insert(one.account.value);
        db_.run("INSERT INTO login (account_id, hour, service, address, mechanism, tls, outcome, app_password, first, last, times)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO UPDATE SET first = min(first, ?9), last = max(last, ?10),"
                " times = times + ?11",
                one.account, one.hour(), one.service, one.address, one.mechanism, one.tls,
                static_cast<std::int64_t>(one.outcome), one.app_password, base::toMillis(one.first), base::toMillis(one.last), one.times);
    }
    // Of each kind: who guesses at an account does not push out who has been in it.
    for (const std::int64_t account : accounts)
        for (const bool ok : {true, false})
            db_.run("DELETE FROM login WHERE account_id = ?1 AND (outcome = 0) = ?2 AND last <="
                    " (SELECT last FROM login WHERE account_id = ?1 AND (outcome = 0) = ?2 ORDER BY last DESC LIMIT 1 OFFSET ?3)",
                    account, ok, LoginRecord::kKept);
}

std::uint64_t SqliteStore::forgetLogins(Time before, const std::stop_token& stop)
{
    std::vector<std::int64_t> accounts;
    {
        const auto transaction = readTransaction();
        Statement row = transaction->db().query("SELECT DISTINCT account_id FROM login WHERE last < ?", base::toMillis(before));
        while (row.step())
            accounts.push_back(row.integer(0));
    }
    std::uint64_t gone = 0;
    for (std::size_t from = 0; from < accounts.size() && !stop.stop_requested(); from += kAccountsAtOnce)
        writeAndWait([&](WriteTx& tx) {
            for (std::size_t i = from; i < std::min(accounts.size(), from + kAccountsAtOnce); ++i)
                gone += dynamic_cast<Writing&>(tx).forgetLogins(AccountId{accounts[i]}, before);
        });
    return gone;
}

std::uint64_t Writing::forgetLogins(AccountId account, Time before)
{
    db_.run("DELETE FROM login WHERE account_id = ? AND last < ?", account, base::toMillis(before));
    return static_cast<std::uint64_t>(db_.changes());
}

} // namespace postfach::store::sqlite
