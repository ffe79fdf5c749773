// Second factors: an owner sets his own up and takes it away, an administrator takes away one that is lost.
#include "admin/api/handlers.h"
#include "admin/api/schemas.h"
#include "server/auth/totp.h"

namespace postfach::admin {

std::vector<Route> totpRoutes()
{
    using enum BodyKind;
    return {
        // clang-format off
        {"GET",    "/api/v1/me/totp", "me", "getMyTotp", "Whether one has a second factor", handle::getMyTotp, none, "", "Totp", {200}},
        {"POST",   "/api/v1/me/totp", "me:write", "beginMyTotp", "Begin to set a second factor up: its secret is told once", handle::beginMyTotp, json, "TotpBegin", "TotpBegun", {201, 409, 503}, {}, false, Proof::password},
        {"POST",   "/api/v1/me/totp/confirm", "me:write", "confirmMyTotp", "Put it into force with a code of it; every browser is signed out, and recovery codes are told once", handle::confirmMyTotp, json, "TotpConfirm", "RecoveryCodes", {200, 409}},
        {"POST",   "/api/v1/me/totp/remove", "me:write", "removeMyTotp", "Do without it, with the password and a code; every browser is signed out", handle::removeMyTotp, json, "TotpRemove", "", {204, 404, 503}, {}, false, Proof::both},
        {"DELETE", "/api/v1/accounts/{address}/totp", "accounts", "resetTotp", "Take a second factor away whose owner has lost it; an administrator's needs the scope admin", handle::resetTotp, none, "", "", {204, 404}},
        // clang-format on
    };
}

const char* totpSchemas()
{
    return R"json({
"Totp": {"type": "object", "required": ["enabled", "since", "recovery_codes"], "additionalProperties": false, "properties": {
  "enabled": {"type": "boolean"}, "since": {"type": ["string", "null"], "format": "date-time"}, "recovery_codes": {"type": "integer", "description": "That are left"}}},
"TotpBegin": {"type": "object", "additionalProperties": false, "properties": {
  "current_password": {"type": "string", "writeOnly": true, "maxLength": 1024, "description": "In a browser: the password, once more"}}},
"TotpBegun": {"type": "object", "required": ["secret", "uri"], "additionalProperties": false, "properties": {
  "secret": {"type": "string", "description": "In Base32, to be typed"}, "uri": {"type": "string", "format": "uri", "description": "otpauth://totp/…, to be shown as a QR code"}}},
"TotpConfirm": {"type": "object", "required": ["code"], "additionalProperties": false, "properties": {"code": {"type": "string", "maxLength": 100}}},
"RecoveryCodes": {"type": "object", "required": ["recovery_codes"], "additionalProperties": false, "properties": {
  "recovery_codes": {"type": "array", "items": {"type": "string"}, "description": "Each stands in for a code once; told here and never again"}}},
"TotpRemove": {"type": "object", "required": ["password", "code"], "additionalProperties": false, "properties": {
  "password": {"type": "string", "writeOnly": true, "maxLength": 1024}, "code": {"type": "string", "maxLength": 100, "description": "Or a recovery code"}}}
})json";
}

namespace handle {
Response getMyTotp(Service& service, const Call& call)
{
    const auto state = service.totp(call.who.account);
    auto out = object();
    out->set("enabled", state.since.has_value());
    out->set("since", dateOrNull(state.since));
    out->set("recovery_codes", state.recovery_codes);
    return Response::json(200, out);
}

Response beginMyTotp(Service& service, const Call& call)
{
    if (!call.body.empty()) {
        auto fields = call.fields();
        fields.text("current_password", 1024);
        fields.finish();
    }
    requireProof(call);
    const auto secret = service.beginTotp(call.who.by, call.who.account);
    auto out = object();
    out->set("secret", auth::base32(secret));
    out->set("uri", auth::totpUri(service.context().server_name, call.who.account, secret));
    return Response::json(201, out);
}

Response confirmMyTotp(Service& service, const Call& call)
{
    auto fields = call.fields();
    const auto code = fields.text("code", 100);
    if (!fields.has("code"))
        fields.mustBe("code", "there");
    fields.finish();
    auto out = object();
    out->set("recovery_codes", array(service.confirmTotp(call.who.by, call.who.account, *code)));
    return signedOut(call, Response::json(200, out));
}

Response removeMyTotp(Service& service, const Call& call)
{
    auto fields = call.fields();
    for (const char* name : {"password", "code"})
        if (fields.text(name, 1024); !fields.has(name))
            fields.mustBe(name, "there");
    fields.finish();
    if (!service.totp(call.who.account).since)
        throw Problem(404, "not_found", "There is no second factor.");
    if (!call.login || call.login->what.result != auth::Login::Result::ok)
        throw Problem(403, "wrong_password", "The password or the code is wrong.");
    service.removeTotp(call.who.by, call.who.account);
    return signedOut(call, Response::empty());
}

Response resetTotp(Service& service, const Call& call)
{
    service.resetTotp(call.who.by, call.values[0], call.who.may("admin"));
    return Response::empty();
}

} // namespace handle
} // namespace postfach::admin
