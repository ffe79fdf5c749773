#include "admin/api/routes.h"
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {
std::vector<Route> withOthers(std::vector<Route> all)
{
    for (const auto& part : {setupRoutes(), officeRoutes(), meRoutes(), webSessionRoutes(), totpRoutes(), loginRoutes()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}
} // namespace

const std::vector<Route>& routes()
{
    using enum BodyKind;
    static const std::vector<const char*> kPage{"limit", "cursor"};
    static const std::vector<Route> table = withOthers({
        // clang-format off
        {"GET",    "/",             "", "home", "What this is, for a person", handle::home, none, "", "html", {200}},
        {"GET",    "/healthz",      "", "healthz", "The process lives", handle::healthz, none, "", "Health", {200}},
        {"GET",    "/readyz",       "", "readyz", "Every component is ready", handle::readyz, none, "", "Readiness", {200, 503}, {"strict"}},
        {"GET",    "/metrics",      "", "metrics", "Prometheus text format", handle::metrics, none, "", "text", {200}},
        {"GET",    "/openapi.json", "", "openapi", "This document", handle::openApiDocument, none, "", "OpenApi", {200}},
        {"GET",    "/docs",         "", "docs", "This document, for a person", handle::docs, none, "", "html", {200}},
        {"GET",    "/api/v1/server", "read", "getServer", "Name, version, limits", handle::server, none, "", "Server", {200}},

        {"GET",    "/api/v1/domains", "read", "listDomains", "Domains by name", handle::listDomains, none, "", "list:Domain", {200, 422}, {"limit", "cursor", "q", "sort"}},
        {"GET",    "/api/v1/domains/{name}", "read", "getDomain", "One domain", handle::getDomain, none, "", "Domain", {200, 404}},
        {"PUT",    "/api/v1/domains/{name}", "accounts", "putDomain", "Make a domain", handle::putDomain, json, "DomainPut", "Domain", {200, 201, 412, 422}},
        {"PATCH",  "/api/v1/domains/{name}", "accounts", "patchDomain", "Change the policies of a domain (RFC 7396)", handle::patchDomain, patch, "DomainPatch", "Domain", {200, 404, 422}},
        {"DELETE", "/api/v1/domains/{name}", "accounts", "deleteDomain", "Remove an empty domain", handle::deleteDomain, none, "", "", {204, 404, 409}},

        {"GET",    "/api/v1/accounts", "read", "listAccounts", "Accounts by address", handle::listAccounts, none, "", "list:Account", {200, 422}, {"limit", "cursor", "domain", "enabled", "q", "sort"}},
        {"GET",    "/api/v1/accounts/{address}", "read", "getAccount", "One account", handle::getAccount, none, "", "Account", {200, 304, 404}},
        {"PUT",    "/api/v1/accounts/{address}", "accounts", "putAccount", "Create or replace an account; its mail and, when left out, its password stay", handle::putAccount, json, "AccountPut", "Account", {200, 201, 409, 412, 422}},
        {"PATCH",  "/api/v1/accounts/{address}", "accounts", "patchAccount", "Change some of an account (RFC 7396)", handle::patchAccount, patch, "AccountPatch", "Account", {200, 404, 412, 422}},
        {"DELETE", "/api/v1/accounts/{address}", "accounts", "deleteAccount", "Remove an account with all its mail", handle::deleteAccount, none, "", "", {204, 404, 412}},
        {"GET",    "/api/v1/accounts/{address}/app-passwords", "read", "listAppPasswords", "App passwords by label, without their secrets", handle::listAppPasswords, none, "", "list:AppPassword", {200, 404, 422}, kPage},
        {"POST",   "/api/v1/accounts/{address}/app-passwords", "accounts", "createAppPassword", "Create an app password; its secret is told once", handle::postAppPassword, json, "AppPasswordCreate", "AppPasswordCreated", {201, 404, 409, 422}},
        {"DELETE", "/api/v1/accounts/{address}/app-passwords/{label}", "accounts", "deleteAppPassword", "Take an app password back: it ends at once", handle::deleteAppPassword, none, "", "", {204, 404}},
        {"GET",    "/api/v1/bans", "read", "listBans", "Who is slowed or banned for failed logins", handle::listBans, none, "", "list:Ban", {200, 422}, {"limit", "cursor", "account", "address", "state", "sort"}},
        {"DELETE", "/api/v1/bans/{subject}", "accounts", "deleteBans", "Lift what stands against an address or an account", handle::deleteBans, none, "", "", {204, 404}},
        {"GET",    "/api/v1/accounts/{address}/mailboxes", "read", "listMailboxes", "Mailboxes by name", handle::listMailboxes, none, "", "list:Mailbox", {200, 404, 422}, kPage},
        {"GET",    "/api/v1/accounts/{address}/mailboxes/{mailbox}/messages", "mail", "listMessages", "Messages by UID", handle::listMessages, none, "", "list:Message", {200, 404, 422}, kPage},
        {"POST",   "/api/v1/accounts/{address}/mailboxes/{mailbox}/messages", "mail", "importMessage", "Import a message, through the scanner; a new mailbox is made",
         handle::postMessage, message, "message", "Imported", {201, 404, 409, 422, 503, 507}, {"flags", "keywords", "date"}},
        {"GET",    "/api/v1/accounts/{address}/mailboxes/{mailbox}/messages/{uid}", "mail", "getMessage", "The bytes of a message", handle::getMessage, none, "", "message", {200, 404}},

        {"GET",    "/api/v1/aliases", "read", "listAliases", "Aliases by address", handle::listAliases, none, "", "list:Alias", {200, 422}, {"limit", "cursor", "q", "domain", "target", "sort"}},
        {"GET",    "/api/v1/aliases/{address}", "read", "getAlias", "One alias", handle::getAlias, none, "", "Alias", {200, 404}},
        {"PUT",    "/api/v1/aliases/{address}", "accounts", "putAlias", "Create or replace an alias", handle::putAlias, json, "AliasPut", "Alias", {200, 201, 409, 412, 422}},
        {"DELETE", "/api/v1/aliases/{address}", "accounts", "deleteAlias", "Remove an alias", handle::deleteAlias, none, "", "", {204, 404}},

        {"GET",    "/api/v1/tokens", "admin", "listTokens", "Tokens by name, without their secrets", handle::listTokens, none, "", "list:Token", {200, 422}, {"limit", "cursor", "q", "scope", "sort"}},
        {"POST",   "/api/v1/tokens", "admin", "createToken", "Create a token; its secret is told once", handle::postToken, json, "TokenCreate", "TokenCreated", {201, 409, 422}},
        {"POST",   "/api/v1/tokens/{name}/rotate", "admin", "rotateToken", "Another secret for a token; told once, and the old one ends at once", handle::rotateToken, none, "", "TokenCreated", {200, 404}},
        {"DELETE", "/api/v1/tokens/{name}", "admin", "deleteToken", "Remove a token", handle::deleteToken, none, "", "", {204, 404}},

        {"GET",    "/api/v1/sessions", "read", "listSessions", "Live sessions of the mail services, oldest first",
         handle::listSessions, none, "", "list:Session", {200, 422},
         {"limit", "cursor", "account", "service", "address", "q", "since", "until", "sort"}},
        {"GET",    "/api/v1/sessions/{id}", "read", "getSession", "One live session", handle::getSession, none, "", "Session", {200, 404}},
        {"DELETE", "/api/v1/sessions/{id}", "accounts", "endSession", "End a session: it says goodbye and goes", handle::deleteSession, none, "", "", {204, 404}},

        {"GET",    "/api/v1/quarantine", "read", "listQuarantine", "Quarantined messages, oldest first", handle::listQuarantine, none, "", "list:Quarantined", {200, 404, 422},
         {"limit", "cursor", "account", "signature", "reason", "way_in", "asked", "q", "since", "until", "sort"}},
        {"GET",    "/api/v1/quarantine/{id}", "read", "getQuarantined", "One quarantined message, without its content", handle::getQuarantined, none, "", "Quarantined", {200, 404}},
        {"GET",    "/api/v1/quarantine/{id}/exposure", "scan", "getExposure", "Who has or had this content, and who fetched it, when, from which address, with which program", handle::getExposure, none, "", "Exposure", {200, 404, 422}, {"of"}},
        {"GET",    "/api/v1/quarantine/{id}/structure", "scan", "inspectQuarantined", "Its headers and what it is made of, without its content", handle::inspectQuarantined, none, "", "QuarantinedMail", {200, 404}},
        {"GET",    "/api/v1/quarantine/{id}/zip", "mail", "downloadQuarantined", "The message in a zip under the password `infected`", handle::downloadQuarantined, none, "", "zip", {200, 404}},
        {"DELETE", "/api/v1/quarantine/{id}", "scan", "deleteQuarantined", "Delete for good", handle::deleteQuarantined, none, "", "", {204, 404}},
        {"POST",   "/api/v1/quarantine/{id}/release", "scan", "releaseQuarantined", "Put it into the mailbox it was meant for; the notice goes. With `to` a copy for another account, and both stay",
         handle::releaseQuarantined, json, "Release", "", {204, 404, 409, 422}},
        {"GET",    "/api/v1/allowances", "read", "listAllowances", "What is not to be found again", handle::listAllowances, none, "", "list:Allowance", {200, 422}, kPage},
        {"PUT",    "/api/v1/allowances/{kind}/{what}", "scan", "putAllowance", "Allow a signature by its name, or a content by the SHA-256 of the message as it came", handle::putAllowance, json, "AllowancePut", "Allowance", {200, 404, 409, 422}},
        {"DELETE", "/api/v1/allowances/{kind}/{what}", "scan", "deleteAllowance", "Let it be found again", handle::deleteAllowance, none, "", "", {204, 404}},
        {"GET",    "/api/v1/signatures", "read", "getSignatures", "The signatures in use, their age and files", handle::getSignatures, none, "", "Signatures", {200}},
        {"PUT",    "/api/v1/signatures/{file}", "scan", "putSignatures", "Add or replace a signature file; it is proved first", handle::putSignatures, signatures, "bytes", "", {204, 409, 422, 503}},
        {"DELETE", "/api/v1/signatures/{file}", "scan", "deleteSignatures", "Remove a signature file", handle::deleteSignatures, none, "", "", {204, 404, 409, 422}},

        {"GET",    "/api/v1/accounts/{address}/deleted", "read", "listDeleted", "What was deleted and can be restored, oldest first",
         handle::listDeleted, none, "", "list:Deleted", {200, 404, 422}, {"limit", "cursor", "mailbox", "cause", "since", "until", "sort"}},
        {"POST",   "/api/v1/accounts/{address}/deleted/{id}/restore", "accounts", "restoreDeleted", "Put it back into its mailbox, with flags and dates",
         handle::restoreDeleted, none, "", "Restored", {200, 404, 409, 507}},
        {"DELETE", "/api/v1/accounts/{address}/deleted/{id}", "accounts", "forgetDeleted", "Remove it for good, before its days are over", handle::forgetDeleted, none, "", "", {204, 404}},

        {"GET",    "/api/v1/scans", "read", "getScans", "The scanner's state and counts, how much of the stored mail the present signatures have looked at, and what was found in it",
         handle::getScans, none, "", "Scans", {200}},
        {"POST",   "/api/v1/scans", "scan", "runScan", "Read the signatures again, put them to use, and scan the stored mail that they have not looked at", handle::postScan, none, "", "Scans", {202}},
        {"DELETE", "/api/v1/scans/pass", "scan", "cancelPass", "End the pass over stored mail, until there are other signatures or somebody asks for one", handle::deletePass, none, "", "", {204}},
        {"POST",   "/api/v1/scans/findings/{signature}/confirm", "scan", "confirmFinding", "What was found in stored mail is harmful: quarantine what waits, and whatever else is found",
         handle::confirmFinding, none, "", "", {204, 404}},
        {"POST",   "/api/v1/scans/findings/{signature}/dismiss", "scan", "dismissFinding", "What was found in stored mail is a false alarm: leave what waits, release what was taken",
         handle::dismissFinding, none, "", "Released", {200, 404}},
        {"POST",   "/api/v1/checks", "admin", "runCheck", "Check the store's consistency", handle::postCheck, json, "CheckCreate", "Task", {202, 422, 429}},
        {"GET",    "/api/v1/backups", "read", "listBackups", "Backups in backup.folder, copy.folder and below DIR/backups",
         handle::listBackups, none, "", "list:Backup", {200, 422}, {"limit", "cursor", "folder", "state", "since", "until", "sort"}},
        {"POST",   "/api/v1/backups", "admin", "createBackup", "Create a backup while mail flows", handle::postBackup, json, "BackupCreate", "Task", {202, 422, 429}},
        {"POST",   "/api/v1/backups/restore", "admin", "restoreMail", "Restore an account, a mailbox or a message from a backup", handle::postRestore, json, "MailRestore", "Task", {202, 422, 429}},
        {"GET",    "/api/v1/statistics", "read", "getStatistics", "What was counted, by the hour or day; kept for 400 days", handle::getStatistics, none, "", "Statistics", {200, 422}, {"from", "to", "step"}},
        {"GET",    "/api/v1/audit", "audit", "listAudit", "What was done, by whom and from where, newest first",
         handle::listAudit, none, "", "list:AuditEntry", {200, 422},
         {"limit", "cursor", "since", "until", "actor", "action", "target", "address", "sort"}},
        {"GET",    "/api/v1/audit/verify", "audit", "verifyAudit", "Whether the audit is as it was written; `head` is one that was noted earlier", handle::verifyAudit, none, "", "AuditState", {200, 422}, {"head"}},
        {"GET",    "/api/v1/events", "read", "getEvents", "What happens: a stream of server-sent events that goes on behind Last-Event-ID; as a list, newest first, with Accept: application/json",
         handle::getEvents, none, "", "stream:Event", {200, 422, 503}, {"limit", "cursor", "since", "until", "kind", "account", "sort"}},
        {"GET",    "/api/v1/webhooks", "admin", "listWebhooks", "Webhooks by name, without their secrets", handle::listWebhooks, none, "", "list:Webhook", {200, 422}, {"limit", "cursor", "q", "account", "sort"}},
        {"GET",    "/api/v1/webhooks/{name}", "admin", "getWebhook", "One webhook, without its secret", handle::getWebhook, none, "", "Webhook", {200, 404}},
        {"PUT",    "/api/v1/webhooks/{name}", "admin", "putWebhook", "Tell a URL of events, from now on, each signed with HMAC-SHA-256", handle::putWebhook, json, "WebhookPut", "Webhook", {200, 201, 409, 412, 422}},
        {"DELETE", "/api/v1/webhooks/{name}", "admin", "deleteWebhook", "Tell it no more", handle::deleteWebhook, none, "", "", {204, 404}},
        {"GET",    "/api/v1/webhooks/{name}/attempts", "admin", "listWebhookAttempts", "What was told lately and what came back, newest first", handle::listWebhookAttempts, none, "", "WebhookAttempts", {200, 404}},
        {"GET",    "/api/v1/tasks", "read", "listTasks", "Long work that waits, runs or is over, by age", handle::listTasks, none, "", "list:Task", {200, 422}, {"limit", "cursor", "kind", "state", "since", "until", "sort"}},
        {"POST",   "/api/v1/tasks/{id}/cancel", "admin", "cancelTask", "End a long work: one that waits at once, one that runs when it looks the next time", handle::cancelTask, none, "", "Task", {202, 404, 409}},
        {"GET",    "/api/v1/tasks/{id}", "read", "getTask", "How far a long work is", handle::getTask, none, "", "Task", {200, 404}},
        // clang-format on
    });
    return table;
}

bool Principal::may(std::string_view scope) const
{
    if (scope == "session")
        return browser.has_value();
    if (scope.starts_with("me"))
        return !account.empty() && (scope == "me" || (scope == "me:write" && own_password));
    const auto has = [this](std::string_view s) { return std::find(scopes.begin(), scopes.end(), s) != scopes.end(); };
    return local || has(scope) || (has("admin") && scope != "mail");
}

Fields Call::fields() const { return Fields(parseObject(body)); }

std::string Call::parameter(const std::string& name) const
{
    const auto found = target.query.find(name);
    return found == target.query.end() ? std::string() : found->second;
}

namespace {
bool matches(std::string_view path, const Target& target, std::vector<std::string>& values)
{
    values.clear();
    if (path == "/")
        return target.segments.empty();
    const auto parts = base::split(path.substr(1), '/');
    if (parts.size() != target.segments.size())
        return false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].starts_with('{'))
            values.push_back(target.segments[i]);
        else if (parts[i] != target.segments[i] && !(parts[0] == "autodiscover" && base::iequals(parts[i], target.segments[i]))) // Outlook's habit
            return false;
    }
    return true;
}
} // namespace

Match findRoute(std::string_view method, const Target& target)
{
    const std::string_view asked = method == "HEAD" ? "GET" : method;
    std::string allow;
    Match match;
    for (const auto& route : routes()) {
        if (!matches(route.path, target, match.values))
            continue;
        if (asked == route.method) {
            match.route = &route;
            return match;
        }
        allow += (allow.empty() ? "" : ", ") + std::string(route.method) + (std::string_view(route.method) == "GET" ? ", HEAD" : "");
    }
    if (allow.empty())
        throw Problem(404, "not_found", "There is nothing under this path; /openapi.json lists what there is.");
    Problem problem(405, "method_not_allowed", "This path takes " + allow + ".");
    problem.headers.emplace_back("Allow", allow);
    throw problem;
}

PageRequest pageOf(const Call& call)
{
    PageRequest page;
    if (const auto limit = call.parameter("limit"); call.target.query.contains("limit")) {
        const auto number = base::parseU32(limit);
        if (!number || *number < 1 || *number > 1000)
            throw Problem(422, "invalid_parameter", "The parameter \"limit\" must be 1 to 1000.");
        page.limit = *number;
    }
    if (const auto cursor = call.parameter("cursor"); !cursor.empty())
        page.after = keyOf(cursor);
    return page;
}

} // namespace postfach::admin
