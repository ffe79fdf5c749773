// domain, account, alias, token.
#include "admin/api/json.h"
#include "admin/api/target.h"
#include "admin/cli/command.h"
#include "admin/cli/prompt.h"
#include "admin/password_policy.h"
#include "server/base/clock.h"
#include "server/base/id.h"
#include "server/base/text.h"

#include <iostream>

namespace postfach::admin::run {
namespace {
using Kind = Column::Kind;

const std::vector<LocalClient::Header> kOnlyNew{{"If-None-Match", "*"}};

std::string path(const char* collection, const std::string& key) { return "/api/v1/" + std::string(collection) + "/" + percentEncoded(key); }

const std::vector<Column> kAccountColumns = {{"ADDRESS", "address"}, {"NAME", "name"}, {"ENABLED", "enabled"}, {"USED", "used", Kind::size},
                                             {"QUOTA", "quota", Kind::size}, {"FULL", "quota_level", Kind::percent}, {"SERVICES", "services"}, {"LAST LOGIN", "last_login", Kind::date}};

std::string firstLine(const char* option, const char* what)
{
    if (isTyped())
        return typedSecret(what);
    std::string line;
    std::getline(std::cin, line);
    if (line.ends_with('\r'))
        line.pop_back();
    if (line.empty())
        throw Usage(std::string(option) + ": standard input holds nothing in its first line");
    return line;
}

// From standard input, or made up: then it is in `generated` too, to be told once.
void setPassword(Invocation& invocation, const std::string& address, Poco::JSON::Object::Ptr body, std::optional<std::string>& generated)
{
    if (invocation.has("--generate") && (invocation.has("--password-stdin") || invocation.has("--password-hash-stdin")))
        throw Usage("--generate or a password from standard input, not both");
    if (invocation.has("--password-hash-stdin")) {
        if (invocation.has("--password-stdin"))
            throw Usage("--password-stdin or --password-hash-stdin, not both");
        body->set("password_hash", firstLine("--password-hash-stdin", "hash"));
    } else if (invocation.has("--password-stdin")) {
        body->set("password", firstLine("--password-stdin", "password"));
    } else {
        generated = generatedPassword(address);
        body->set("password", *generated);
    }
}

std::vector<std::string> scopesOf(Invocation& invocation)
{
    std::vector<std::string> scopes;
    for (const auto& value : invocation.all("--scope"))
        for (const auto scope : base::split(value, ','))
            if (!base::trim(scope).empty())
                scopes.emplace_back(base::trim(scope));
    return scopes;
}

Poco::JSON::Object::Ptr changes(Invocation& invocation)
{
    auto body = object();
    if (const auto quota = invocation.option("--quota"))
        body->set("quota", parseSize("--quota", *quota));
    if (const auto given = invocation.option("--quota-messages")) {
        const auto number = base::parseU32(*given);
        if (!number)
            throw Usage("--quota-messages wants a number");
        body->set("quota_messages", *number);
    }
    if (const auto given = invocation.option("--expunge-to-trash")) {
        if (*given != "yes" && *given != "no" && *given != "inherit")
            throw Usage("--expunge-to-trash wants yes, no or inherit");
        body->set("expunge_to_trash", *given == "inherit" ? Poco::Dynamic::Var() : Poco::Dynamic::Var(*given == "yes"));
    }
    if (const auto name = invocation.option("--name"))
        body->set("name", *name);
    if (const auto services = invocation.option("--services")) {
        std::vector<std::string> list;
        for (const auto service : base::split(*services, ','))
            if (!base::trim(service).empty())
                list.emplace_back(base::trim(service));
        body->set("services", array(list));
    }
    if (invocation.has("--scope")) {
        auto scopes = scopesOf(invocation);
        if (scopes == std::vector<std::string>{"none"})
            scopes.clear();
        body->set("scopes", array(scopes));
    }
    return body;
}

void say(Invocation& invocation, Poco::JSON::Object::Ptr answer, const std::string& sentence, const std::optional<std::string>& generated = {})
{
    if (invocation.json) {
        if (generated)
            answer->set("password", *generated);
        printObject(answer);
        return;
    }
    std::cout << sentence << '\n';
    if (const auto warnings = answer->getArray("warnings"))
        for (const auto& warning : *warnings)
            std::cerr << "postfach: warning: " << forPeople(warning) << '\n';
    if (generated)
        std::cout << "password: " << *generated << '\n';
}

int removed(Invocation& invocation, const char* collection, const char* what)
{
    const auto& key = invocation.arguments[0];
    invocation.call("DELETE", path(collection, key));
    auto answer = object();
    answer->set("removed", key);
    say(invocation, answer, std::string(what) + " " + key + " removed");
    return 0;
}

int setEnabled(Invocation& invocation, bool enabled)
{
    auto body = object();
    body->set("enabled", enabled);
    const auto& address = invocation.arguments[0];
    say(invocation, invocation.call("PATCH", path("accounts", address), body), "account " + address + (enabled ? " enabled" : " disabled"));
    return 0;
}

int listed(Invocation& invocation, const char* collection, std::initializer_list<const char*> filters, const std::vector<Column>& columns)
{
    const auto rows = invocation.list(invocation.narrowed("/api/v1/" + std::string(collection), filters));
    if (invocation.json)
        printList(rows);
    else
        printTable(columns, rows);
    return 0;
}

// "30d", "12h" from now; anything else is the server's to judge.
std::string expiry(const std::string& text)
{
    const auto number = text.empty() ? std::nullopt : base::parseU32(std::string_view(text).substr(0, text.size() - 1));
    if (number && *number <= 100'000 && (text.back() == 'd' || text.back() == 'h'))
        return base::rfc3339(base::SystemClock().now() + std::chrono::hours(*number * (text.back() == 'd' ? 24U : 1U)));
    return text;
}
} // namespace

int domainAdd(Invocation& invocation)
{
    const auto& name = invocation.arguments[0];
    say(invocation, invocation.call("PUT", path("domains", name), object(), kOnlyNew), "domain " + name + " added");
    return 0;
}

int domainList(Invocation& invocation)
{
    return listed(invocation, "domains", {"q", "sort"}, {{"NAME", "name"}, {"ACCOUNTS", "accounts"}, {"CREATED", "created", Kind::date}});
}

int domainRemove(Invocation& invocation) { return removed(invocation, "domains", "domain"); }

int accountAdd(Invocation& invocation)
{
    const auto& address = invocation.arguments[0];
    auto body = changes(invocation);
    std::optional<std::string> generated;
    setPassword(invocation, address, body, generated);
    say(invocation, invocation.call("PUT", path("accounts", address), body, kOnlyNew), "account " + address + " added", generated);
    return 0;
}

int accountList(Invocation& invocation) { return listed(invocation, "accounts", {"domain", "q", "sort"}, kAccountColumns); }

int accountShow(Invocation& invocation)
{
    const auto& address = invocation.arguments[0];
    auto account = invocation.call("GET", path("accounts", address));
    const auto mailboxes = invocation.list(path("accounts", address) + "/mailboxes");
    if (invocation.json) {
        account->set("mailboxes", mailboxes);
        printObject(account);
        return 0;
    }
    auto columns = kAccountColumns;
    columns.push_back({"MESSAGES", "messages"});
    columns.push_back({"QUOTA OF MESSAGES", "quota_messages"});
    columns.push_back({"EXPUNGE TO TRASH", "expunge_to_trash"});
    columns.push_back({"ADMINISTRATOR", "scopes"});
    columns.push_back({"SECOND FACTOR", "totp"});
    columns.push_back({"CREATED", "created", Kind::date});
    printFields(columns, account);
    std::cout << '\n';
    printTable({{"MAILBOX", "name"}, {"MESSAGES", "messages"}, {"UNSEEN", "unseen"}, {"SIZE", "size", Kind::size}}, mailboxes);
    return 0;
}

int accountRemove(Invocation& invocation) { return removed(invocation, "accounts", "account"); }

int accountPassword(Invocation& invocation)
{
    const auto& address = invocation.arguments[0];
    auto body = object();
    std::optional<std::string> generated;
    setPassword(invocation, address, body, generated);
    say(invocation, invocation.call("PATCH", path("accounts", address), body), "account " + address + " has a new password", generated);
    return 0;
}

int accountEnable(Invocation& invocation) { return setEnabled(invocation, true); }
int accountDisable(Invocation& invocation) { return setEnabled(invocation, false); }

int accountChange(Invocation& invocation)
{
    const auto& address = invocation.arguments[0];
    const auto body = changes(invocation);
    if (body->size() == 0)
        throw Usage("say what to change: --quota, --quota-messages, --expunge-to-trash, --name, --services or --scope");
    say(invocation, invocation.call("PATCH", path("accounts", address), body), "account " + address + " changed");
    return 0;
}

int accountResetTotp(Invocation& invocation)
{
    const auto& address = invocation.arguments[0];
    invocation.call("DELETE", path("accounts", address) + "/totp");
    auto answer = object();
    answer->set("reset", address);
    say(invocation, answer, "account " + address + " has no second factor any more");
    return 0;
}

namespace {
std::string appPasswords(Invocation& invocation) { return path("accounts", invocation.arguments[0]) + "/app-passwords"; }
} // namespace

int accountLogins(Invocation& invocation)
{
    const auto rows = invocation.list(invocation.narrowed("/api/v1/accounts/" + percentEncoded(invocation.arguments[0]) + "/logins",
                                                          {"service", "address", "outcome", "since", "until"}));
    if (invocation.json)
        printList(rows);
    else
        printTable({{"TIME", "time", Kind::date}, {"TIMES", "times"}, {"SERVICE", "service"}, {"ADDRESS", "address"}, {"TLS", "tls"},
                    {"MECHANISM", "mechanism"}, {"OUTCOME", "outcome"}, {"APP PASSWORD", "app_password"}}, rows);
    return 0;
}

int appPasswordCreate(Invocation& invocation)
{
    const auto scopes = scopesOf(invocation);
    if (scopes.empty())
        throw Usage("`postfach app-password create` wants --scope: imap, pop3, smtp");
    auto body = object();
    body->set("label", invocation.arguments[1]);
    body->set("scopes", array(scopes));
    if (const auto expires = invocation.option("--expires"))
        body->set("expires", expiry(*expires));
    const auto made = invocation.call("POST", appPasswords(invocation), body);
    if (invocation.json)
        printObject(made);
    else
        std::cout << made->getValue<std::string>("password") << '\n';
    return 0;
}

int appPasswordList(Invocation& invocation)
{
    const auto rows = invocation.list(appPasswords(invocation));
    if (invocation.json)
        printList(rows);
    else
        printTable({{"LABEL", "label"}, {"SCOPES", "scopes"}, {"EXPIRES", "expires", Kind::date}, {"LAST USED", "last_used", Kind::date},
                    {"CREATED", "created", Kind::date}}, rows);
    return 0;
}

int appPasswordRemove(Invocation& invocation)
{
    const auto& label = invocation.arguments[1];
    invocation.call("DELETE", appPasswords(invocation) + "/" + percentEncoded(label));
    auto answer = object();
    answer->set("removed", label);
    say(invocation, answer, "app password " + label + " removed");
    return 0;
}

int banList(Invocation& invocation)
{
    return listed(invocation, "bans", {"account", "address", "state", "sort"},
                  {{"ADDRESS", "address"}, {"ACCOUNT", "account"}, {"STATE", "state"}, {"FAILURES", "failures"}, {"UNTIL", "until", Kind::date}});
}

int banRemove(Invocation& invocation)
{
    for (const auto& subject : invocation.arguments) // "/64" as the list has it is no part of a path
        invocation.call("DELETE", path("bans", subject.substr(0, subject.find('/'))));
    auto answer = object();
    answer->set("removed", array(invocation.arguments));
    say(invocation, answer, "bans lifted");
    return 0;
}

int aliasAdd(Invocation& invocation)
{
    const auto& address = invocation.arguments[0];
    auto body = object();
    body->set("targets", array({invocation.arguments.begin() + 1, invocation.arguments.end()}));
    say(invocation, invocation.call("PUT", path("aliases", address), body, kOnlyNew), "alias " + address + " added");
    return 0;
}

int aliasList(Invocation& invocation)
{
    return listed(invocation, "aliases", {"q", "domain", "target", "sort"},
                  {{"ADDRESS", "address"}, {"TARGETS", "targets"}, {"CREATED", "created", Kind::date}});
}

int aliasRemove(Invocation& invocation) { return removed(invocation, "aliases", "alias"); }

int tokenCreate(Invocation& invocation)
{
    const auto scopes = scopesOf(invocation);
    if (scopes.empty())
        throw Usage("`postfach token create` wants --scope: read, accounts, scan, mail, audit, admin");
    auto body = object();
    body->set("name", invocation.arguments[0]);
    body->set("scopes", array(scopes));
    std::vector<std::string> networks;
    for (const auto& given : invocation.all("--from"))
        for (const auto network : base::split(given, ','))
            networks.emplace_back(base::trim(network));
    body->set("networks", array(networks));
    if (const auto expires = invocation.option("--expires"))
        body->set("expires", expiry(*expires));
    const auto token = invocation.call("POST", "/api/v1/tokens", body);
    if (invocation.json)
        printObject(token);
    else
        std::cout << token->getValue<std::string>("token") << '\n';
    return 0;
}

int tokenRotate(Invocation& invocation)
{
    const auto token = invocation.call("POST", path("tokens", invocation.arguments[0]) + "/rotate");
    if (invocation.json)
        printObject(token);
    else
        std::cout << token->getValue<std::string>("token") << '\n';
    return 0;
}

int tokenList(Invocation& invocation)
{
    return listed(invocation, "tokens", {"q", "scope", "sort"}, {{"NAME", "name"}, {"SCOPES", "scopes"}, {"EXPIRES", "expires", Kind::date},
                                         {"LAST USED", "last_used", Kind::date}, {"CREATED", "created", Kind::date}, {"FROM", "networks"}});
}

int tokenRemove(Invocation& invocation) { return removed(invocation, "tokens", "token"); }

} // namespace postfach::admin::run
