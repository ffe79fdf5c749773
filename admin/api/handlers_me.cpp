// What an account's owner does himself, under his own password (HTTP Basic, RFC 7617) or, for looking, an app password. Each
// is the administrator's handler with the owner's address before the path's own values.
#include "admin/api/conditions.h"
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "admin/api/schemas.h"
#include "admin/api/session_cookie.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {

std::vector<Route> meRoutes()
{
    using enum BodyKind;
    static const std::vector<const char*> kPage{"limit", "cursor"};
    return {
        // clang-format off
        {"GET",    "/api/v1/me", "me", "getMe", "One's own account", handle::getMe, none, "", "Account", {200}},
        {"PUT",    "/api/v1/me/password", "me:write", "putMyPassword", "A new password; whoever is in with the old one is disconnected", handle::putMyPassword, json, "MyPassword", "Warnings", {200, 422, 503}, {}, false, Proof::password},
        {"GET",    "/api/v1/me/app-passwords", "me", "listMyAppPasswords", "One's app passwords, without their secrets", handle::listMyAppPasswords, none, "", "list:AppPassword", {200, 422}, kPage},
        {"POST",   "/api/v1/me/app-passwords", "me:write", "createMyAppPassword", "Create an app password; its secret is told once", handle::postMyAppPassword, json, "AppPasswordCreate", "AppPasswordCreated", {201, 409, 422}},
        {"DELETE", "/api/v1/me/app-passwords/{label}", "me:write", "deleteMyAppPassword", "Take an app password back: it ends at once", handle::deleteMyAppPassword, none, "", "", {204, 404}},
        {"GET",    "/api/v1/me/sessions", "me", "listMySessions", "Where one is connected", handle::listMySessions, none, "", "list:Session", {200, 422}, {"limit", "cursor", "address", "q", "since", "until", "sort"}},
        {"DELETE", "/api/v1/me/sessions/{id}", "me:write", "endMySession", "End a session of one's own", handle::deleteMySession, none, "", "", {204, 404}},
        {"GET",    "/api/v1/me/quarantine", "me", "listMyQuarantine", "One's quarantined messages, without their content; releasing is the administrator's",
         handle::listMyQuarantine, none, "", "list:Quarantined", {200, 422}, {"limit", "cursor", "q", "since", "until", "sort"}},
        {"POST",   "/api/v1/me/quarantine/{id}/ask", "me:write", "askForRelease", "Ask the administrator to release it; once more, and the words are others", handle::askForMine, json, "ReleaseAsk", "", {204, 404, 422}},
        {"GET",    "/api/v1/me/deleted", "me", "listMyDeleted", "What one deleted and can have back", handle::listMyDeleted, none, "", "list:Deleted", {200, 422}, {"limit", "cursor", "mailbox", "cause", "since", "until", "sort"}},
        {"POST",   "/api/v1/me/deleted/{id}/restore", "me:write", "restoreMyDeleted", "Put it back into its mailbox, with flags and dates", handle::restoreMyDeleted, none, "", "Restored", {200, 404, 409, 507}},
        // clang-format on
    };
}

const char* meSchemas()
{
    return R"json({
"MyPassword": {"type": "object", "required": ["password"], "additionalProperties": false, "properties": {
  "password": {"type": "string", "writeOnly": true, "minLength": 1, "maxLength": 1024},
  "current_password": {"type": "string", "writeOnly": true, "maxLength": 1024, "description": "In a browser: the present one, once more"}}},
"Warnings": {"type": "object", "required": ["warnings"], "additionalProperties": false, "properties": {"warnings": {"type": "array", "items": {"type": "string"}}}}
})json";
}

namespace handle {
namespace {
// The same call, about the owner.
template <class Handler>
Response own(Service& service, const Call& call, Handler handler)
{
    std::vector<std::string> values{call.who.account};
    values.insert(values.end(), call.values.begin(), call.values.end());
    const Call about_me{call.head, call.body, call.target, std::move(values), call.who};
    return handler(service, about_me);
}
} // namespace

Response signedOut(const Call& call, Response response)
{
    if (call.who.browser)
        response.headers.emplace_back("Set-Cookie", endedSessionCookie());
    return response;
}

// Who finds a browser open does not take over the account: what matters wants the password once more.
void requireProof(const Call& call)
{
    if (call.who.browser && (!call.login || call.login->what.result != auth::Login::Result::ok))
        throw Problem(403, "wrong_password", "The password is wrong.");
}

Response getMe(Service& service, const Call& call) { return own(service, call, getAccount); }

Response putMyPassword(Service& service, const Call& call)
{
    auto fields = call.fields();
    AccountChange change;
    change.password = fields.text("password", 1024);
    change.administrator = true; // his own
    if (!fields.has("password"))
        fields.mustBe("password", "there");
    if (fields.text("current_password", 1024); call.who.browser && !fields.has("current_password"))
        fields.mustBe("current_password", "there");
    fields.finish();
    requireProof(call);
    const auto warning = service.passwordWarning(*change.password, call.who.account);
    service.changeAccount(call.who.by, call.who.account, change, std::nullopt);
    auto out = object();
    out->set("warnings", array(warning ? std::vector<std::string>{*warning} : std::vector<std::string>{}));
    return signedOut(call, Response::json(200, out));
}

Response listMyAppPasswords(Service& service, const Call& call) { return own(service, call, listAppPasswords); }
Response postMyAppPassword(Service& service, const Call& call) { return own(service, call, postAppPassword); }
Response deleteMyAppPassword(Service& service, const Call& call) { return own(service, call, deleteAppPassword); }

Response listMySessions(Service& service, const Call& call)
{
    net::Sessions::Filter filter;
    filter.account = call.who.account;
    return sessionList(service, call, std::move(filter));
}

Response deleteMySession(Service& service, const Call& call)
{
    const auto& id = call.values[0];
    if (service.session(id).account != call.who.account) // somebody else's is none
        throw Problem(404, "not_found", "There is no session " + base::printable(id, 100) + ".");
    service.endSession(call.who.by, id);
    return Response::empty();
}

Response listMyQuarantine(Service& service, const Call& call)
{
    QuarantineWish mine;
    mine.account = call.who.account;
    return quarantineList(service, call, mine);
}

Response listMyDeleted(Service& service, const Call& call) { return own(service, call, listDeleted); }
Response restoreMyDeleted(Service& service, const Call& call) { return own(service, call, restoreDeleted); }

} // namespace handle
} // namespace postfach::admin
