// Browsers that have signed in (store::WebSession).
#include "server/base/text.h"
#include "server/store/sqlite/writing.h"

namespace postfach::store::sqlite {
namespace {

constexpr int kMostOfOne = 20; // an account's: some browsers, with room

WebSession sessionOf(const Statement& row)
{
    return {row.text(0), AccountId{row.integer(1)}, row.text(2), base::fromMillis(row.integer(3)), base::fromMillis(row.integer(4)), row.text(5),
        row.text(6)};
}

} // namespace

std::vector<WebSession> Reading::webSessions(AccountId account)
{
    std::vector<WebSession> all;
    Statement row =
        db_.query("SELECT id, account_id, hash, created, seen, address, client FROM web_session WHERE account_id = ? ORDER BY id", account);
    while (row.step())
        all.push_back(sessionOf(row));
    return all;
}

std::optional<WebSession> Reading::findWebSession(std::string_view hash)
{
    Statement row = db_.query("SELECT id, account_id, hash, created, seen, address, client FROM web_session WHERE hash = ?", hash);
    if (!row.step())
        return std::nullopt;
    return sessionOf(row);
}

void Writing::addWebSession(const WebSession& session)
{
    if (session.id.empty() || session.hash.empty())
        throw Error(Error::Kind::badName, "a session needs an id and a hash");
    requireAccount(session.account);
    db_.run("DELETE FROM web_session WHERE id IN (SELECT id FROM web_session WHERE account_id = ? ORDER BY seen DESC, created DESC"
            " LIMIT -1 OFFSET ?)",
        session.account, kMostOfOne - 1);
    db_.run("INSERT INTO web_session (id, account_id, hash, created, seen, address, client) VALUES (?, ?, ?, ?, ?, ?, ?)", session.id,
        session.account, session.hash, base::toMillis(session.created), base::toMillis(session.seen), session.address, session.client);
}

void Writing::removeWebSession(AccountId account, std::string_view id)
{
    db_.run("DELETE FROM web_session WHERE account_id = ? AND id = ?", account, id);
    if (db_.changes() == 0)
        throw Error(Error::Kind::noSuchEntry, "no session " + base::printable(id));
}

std::size_t Writing::removeWebSessions(AccountId account)
{
    db_.run("DELETE FROM web_session WHERE account_id = ?", account);
    return static_cast<std::size_t>(db_.changes());
}

void Writing::touchWebSession(std::string_view hash, Time when)
{
    db_.run("UPDATE web_session SET seen = ? WHERE hash = ?", base::toMillis(when), hash);
}

void Writing::forgetWebSessions(Time created_before, Time seen_before)
{
    db_.run("DELETE FROM web_session WHERE created < ? OR seen < ?", base::toMillis(created_before), base::toMillis(seen_before));
}

} // namespace postfach::store::sqlite
