// Second factors (store::Totp).
#include "server/store/sqlite/writing.h"

namespace postfach::store::sqlite {

std::optional<Totp> Reading::totp(AccountId account)
{
    Statement row = db_.query("SELECT secret, confirmed, last_step, (SELECT count(*) FROM recovery_code r WHERE r.account_id = t.account_id)"
                              " FROM totp t WHERE account_id = ?",
        account);
    if (!row.step())
        return std::nullopt;
    Totp found{row.text(0), std::nullopt, row.integer(2), static_cast<std::size_t>(row.integer(3))};
    if (!row.isNull(1))
        found.confirmed = base::fromMillis(row.integer(1));
    return found;
}

void Writing::beginTotp(AccountId account, std::string_view secret)
{
    requireAccount(account);
    if (const auto there = totp(account); there && there->confirmed)
        throw Error(Error::Kind::alreadyExists, "the account has a second factor");
    db_.run("INSERT OR REPLACE INTO totp (account_id, secret, confirmed, last_step) VALUES (?, ?, NULL, 0)", account, Blob{secret});
}

void Writing::confirmTotp(AccountId account, std::int64_t step, const std::vector<std::string>& recovery_codes)
{
    db_.run("UPDATE totp SET confirmed = ?, last_step = ? WHERE account_id = ?", base::toMillis(now_), step, account);
    if (db_.changes() == 0)
        throw Error(Error::Kind::noSuchEntry, "no second factor");
    db_.run("DELETE FROM recovery_code WHERE account_id = ?", account);
    for (const auto& hash : recovery_codes)
        db_.run("INSERT INTO recovery_code (account_id, hash) VALUES (?, ?)", account, Blob{hash});
    secondFactorChanged(account);
}

void Writing::removeTotp(AccountId account)
{
    db_.run("DELETE FROM totp WHERE account_id = ?", account);
    if (db_.changes() == 0)
        throw Error(Error::Kind::noSuchEntry, "no second factor");
    db_.run("DELETE FROM recovery_code WHERE account_id = ?", account);
    secondFactorChanged(account);
}

void Writing::secondFactorChanged(AccountId account)
{
    removeWebSessions(account);
    db_.run("UPDATE account SET version = version + 1 WHERE id = ?", account);
    changes_.touch(account);
    changes_.logins = true;
}

bool Writing::useTotpStep(AccountId account, std::int64_t step)
{
    db_.run("UPDATE totp SET last_step = ?2 WHERE account_id = ?1 AND last_step < ?2", account, step);
    return db_.changes() == 1;
}

bool Writing::useRecoveryCode(AccountId account, std::string_view hash)
{
    db_.run("DELETE FROM recovery_code WHERE account_id = ? AND hash = ?", account, Blob{hash});
    return db_.changes() == 1;
}

} // namespace postfach::store::sqlite
