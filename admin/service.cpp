#include "admin/service.h"
#include "admin/answering.h"
#include "admin/api/conditions.h"
#include "admin/api/json.h"
#include "admin/names.h"
#include "admin/office.h"
#include "server/base/hash.h"
#include "server/base/id.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <algorithm>
#include <set>

namespace postfach::admin {
namespace {
using base::lower;

// What was switched on or off, for the audit; a list that only changed its order says nothing.
void auditServices(const std::string& by, const std::string& account, std::vector<std::string> before, std::vector<std::string> after)
{
    const auto words = [](std::vector<std::string>& names) {
        std::sort(names.begin(), names.end());
        std::string all;
        for (const auto& name : names)
            all += (all.empty() ? "" : ",") + name;
        return all.empty() ? "none" : all;
    };
    const std::string old = words(before), now = words(after);
    if (old != now)
        base::logInfo("audit", "services changed", {{"by", by}, {"account", account}, {"old", old}, {"new", now}});
}

void checkServices(const std::vector<std::string>& services)
{
    for (const auto& service : services)
        if (std::find(defaultServices().begin(), defaultServices().end(), service) == defaultServices().end())
            throw Problem(422, "invalid_field", "The field \"services\" may name imap, pop3 and smtp.");
}

void expect(const store::Account& account, const std::optional<std::string>& expected)
{
    requireMatch(expected, Service::etag(account), "account");
}

void checkScopes(const std::vector<std::string>& scopes)
{
    if (scopes.empty())
        throw Problem(422, "invalid_field", "The field \"scopes\" must name at least one of imap, pop3 and smtp.");
    for (const auto& scope : scopes)
        if (scope != "imap" && scope != "pop3" && scope != "smtp")
            throw Problem(422, "invalid_field", "The field \"scopes\" may name imap, pop3 and smtp.");
}

store::AccountPatch patchOf(const AccountChange& change, const store::Credentials& before)
{
    store::AccountPatch patch;
    patch.name = change.name;
    patch.quota = change.quota;
    patch.quota_messages = change.quota_messages;
    patch.expunge_to_trash = change.expunge_to_trash;
    patch.enabled = change.enabled;
    if (change.services) {
        checkServices(*change.services);
        patch.services = change.services;
    }
    if (change.password || change.password_hash)
        patch.credentials = credentialsOf(change, before);
    return patch;
}
} // namespace

Service::Service(Context context) : context_(std::move(context)), tasks_(context_.clock) {}
Service::~Service() { stopping_.request_stop(); }

// --- domains

std::vector<store::Domain> Service::domains(const store::Page& page)
{
    return answering("domain", [&] { return context_.store.read()->domains(page); });
}

store::Domain Service::domain(const std::string& name)
{
    auto found = answering("domain", [&] { return context_.store.read()->findDomain(name); });
    if (!found)
        throw Problem(404, "not_found", "There is no domain " + base::printable(name) + ".");
    return *found;
}

Put<store::Domain> Service::putDomain(const std::string& given, bool only_new, const std::optional<std::string>& expected, const Pop3Change& pop3,
                                      const std::string& by)
{
    const auto name = checkedDomain(given);
    Put<store::Domain> result;
    store::Pop3Policy before;
    answering("domain " + name, [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            const auto old = tx.findDomain(name);
            result.created = !old;
            if (old && only_new)
                throw Problem(412, "already_exists", "The domain " + name + " exists already.");
            requireMatch(expected, old ? entityTag(toJson(*old)) : std::string(), "domain");
            if (result.created)
                tx.createDomain(name);
            before = tx.findDomain(name).value().pop3;
            tx.changeDomain(name, pop3({}));
            result.value = tx.findDomain(name).value();
        });
    });
    auditPop3Change(by, "domain", name, before, result.value.pop3);
    if (result.created)
        base::logInfo("admin", "domain created", {{"domain", name}});
    return result;
}

store::Domain Service::changeDomain(const std::string& name, const std::optional<std::string>& expected, const Pop3Change& pop3,
                                    const std::string& by)
{
    domain(name);
    store::Domain after;
    store::Pop3Policy before;
    answering("domain " + base::printable(name), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            const auto found = tx.findDomain(name);
            if (!found)
                throw Problem(404, "not_found", "There is no domain " + base::printable(name) + ".");
            requireMatch(expected, entityTag(toJson(*found)), "domain");
            before = found->pop3;
            tx.changeDomain(name, pop3(before));
            after = tx.findDomain(name).value();
        });
    });
    auditPop3Change(by, "domain", after.name, before, after.pop3);
    return after;
}

void Service::removeDomain(const std::string& name, const std::optional<std::string>& expected)
{
    domain(name);
    answering("domain " + base::printable(name), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            if (const auto found = tx.findDomain(name))
                requireMatch(expected, entityTag(toJson(*found)), "domain");
            tx.removeDomain(name);
        });
    });
    base::logInfo("admin", "domain removed", {{"domain", name}});
}

// --- accounts

std::vector<store::Account> Service::accounts(const store::Page& page)
{
    return answering("account", [&] { return context_.store.read()->accounts(page); });
}

store::Account Service::require(store::ReadTx& tx, const std::string& address)
{
    auto found = tx.findAccount(address);
    if (!found)
        throw Problem(404, "not_found", "There is no account " + base::printable(address) + ".");
    return *std::move(found);
}

store::Account Service::account(const std::string& address)
{
    return answering("account " + address, [&] {
        const auto tx = context_.store.read();
        return require(*tx, address);
    });
}

// The id makes it differ from that of an account of the same name that was removed.
std::string Service::etag(const store::Account& account)
{
    return '"' + std::to_string(account.id.value) + '-' + std::to_string(account.version) + '"';
}

const std::vector<std::string>& defaultServices()
{
    static const std::vector<std::string> all{"pop3", "imap", "smtp"};
    return all;
}

Put<store::Account> Service::putAccount(const std::string& given, const AccountChange& change, bool only_new,
                                        const std::optional<std::string>& expected)
{
    const auto address = checkedAddress(given);
    const auto whole = wholeAccount(change, context_.default_quota());
    const auto patch = patchOf(whole, credentialsNow(address));

    Put<store::Account> result;
    store::Pop3Policy pop3_before;
    std::vector<std::string> services_before = *whole.services;
    std::optional<store::Account> before;
    answering("account " + address, [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            const auto old = tx.findAccount(address);
            before = old;
            result.created = !old;
            if (old && only_new)
                throw Problem(412, "already_exists", "The account " + address + " exists already.");
            if (old)
                expect(*old, expected);
            else if (expected)
                throw Problem(412, "changed", "There is no account " + address + ".");
            if (!old && tx.findAlias(address))
                throw Problem(409, "already_exists", address + " is an alias already.");
            auto id = old ? old->id : store::AccountId{};
            if (!old) {
                store::NewAccount fresh;
                fresh.address = address;
                fresh.name = *whole.name;
                fresh.quota = *whole.quota;
                if (patch.credentials)
                    fresh.credentials = *patch.credentials;
                id = tx.createAccount(fresh);
            }
            store::AccountPatch rest = patch;
            if (!old)
                rest.name.reset(), rest.quota.reset(), rest.credentials.reset();
            rest.pop3 = (*whole.pop3)({});
            if (old)
                pop3_before = old->pop3, services_before = old->services;
            tx.changeAccount(id, rest);
            result.value = tx.account(id).value();
        });
    });
    if (before) {
        context_.auth.forget(result.value.id);
        endWhoMayNoLonger(*before, result.value, change.password.has_value() || change.password_hash.has_value());
    }
    auditPop3Change(change.by, "account", result.value.address, pop3_before, result.value.pop3);
    auditServices(change.by, result.value.address, services_before, result.value.services);
    base::logInfo("admin", result.created ? "account created" : "account replaced", {{"account", address}});
    return result;
}

store::Account Service::changeAccount(const std::string& address, const AccountChange& change, const std::optional<std::string>& expected)
{
    account(address); // before the work of hashing
    const auto patch = patchOf(change, credentialsNow(address));
    store::Account before, after;
    store::Pop3Policy pop3_before;
    std::vector<std::string> services_before;
    answering("account " + address, [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            before = require(tx, address);
            expect(before, expected);
            auto whole = patch;
            if (change.pop3)
                whole.pop3 = (*change.pop3)(before.pop3);
            pop3_before = before.pop3;
            services_before = before.services;
            tx.changeAccount(before.id, whole);
            after = tx.account(before.id).value();
        });
    });
    context_.auth.forget(after.id); // whatever changed, the next login looks again
    auditPop3Change(change.by, "account", after.address, pop3_before, after.pop3);
    auditServices(change.by, after.address, services_before, after.services);
    endWhoMayNoLonger(before, after, change.password.has_value() || change.password_hash.has_value());
    base::logInfo("admin", "account changed", {{"account", after.address}, {"password", patch.credentials ? "new" : "as before"}});
    return after;
}

void Service::removeAccount(const std::string& address, const std::optional<std::string>& expected)
{
    store::Account before;
    answering("account " + address, [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            before = require(tx, address);
            expect(before, expected);
            tx.removeAccount(before.id);
        });
    });
    context_.auth.forget(before.id);
    endSessions(before, {}, "account removed");
    base::logInfo("admin", "account removed", {{"account", address}});
}

store::Credentials Service::credentialsNow(const std::string& address)
{
    return answering("account " + address, [&] {
        const auto tx = context_.store.read();
        const auto found = tx->findAccount(address);
        return found ? tx->credentials(found->id).value_or(store::Credentials{}) : store::Credentials{};
    });
}

// --- app passwords

std::vector<store::AppPassword> Service::appPasswords(const std::string& address)
{
    return answering("account " + address, [&] {
        const auto tx = context_.store.read();
        return tx->appPasswords(require(*tx, address).id);
    });
}

auth::NewAppPassword Service::createAppPassword(const std::string& address, const WantedAppPassword& wanted)
{
    if (wanted.label.empty() || wanted.label.size() > 100 || !base::isUtf8(wanted.label) || base::printable(wanted.label) != wanted.label)
        throw Problem(422, "invalid_field", "The field \"label\" must have 1 to 100 printable characters.");
    checkScopes(wanted.scopes);
    if (wanted.expires && *wanted.expires <= context_.clock.now())
        throw Problem(422, "invalid_field", "The field \"expires\" must lie in the future.");
    const auto owner = account(address);
    auto credentials = credentialsNow(address);
    const bool salted = !credentials.scram_salt.empty();
    auto made = context_.auth.makeAppPassword(owner.id, credentials);
    made.kept.label = wanted.label;
    made.kept.scopes = wanted.scopes;
    made.kept.expires = wanted.expires;
    answering("app password " + wanted.label, [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            made.kept.created = tx.now();
            tx.putAppPassword(owner.id, made.kept);
            if (!salted && tx.credentials(owner.id).value_or(store::Credentials{}).scram_salt.empty())
                tx.upgradeCredentials(owner.id, credentials); // the salt that this one's SCRAM keys rest on
        });
    });
    base::logInfo("admin", "app password created", {{"account", owner.address}, {"label", wanted.label}});
    return made;
}

void Service::removeAppPassword(const std::string& address, const std::string& label)
{
    const auto owner = account(address);
    answering("app password " + base::printable(label), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) { tx.removeAppPassword(owner.id, label); });
    });
    const auto ended = context_.sessions.endOpenedWith(owner.address, label);
    base::logInfo("admin", "app password removed", {{"account", owner.address}, {"label", label}, {"sessions_ended", ended}});
}

void Service::liftBans(const std::string& subject)
{
    if (context_.auth.guard().lift(subject) == 0)
        throw Problem(404, "not_found", "Nothing is banned or slowed under " + base::printable(subject, 100) + ".");
    base::logInfo("admin", "bans lifted", {{"subject", subject}});
}

// --- aliases

std::vector<store::Alias> Service::aliases(const store::Page& page)
{
    return answering("alias", [&] { return context_.store.read()->aliases(page); });
}

store::Alias Service::alias(const std::string& address)
{
    auto found = answering("alias", [&] { return context_.store.read()->findAlias(address); });
    if (!found)
        throw Problem(404, "not_found", "There is no alias " + base::printable(address) + ".");
    return *found;
}

Put<store::Alias> Service::putAlias(const std::string& given, const std::vector<std::string>& targets, bool only_new,
                                    const std::optional<std::string>& expected)
{
    const auto address = checkedAlias(given);
    if (targets.empty())
        throw Problem(422, "invalid_field", "The field \"targets\" must name at least one address.");
    std::vector<std::string> checked;
    for (const auto& target : targets)
        checked.push_back(checkedAddress(target));
    Put<store::Alias> result;
    answering("alias " + address, [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            const auto old = tx.findAlias(address);
            result.created = !old;
            if (old && only_new)
                throw Problem(412, "already_exists", "The alias " + address + " exists already.");
            requireMatch(expected, old ? entityTag(toJson(*old)) : std::string(), "alias");
            if (tx.findAccount(address))
                throw Problem(409, "already_exists", address + " is an account already.");
            for (const auto& target : checked)
                if (target == address || (!tx.findAccount(target) && !tx.findAlias(target)))
                    throw Problem(422, "invalid_field", "The target " + target + " is no account and no other alias.");
            tx.putAlias(address, checked);
            result.value = tx.findAlias(address).value();
        });
    });
    base::logInfo("admin", "alias put", {{"alias", address}, {"targets", checked.size()}});
    return result;
}

void Service::removeAlias(const std::string& address, const std::optional<std::string>& expected)
{
    alias(address);
    answering("alias " + base::printable(address), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            if (const auto found = tx.findAlias(address))
                requireMatch(expected, entityTag(toJson(*found)), "alias");
            tx.removeAlias(address);
        });
    });
    base::logInfo("admin", "alias removed", {{"alias", address}});
}

// --- tokens

const std::vector<std::string>& Service::scopes()
{
    static const std::vector<std::string> all{"read", "accounts", "scan", "mail", "audit", "admin"};
    return all;
}

std::vector<store::Token> Service::tokens()
{
    auto found = answering("token", [&] { return context_.store.read()->tokens(); });
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return found;
}

std::string Service::createToken(const NewToken& wanted)
{
    if (wanted.name.empty() || wanted.name.size() > 100 || !base::isUtf8(wanted.name) || base::printable(wanted.name) != wanted.name)
        throw Problem(422, "invalid_field", "The field \"name\" must have 1 to 100 printable characters.");
    if (wanted.scopes.empty())
        throw Problem(422, "invalid_field", "The field \"scopes\" must name at least one scope.");
    for (const auto& scope : wanted.scopes)
        if (std::find(scopes().begin(), scopes().end(), scope) == scopes().end())
            throw Problem(422, "invalid_field", "The scopes are read, accounts, scan, mail, audit and admin.");
    if (wanted.expires && *wanted.expires <= context_.clock.now())
        throw Problem(422, "invalid_field", "The field \"expires\" must lie in the future.");
    const auto secret = "pf_" + base::randomHex(32);
    store::Token token;
    token.name = wanted.name;
    token.hash = base::hex(base::sha256(secret));
    token.scopes = wanted.scopes;
    token.expires = wanted.expires;
    answering("token " + wanted.name, [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            token.created = tx.now();
            tx.putToken(token);
        });
    });
    base::logInfo("admin", "token created", {{"token", wanted.name}});
    return secret;
}

void Service::removeToken(const std::string& name)
{
    answering("token " + base::printable(name), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            const auto all = tx.tokens();
            if (std::none_of(all.begin(), all.end(), [&](const auto& t) { return t.name == name; }))
                throw Problem(404, "not_found", "There is no token " + base::printable(name) + ".");
            tx.removeToken(name);
        });
    });
    base::logInfo("admin", "token removed", {{"token", name}});
}

std::optional<std::string> Service::firstToken()
{
    if (!tokens().empty())
        return std::nullopt;
    return createToken({"administrator", {"admin"}, std::nullopt});
}

// The secret has 256 random bits and is looked up by its hash: how long that takes says nothing about the secrets there are.
std::optional<store::Token> Service::tokenOf(std::string_view secret)
{
    const auto hash = base::hex(base::sha256(secret));
    auto found = answering("token", [&] { return context_.store.read()->findToken(hash); });
    const auto now = context_.clock.now();
    if (!found || !base::equalsConstantTime(found->hash, hash) || (found->expires && *found->expires <= now))
        return std::nullopt;
    bool touch = false;
    {
        const std::lock_guard lock(mutex_);
        auto known = std::find_if(touched_.begin(), touched_.end(), [&](const auto& t) { return t.first == hash; });
        touch = known == touched_.end() || now - known->second >= std::chrono::minutes(1);
        if (known != touched_.end())
            known->second = touch ? now : known->second;
        else {
            if (touched_.size() >= 1000)
                touched_.clear();
            touched_.emplace_back(hash, now);
        }
    }
    if (touch)
        context_.store.write([hash, now](store::WriteTx& tx) { tx.touchToken(hash, now); }, [](std::exception_ptr) {});
    return found;
}

// --- quarantine

std::vector<store::Quarantined> Service::quarantine(const store::Page& page)
{
    return answering("quarantine", [&] { return context_.store.read()->quarantine(page); });
}

store::Quarantined Service::quarantined(std::int64_t id)
{
    auto found = answering("quarantine", [&] { return context_.store.read()->quarantined(store::QuarantineId{id}); });
    if (!found)
        throw Problem(404, "not_found", "There is no quarantined message " + std::to_string(id) + ".");
    return *std::move(found);
}

void Service::releaseQuarantined(std::int64_t id)
{
    const auto entry = quarantined(id);
    answering("quarantined message " + std::to_string(id), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) { tx.releaseQuarantine(store::QuarantineId{id}); });
    });
    base::logWarning("admin", "quarantined message released", {{"id", id}, {"account", entry.address}, {"signature", entry.signature}});
}

void Service::deleteQuarantined(std::int64_t id)
{
    const auto entry = quarantined(id);
    answering("quarantined message " + std::to_string(id), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) { tx.deleteQuarantine(store::QuarantineId{id}); });
    });
    base::logInfo("admin", "quarantined message deleted", {{"id", id}, {"account", entry.address}});
}

// --- what was deleted

std::vector<store::Recoverable> Service::deleted(const std::string& address, const store::RecoverableFilter& filter, const store::Page& page)
{
    return answering("account " + base::printable(address), [&] {
        const auto tx = context_.store.read();
        return tx->recoverable(require(*tx, address).id, filter, page);
    });
}

namespace {
// An id of another account is no id of this one.
void requireDeleted(store::ReadTx& tx, store::AccountId account, store::RecoverableId id)
{
    const auto entry = tx.recoverable(id);
    if (!entry || entry->account != account)
        throw Problem(404, "not_found", "There is no deleted message " + std::to_string(id.value) + " that can be restored.");
}
} // namespace

store::WriteTx::Restored Service::restoreDeleted(const std::string& address, std::int64_t id)
{
    store::WriteTx::Restored restored;
    answering("deleted message " + std::to_string(id), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            requireDeleted(tx, require(tx, address).id, store::RecoverableId{id});
            restored = tx.restoreRecoverable(store::RecoverableId{id});
        });
    });
    base::logInfo("admin", "deleted message restored", {{"id", id}, {"account", address}, {"mailbox", restored.mailbox.name}});
    return restored;
}

void Service::forgetDeleted(const std::string& address, std::int64_t id)
{
    answering("deleted message " + std::to_string(id), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            requireDeleted(tx, require(tx, address).id, store::RecoverableId{id});
            tx.deleteRecoverable(store::RecoverableId{id});
        });
    });
    base::logInfo("admin", "deleted message removed for good", {{"id", id}, {"account", address}});
}

} // namespace postfach::admin
