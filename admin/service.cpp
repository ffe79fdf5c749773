#include "admin/service.h"
#include "admin/answering.h"
#include "admin/api/conditions.h"
#include "admin/api/json.h"
#include "admin/names.h"
#include "admin/office.h"
#include "server/auth/login_history.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <algorithm>
#include <set>

namespace postfach::admin {
namespace {
using base::lower;

void checkServices(const std::vector<std::string>& services)
{
    for (const auto& service : services)
        if (std::find(defaultServices().begin(), defaultServices().end(), service) == defaultServices().end())
            throw Problem(422, "invalid_field", "The field \"services\" may name imap, pop3 and smtp.");
}

// Tags without what passes (taggedAccount): mail that came or a login is no change that somebody overwrites.
void expect(const store::Account& account, std::optional<std::string> expected)
{
    for (auto passing = expected ? expected->find('.') : std::string::npos; passing != std::string::npos; passing = expected->find('.', passing))
        expected->erase(passing, std::min(expected->find('"', passing), expected->size()) - passing);
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

Problem noDomain(const std::string& name) { return {404, "not_found", "There is no domain " + base::printable(name) + "."}; }
Problem noAlias(const std::string& address) { return {404, "not_found", "There is no alias " + base::printable(address) + "."}; }

// Keys were derived with the salt that was read before; one that has come since stays, and whoever asks again gets keys that fit it.
void requireSalt(const store::Credentials& now, const store::Credentials& derived)
{
    if (!now.scram_salt.empty() && now.scram_salt != derived.scram_salt)
        throw busyFor(1, "Another password of this account was just made: try again.");
}

store::AccountPatch patchOf(const AccountChange& change, const store::Credentials& before)
{
    store::AccountPatch patch;
    patch.name = change.name;
    patch.quota = change.quota;
    patch.quota_messages = change.quota_messages;
    patch.enabled = change.enabled;
    if (change.services) {
        checkServices(*change.services);
        patch.services = change.services;
    }
    if (change.scopes)
        patch.scopes = checkedAdminScopes(*change.scopes);
    if (change.password || change.password_hash)
        patch.credentials = credentialsOf(change, before);
    return patch;
}
} // namespace

void requireAdministrator(bool administrator, const std::vector<std::string>& before, const std::optional<std::vector<std::string>>& after)
{
    if (!administrator && (!before.empty() || (after && !after->empty())))
        throw Problem(403, "scope", "This account is an administrator's: changing it needs the scope admin.");
}

std::vector<std::string> checkedAdminScopes(std::vector<std::string> scopes)
{
    const auto& known = Service::scopes();
    for (const auto& scope : scopes)
        if (std::find(known.begin(), known.end(), scope) == known.end())
            throw Problem(422, "invalid_field", "The field \"scopes\" may name read, accounts, scan, mail, audit and admin.");
    std::sort(scopes.begin(), scopes.end());
    scopes.erase(std::unique(scopes.begin(), scopes.end()), scopes.end());
    return scopes;
}

Service::Service(Context context)
    : context_(std::move(context)), webhooks_(context_.store, context_.clock, context_.webhooks),
      tasks_(context_.clock, [this](const Task& task) { tellTask(task); }, earlierTasks())
{
    beginStatistics();
}
Service::~Service() = default;

// --- domains

std::vector<store::Domain> Service::domains(const store::Page& page)
{
    return answering("domain", [&] { return context_.store.read()->domains(page); });
}

store::Domain Service::domain(const std::string& name)
{
    auto found = answering("domain", [&] { return context_.store.read()->findDomain(name); });
    if (!found)
        throw noDomain(name);
    return *found;
}

Put<store::Domain> Service::putDomain(const By& by, const std::string& given, bool only_new, const std::optional<std::string>& expected,
                                      const DomainChange& wanted)
{
    const auto name = checkedDomain(given);
    Put<store::Domain> result;
    change("domain " + name, by, [&](store::WriteTx& tx, Notes& notes) {
        const auto old = tx.findDomain(name);
        result.created = !old;
        if (old && only_new)
            throw Problem(412, "already_exists", "The domain " + name + " exists already.");
        requireMatch(expected, old ? entityTag(toJson(*old)) : std::string(), "domain");
        if (result.created)
            tx.createDomain(name);
        const auto before = tx.findDomain(name).value();
        tx.changeDomain(name, {wanted.pop3 ? (*wanted.pop3)({}) : store::Pop3Policy{}, wanted.scan ? (*wanted.scan)({}) : store::ScanPolicy{},
                               wanted.trash ? (*wanted.trash)({}) : store::TrashPolicy{}});
        result.value = tx.findDomain(name).value();
        if (result.created)
            notes.add("domain.create", name, nullptr, without(toJson(result.value), {"accounts"}));
        else if (const auto changed = differences(toJson(before), toJson(result.value), {"accounts"}); changed.second->size() > 0)
            notes.add("domain.change", name, changed.first, changed.second);
    });
    return result;
}

store::Domain Service::changeDomain(const By& by, const std::string& name, const std::optional<std::string>& expected,
                                    const DomainChange& wanted)
{
    domain(name);
    store::Domain after;
    change("domain " + base::printable(name), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto found = tx.findDomain(name);
        if (!found)
            throw noDomain(name);
        requireMatch(expected, entityTag(toJson(*found)), "domain");
        store::DomainPatch patch;
        if (wanted.pop3)
            patch.pop3 = (*wanted.pop3)(found->pop3);
        if (wanted.scan)
            patch.scan = (*wanted.scan)(found->scan);
        if (wanted.trash)
            patch.trash = (*wanted.trash)(found->trash);
        tx.changeDomain(name, patch);
        after = tx.findDomain(name).value();
        if (const auto changed = differences(toJson(*found), toJson(after), {"accounts"}); changed.second->size() > 0)
            notes.add("domain.change", after.name, changed.first, changed.second);
    });
    return after;
}

void Service::removeDomain(const By& by, const std::string& name, const std::optional<std::string>& expected)
{
    change("domain " + base::printable(name), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto known = tx.findDomain(name);
        if (!known)
            throw noDomain(name);
        requireMatch(expected, entityTag(toJson(*known)), "domain");
        tx.removeDomain(name);
        notes.add("domain.remove", known->name, without(toJson(*known), {"accounts"}));
    });
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

// Of what people change, without what changes by itself. The id makes it differ from that of an account of the same name that was removed.
std::string Service::etag(const store::Account& account)
{
    return '"' + std::to_string(account.id.value) + '-' + std::to_string(account.version) + '"';
}

const std::vector<std::string>& defaultServices()
{
    static const std::vector<std::string> all{"pop3", "imap", "smtp"};
    return all;
}

Put<store::Account> Service::putAccount(const By& by, const std::string& given, const AccountChange& change, bool only_new,
                                        const std::optional<std::string>& expected)
{
    const auto address = checkedAddress(given);
    const auto whole = wholeAccount(change, context_.default_quota());
    const auto patch = patchOf(whole, credentialsNow(address));

    Put<store::Account> result;
    std::optional<store::Account> before;
    this->change("account " + address, by, [&](store::WriteTx& tx, Notes& notes) {
        const auto old = tx.findAccount(address);
        before = old;
        result.created = !old;
        if (old && only_new)
            throw Problem(412, "already_exists", "The account " + address + " exists already.");
        requireAdministrator(change.administrator, old ? old->scopes : std::vector<std::string>{}, patch.scopes);
        if (old)
            expect(*old, expected);
        else if (expected)
            throw Problem(412, "changed", "There is no account " + address + ".");
        if (!old && tx.findAlias(address))
            throw Problem(409, "already_exists", address + " is an alias already.");
        auto id = old ? old->id : store::AccountId{};
        const std::string domain = address.substr(address.rfind('@') + 1);
        if (!old) {
            if (!tx.findDomain(domain))
                notes.add("domain.create", domain);
            store::NewAccount fresh;
            fresh.address = address;
            fresh.name = *whole.name;
            fresh.quota = *whole.quota;
            if (patch.credentials)
                fresh.credentials = *patch.credentials;
            id = tx.createAccount(fresh);
        }
        if (old && patch.credentials)
            requireSalt(tx.credentials(old->id).value_or(store::Credentials{}), *patch.credentials);
        store::AccountPatch rest = patch;
        if (!old)
            rest.name.reset(), rest.quota.reset(), rest.credentials.reset();
        rest.pop3 = (*whole.pop3)({});
        rest.scan = (*whole.scan)({});
        rest.trash = (*whole.trash)({});
        tx.changeAccount(id, rest);
        result.value = tx.account(id).value();
        if (old)
            noteAccount(notes, "account.replace", *old, result.value, patch.credentials.has_value());
        else
            notes.add("account.create", address, nullptr, lasting(result.value));
    });
    if (before) {
        context_.auth.forget(result.value.id);
        endWhoMayNoLonger(*before, result.value, change.password.has_value() || change.password_hash.has_value());
    }
    return result;
}

store::Account Service::changeAccount(const By& by, const std::string& address, const AccountChange& change,
                                      const std::optional<std::string>& expected)
{
    account(address); // before the work of hashing
    const auto patch = patchOf(change, credentialsNow(address));
    store::Account before, after;
    this->change("account " + address, by, [&](store::WriteTx& tx, Notes& notes) {
        before = require(tx, address);
        requireAdministrator(change.administrator, before.scopes, patch.scopes);
        expect(before, expected);
        if (patch.credentials)
            requireSalt(tx.credentials(before.id).value_or(store::Credentials{}), *patch.credentials);
        auto whole = patch;
        if (change.pop3)
            whole.pop3 = (*change.pop3)(before.pop3);
        if (change.scan)
            whole.scan = (*change.scan)(before.scan);
        if (change.trash)
            whole.trash = (*change.trash)(before.trash);
        tx.changeAccount(before.id, whole);
        after = tx.account(before.id).value();
        noteAccount(notes, "account.change", before, after, patch.credentials.has_value());
    });
    context_.auth.forget(after.id); // whatever changed, the next login looks again
    endWhoMayNoLonger(before, after, change.password.has_value() || change.password_hash.has_value());
    return after;
}

namespace {
// An address that ends is no target any more, or whoever has it next would get the mail of groups that meant somebody else; an alias
// that leads nowhere ends with it.
void endTarget(store::WriteTx& tx, Notes& notes, const std::string& address)
{
    std::vector<std::string> leading;
    store::Page page{"", 1'000};
    for (auto some = tx.aliases(page); !some.empty(); some = tx.aliases(page)) {
        page.after = some.back().address;
        for (const store::Alias& alias : some)
            if (std::find(alias.targets.begin(), alias.targets.end(), address) != alias.targets.end())
                leading.push_back(alias.address);
    }
    for (const std::string& one : leading) {
        const auto known = tx.findAlias(one);
        if (!known) // it led to one that has ended on the way
            continue;
        const store::Alias& alias = *known;
        auto left = alias.targets;
        std::erase(left, address);
        if (!left.empty()) {
            tx.putAlias(alias.address, left);
            notes.add("alias.change", alias.address, toJson(alias), toJson(tx.findAlias(alias.address).value()));
            continue;
        }
        tx.removeAlias(alias.address);
        notes.add("alias.remove", alias.address, toJson(alias));
        endTarget(tx, notes, alias.address);
    }
}
} // namespace

void Service::removeAccount(const By& by, const std::string& address, const std::optional<std::string>& expected, bool administrator)
{
    store::Account before;
    change("account " + address, by, [&](store::WriteTx& tx, Notes& notes) {
        before = require(tx, address);
        requireAdministrator(administrator, before.scopes, std::nullopt);
        expect(before, expected);
        tx.removeAccount(before.id);
        notes.add("account.remove", before.address, toJson(before, configured()));
        endTarget(tx, notes, before.address);
    });
    context_.auth.forget(before.id);
    endSessions(before, {}, "account removed");
}

store::Credentials Service::credentialsNow(const std::string& address)
{
    return answering("account " + address, [&] {
        const auto tx = context_.store.read();
        const auto found = tx->findAccount(address);
        return found ? tx->credentials(found->id).value_or(store::Credentials{}) : store::Credentials{};
    });
}

std::vector<store::LoginRecord> Service::logins(const std::string& address)
{
    return answering("account " + address, [&] {
        const auto owner = require(*context_.store.read(), address);
        context_.auth.history().settle();
        return context_.store.read()->logins(owner.id);
    });
}

bool Service::isUnchanged(store::AccountId id, std::uint64_t version)
{
    const auto now = answering("account", [&] { return context_.store.read()->account(id); });
    return now && now->version == version;
}

// --- app passwords

std::vector<store::AppPassword> Service::appPasswords(const std::string& address)
{
    return answering("account " + address, [&] {
        const auto tx = context_.store.read();
        return tx->appPasswords(require(*tx, address).id);
    });
}

auth::NewAppPassword Service::createAppPassword(const By& by, const std::string& address, const WantedAppPassword& wanted)
{
    if (wanted.label.empty() || wanted.label.size() > 100 || !base::isUtf8(wanted.label) || base::printable(wanted.label) != wanted.label)
        throw Problem(422, "invalid_field", "The field \"label\" must have 1 to 100 printable characters.");
    checkScopes(wanted.scopes);
    if (wanted.expires && *wanted.expires <= context_.clock.now())
        throw Problem(422, "invalid_field", "The field \"expires\" must lie in the future.");
    const auto owner = account(address);
    auto credentials = credentialsNow(address);
    auto made = context_.auth.makeAppPassword(owner.id, credentials);
    made.kept.label = wanted.label;
    made.kept.scopes = wanted.scopes;
    made.kept.expires = wanted.expires;
    change("app password " + wanted.label, by, [&](store::WriteTx& tx, Notes& notes) {
        made.kept.created = tx.now();
        tx.putAppPassword(owner.id, made.kept);
        auto now = tx.credentials(owner.id).value_or(store::Credentials{}); // as they are by now: the password may be another
        requireSalt(now, credentials);
        if (now.scram_salt.empty()) { // the salt that this one's SCRAM keys rest on
            now.scram_salt = credentials.scram_salt;
            now.scram_iterations = credentials.scram_iterations;
            tx.upgradeCredentials(owner.id, now);
        }
        notes.add("app-password.create", owner.address + "/" + wanted.label, nullptr, without(toJson(made.kept), {"last_used"}));
    });
    return made;
}

void Service::removeAppPassword(const By& by, const std::string& address, const std::string& label)
{
    const auto owner = account(address);
    change("app password " + base::printable(label), by, [&](store::WriteTx& tx, Notes& notes) {
        tx.removeAppPassword(owner.id, label);
        notes.add("app-password.remove", owner.address + "/" + label);
    });
    if (const auto ended = context_.sessions.endOpenedWith(owner.address, label); ended > 0)
        base::logInfo("admin", "sessions ended", {{"account", owner.address}, {"sessions", ended}, {"reason", "app password removed"}});
}

void Service::liftBans(const By& by, const std::string& subject)
{
    if (context_.auth.guard().lift(subject) == 0)
        throw Problem(404, "not_found", "Nothing is banned or slowed under " + base::printable(subject, 100) + ".");
    note(by, "ban.lift", base::lower(subject));
    tell("ban.lifted", subject.find('@') != std::string::npos ? base::lower(subject) : "", {{"subject", base::lower(subject)}});
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
        throw noAlias(address);
    return *found;
}

Put<store::Alias> Service::putAlias(const By& by, const std::string& given, const std::vector<std::string>& targets, bool only_new,
                                    const std::optional<std::string>& expected)
{
    const auto address = checkedAlias(given);
    if (targets.empty())
        throw Problem(422, "invalid_field", "The field \"targets\" must name at least one address.");
    std::vector<std::string> checked;
    for (const auto& target : targets)
        checked.push_back(checkedAddress(target));
    Put<store::Alias> result;
    change("alias " + address, by, [&](store::WriteTx& tx, Notes& notes) {
        const auto before = tx.findAlias(address);
        result.created = !before;
        if (!result.created && only_new)
            throw Problem(412, "already_exists", "The alias " + address + " exists already.");
        requireMatch(expected, before ? entityTag(toJson(*before)) : std::string(), "alias");
        if (tx.findAccount(address))
            throw Problem(409, "already_exists", address + " is an account already.");
        for (const auto& target : checked)
            if (target == address || (!tx.findAccount(target) && !tx.findAlias(target)))
                throw Problem(422, "invalid_field", "The target " + target + " is no account and no other alias.");
        tx.putAlias(address, checked);
        result.value = tx.findAlias(address).value();
        notes.add(before ? "alias.change" : "alias.create", address, before ? toJson(*before) : nullptr, toJson(result.value));
    });
    return result;
}

void Service::removeAlias(const By& by, const std::string& address, const std::optional<std::string>& expected)
{
    change("alias " + base::printable(address), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto known = tx.findAlias(address);
        if (!known)
            throw noAlias(address);
        requireMatch(expected, entityTag(toJson(*known)), "alias");
        tx.removeAlias(address);
        notes.add("alias.remove", known->address, toJson(*known));
        endTarget(tx, notes, known->address);
    });
}

// --- what was deleted

std::vector<store::Recoverable> Service::deleted(const std::string& address, const store::RecoverableFilter& filter, const store::Page& page)
{
    return answering("account " + base::printable(address), [&] {
        const auto tx = context_.store.read();
        return tx->recoverable(require(*tx, address).id, filter, page);
    });
}

std::optional<store::Recoverable> Service::findDeleted(std::int64_t id)
{
    return answering("deleted message", [&] { return context_.store.read()->recoverable(store::RecoverableId{id}); });
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

store::WriteTx::Restored Service::restoreDeleted(const By& by, const std::string& address, std::int64_t id)
{
    store::WriteTx::Restored restored;
    change("deleted message " + std::to_string(id), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        requireDeleted(tx, owner.id, store::RecoverableId{id});
        const auto entry = tx.recoverable(store::RecoverableId{id}).value();
        restored = tx.restoreRecoverable(store::RecoverableId{id});
        auto after = object();
        after->set("mailbox", restored.mailbox.name);
        after->set("uid", restored.where.uid.value);
        notes.add("deleted.restore", owner.address + "/" + std::to_string(id), toJson(entry), after);
    });
    return restored;
}

void Service::forgetDeleted(const By& by, const std::string& address, std::int64_t id)
{
    change("deleted message " + std::to_string(id), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        requireDeleted(tx, owner.id, store::RecoverableId{id});
        const auto entry = tx.recoverable(store::RecoverableId{id}).value();
        tx.deleteRecoverable(store::RecoverableId{id});
        notes.add("deleted.forget", owner.address + "/" + std::to_string(id), toJson(entry));
    });
}

} // namespace postfach::admin
