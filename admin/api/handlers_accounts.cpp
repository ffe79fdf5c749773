// Domains, accounts, aliases, tokens.
#include "admin/api/conditions.h"
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "admin/api/time.h"
#include "admin/office.h"
#include "server/base/text.h"

#include <algorithm>
#include <map>

namespace postfach::admin::handle {
namespace {

// The address or name in the path is the key; the body may repeat it, as one that was read before does.
void checkKey(Fields& fields, const std::string& name, const std::string& key)
{
    if (const auto said = fields.text(name); said && *said != key)
        throw Problem(422, "invalid_field", "The field \"" + name + "\" differs from the path.");
}

// A representation with its tag. The same bytes make the tag that If-Match is held against.
Response tagged(int status, const Poco::JSON::Object::Ptr& representation)
{
    auto response = Response::json(status, representation);
    response.headers.emplace_back("ETag", entityTag(response.body));
    return response;
}

Response putAnswer(bool created, const std::string& where, const Poco::JSON::Object::Ptr& representation)
{
    auto response = tagged(created ? 201 : 200, representation);
    if (created)
        response.headers.emplace_back("Location", where);
    return response;
}

Poco::JSON::Object::Ptr accountJson(const Service& service, const store::Account& account)
{
    return toJson(account, service.configured());
}

// The state that If-Match is held against, and behind a point what mail, logins and policies elsewhere make of it: for If-None-Match.
std::string taggedAccount(const store::Account& account, std::string_view representation)
{
    auto tag = Service::etag(account);
    tag.back() = '.';
    return tag + entityTag(representation).substr(1, 16) + '"';
}

Response accountAnswer(
    const Service& service, int status, const store::Account& account, const std::optional<std::string>& warning = std::nullopt)
{
    auto representation = accountJson(service, account);
    const auto tag = taggedAccount(account, text(representation));
    if (warning)
        representation->set("warnings", array({*warning}));
    auto response = Response::json(status, representation);
    response.headers.emplace_back("ETag", tag);
    if (status == 201)
        response.headers.emplace_back("Location", "/api/v1/accounts/" + percentEncoded(account.address));
    return response;
}

// null resets to the default, as RFC 7396 has it; PUT differs only in that what is left out does so too.
AccountChange changeOf(const Call& call, const Service& service)
{
    auto fields = call.fields();
    checkKey(fields, "address", call.values[0]);
    auto change = accountChangeOf(fields, service.context().default_quota());
    fields.finish();
    change.administrator = call.who.may("admin");
    return change;
}
} // namespace

std::optional<base::Time> expiryOf(Fields& fields)
{
    if (fields.isNull("expires"))
        return std::nullopt;
    const auto text = fields.text("expires", 40);
    const auto time = text ? parseRfc3339(*text) : std::nullopt;
    if (text && !time)
        fields.mustBe("expires", "a time such as 2026-12-31T00:00:00Z");
    return time;
}

Response listDomains(Service& service, const Call& call)
{
    using store::Domain;
    const auto part = call.parameter("q");
    return walkedList<Domain>(
        call,
        {[&](const store::Page& page) { return service.domains(page); }, [](const Domain& d) { return d.name; },
         [&](const Domain& d) { return hasPart(d.name, part); },
         [&](const std::string& name) { return ifThere([&] { return service.domain(name); }); }},
        {{"name", [](const Domain& d) { return d.name; }},
         {"created", [](const Domain& d) { return sortable(d.created); }},
         {"accounts", [](const Domain& d) { return sortable(d.accounts); }}},
        [](const Domain& d) { return toJson(d); });
}

Response getDomain(Service& service, const Call& call) { return tagged(200, toJson(service.domain(call.values[0]))); }

Response putDomain(Service& service, const Call& call)
{
    DomainChange change;
    if (!call.body.empty()) {
        auto fields = call.fields();
        checkKey(fields, "name", call.values[0]);
        change.pop3 = pop3ChangeOf(fields);
        change.scan = scanChangeOf(fields);
        change.trash = trashChangeOf(fields);
        fields.finish();
    }
    const auto result = service.putDomain(call.who.by, call.values[0], onlyNew(call), expected(call), change);
    return putAnswer(result.created, "/api/v1/domains/" + percentEncoded(result.value.name), toJson(result.value));
}

Response patchDomain(Service& service, const Call& call)
{
    auto fields = call.fields();
    checkKey(fields, "name", call.values[0]);
    for (const char* name : {"accounts", "created"})
        fields.refuse(name);
    DomainChange change{pop3ChangeOf(fields), scanChangeOf(fields), trashChangeOf(fields)};
    fields.finish();
    return tagged(200, toJson(service.changeDomain(call.who.by, call.values[0], expected(call), change)));
}

Response deleteDomain(Service& service, const Call& call)
{
    service.removeDomain(call.who.by, call.values[0], expected(call));
    return Response::empty();
}

Response listAccounts(Service& service, const Call& call)
{
    using Sort = AccountFilter::Sort;
    static const std::map<std::string, Sort> kSorts{
        {"address", Sort::address}, {"used", Sort::used}, {"created", Sort::created}, {"last_login", Sort::lastLogin}};
    const auto page = pageOf(call);
    AccountFilter filter;
    filter.domain = call.parameter("domain");
    filter.text = call.parameter("q");
    if (const auto enabled = call.parameter("enabled"); call.target.query.contains("enabled")) {
        if (enabled != "true" && enabled != "false")
            throw Problem(422, "invalid_parameter", "The parameter \"enabled\" must be true or false.");
        filter.enabled = enabled == "true";
    }
    if (auto sort = call.parameter("sort"); call.target.query.contains("sort")) {
        filter.descending = sort.starts_with('-');
        const auto known = kSorts.find(filter.descending ? sort.substr(1) : sort);
        if (known == kSorts.end())
            throw Problem(422, "invalid_parameter",
                          "The parameter \"sort\" must be address, used, created or last_login, with - before it for the other way.");
        filter.sort = known->second;
    }
    return listOf(call, page, service.accounts(filter, page.oneMore()),
                  [&filter](const auto& a) { return Service::accountKey(a, filter.sort); },
                  [&](const auto& a) { return accountJson(service, a); });
}

Response getAccount(Service& service, const Call& call)
{
    return accountAnswer(service, 200, service.account(call.values[0]));
}

Response putAccount(Service& service, const Call& call)
{
    const auto change = changeOf(call, service);
    const auto warning = change.password ? service.passwordWarning(*change.password, call.values[0]) : std::nullopt;
    const auto result = service.putAccount(call.who.by, call.values[0], change, onlyNew(call), expected(call));
    return accountAnswer(service, result.created ? 201 : 200, result.value, warning);
}

Response patchAccount(Service& service, const Call& call)
{
    const auto change = changeOf(call, service);
    const auto warning = change.password ? service.passwordWarning(*change.password, call.values[0]) : std::nullopt;
    return accountAnswer(service, 200, service.changeAccount(call.who.by, call.values[0], change, expected(call)), warning);
}

Response deleteAccount(Service& service, const Call& call)
{
    service.removeAccount(call.who.by, call.values[0], expected(call), call.who.may("admin"));
    return Response::empty();
}

Response listAppPasswords(Service& service, const Call& call)
{
    return listOfAll(call, service.appPasswords(call.values[0]), [](const auto& p) { return p.label; }, [](const auto& p) { return toJson(p); });
}

void requireRankOver(Service& service, const Call& call)
{
    if (call.who.account != call.values[0]) // the owner may
        requireAdministrator(call.who.may("admin"), service.account(call.values[0]).scopes, std::nullopt);
}

Response postAppPassword(Service& service, const Call& call)
{
    requireRankOver(service, call);
    auto fields = call.fields();
    WantedAppPassword wanted;
    wanted.label = fields.text("label", 100).value_or("");
    wanted.scopes = fields.texts("scopes", 3).value_or(std::vector<std::string>{});
    wanted.expires = expiryOf(fields);
    fields.finish();
    const auto made = service.createAppPassword(call.who.by, call.values[0], wanted);
    auto out = toJson(made.kept);
    out->set("password", made.secret);
    return Response::json(201, out);
}

Response deleteAppPassword(Service& service, const Call& call)
{
    requireRankOver(service, call);
    service.removeAppPassword(call.who.by, call.values[0], call.values[1]);
    return Response::empty();
}

Response listBans(Service& service, const Call& call)
{
    using auth::Ban;
    const auto now = service.context().clock.now();
    const auto account = base::lower(call.parameter("account")), address = call.parameter("address");
    const auto state = wordOf(call, "state", {"slowed", "banned"});
    auto all = service.bans();
    std::erase_if(all, [&](const Ban& ban) {
        return (!account.empty() && ban.account != account)
               || (!address.empty() && ban.address != address && ban.address != auth::Guard::network(address))
               || (!state.empty() && ban.refused != (state == "banned"));
    });
    return sortedList<Ban>(
        call, all,
        {{"address", [](const Ban& b) { return b.address; }},
         {"account", [](const Ban& b) { return b.account; }},
         {"failures", [](const Ban& b) { return sortable(static_cast<std::uint64_t>(std::max(b.failures, 0))); }},
         {"until", [](const Ban& b) { return sortable(static_cast<std::uint64_t>(std::max<std::int64_t>(b.left.count(), 0))); }}},
        [](const Ban& b) { return b.address + ' ' + b.account; }, [now](const Ban& b) { return toJson(b, now); });
}

Response deleteBans(Service& service, const Call& call)
{
    service.liftBans(call.who.by, call.values[0]);
    return Response::empty();
}

Response listAliases(Service& service, const Call& call)
{
    using store::Alias;
    const auto part = call.parameter("q"), domain = call.parameter("domain"), target = base::lower(call.parameter("target"));
    const auto fits = [&](const Alias& alias) {
        const auto& targets = alias.targets;
        return (domain.empty() || base::iequals(std::string_view(alias.address).substr(alias.address.rfind('@') + 1), domain))
               && (target.empty() || std::find(targets.begin(), targets.end(), target) != targets.end())
               && (hasPart(alias.address, part) || std::any_of(targets.begin(), targets.end(), [&](const auto& one) { return hasPart(one, part); }));
    };
    return walkedList<Alias>(
        call,
        {[&](const store::Page& page) { return service.aliases(page); }, [](const Alias& a) { return a.address; }, fits,
         [&](const std::string& address) { return ifThere([&] { return service.alias(address); }); }},
        {{"address", [](const Alias& a) { return a.address; }},
         {"created", [](const Alias& a) { return sortable(a.created); }},
         {"targets", [](const Alias& a) { return sortable(a.targets.size()); }}},
        [](const Alias& a) { return toJson(a); });
}

Response getAlias(Service& service, const Call& call) { return tagged(200, toJson(service.alias(call.values[0]))); }

Response putAlias(Service& service, const Call& call)
{
    auto fields = call.fields();
    checkKey(fields, "address", call.values[0]);
    const auto targets = fields.texts("targets");
    fields.finish();
    const auto result = service.putAlias(call.who.by, call.values[0], targets.value_or(std::vector<std::string>{}), onlyNew(call), expected(call));
    return putAnswer(result.created, "/api/v1/aliases/" + percentEncoded(result.value.address), toJson(result.value));
}

Response deleteAlias(Service& service, const Call& call)
{
    service.removeAlias(call.who.by, call.values[0], expected(call));
    return Response::empty();
}

Response listTokens(Service& service, const Call& call)
{
    using store::Token;
    const auto part = call.parameter("q"), scope = call.parameter("scope");
    if (const auto& known = Service::scopes(); !scope.empty() && std::find(known.begin(), known.end(), scope) == known.end())
        throw Problem(422, "invalid_parameter", "The parameter \"scope\" must be one that a token can have.");
    auto all = service.tokens();
    std::erase_if(all, [&](const Token& token) {
        return !hasPart(token.name, part) || (!scope.empty() && std::find(token.scopes.begin(), token.scopes.end(), scope) == token.scopes.end());
    });
    return sortedList<Token>(
        call, all,
        {{"name", [](const Token& t) { return t.name; }},
         {"created", [](const Token& t) { return sortable(t.created); }},
         {"expires", [](const Token& t) { return t.expires ? sortable(t.expires) : std::string(20, '9'); }}, // never comes last
         {"last_used", [](const Token& t) { return sortable(t.last_used); }}},
        [](const Token& t) { return t.name; }, [](const Token& t) { return toJson(t); });
}

static Response tokenAnswer(Service& service, int status, const std::string& name, const std::string& secret)
{
    auto out = object();
    for (const auto& token : service.tokens())
        if (token.name == name)
            out = toJson(token);
    out->set("token", secret);
    return Response::json(status, out);
}

Response postToken(Service& service, const Call& call)
{
    auto fields = call.fields();
    NewToken wanted;
    wanted.name = fields.text("name", 100).value_or("");
    wanted.scopes = fields.texts("scopes", 20).value_or(std::vector<std::string>{});
    wanted.expires = expiryOf(fields);
    wanted.networks = fields.texts("networks", 50).value_or(std::vector<std::string>{});
    fields.finish();
    const auto secret = service.createToken(call.who.by, wanted);
    return tokenAnswer(service, 201, wanted.name, secret);
}

Response rotateToken(Service& service, const Call& call)
{
    const auto secret = service.rotateToken(call.who.by, call.values[0]);
    return tokenAnswer(service, 200, call.values[0], secret);
}

Response deleteToken(Service& service, const Call& call)
{
    service.removeToken(call.who.by, call.values[0]);
    return Response::empty();
}

} // namespace postfach::admin::handle
