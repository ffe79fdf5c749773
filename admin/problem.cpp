#include "admin/problem.h"
#include "admin/api/json.h"

namespace postfach::admin {
namespace {
std::string sentenceOf(const std::vector<FieldProblem>& fields)
{
    const auto more = fields.size() - 1;
    return fields.front().detail + (more == 0 ? "" : " And " + std::to_string(more) + " more: see errors.");
}
} // namespace

Problem::Problem(int http_status, std::string stable_code, const std::string& detail)
    : std::runtime_error(detail), status(http_status), code(std::move(stable_code))
{
    constexpr std::string_view kBegin = "The field \"";
    const auto end = detail.find('"', kBegin.size());
    if (detail.starts_with(kBegin) && end != std::string::npos)
        fields.push_back({detail.substr(kBegin.size(), end - kBegin.size()), code, detail});
}

Problem::Problem(std::vector<FieldProblem> about)
    : std::runtime_error(sentenceOf(about)), status(422), code(about.front().code), fields(std::move(about))
{
}

Problem challenged(Problem problem)
{
    problem.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"postfach\"");
    return problem;
}

Problem busyFor(int seconds, const std::string& detail)
{
    Problem problem(429, "busy", detail);
    problem.headers.emplace_back("Retry-After", std::to_string(seconds));
    return problem;
}

Problem problemOf(const store::Error& error, const std::string& subject)
{
    using Kind = store::Error::Kind;
    switch (error.kind) {
    case Kind::noSuchAccount:
    case Kind::noSuchMailbox:
    case Kind::noSuchMessage:
    case Kind::noSuchEntry: return {404, "not_found", "There is no " + subject + "."};
    case Kind::alreadyExists: return {409, "already_exists", "The " + subject + " exists already."};
    case Kind::notEmpty: return {409, "not_empty", "The " + subject + " is not empty: remove what belongs to it first."};
    case Kind::badName: return {422, "invalid_name", "The name of the " + subject + " is not allowed."};
    case Kind::reserved: return {409, "reserved", "The " + subject + " is reserved."};
    case Kind::overQuota: return {409, "over_quota", "The quota of the account is used up."};
    case Kind::limit: return {409, "limit", "A limit of the account is reached."};
    case Kind::infected: return {409, "infected", "The " + subject + " is infected, as the signatures of today see it."};
    case Kind::diskFull: return {507, "disk_full", "The disk is full."};
    case Kind::unavailable: return {503, "unavailable", "The store cannot be used now; try again later."};
    case Kind::damaged: return {500, "damaged", "The store is damaged here: run `postfach check`."};
    }
    return {500, "internal", "Something went wrong."};
}

std::string_view reasonPhrase(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
    }
}

std::string problemJson(const Problem& problem)
{
    auto out = object();
    out->set("type", "urn:postfach:problem:" + problem.code);
    out->set("title", std::string(reasonPhrase(problem.status)));
    out->set("status", problem.status);
    out->set("detail", std::string(problem.what()));
    out->set("code", problem.code);
    if (!problem.fields.empty()) {
        Poco::JSON::Array::Ptr list = new Poco::JSON::Array;
        for (const auto& field : problem.fields) {
            auto one = object();
            one->set("field", field.field);
            one->set("code", field.code);
            one->set("detail", field.detail);
            list->add(one);
        }
        out->set("errors", list);
    }
    return text(out);
}

} // namespace postfach::admin
