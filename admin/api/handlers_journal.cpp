// What happened: the audit and the events.
#include "admin/api/filters.h"
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "server/base/text.h"

namespace postfach::admin::handle {
namespace {

// Newest first, where nothing is said.
bool isOldestFirst(const Call& call) { return call.target.query.contains("sort") && !sortOf(call, {"time"}).descending; }

store::EventFilter eventFilterOf(const Call& call)
{
    store::EventFilter filter;
    filter.account = base::lower(call.parameter("account"));
    filter.since = timeOf(call, "since");
    filter.until = timeOf(call, "until");
    if (const auto kinds = call.parameter("kind"); !kinds.empty())
        for (const auto kind : base::split(kinds, ','))
            if (!kind.empty())
                filter.kinds.emplace_back(kind);
    if (filter.kinds.size() > 50)
        throw Problem(422, "invalid_parameter", "The parameter \"kind\" may name 50 kinds.");
    return filter;
}

// A stream is what this is for; JSON is for who asks for it and not for a stream.
bool wantsJson(const Call& call)
{
    const auto* accept = call.head.find("accept");
    return accept && base::lower(*accept).find("json") != std::string::npos && base::lower(*accept).find("event-stream") == std::string::npos;
}

std::optional<std::int64_t> lastEvent(const Call& call)
{
    const auto* given = call.head.find("last-event-id");
    if (!given || given->empty())
        return std::nullopt;
    const auto id = base::parseU64(*given);
    if (!id || *id > INT64_MAX - 1)
        throw Problem(422, "invalid_parameter", "The header field Last-Event-ID is none that this stream gave.");
    return static_cast<std::int64_t>(*id);
}

std::string idOf(const store::Event& event) { return std::to_string(event.id); }

} // namespace

Response listAudit(Service& service, const Call& call)
{
    const auto page = pageOf(call);
    store::AuditFilter filter;
    filter.since = timeOf(call, "since");
    filter.until = timeOf(call, "until");
    filter.actor = call.parameter("actor");
    filter.action = call.parameter("action");
    filter.target = call.parameter("target");
    filter.address = call.parameter("address");
    filter.oldest_first = isOldestFirst(call);
    return listOf(call, page, service.audit(filter, page.oneMore()), [](const auto& e) { return std::to_string(e.id); },
                  [](const auto& e) { return toJson(e); });
}

Response verifyAudit(Service& service, const Call& call)
{
    std::optional<store::AuditHead> noted;
    if (const auto head = call.parameter("head"); !head.empty()) {
        noted = store::parseAuditHead(head);
        if (!noted)
            throw Problem(422, "invalid_parameter", "The parameter \"head\" must be ID:HASH, as it was once given.");
    }
    const auto state = service.verifyAudit(noted);
    Poco::JSON::Array::Ptr findings = new Poco::JSON::Array;
    for (const auto& finding : state.findings) {
        auto one = object();
        one->set("where", finding.where);
        one->set("what", finding.what);
        findings->add(one);
    }
    auto out = object();
    out->set("whole", state.findings.empty());
    out->set("entries", state.entries);
    out->set("head", store::auditHeadText(state.head));
    out->set("findings", findings);
    return Response::json(200, out);
}

Response getEvents(Service& service, const Call& call)
{
    auto filter = eventFilterOf(call);
    if (call.who.local || wantsJson(call)) {
        const auto page = pageOf(call);
        filter.oldest_first = isOldestFirst(call);
        return listOf(call, page, service.events(filter, page.oneMore()), idOf, [](const auto& e) { return toJson(e); });
    }
    for (const char* name : {"limit", "cursor", "since", "until", "sort"})
        if (call.target.query.contains(name))
            throw Problem(422, "invalid_parameter",
                          "The parameter \"" + std::string(name) + "\" is for Accept: application/json; a stream takes Last-Event-ID.");
    Response response{200, "text/event-stream", "", {}};
    const auto after = lastEvent(call);
    if (call.head.method != "HEAD") {
        response.follow = service.followEvents(std::move(filter), after);
        response.follow->may = call.who.still;
    }
    return response;
}

} // namespace postfach::admin::handle
