// Service: the office as one document, read and put into force. Each entry is decided again within the transaction that
// changes it; a few hundred go into one, so that mail is delivered in between, and a document that is applied a second
// time changes nothing.
#include "admin/answering.h"
#include "admin/office.h"
#include "server/base/text.h"

#include <algorithm>
#include <map>
#include <set>

namespace postfach::admin {
namespace {
constexpr std::size_t kAtOnce = 1000; // read
constexpr std::size_t kChunk = 100;   // written in one transaction: some milliseconds

template <class T, class Read, class Key>
std::vector<T> everything(Read read, Key key)
{
    std::vector<T> all;
    for (;;) {
        const auto part = read(store::Page{all.empty() ? std::string() : key(all.back()), kAtOnce});
        all.insert(all.end(), part.begin(), part.end());
        if (part.size() < kAtOnce)
            return all;
    }
}

struct Present {
    std::vector<store::Domain> domains;
    std::vector<store::Account> accounts;
    std::vector<store::Alias> aliases;
};

Present presentOffice(store::ReadTx& tx)
{
    return {everything<store::Domain>(
                [&tx](const store::Page& page) { return tx.domains(page); }, [](const auto& d) { return d.name; }),
        everything<store::Account>(
            [&tx](const store::Page& page) { return tx.accounts(page); }, [](const auto& a) { return a.address; }),
        everything<store::Alias>(
            [&tx](const store::Page& page) { return tx.aliases(page); }, [](const auto& a) { return a.address; })};
}

// Every alias must lead somewhere, and no address be two things.
void checkWhole(const Office& office, const Present& present)
{
    std::set<std::string> accounts, aliases;
    for (const auto& one : present.accounts)
        accounts.insert(one.address);
    for (const auto& one : office.accounts)
        accounts.insert(one.address);
    for (const auto& one : present.aliases)
        aliases.insert(one.address);
    for (const auto& one : office.aliases)
        aliases.insert(one.address);
    std::vector<FieldProblem> wrong;
    const auto add = [&wrong](const char* list, std::size_t at, const char* field, const std::string& detail) {
        if (wrong.size() < 50)
            wrong.push_back({std::string(list) + "[" + std::to_string(at) + "]." + field, "invalid_field", detail});
    };
    for (std::size_t i = 0; i < office.accounts.size(); ++i)
        if (aliases.contains(office.accounts[i].address))
            add("accounts", i, "address", office.accounts[i].address + " is an alias.");
    for (std::size_t i = 0; i < office.aliases.size(); ++i) {
        if (accounts.contains(office.aliases[i].address))
            add("aliases", i, "address", office.aliases[i].address + " is an account.");
        for (const auto& target : office.aliases[i].targets)
            if (target == office.aliases[i].address || (!accounts.contains(target) && !aliases.contains(target)))
                add("aliases", i, "targets", "The target " + target + " is no account and no other alias.");
    }
    if (!wrong.empty())
        throw Problem(std::move(wrong));
}

// Decides for every entry of one kind: `differs` gives the fields, for what is there.
template <class There, class Wanted, class Key, class WantedKey, class Differs>
void compare(OfficeDifference& result, const char* kind, const std::vector<There>& there, const std::vector<Wanted>& wanted,
    Key key, WantedKey wanted_key, Differs differs)
{
    std::map<std::string, const There*> rest;
    for (const auto& one : there)
        rest.emplace(key(one), &one);
    for (const auto& one : wanted) {
        const auto found = rest.find(wanted_key(one));
        if (found == rest.end()) {
            result.changes.push_back({kind, wanted_key(one), "create", {}});
            continue;
        }
        auto fields = differs(one, *found->second);
        rest.erase(found);
        if (fields.empty())
            ++result.same;
        else
            result.changes.push_back({kind, wanted_key(one), "change", std::move(fields)});
    }
    for (const auto& [name, one] : rest)
        result.others.push_back({kind, name, "remove", {}});
}

OfficeDifference difference(const Office& office, const Present& present)
{
    using Names = std::vector<std::string>;
    OfficeDifference result;
    compare(
        result, "domain", present.domains, office.domains, [](const auto& d) { return d.name; },
        [](const auto& d) { return d.name; },
        [](const Office::Domain& wanted, const store::Domain& there) {
            Names fields;
            if (wanted.pop3 != there.pop3)
                fields.emplace_back("pop3");
            if (wanted.scan != there.scan)
                fields.emplace_back("scan");
            if (wanted.trash != there.trash)
                fields.emplace_back("trash");
            return fields;
        });
    compare(
        result, "account", present.accounts, office.accounts, [](const auto& a) { return a.address; },
        [](const auto& a) { return a.address; },
        [](const Office::Account& wanted, const store::Account& there) { return differing(wanted.wanted, there); });
    compare(
        result, "alias", present.aliases, office.aliases, [](const auto& a) { return a.address; },
        [](const auto& a) { return a.address; },
        [](const store::Alias& wanted, const store::Alias& there) {
            return wanted.targets == there.targets ? Names{} : Names{"targets"};
        });
    return result;
}
} // namespace

Poco::JSON::Object::Ptr Service::officeSnapshot()
{
    return answering("office", [&] {
        const auto present = presentOffice(*context_.store.read());
        return officeJson(present.domains, present.accounts, present.aliases);
    });
}

OfficeDifference Service::compareOffice(const Office& office)
{
    return answering("office", [&] {
        const auto present = presentOffice(*context_.store.read());
        checkWhole(office, present);
        return difference(office, present);
    });
}

void Service::putOfficeAccounts(const By& by, const Office& office, bool administrator, std::size_t from, std::size_t to)
{
    struct Done {
        std::optional<store::Account> before;
        store::Account after;
    };
    // Hashing takes its time: only for who is new, and before the transaction.
    std::map<std::string, store::Credentials> credentials;
    {
        const auto tx = context_.store.read();
        for (auto i = from; i < to; ++i)
            if (const auto& account = office.accounts[i];
                (account.wanted.password || account.wanted.password_hash) && !tx->findAccount(account.address))
                credentials.emplace(account.address, credentialsOf(account.wanted, {}));
    }
    std::vector<Done> done;
    change("office", by, [&](store::WriteTx& tx, Notes& notes) {
        done.clear();
        for (auto i = from; i < to; ++i) {
            const auto& [address, wanted] = office.accounts[i];
            Done one;
            one.before = tx.findAccount(address);
            if (one.before && differing(wanted, *one.before).empty())
                continue;
            requireAdministrator(administrator, one.before ? one.before->scopes : std::vector<std::string>{}, wanted.scopes);
            store::AccountPatch patch;
            patch.scopes = wanted.scopes;
            patch.name = wanted.name, patch.enabled = wanted.enabled;
            patch.quota = wanted.quota, patch.quota_messages = wanted.quota_messages;
            patch.services = wanted.services;
            patch.pop3 = (*wanted.pop3)({});
            patch.scan = (*wanted.scan)({});
            patch.trash = (*wanted.trash)({});
            auto id = one.before ? one.before->id : store::AccountId{};
            if (!one.before) {
                store::NewAccount fresh;
                fresh.address = address;
                if (const auto known = credentials.find(address); known != credentials.end())
                    fresh.credentials = known->second;
                id = tx.createAccount(fresh);
            }
            tx.changeAccount(id, patch);
            one.after = tx.account(id).value();
            if (one.before)
                noteAccount(notes, "account.change", *one.before, one.after, false);
            else
                notes.add("account.create", address, nullptr, lasting(one.after));
            done.push_back(std::move(one));
        }
    });
    for (const auto& one : done) {
        context_.auth.forget(one.after.id);
        if (one.before)
            endWhoMayNoLonger(*one.before, one.after, false);
    }
}

Tasks::Outcome Service::putOffice(
    const By& by, const Office& office, bool prune, bool administrator, const Tasks::Progress& progress, const std::stop_token& stop)
{
    const auto planned = compareOffice(office);
    const auto total =
        office.domains.size() + office.accounts.size() + office.aliases.size() + (prune ? planned.others.size() : 0);
    std::size_t done = 0;
    const auto chunks = [&](std::size_t count, auto work) {
        for (std::size_t from = 0; from < count; from += kChunk) {
            if (stop.stop_requested())
                throw Problem(503, "unavailable", "It was ended before it was done; apply the document again.");
            const auto to = std::min(count, from + kChunk);
            work(from, to);
            progress(done += to - from, total);
        }
    };
    progress(0, total);
    chunks(office.domains.size(), [&](std::size_t from, std::size_t to) {
        change("office", by, [&](store::WriteTx& tx, Notes& notes) {
            for (auto i = from; i < to; ++i) {
                const auto& name = office.domains[i].name;
                const auto before = tx.findDomain(name);
                if (!before)
                    tx.createDomain(name);
                tx.changeDomain(name, {office.domains[i].pop3, office.domains[i].scan, office.domains[i].trash});
                const auto after = toJson(tx.findDomain(name).value());
                if (!before)
                    notes.add("domain.create", name, nullptr, without(after, {"accounts"}));
                else if (const auto changed = differences(toJson(*before), after, {"accounts"}); changed.second->size() > 0)
                    notes.add("domain.change", name, changed.first, changed.second);
            }
        });
    });
    chunks(office.accounts.size(), [&](std::size_t from, std::size_t to) { putOfficeAccounts(by, office, administrator, from, to); });
    chunks(office.aliases.size(), [&](std::size_t from, std::size_t to) {
        change("office", by, [&](store::WriteTx& tx, Notes& notes) {
            for (auto i = from; i < to; ++i) {
                const auto& alias = office.aliases[i];
                const auto before = tx.findAlias(alias.address);
                if (before && before->targets == alias.targets)
                    continue;
                tx.putAlias(alias.address, alias.targets);
                notes.add(before ? "alias.change" : "alias.create", alias.address, before ? toJson(*before) : nullptr,
                    toJson(tx.findAlias(alias.address).value()));
            }
        });
    });
    std::uint64_t removed = 0, left = 0;
    if (prune) { // aliases before the domains that they keep from going
        auto others = planned.others;
        std::stable_partition(others.begin(), others.end(), [](const OfficeChange& one) { return one.kind == "alias"; });
        chunks(others.size(), [&](std::size_t from, std::size_t to) {
            for (auto i = from; i < to; ++i)
                (removeOther(by, others[i]) ? removed : left) += 1;
        });
    }
    std::uint64_t created = 0;
    Tasks::Outcome outcome;
    for (const auto& change : planned.changes)
        created += change.action == "create" ? 1U : 0U;
    outcome.result = std::to_string(created) + " created, " + std::to_string(planned.changes.size() - created) + " changed, "
        + std::to_string(planned.same) + " as they were"
        + (prune ? ", " + std::to_string(removed) + " removed, " + std::to_string(left) + " not in the document left" : "");
    base::logInfo("admin", "configuration applied", {{"by", by.actor}, {"result", outcome.result}});
    return outcome;
}

// Never an account: it has mail. A domain only when nothing is left in it.
bool Service::removeOther(const By& by, const OfficeChange& other)
{
    if (other.kind == "account")
        return false;
    try {
        if (other.kind == "alias")
            removeAlias(by, other.key, std::nullopt);
        else
            removeDomain(by, other.key, std::nullopt);
        return true;
    } catch (const Problem&) {
        return false;
    }
}

Task Service::applyOffice(const By& by, std::shared_ptr<const Office> office, bool prune, bool administrator)
{
    compareOffice(*office); // what is wrong with it is said at once
    if (!administrator) {
        const auto tx = context_.store.read();
        for (const auto& account : office->accounts) {
            const auto there = tx->findAccount(account.address);
            if (!there || !differing(account.wanted, *there).empty())
                requireAdministrator(false, there ? there->scopes : std::vector<std::string>{}, account.wanted.scopes);
        }
    }
    auto wish = object();
    wish->set("domains", office->domains.size());
    wish->set("accounts", office->accounts.size());
    wish->set("aliases", office->aliases.size());
    wish->set("prune", prune);
    tasks_.requireRoom();
    note(by, "office.apply", "office", wish);
    auto work = [this, office = std::move(office), by, prune, administrator](const Tasks::Progress& progress, const std::stop_token& stop) {
        return putOffice(by, *office, prune, administrator, progress, stop);
    };
    return tasks_.start("configuration", std::move(work));
}

} // namespace postfach::admin
