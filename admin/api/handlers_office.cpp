// Mailboxes of an account; the office as one document.
#include "admin/api/conditions.h"
#include "admin/api/filters.h"
#include "admin/api/handlers.h"
#include "admin/api/schemas.h"
#include "admin/office.h"
#include "server/base/text.h"

namespace postfach::admin {
namespace {
constexpr std::size_t kBytesOfEntry = 8; // of a document: with its name one takes more, and 300 bytes of an account hold about 25
}

std::vector<Route> officeRoutes()
{
    using enum BodyKind;
    return {
        // clang-format off
        {"GET",    "/api/v1/accounts/{address}/mailboxes/{mailbox}", "read", "getMailbox", "One mailbox, by its name", handle::getMailbox, none, "", "Mailbox", {200, 404}},
        {"PUT",    "/api/v1/accounts/{address}/mailboxes/{mailbox}", "accounts", "putMailbox", "Make a mailbox, with those above it", handle::putMailbox, json, "MailboxPut", "Mailbox", {200, 201, 404, 409, 412, 422}},
        {"PATCH",  "/api/v1/accounts/{address}/mailboxes/{mailbox}", "accounts", "patchMailbox", "Rename a mailbox with all below it, or subscribe it", handle::patchMailbox, patch, "MailboxPatch", "Mailbox", {200, 404, 409, 412, 422}},
        {"DELETE", "/api/v1/accounts/{address}/mailboxes/{mailbox}", "accounts", "deleteMailbox", "Remove a mailbox; what was in it can be restored", handle::deleteMailbox, none, "", "", {204, 404, 409, 412}},
        {"GET",    "/api/v1/configuration/snapshot", "read", "getSnapshot", "Domains, accounts, aliases and their policies in one document", handle::getSnapshot, none, "", "Office", {200}},
        {"POST",   "/api/v1/configuration/apply", "accounts", "applyConfiguration", "Make the office what the document says; nothing that has mail is ever removed",
         handle::postOffice, office, "OfficeApply", "OfficeDifference|202:Task", {200, 202, 422, 429}, {"dry_run", "prune"}},
        // clang-format on
    };
}

const char* officeSchemas()
{
    return R"json({
"MailboxPut": {"type": "object", "additionalProperties": false, "properties": {"name": {"type": "string"}, "subscribed": {"type": "boolean"}}},
"MailboxPatch": {"type": "object", "additionalProperties": false, "properties": {
  "name": {"type": "string", "description": "Its new name"}, "subscribed": {"type": "boolean"}}},
"OfficeDomain": {"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
  "name": {"type": "string"}, "pop3": {"oneOf": [{"$ref": "#/components/schemas/Pop3Policy"}, {"type": "null"}]},
  "scan": {"oneOf": [{"$ref": "#/components/schemas/ScanPolicy"}, {"type": "null"}]},
  "trash": {"oneOf": [{"$ref": "#/components/schemas/TrashPolicy"}, {"type": "null"}]}}},
"Office": {"type": "object", "required": ["domains", "accounts", "aliases"], "additionalProperties": false, "properties": {
  "domains": {"type": "array", "items": {"$ref": "#/components/schemas/OfficeDomain"}},
  "accounts": {"type": "array", "items": {"$ref": "#/components/schemas/AccountPut"}},
  "aliases": {"type": "array", "items": {"$ref": "#/components/schemas/AliasPut"}}}},
"OfficeApply": {"type": "object", "additionalProperties": false, "properties": {
  "domains": {"type": "array", "items": {"$ref": "#/components/schemas/OfficeDomain"}},
  "accounts": {"type": "array", "items": {"$ref": "#/components/schemas/AccountPut"}, "description": "Passwords and hashes are for those that are new"},
  "aliases": {"type": "array", "items": {"$ref": "#/components/schemas/AliasPut"}}}},
"OfficeChange": {"type": "object", "required": ["kind", "key", "action", "fields"], "additionalProperties": false, "properties": {
  "kind": {"type": "string", "enum": ["domain", "account", "alias"]}, "key": {"type": "string"},
  "action": {"type": "string", "enum": ["create", "change", "remove"]}, "fields": {"type": "array", "items": {"type": "string"}}}},
"OfficeDifference": {"type": "object", "required": ["changes", "same", "others"], "additionalProperties": false, "properties": {
  "changes": {"type": "array", "items": {"$ref": "#/components/schemas/OfficeChange"}}, "same": {"type": "integer", "description": "So many are as they should be"},
  "others": {"type": "array", "items": {"$ref": "#/components/schemas/OfficeChange"}, "description": "There, and not in the document: they stay, but for aliases and empty domains under prune"}}}
})json";
}

namespace handle {
namespace {
Response mailboxAnswer(int status, const store::Mailbox& mailbox)
{
    auto response = Response::json(status, toJson(mailbox));
    response.headers.emplace_back("ETag", entityTag(response.body));
    return response;
}

Poco::JSON::Array::Ptr listOf(const std::vector<OfficeChange>& changes)
{
    Poco::JSON::Array::Ptr list = new Poco::JSON::Array;
    for (const auto& change : changes) {
        auto one = object();
        one->set("kind", change.kind);
        one->set("key", change.key);
        one->set("action", change.action);
        one->set("fields", array(change.fields));
        list->add(one);
    }
    return list;
}
} // namespace

Response getMailbox(Service& service, const Call& call)
{
    return mailboxAnswer(200, service.mailbox(call.values[0], call.values[1]));
}

Response putMailbox(Service& service, const Call& call)
{
    requireRankOver(service, call);
    std::optional<bool> subscribed;
    if (!call.body.empty()) {
        auto fields = call.fields();
        const auto name = fields.text("name", 1000);
        if (name && *name != call.values[1])
            fields.mustBe("name", "that of the path");
        subscribed = fields.flag("subscribed");
        fields.finish();
    }
    const auto result = service.putMailbox(call.who.by, call.values[0], call.values[1], onlyNew(call), subscribed, expected(call));
    return mailboxAnswer(result.created ? 201 : 200, result.value);
}

Response patchMailbox(Service& service, const Call& call)
{
    requireRankOver(service, call);
    auto fields = call.fields();
    for (const char* name : {"id", "special_use", "messages", "unseen", "size"})
        fields.refuse(name);
    Service::MailboxChange change;
    change.name = fields.text("name", 1000);
    change.subscribed = fields.flag("subscribed");
    fields.finish();
    return mailboxAnswer(200, service.changeMailbox(call.who.by, call.values[0], call.values[1], change, expected(call)));
}

Response deleteMailbox(Service& service, const Call& call)
{
    requireRankOver(service, call);
    service.removeMailbox(call.who.by, call.values[0], call.values[1], expected(call));
    return Response::empty();
}

Response getSnapshot(Service& service, const Call&) { return Response::json(200, service.officeSnapshot()); }

Response postOffice(Service& service, const Call& call)
{
    const bool dry_run = flagOf(call, "dry_run"), prune = flagOf(call, "prune");
    const auto document = parseObject(call.body, kJsonEntries + call.body.size() / kBytesOfEntry);
    auto office = std::make_shared<const Office>(parseOffice(document, service.context().default_quota()));
    for (std::size_t i = 0; i < office->accounts.size(); ++i)
        if (const auto& one = office->accounts[i]; one.wanted.password && service.context().passwords.policy == PasswordRules::Policy::refuse)
            try {
                service.passwordWarning(*one.wanted.password, one.address);
            } catch (const Problem& problem) {
                throw Problem({{"accounts[" + std::to_string(i) + "].password", problem.code, problem.what()}});
            }
    if (!dry_run) {
        const auto task = service.applyOffice(call.who.by, std::move(office), prune, call.who.may("admin"));
        auto response = Response::json(202, toJson(task));
        response.headers.emplace_back("Location", "/api/v1/tasks/" + task.id);
        return response;
    }
    const auto result = service.compareOffice(*office);
    auto out = object();
    out->set("changes", listOf(result.changes));
    out->set("same", result.same);
    out->set("others", listOf(result.others));
    return Response::json(200, out);
}

} // namespace handle
} // namespace postfach::admin
