#include "admin/api/gate.h"
#include "admin/api/session_cookie.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {

constexpr std::uint64_t kJsonBody = 1024 * 1024;   // an alias with 1,000 targets takes 350 KiB at most
constexpr std::string_view kOwners = "/api/v1/me";
const std::vector<std::string> kSignIn{"api", "v1", "session"};
constexpr std::size_t kBasic = 2048;
constexpr std::uint64_t kOfficeBody = 16ULL << 20; // an account takes 300 bytes
constexpr std::uint64_t kXmlBody = 64 * 1024;      // an autodiscover request has 400 bytes
constexpr std::uint64_t kSignatures = 256U << 20;  // ClamAV's largest file has 170 MiB
constexpr std::uint64_t kProofBody = 16 * 1024;    // a name, a password; whatever else an account's owner sends is as short
constexpr std::uint64_t kIgnoredBody = 64 * 1024;  // of GET and DELETE, which mean nothing (RFC 9110 9.3.1)

base::Counter requests_2xx{"postfach_admin_requests_total", "Requests answered by the admin API", {{"status", "2xx"}}};
base::Counter requests_4xx{"postfach_admin_requests_total", "Requests answered by the admin API", {{"status", "4xx"}}};
base::Counter requests_5xx{"postfach_admin_requests_total", "Requests answered by the admin API", {{"status", "5xx"}}};

base::Counter refused_tokens{"postfach_admin_tokens_refused_total", "Requests with a token that is none"};

void count(int status) { (status < 400 ? requests_2xx : status < 500 ? requests_4xx : requests_5xx).add(); }

// A page of another site may send requests in the name of whoever looks at it. Tools send no Origin.
void checkOrigin(const RequestHead& head)
{
    const auto* origin = head.find("origin");
    if (!origin || head.method == "GET" || head.method == "HEAD")
        return;
    const auto* host = head.find("host");
    if (!host || !base::iequals(*origin, "https://" + *host))
        throw Problem(403, "foreign_origin", "Requests from pages of another origin are refused.");
}

void checkBodyKind(const Route& route, const RequestHead& head)
{
    if (!head.hasBody() || route.body == BodyKind::none)
        return;
    const auto* type = head.find("content-type");
    if (!type) // RFC 9110 8.3: then it is what it is expected to be
        return;
    const auto name = base::lower(base::trim(std::string_view(*type).substr(0, type->find(';'))));
    if (route.body == BodyKind::xml && name != "text/xml" && name != "application/xml")
        throw Problem(415, "media_type", "The body must be text/xml.");
    if (route.body == BodyKind::xml)
        return;
    const bool fits = route.body == BodyKind::signatures ? name == "application/octet-stream"
                      : route.body == BodyKind::message  ? name == "message/rfc822" || name == "message/global" || name == "application/octet-stream"
                                                      : name == "application/json"
                                                            || (route.body == BodyKind::patch && name == "application/merge-patch+json");
    if (!fits)
        throw Problem(415, "media_type", route.body == BodyKind::message      ? "The body must be message/rfc822."
                                         : route.body == BodyKind::signatures ? "The body must be application/octet-stream."
                                                                              : "The body must be application/json.");
}

Problem unauthorized(bool tried)
{
    if (!tried)
        return challenged({401, "unauthorized", "This needs the header Authorization: Bearer TOKEN."});
    Problem problem(401, "unauthorized", "This token is not known here, or its time is over.");
    problem.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"postfach\", error=\"invalid_token\"");
    return problem;
}
} // namespace

Problem tooManyLogins()
{
    Problem problem(503, "unavailable", "Too many logins at once: try again in a moment.");
    problem.headers.emplace_back("Retry-After", "5");
    return problem;
}

std::optional<auth::Attempt> Gate::attemptOf(const RequestHead& head, const std::string& peer)
{
    const std::string_view path = std::string_view(head.target).substr(0, head.target.find('?'));
    const auto* given = head.find("authorization");
    if (given && head.find("cookie") && head.find("cookie")->find(kSessionCookie) != std::string::npos)
        return std::nullopt; // two at once are none: judge() says so
    if (!given || !(path == kOwners || path.starts_with(std::string(kOwners) + "/")) || !base::istartsWith(*given, "basic ") ||
        given->size() > kBasic)
        return std::nullopt;
    const auto decoded = base::unbase64(base::trim(std::string_view(*given).substr(6)));
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (!decoded || colon == std::string::npos || !base::isUtf8(*decoded) || decoded->find('\0') != std::string::npos)
        return std::nullopt;
    return auth::Attempt(decoded->substr(0, colon), decoded->substr(colon + 1), "me", peer, true);
}

std::optional<auth::Attempt> Gate::attemptIn(const Judged& judged, const std::string& body, const std::string& peer)
{
    const auto proof = judged.match.route->proof;
    if (judged.who.local || proof == Proof::none || (proof == Proof::password && !judged.who.browser))
        return std::nullopt;
    auto fields = Fields(parseObject(body));
    if (proof == Proof::password) {
        const auto password = fields.text("current_password", 1024);
        if (!password) // the handler says what is wrong with the whole
            return std::nullopt;
        return auth::Attempt(judged.who.account, *password, std::string(auth::kWebService), peer, true);
    }
    const auto account = proof == Proof::both ? std::optional(judged.who.account) : fields.text("account", 320);
    const auto password = fields.text("password", 1024), code = fields.text("code", 100);
    for (const char* name : {"account", "password"})
        if (!fields.has(name) && (proof != Proof::both || std::string_view(name) != "account"))
            fields.mustBe(name, "there");
    if (proof == Proof::both && !fields.has("code"))
        fields.mustBe("code", "there");
    fields.finish();
    auth::Attempt attempt(*account, *password, std::string(auth::kWebService), peer, true);
    attempt.second_factor = true;
    attempt.code = code.value_or("");
    return attempt;
}

namespace {
// Where the account has a second factor its password alone may only look.
bool wantsSecondFactor(const std::optional<auth::Login>& login)
{
    return login && login->result == auth::Login::Result::ok && login->app_password.empty() && login->account.totp;
}

Principal ownerOf(const std::optional<auth::Login>& login, const std::string& peer)
{
    if (login && login->result == auth::Login::Result::unavailable)
        throw tooManyLogins();
    if (!login || login->result != auth::Login::Result::ok) {
        Problem problem(401, "unauthorized", login ? "The address or the password is wrong."
                                                   : "This needs the address and the password of an account (HTTP Basic).");
        problem.headers.emplace_back("WWW-Authenticate", "Basic realm=\"postfach\", charset=\"UTF-8\"");
        throw problem;
    }
    const auto& address = login->account.address;
    return {address, {}, false, {"account:" + address, peer}, address, login->app_password.empty() && !wantsSecondFactor(login)};
}
} // namespace

void Gate::countRefused(const std::string& address, std::chrono::milliseconds& delay)
{
    const auto decision = service_.tokenRefused(address);
    refused_tokens.add();
    delay = decision.delay;
    if (decision.tell > 0)
        base::logWarning("admin", "wrong token", {{"address", address}, {"times", decision.tell}});
    if (!decision.refused)
        return;
    Problem enough(429, "too_many_attempts", "Too many wrong tokens came from this address; try again later.");
    enough.headers.emplace_back("Retry-After", "600");
    throw enough;
}

// A browser forgets a cookie that leads nowhere any more, so it asks with it once.
Principal Gate::browserOf(const std::string& secret, const RequestHead& head, const std::string& address, std::chrono::milliseconds& delay)
{
    if (head.find("authorization"))
        throw Problem(400, "bad_request", "A request has a session's cookie or Authorization, not both.");
    auto browser = service_.browserOf(secret);
    if (!browser.account) {
        if (!browser.known)
            countRefused(address, delay);
        Problem over = challenged({401, "session_over", "This session is over: sign in again."});
        over.headers.emplace_back("Set-Cookie", endedSessionCookie());
        throw over;
    }
    checkOrigin(head);
    requireOwnPage(head, secret);
    const auto account = browser.account->address;
    auto still = [this, secret] { return service_.browserOf(secret, false).account.has_value(); };
    auto scopes = browser.account->scopes;
    return {account, std::move(scopes), false, {"account:" + account, address}, account, true, std::move(browser), std::move(still)};
}

Principal Gate::authenticate(const RequestHead& head, const std::string& address, std::chrono::milliseconds& delay)
{
    const auto* given = head.find("authorization");
    if (!given)
        throw unauthorized(false);
    const auto secret = base::istartsWith(*given, "bearer ") ? base::trim(std::string_view(*given).substr(7)) : std::string_view();
    auto token = secret.empty() || secret.size() > 200 ? std::nullopt : service_.tokenOf(secret, address);
    if (!token) {
        countRefused(address, delay);
        throw unauthorized(true);
    }
    auto still = [this, secret = std::string(secret), address] { return service_.tokenOf(secret, address).has_value(); };
    return {token->name, token->scopes, false, {"token:" + token->name, address}, "", false, std::nullopt, std::move(still)};
}

void Gate::judgeInto(Judged& judged, const RequestHead& head, const Peer& peer, const std::optional<auth::Login>& login)
{
    judged.target = parseTarget(head.target);
    const auto& at = judged.target.segments;
    const bool api = !at.empty() && at[0] == "api";
    const auto secret = peer.local || !api ? std::nullopt : sessionSecretIn(head);
    if (peer.local)
        judged.who = {"local", {}, true, {"local:" + std::to_string(peer.uid), ""}, "", false};
    else if (head.method == "POST" && at == kSignIn) // whoever that was: the session it makes is a new one
        judged.who.by.address = peer.address, requireOwnSite(head);
    else if (secret)
        judged.who = browserOf(*secret, head, peer.address, judged.delay);
    else if (at.size() >= 3 && api && at[1] == "v1" && at[2] == "me") {
        judged.who = ownerOf(login, peer.address);
        judged.who.still = [this, id = login->account.id, version = login->account.version] { return service_.isUnchanged(id, version); };
    } else if (api)
        judged.who = authenticate(head, peer.address, judged.delay);
    checkOrigin(head);
    judged.match = findRoute(head.method, judged.target);
    const auto& route = *judged.match.route;
    const bool brings_both = route.proof == Proof::both && wantsSecondFactor(login);
    if (*route.scope != 0 && !judged.who.may(route.scope) && !brings_both)
        throw Problem(403, "scope",
                      std::string_view(route.scope) == "session"       ? "This is for a browser that has signed in."
                      : !std::string_view(route.scope).starts_with("me") ? "This needs a token with the scope " + std::string(route.scope) + "."
                      : judged.who.account.empty()                     ? "This is for the owner of an account, over HTTPS."
                      : wantsSecondFactor(login) ? "This account has a second factor, and its password alone may only look: sign in."
                                                                       : "This needs the account's own password: an app password may only look.");
    const auto takes = [&route](const std::string& name) {
        return std::find(route.parameters.begin(), route.parameters.end(), name) != route.parameters.end();
    };
    for (const auto& [name, value] : judged.target.query)
        if (!route.lenient && !takes(name))
            throw Problem(422, "unknown_parameter", "There is no parameter \"" + base::printable(name, 100) + "\" here.");
    checkBodyKind(route, head);
    const bool is_owners = route.body == BodyKind::json && std::string_view(route.scope).starts_with("me");
    judged.body_limit = route.proof != Proof::none || is_owners ? kProofBody
                        : route.body == BodyKind::none    ? kIgnoredBody
                        : route.body == BodyKind::xml     ? kXmlBody
                        : route.body == BodyKind::office  ? kOfficeBody
                        : route.body == BodyKind::message ? service_.context().delivery.policy().message_size
                        : route.body == BodyKind::signatures ? kSignatures
                                                          : kJsonBody;
    if (head.length.value_or(0) > judged.body_limit)
        throw Problem(413, "body_too_large", "The body is larger than the " + std::to_string(judged.body_limit) + " bytes allowed here.");
}

namespace {
// Whose Idempotency-Keys these are: a token may be called like an account.
std::string keeperOf(const Principal& who) { return (who.local ? "local" : who.account.empty() ? "token " : "owner ") + who.name; }
} // namespace

Judged Gate::judge(const RequestHead& head, const Peer& peer, const std::optional<auth::Login>& login)
{
    Judged judged;
    try {
        judgeInto(judged, head, peer, login);
    } catch (const Problem& problem) {
        refuse(judged, problem);
    }
    return judged;
}

void Gate::refuse(Judged& judged, const Problem& problem)
{
    judged.refused = Response::problem(problem);
    count(problem.status);
}

Response Gate::answer(const Judged& judged, const RequestHead& head, const std::string& body)
{
    const Call call{head, body, judged.target, judged.match.values, judged.who, judged.login ? &*judged.login : nullptr};
    try {
        if (head.hasBody() && judged.who.still && !judged.who.still()) // a body takes its time, and the right may have been taken back
            throw unauthorized(true);
        const auto work = [&] { return judged.match.route->handle(service_, call); };
        // What anybody may send has no keeper: a cookie given to one is not given again to another.
        const bool kept = head.method == "POST" && *judged.match.route->scope != 0;
        auto response = kept ? repeated_.answer(keeperOf(judged.who), head, body, std::chrono::steady_clock::now(), work) : work();
        if (!response.follow && std::string_view(judged.match.route->method) == "GET"
            && std::string_view(judged.match.route->path).starts_with("/api/"))
            response = conditional(head, std::move(response));
        count(response.status);
        return response;
    } catch (const Problem& problem) {
        count(problem.status);
        throw;
    } catch (...) {
        count(500);
        throw;
    }
}

} // namespace postfach::admin
