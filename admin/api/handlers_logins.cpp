// Who logged in to an account, and who tried: for the administrator, and for its owner.
#include "admin/api/filters.h"
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "admin/api/schemas.h"
#include "server/base/text.h"

#include <array>

namespace postfach::admin {

std::vector<Route> loginRoutes()
{
    using enum BodyKind;
    static const std::vector<const char*> kParameters{"limit", "cursor", "service", "address", "outcome", "since", "until"};
    return {
        // clang-format off
        {"GET", "/api/v1/accounts/{address}/logins", "read", "listLogins", "Who logged in to an account, and who tried, newest first; what is alike within an hour is one entry",
         handle::listLogins, none, "", "list:Login", {200, 404, 422}, kParameters},
        {"GET", "/api/v1/me/logins", "me", "listMyLogins", "Who logged in to one's account, and who tried, newest first", handle::listMyLogins, none, "", "list:Login", {200, 422}, kParameters},
        // clang-format on
    };
}

const char* loginSchemas()
{
    return R"json({
"Login": {"type": "object", "required": ["time", "first", "times", "service", "address", "mechanism", "tls", "outcome", "app_password"], "additionalProperties": false, "properties": {
  "time": {"type": "string", "format": "date-time", "description": "Of the last one"}, "first": {"type": "string", "format": "date-time"},
  "times": {"type": "integer", "minimum": 1, "description": "So many like it within the hour"},
  "service": {"type": "string", "description": "imap, pop3, smtp, me (this API) or web (a browser that signs in)"}, "address": {"type": "string"}, "mechanism": {"type": "string"}, "tls": {"type": "boolean"},
  "outcome": {"type": "string", "enum": ["ok", "wrong", "disabled", "refused"], "description": "disabled: the password was right; refused: after too many wrong ones, and not looked at"},
  "app_password": {"type": ["string", "null"], "description": "Its label; null: the account's own password"}}}
})json";
}

namespace handle {
namespace {
constexpr std::array<std::string_view, 4> kOutcomes{"ok", "wrong", "disabled", "refused"};

std::string_view wordFor(store::LoginRecord::Outcome outcome) { return kOutcomes.at(static_cast<std::size_t>(outcome)); }

// Of the list's order: later ones have smaller keys in front of the dash, which all have the same length.
std::string keyOfLogin(const store::LoginRecord& login)
{
    const auto left = std::to_string(INT64_MAX - base::toMillis(login.last));
    return std::string(19 - left.size(), '0') + left + "-" + login.service + " " + login.address + " " + login.mechanism + (login.tls ? " tls " : " ")
           + std::string(wordFor(login.outcome)) + " " + login.app_password;
}

Poco::JSON::Object::Ptr loginJson(const store::LoginRecord& login)
{
    auto out = object();
    out->set("time", base::rfc3339(login.last));
    out->set("first", base::rfc3339(login.first));
    out->set("times", login.times);
    out->set("service", login.service);
    out->set("address", login.address);
    out->set("mechanism", login.mechanism);
    out->set("tls", login.tls);
    out->set("outcome", std::string(wordFor(login.outcome)));
    out->set("app_password", login.app_password.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(login.app_password));
    return out;
}

Response loginsOf(Service& service, const Call& call, const std::string& account)
{
    const auto span = spanOf(call);
    const auto outcome = wordOf(call, "outcome", {kOutcomes[0], kOutcomes[1], kOutcomes[2], kOutcomes[3]});
    const auto over = call.parameter("service"), address = call.parameter("address");
    auto logins = service.logins(account);
    std::erase_if(logins, [&](const store::LoginRecord& one) {
        return !span.has(one.last) || (!over.empty() && one.service != over)
               || (!address.empty() && one.address != address) || (!outcome.empty() && wordFor(one.outcome) != outcome);
    });
    std::sort(logins.begin(), logins.end(), [](const auto& a, const auto& b) { return keyOfLogin(a) < keyOfLogin(b); });
    return listOfAll(call, logins, keyOfLogin, loginJson);
}
} // namespace

Response listLogins(Service& service, const Call& call) { return loginsOf(service, call, call.values[0]); }
Response listMyLogins(Service& service, const Call& call) { return loginsOf(service, call, call.who.account); }

} // namespace handle
} // namespace postfach::admin
