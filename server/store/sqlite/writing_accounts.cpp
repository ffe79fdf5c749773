// Accounts, domains, aliases, tokens, settings: the writing side.
#include "server/base/error.h"
#include "server/base/text.h"
#include "server/store/names.h"
#include "server/store/sqlite/writing.h"

namespace postfach::store::sqlite {

using Kind = Error::Kind;

AccountId Writing::requireAccount(AccountId id)
{
    if (!db_.query("SELECT 1 FROM account WHERE id = ?", id).step())
        throw Error(Kind::noSuchAccount, "account " + std::to_string(id.value) + " is gone");
    return id;
}

void Writing::requireFreeAddress(const std::string& address)
{
    if (findAccount(address))
        throw Error(Kind::alreadyExists, address + " is an account");
    if (findAlias(address))
        throw Error(Kind::alreadyExists, address + " is an alias");
}

void Writing::requireRoomOnDisk() const
{
    if (scarce_)
        throw Error(Kind::diskFull, "the disk is full");
}

void Writing::addDomain(const std::string& name)
{
    db_.run("INSERT OR IGNORE INTO domain (name, created) VALUES (?, ?)", name, base::toMillis(now_));
}

void Writing::createDomain(std::string_view name)
{
    const std::string kept = domainName(name);
    if (findDomain(kept))
        throw Error(Kind::alreadyExists, "domain " + kept + " exists");
    addDomain(kept);
}

void Writing::changeDomain(std::string_view name, const DomainPatch& patch)
{
    const auto domain = findDomain(name);
    if (!domain)
        throw Error(Kind::noSuchEntry, "no domain " + base::printable(name));
    if (patch.pop3)
        putPop3Policy(domain->name, *patch.pop3);
    if (patch.scan)
        putScanPolicy(domain->name, *patch.scan);
    if (patch.trash)
        putTrashPolicy(domain->name, *patch.trash);
    changes_.logins = true; // its accounts are handed out with what they inherit
}

void Writing::removeDomain(std::string_view name)
{
    const auto domain = findDomain(name);
    if (!domain)
        throw Error(Kind::noSuchEntry, "no domain " + base::printable(name));
    if (domain->accounts > 0 || db_.query("SELECT 1 FROM alias WHERE domain = ?", domain->name).step())
        throw Error(Kind::notEmpty, "domain " + domain->name + " has accounts or aliases");
    db_.run("DELETE FROM domain WHERE name = ?", domain->name);
}

AccountId Writing::createAccount(const NewAccount& account)
{
    const std::string address = addressName(account.address);
    requireFreeAddress(address);
    const std::string domain(domainOf(address));
    addDomain(domain);
    const Credentials& c = account.credentials;
    db_.run("INSERT INTO account (address, domain, name, enabled, services, created, version, argon2, scram_salt,"
            " scram_stored_key, scram_server_key, scram_iterations) VALUES (?, ?, ?, 1, 'pop3,imap,smtp', ?, 1, ?, ?, ?, ?, ?)",
            address, domain, account.name, base::toMillis(now_), c.argon2, Blob{c.scram_salt}, Blob{c.scram_stored_key},
            Blob{c.scram_server_key}, c.scram_iterations);
    const AccountId id{db_.lastId()};
    db_.run("INSERT INTO usage (account_id, quota, used, messages, quota_messages) VALUES (?, ?, 0, 0, ?)", id, account.quota,
            account.quota_messages);
    changes_.logins = true;

    static constexpr std::pair<const char*, const char*> kMailboxes[] = {
        {"INBOX", ""},         {"Drafts", "\\Drafts"}, {"Sent", "\\Sent"},
        {"Junk", "\\Junk"},    {"Trash", "\\Trash"},   {"Archive", "\\Archive"}};
    for (const auto& [name, special_use] : kMailboxes) {
        insertMailbox(id, name, special_use, true);
        db_.run("INSERT INTO subscription VALUES (?, ?)", id, name);
    }
    return id;
}

void Writing::changeAccount(AccountId id, const AccountPatch& patch)
{
    requireAccount(id);
    const bool other_scopes = patch.scopes && account(id).value().scopes != *patch.scopes;
    if (patch.name)
        db_.run("UPDATE account SET name = ? WHERE id = ?", *patch.name, id);
    if (patch.enabled)
        db_.run("UPDATE account SET enabled = ? WHERE id = ?", *patch.enabled, id);
    if (patch.quota)
        db_.run("UPDATE usage SET quota = ? WHERE account_id = ?", *patch.quota, id);
    if (patch.quota_messages)
        db_.run("UPDATE usage SET quota_messages = ? WHERE account_id = ?", *patch.quota_messages, id);
    if (patch.services)
        db_.run("UPDATE account SET services = ? WHERE id = ?", joined(*patch.services, ','), id);
    if (patch.credentials)
        setCredentials(id, *patch.credentials);
    if (patch.pop3)
        putPop3Policy(id, *patch.pop3);
    if (patch.scan)
        putScanPolicy(id, *patch.scan);
    if (patch.trash)
        putTrashPolicy(id, *patch.trash);
    if (patch.scopes)
        db_.run("UPDATE account SET scopes = ? WHERE id = ?", joined(*patch.scopes, ','), id);
    if (patch.credentials || (patch.enabled && !*patch.enabled) || other_scopes)
        removeWebSessions(id);
    db_.run("UPDATE account SET version = version + 1 WHERE id = ?", id);
    changes_.touch(id);
    changes_.logins = true;
}

void Writing::setCredentials(AccountId id, const Credentials& c)
{
    db_.run("UPDATE account SET argon2 = ?, scram_salt = ?, scram_stored_key = ?, scram_server_key = ?, scram_iterations = ? WHERE id = ?",
            c.argon2, Blob{c.scram_salt}, Blob{c.scram_stored_key}, Blob{c.scram_server_key}, c.scram_iterations, id);
}

void Writing::upgradeCredentials(AccountId id, const Credentials& better)
{
    setCredentials(requireAccount(id), better);
    changes_.logins = true;
}

void Writing::putAppPassword(AccountId id, const AppPassword& password)
{
    constexpr std::int64_t kMost = 100; // devices of one person, with room; a login compares with all of them
    requireAccount(id);
    if (password.label.empty() || password.hash.empty())
        throw Error(Kind::badName, "an app password needs a label and a hash");
    if (db_.query("SELECT 1 FROM app_password WHERE account_id = ? AND label = ?", id, password.label).step())
        throw Error(Kind::alreadyExists, "app password " + base::printable(password.label) + " exists");
    Statement count = db_.query("SELECT count(*) FROM app_password WHERE account_id = ?", id);
    if (count.step() && count.integer(0) >= kMost)
        throw Error(Kind::limit, "an account has at most " + std::to_string(kMost) + " app passwords");
    const auto millis = [](const std::optional<Time>& time) {
        return time ? std::optional<std::int64_t>(base::toMillis(*time)) : std::nullopt;
    };
    db_.run("INSERT INTO app_password VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", id, password.label, Blob{password.hash}, Blob{password.scram_salt},
            Blob{password.scram_stored_key}, Blob{password.scram_server_key}, password.scram_iterations, joined(password.scopes, ','),
            base::toMillis(password.created), millis(password.expires), millis(password.last_used));
    changes_.logins = true;
}

void Writing::removeAppPassword(AccountId id, std::string_view label)
{
    db_.run("DELETE FROM app_password WHERE account_id = ? AND label = ?", requireAccount(id), label);
    if (db_.changes() == 0)
        throw Error(Kind::noSuchEntry, "no app password " + base::printable(label));
    changes_.logins = true;
}

void Writing::touchAppPassword(AccountId id, std::string_view label, Time when)
{
    db_.run("UPDATE app_password SET last_used = ? WHERE account_id = ? AND label = ?", base::toMillis(when), id, label);
}

void Writing::removeAccount(AccountId id)
{
    requireAccount(id);
    for (const Mailbox& mailbox : mailboxes(id)) {
        dropMessages(mailbox.id, Bodies::released);
        db_.run("DELETE FROM mailbox WHERE id = ?", mailbox.id);
        changes_.of(mailbox.id, id).gone = true;
    }
    {
        Statement row = db_.query("SELECT body_id FROM recoverable WHERE account_id = ?", id);
        while (row.step())
            --refs_[row.integer(0)];
    }
    db_.run("DELETE FROM recoverable WHERE account_id = ?", id);
    {
        Statement row = db_.query("SELECT body_id FROM quarantine WHERE account_id = ?", id);
        while (row.step())
            --refs_[row.integer(0)];
    }
    db_.run("DELETE FROM replaced WHERE quarantine_id IN (SELECT id FROM quarantine WHERE account_id = ?)", id);
    db_.run("DELETE FROM quarantine WHERE account_id = ?", id);
    db_.run("DELETE FROM fetched WHERE reader_id IN (SELECT id FROM reader WHERE account_id = ?)", id);
    db_.run("DELETE FROM reader WHERE account_id = ?", id);
    db_.run("DELETE FROM subscription WHERE account_id = ?", id);
    db_.run("DELETE FROM keyword WHERE account_id = ?", id);
    db_.run("DELETE FROM annotation WHERE account_id = ?", id);
    db_.run("DELETE FROM app_password WHERE account_id = ?", id);
    db_.run("DELETE FROM login WHERE account_id = ?", id);
    db_.run("DELETE FROM web_session WHERE account_id = ?", id);
    db_.run("DELETE FROM totp WHERE account_id = ?", id);
    db_.run("DELETE FROM recovery_code WHERE account_id = ?", id);
    db_.run("DELETE FROM usage WHERE account_id = ?", id);
    db_.run("DELETE FROM account WHERE id = ?", id);
    changes_.touch(id);
    changes_.logins = true;
}

// No new version: who changes an account by ETag does not lose to a login.
void Writing::recordLogin(AccountId id, Time when)
{
    db_.run("UPDATE account SET last_login = ? WHERE id = ?", base::toMillis(when), requireAccount(id));
}

void Writing::noteQuotaTold(AccountId id, unsigned level)
{
    db_.run("UPDATE usage SET warned = ? WHERE account_id = ?", level, requireAccount(id));
}

void Writing::putAlias(std::string_view address, const std::vector<std::string>& targets)
{
    constexpr std::size_t kTargets = 1'000; // as many as LMTP takes recipients
    const std::string kept = aliasName(address);
    if (findAccount(kept))
        throw Error(Kind::alreadyExists, kept + " is an account");
    if (targets.empty())
        throw Error(Kind::badName, "an alias needs a target");
    if (targets.size() > kTargets)
        throw Error(Kind::limit, "an alias has at most " + std::to_string(kTargets) + " targets");
    std::vector<std::string> names;
    for (const std::string& target : targets)
        names.push_back(addressName(target));
    const std::string domain(domainOf(kept));
    addDomain(domain);
    db_.run("INSERT INTO alias VALUES (?1, ?2, ?3, ?4) ON CONFLICT (address) DO UPDATE SET targets = ?3",
            kept, domain, joined(names, '\n'), base::toMillis(now_));
}

void Writing::removeAlias(std::string_view address)
{
    const auto alias = findAlias(address);
    if (!alias)
        throw Error(Kind::noSuchEntry, "no alias " + base::printable(address));
    db_.run("DELETE FROM alias WHERE address = ?", alias->address);
}

void Writing::putToken(const Token& token)
{
    if (token.name.empty() || token.hash.empty())
        throw Error(Kind::badName, "a token needs a name and a hash");
    if (db_.query("SELECT 1 FROM token WHERE name = ? OR hash = ?", token.name, token.hash).step())
        throw Error(Kind::alreadyExists, "token " + base::printable(token.name) + " exists");
    const auto millis = [](const std::optional<Time>& time) {
        return time ? std::optional<std::int64_t>(base::toMillis(*time)) : std::nullopt;
    };
    db_.run("INSERT INTO token (name, hash, scopes, created, expires, last_used, networks) VALUES (?, ?, ?, ?, ?, ?, ?)", token.name, token.hash,
            joined(token.scopes, '\n'), base::toMillis(token.created), millis(token.expires), millis(token.last_used), joined(token.networks, '\n'));
}

void Writing::removeToken(std::string_view name)
{
    db_.run("DELETE FROM token WHERE name = ?", name);
    if (db_.changes() == 0)
        throw Error(Kind::noSuchEntry, "no token " + base::printable(name));
}

void Writing::touchToken(std::string_view hash, Time when)
{
    db_.run("UPDATE token SET last_used = ? WHERE hash = ?", base::toMillis(when), hash);
}

void Writing::putSetting(std::string_view name, std::string_view value)
{
    db_.run("INSERT INTO setting VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", name, value);
}

} // namespace postfach::store::sqlite
