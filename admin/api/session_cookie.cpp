#include "admin/api/session_cookie.h"
#include "admin/problem.h"
#include "server/base/hash.h"
#include "server/base/text.h"

#include <string_view>

namespace postfach::admin {
namespace {

constexpr std::string_view kAttributes = "; Path=/; Secure; HttpOnly; SameSite=Strict";

Problem foreign() { return {403, "foreign_origin", "Requests from pages of another origin are refused."}; }

} // namespace

std::optional<std::string> sessionSecretIn(const RequestHead& head)
{
    std::optional<std::string> found;
    for (const auto& [name, value] : head.fields) {
        if (name != "cookie")
            continue;
        for (const auto part : base::split(value, ';')) {
            const auto pair = base::trim(part);
            const auto equals = pair.find('=');
            if (equals == std::string_view::npos || pair.substr(0, equals) != kSessionCookie)
                continue;
            if (found)
                throw Problem(400, "bad_request", "The session's cookie is there twice.");
            found = std::string(pair.substr(equals + 1));
        }
    }
    return found;
}

std::string sessionCookie(const std::string& secret) { return kSessionCookie + ("=" + secret).append(kAttributes); }

std::string endedSessionCookie() { return sessionCookie("").append("; Max-Age=0"); }

std::string csrfToken(const std::string& secret) { return base::hex(base::hmacSha256(secret, "postfach csrf 1")); }

void requireOwnSite(const RequestHead& head)
{
    const bool changes = head.method != "GET" && head.method != "HEAD";
    const auto* const site = head.find("sec-fetch-site");
    // `none`: typed by the person, or a bookmark. It changes nothing.
    if (site && *site != "same-origin" && (changes || *site != "none"))
        throw foreign();
}

void requireOwnPage(const RequestHead& head, const std::string& secret)
{
    requireOwnSite(head);
    if (head.method == "GET" || head.method == "HEAD")
        return;
    if (!head.find("sec-fetch-site") && !head.find("origin"))
        throw Problem(403, "foreign_origin", "A request that changes something must say whose page made it (Origin or Sec-Fetch-Site).");
    const auto* const token = head.find("x-csrf-token");
    if (!token || !base::equalsConstantTime(*token, csrfToken(secret)))
        throw Problem(403, "csrf", "The header X-CSRF-Token must hold the token of this session: GET /api/v1/session has it.");
}

} // namespace postfach::admin
