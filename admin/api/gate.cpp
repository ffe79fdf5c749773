#include "admin/api/gate.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {

constexpr std::uint64_t kJsonBody = 1024 * 1024;   // an alias with 1,000 targets takes 350 KiB at most
constexpr std::uint64_t kOfficeBody = 16ULL << 20; // an account takes 300 bytes
constexpr std::uint64_t kXmlBody = 64 * 1024;      // an autodiscover request has 400 bytes
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
    const bool fits = route.body == BodyKind::message ? name == "message/rfc822" || name == "message/global" || name == "application/octet-stream"
                                                      : name == "application/json"
                                                            || (route.body == BodyKind::patch && name == "application/merge-patch+json");
    if (!fits)
        throw Problem(415, "media_type", route.body == BodyKind::message ? "The body must be message/rfc822." : "The body must be application/json.");
}

Problem unauthorized(bool tried)
{
    Problem problem(401, "unauthorized", tried ? "This token is not known here, or its time is over."
                                               : "This needs the header Authorization: Bearer TOKEN.");
    problem.headers.emplace_back("WWW-Authenticate", tried ? "Bearer realm=\"postfach\", error=\"invalid_token\"" : "Bearer realm=\"postfach\"");
    return problem;
}
} // namespace

Principal Gate::authenticate(const RequestHead& head, const std::string& address, std::chrono::milliseconds& delay)
{
    const auto* given = head.find("authorization");
    if (!given)
        throw unauthorized(false);
    const auto secret = base::istartsWith(*given, "bearer ") ? base::trim(std::string_view(*given).substr(7)) : std::string_view();
    auto token = secret.empty() || secret.size() > 200 ? std::nullopt : service_.tokenOf(secret, address);
    if (!token) {
        const auto decision = service_.tokenRefused(address);
        refused_tokens.add();
        delay = decision.delay;
        if (decision.tell > 0)
            base::logWarning("admin", "wrong token", {{"address", address}, {"times", decision.tell}});
        if (!decision.refused)
            throw unauthorized(true);
        Problem enough(429, "too_many_attempts", "Too many wrong tokens came from this address; try again later.");
        enough.headers.emplace_back("Retry-After", "600");
        throw enough;
    }
    return {token->name, token->scopes, false, {"token:" + token->name, address}};
}

void Gate::judgeInto(Judged& judged, const RequestHead& head, const Peer& peer)
{
    judged.target = parseTarget(head.target);
    if (peer.local)
        judged.who = {"local", {}, true, {"local:" + std::to_string(peer.uid), ""}};
    else if (!judged.target.segments.empty() && judged.target.segments[0] == "api")
        judged.who = authenticate(head, peer.address, judged.delay);
    checkOrigin(head);
    judged.match = findRoute(head.method, judged.target);
    const auto& route = *judged.match.route;
    if (*route.scope != 0 && !judged.who.may(route.scope))
        throw Problem(403, "scope", "This needs a token with the scope " + std::string(route.scope) + ".");
    const auto takes = [&route](const std::string& name) {
        return std::find(route.parameters.begin(), route.parameters.end(), name) != route.parameters.end();
    };
    for (const auto& [name, value] : judged.target.query)
        if (!route.lenient && !takes(name))
            throw Problem(422, "unknown_parameter", "There is no parameter \"" + base::printable(name, 100) + "\" here.");
    checkBodyKind(route, head);
    judged.body_limit = route.body == BodyKind::none      ? kIgnoredBody
                        : route.body == BodyKind::xml     ? kXmlBody
                        : route.body == BodyKind::office  ? kOfficeBody
                        : route.body == BodyKind::message ? service_.context().delivery.policy().message_size
                                                          : kJsonBody;
    if (head.length.value_or(0) > judged.body_limit)
        throw Problem(413, "body_too_large", "The body is larger than the " + std::to_string(judged.body_limit) + " bytes allowed here.");
}

Judged Gate::judge(const RequestHead& head, const Peer& peer)
{
    Judged judged;
    try {
        judgeInto(judged, head, peer);
    } catch (const Problem& problem) {
        judged.refused = Response::problem(problem);
        count(problem.status);
    }
    return judged;
}

Response Gate::answer(const Judged& judged, const RequestHead& head, const std::string& body)
{
    const Call call{head, body, judged.target, judged.match.values, judged.who};
    try {
        const auto work = [&] { return judged.match.route->handle(service_, call); };
        auto response = head.method == "POST" ? repeated_.answer(judged.who.name, head, body, std::chrono::steady_clock::now(), work) : work();
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
