// Browsers: they sign in with an account's password, and are known by a cookie from then on.
#include "admin/api/conditions.h"
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "admin/api/schemas.h"
#include "admin/api/session_cookie.h"
#include "server/base/text.h"

#include <string>

namespace postfach::admin {

std::vector<Route> webSessionRoutes()
{
    using enum BodyKind;
    static const std::vector<const char*> kPage{"limit", "cursor"};
    return {
        // clang-format off
        {"POST",   "/api/v1/session", "", "signIn", "Sign a browser in: a cookie is set, and the session's token for X-CSRF-Token told", handle::signIn, json, "SignIn", "SignedIn", {201, 401, 403, 422, 503}, {}, false, Proof::signIn},
        {"GET",    "/api/v1/session", "session", "getSignedIn", "Who has signed in", handle::getSignedIn, none, "", "SignedIn", {200}},
        {"DELETE", "/api/v1/session", "session", "signOut", "Sign out: the session ends, the cookie goes", handle::signOut, none, "", "", {204}},
        {"GET",    "/api/v1/me/web-sessions", "me", "listMyWebSessions", "The browsers in which one has signed in", handle::listMyWebSessions, none, "", "list:WebSession", {200, 422}, kPage},
        {"DELETE", "/api/v1/me/web-sessions/{id}", "me:write", "endMyWebSession", "Sign a browser out from afar", handle::deleteMyWebSession, none, "", "", {204, 404}},
        // clang-format on
    };
}

const char* webSessionSchemas()
{
    return R"json({
"SignIn": {"type": "object", "required": ["account", "password"], "additionalProperties": false, "properties": {
  "account": {"type": "string", "maxLength": 320, "description": "The address"},
  "password": {"type": "string", "writeOnly": true, "maxLength": 1024, "description": "The account's own; an app password signs nobody in"},
  "code": {"type": "string", "maxLength": 100, "description": "Of the second factor, where the account has one, or a recovery code; refused with totp_code when it is missing"}}},
"SignedIn": {"type": "object", "required": ["account", "name", "scopes", "totp", "csrf_token", "session"], "additionalProperties": false, "properties": {
  "account": {"type": "string"}, "name": {"type": "string"}, "totp": {"type": "boolean", "description": "The account has a second factor"},
  "scopes": {"type": "array", "items": {"$ref": "#/components/schemas/Scope"}, "description": "Of an administrator; every account may look after itself under /api/v1/me"},
  "csrf_token": {"type": "string", "description": "For the header X-CSRF-Token of whatever changes something"},
  "session": {"$ref": "#/components/schemas/WebSession"}}},
"WebSession": {"type": "object", "required": ["id", "address", "client", "created", "last_seen", "expires", "current"], "additionalProperties": false, "properties": {
  "id": {"type": "string"}, "address": {"type": "string", "description": "From where it was opened"}, "client": {"type": ["string", "null"], "description": "User-Agent"},
  "created": {"type": "string", "format": "date-time"}, "last_seen": {"type": "string", "format": "date-time", "description": "To the minute"},
  "expires": {"type": "string", "format": "date-time", "description": "When nothing is asked until then; at the latest admin.session_hours after it was opened"},
  "current": {"type": "boolean", "description": "The one that asks"}}}
})json";
}

namespace handle {
namespace {
Poco::JSON::Object::Ptr webSessionJson(Service& service, const store::WebSession& session, const std::string& current)
{
    auto out = object();
    out->set("id", session.id);
    out->set("address", session.address);
    out->set("client", session.client.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(session.client));
    out->set("created", base::rfc3339(session.created));
    out->set("last_seen", base::rfc3339(session.seen));
    out->set("expires", base::rfc3339(service.endOf(session)));
    out->set("current", session.id == current);
    return out;
}

Response signedIn(Service& service, int status, const store::Account& account, const store::WebSession& session, const std::string& secret)
{
    auto out = object();
    out->set("account", account.address);
    out->set("name", account.name);
    out->set("scopes", array(account.scopes));
    out->set("totp", account.totp);
    out->set("csrf_token", csrfToken(secret));
    out->set("session", webSessionJson(service, session, session.id));
    return Response::json(status, out);
}
} // namespace

Response signIn(Service& service, const Call& call)
{
    if (call.who.local)
        throw Problem(403, "scope", "This is for browsers, over HTTPS.");
    if (!call.login) // there was no body
        throw Problem(422, "invalid_body", "The body must have the fields account and password.");
    const By by{"account:" + base::lower(call.login->user), call.who.by.address};
    if (call.login->what.result == auth::Login::Result::codeWanted)
        throw challenged({401, "totp_code", "This account has a second factor: its code is wanted, too."});
    if (call.login->what.result != auth::Login::Result::ok) {
        service.signInRefused(by, call.login->user);
        throw challenged({401, "unauthorized", "The address or the password is wrong."});
    }
    const auto& account = call.login->what.account;
    if (service.lacksTotp(account)) {
        service.signInRefused(by, call.login->user);
        throw Problem(403, "totp_required", "Administrators need a second factor here: set it up under /api/v1/me/totp, with HTTP Basic, first.");
    }
    const auto* client = call.head.find("user-agent");
    const auto opened = service.openWebSession(
        {"account:" + account.address, by.address}, account, client ? *client : "", sessionSecretIn(call.head).value_or(""),
        call.login->what.second);
    auto response = signedIn(service, 201, account, opened.kept, opened.secret);
    response.headers.emplace_back("Set-Cookie", sessionCookie(opened.secret));
    return response;
}

Response getSignedIn(Service& service, const Call& call)
{
    const auto account = service.account(call.who.account);
    return signedIn(service, 200, account, call.who.browser->session, sessionSecretIn(call.head).value());
}

Response signOut(Service& service, const Call& call)
{
    service.endWebSession(call.who.by, call.who.account, call.who.browser->session.id);
    return signedOut(call, Response::empty());
}

Response listMyWebSessions(Service& service, const Call& call)
{
    const std::string current = call.who.browser ? call.who.browser->session.id : "";
    return listOfAll(
        call, service.webSessions(call.who.account), [](const auto& s) { return s.id; },
        [&](const auto& s) { return webSessionJson(service, s, current); });
}

Response deleteMyWebSession(Service& service, const Call& call)
{
    service.endWebSession(call.who.by, call.who.account, call.values[0]);
    return Response::empty();
}

} // namespace handle
} // namespace postfach::admin
