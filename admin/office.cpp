#include "admin/office.h"
#include "admin/names.h"

#include <algorithm>
#include <set>

namespace postfach::admin {
namespace {
constexpr std::size_t kEntries = 100'000; // of a kind

// Names are checked one by one; what is wrong with one is told with the rest.
template <class Check>
std::string named(Fields& fields, const char* field, Check check, std::set<std::string>& seen)
{
    const auto given = fields.text(field);
    if (!given) {
        if (!fields.has(field))
            fields.mustBe(field, "there");
        return {};
    }
    try {
        auto name = check(*given);
        if (!seen.insert(name).second)
            fields.mustBe(field, "there once");
        return name;
    } catch (const Problem&) {
        fields.mustBe(field, "a name that can be one");
        return {};
    }
}

void checkServiceNames(Fields& fields, const AccountChange& change)
{
    const auto& known = defaultServices();
    if (change.services && std::any_of(change.services->begin(), change.services->end(), [&known](const std::string& name) {
            return std::find(known.begin(), known.end(), name) == known.end();
        }))
        fields.mustBe("services", "a list of imap, pop3 and smtp");
}
} // namespace

AccountChange accountChangeOf(Fields& fields, std::uint64_t default_quota)
{
    AccountChange change;
    for (const char* name : {"used", "messages", "quota_level", "recoverable", "pop3_in_force", "scan_in_force", "trash_in_force", "created",
                             "last_login", "totp"})
        fields.refuse(name);
    for (const char* name : {"password", "password_hash"})
        if (fields.isNull(name))
            fields.mustBe(name, "a text");
    change.password = fields.isNull("password") ? std::nullopt : fields.text("password", 1024);
    change.password_hash = fields.isNull("password_hash") ? std::nullopt : fields.text("password_hash", 1024);
    change.name = fields.isNull("name") ? std::optional<std::string>("") : fields.text("name", 255);
    change.quota = fields.isNull("quota") ? std::optional(default_quota) : fields.number("quota");
    change.quota_messages = fields.isNull("quota_messages") ? std::optional<std::uint64_t>(0) : fields.number("quota_messages");
    change.enabled = fields.isNull("enabled") ? std::optional(true) : fields.flag("enabled");
    change.services = fields.isNull("services") ? std::optional(defaultServices()) : fields.texts("services", 10);
    change.scopes = fields.isNull("scopes") ? std::optional(std::vector<std::string>{}) : fields.texts("scopes", 20);
    change.pop3 = pop3ChangeOf(fields);
    change.scan = scanChangeOf(fields);
    change.trash = accountTrashChangeOf(fields);
    return change;
}

AccountChange wholeAccount(const AccountChange& change, std::uint64_t default_quota)
{
    AccountChange whole = change;
    whole.name = change.name.value_or("");
    whole.quota = change.quota.value_or(default_quota);
    whole.quota_messages = change.quota_messages.value_or(0);
    whole.enabled = change.enabled.value_or(true);
    whole.services = change.services.value_or(defaultServices());
    const auto pop3 = change.pop3 ? (*change.pop3)({}) : store::Pop3Policy{};
    whole.pop3 = [pop3](store::Pop3Policy) { return pop3; };
    const auto scan = change.scan ? (*change.scan)({}) : store::ScanPolicy{};
    whole.scan = [scan](store::ScanPolicy) { return scan; };
    const auto trash = change.trash ? (*change.trash)({}) : store::TrashPolicy{};
    whole.trash = [trash](store::TrashPolicy) { return trash; };
    return whole;
}

std::vector<std::string> differing(const AccountChange& wanted, const store::Account& there)
{
    const auto sorted = [](std::vector<std::string> names) {
        std::sort(names.begin(), names.end());
        return names;
    };
    std::vector<std::string> fields;
    const auto add = [&fields](bool differs, const char* name) {
        if (differs)
            fields.emplace_back(name);
    };
    add(wanted.name != there.name, "name");
    add(wanted.enabled != there.enabled, "enabled");
    add(wanted.quota != there.quota, "quota");
    add(wanted.quota_messages != there.quota_messages, "quota_messages");
    add(sorted(wanted.services.value_or(std::vector<std::string>{})) != sorted(there.services), "services");
    add(wanted.scopes && sorted(*wanted.scopes) != there.scopes, "scopes");
    add(wanted.pop3 && (*wanted.pop3)({}) != there.pop3, "pop3");
    add(wanted.scan && (*wanted.scan)({}) != there.scan, "scan");
    add(wanted.trash && (*wanted.trash)({}) != there.trash, "trash");
    return fields;
}

Office parseOffice(const Poco::JSON::Object::Ptr& document, std::uint64_t default_quota)
{
    Office office;
    std::set<std::string> domains, addresses;
    Fields all(document);
    for (auto& fields : all.list("domains", kEntries)) {
        Office::Domain domain;
        domain.name = named(fields, "name", checkedDomain, domains);
        if (const auto pop3 = pop3ChangeOf(fields))
            domain.pop3 = (*pop3)({});
        if (const auto scan = scanChangeOf(fields))
            domain.scan = (*scan)({});
        if (const auto trash = trashChangeOf(fields))
            domain.trash = (*trash)({});
        fields.finish();
        office.domains.push_back(std::move(domain));
    }
    for (auto& fields : all.list("accounts", kEntries)) {
        Office::Account account;
        account.address = named(fields, "address", checkedAddress, addresses);
        const auto change = accountChangeOf(fields, default_quota);
        if (change.password && change.password_hash)
            fields.mustBe("password_hash", "absent where there is a password");
        if (change.password && change.password->empty())
            fields.mustBe("password", "1 to 1024 bytes long");
        checkServiceNames(fields, change);
        account.wanted = wholeAccount(change, default_quota);
        if (account.wanted.scopes)
            try {
                account.wanted.scopes = checkedAdminScopes(*account.wanted.scopes);
            } catch (const Problem&) {
                fields.mustBe("scopes", "a list of read, accounts, scan, mail, audit and admin");
            }
        fields.finish();
        office.accounts.push_back(std::move(account));
    }
    for (auto& fields : all.list("aliases", kEntries)) {
        store::Alias alias;
        alias.address = named(fields, "address", checkedAlias, addresses);
        for (const auto& target : fields.texts("targets").value_or(std::vector<std::string>{}))
            try {
                alias.targets.push_back(checkedAddress(target));
            } catch (const Problem&) {
                fields.mustBe("targets", "a list of addresses");
            }
        if (alias.targets.empty())
            fields.mustBe("targets", "a list of at least one address");
        fields.finish();
        office.aliases.push_back(std::move(alias));
    }
    all.finish();
    return office;
}

Poco::JSON::Object::Ptr officeJson(const std::vector<store::Domain>& domains, const std::vector<store::Account>& accounts,
    const std::vector<store::Alias>& aliases)
{
    using Poco::JSON::Array;
    Array::Ptr domain_list = new Array, account_list = new Array, alias_list = new Array;
    for (const auto& domain : domains) {
        auto one = object();
        one->set("name", domain.name);
        one->set("pop3", toJson(domain.pop3));
        one->set("scan", toJson(domain.scan));
        one->set("trash", toJson(domain.trash));
        domain_list->add(one);
    }
    for (const auto& account : accounts) {
        auto one = object();
        one->set("address", account.address);
        one->set("name", account.name);
        one->set("enabled", account.enabled);
        one->set("quota", account.quota);
        one->set("quota_messages", account.quota_messages);
        one->set("services", array(account.services));
        one->set("scopes", array(account.scopes));
        one->set("pop3", toJson(account.pop3));
        one->set("scan", toJson(account.scan));
        one->set("trash", toJson(account.trash));
        account_list->add(one);
    }
    for (const auto& alias : aliases) {
        auto one = object();
        one->set("address", alias.address);
        one->set("targets", array(alias.targets));
        alias_list->add(one);
    }
    auto out = object();
    out->set("domains", domain_list);
    out->set("accounts", account_list);
    out->set("aliases", alias_list);
    return out;
}

} // namespace postfach::admin
