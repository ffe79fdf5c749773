// Scanning: the scanner's state, the pass over stored mail, what was found in it too often.
#include "admin/api/handlers.h"
#include "server/base/text.h"

namespace postfach::admin::handle {
namespace {
using Poco::Dynamic::Var;
using Poco::JSON::Object;

const char* stateName(delivery::Rescan::State state)
{
    using State = delivery::Rescan::State;
    switch (state) {
    case State::idle: return "idle";
    case State::running: return "running";
    case State::waiting: return "waiting";
    case State::off: return "off";
    case State::cancelled: return "cancelled";
    }
    return "idle";
}

const char* stateName(store::Outbreak::State state)
{
    using State = store::Outbreak::State;
    switch (state) {
    case State::counting: return "quarantined";
    case State::asking: return "asking";
    case State::confirmed: return "confirmed";
    case State::dismissed: return "dismissed";
    }
    return "asking";
}

Object::Ptr coverageJson(const delivery::Rescan::Status& status)
{
    auto out = object();
    out->set("contents", status.coverage.contents);
    out->set("bytes", status.coverage.bytes);
    out->set("checked", status.coverage.checked);
    out->set("checked_bytes", status.coverage.checked_bytes);
    const auto percent = status.percent();
    out->set("percent", percent ? Var(*percent) : Var());
    return out;
}

Object::Ptr passJson(const delivery::Rescan::Status& status)
{
    auto out = object();
    out->set("id", status.id);
    out->set("signatures", status.signatures);
    out->set("started", base::rfc3339(status.started));
    out->set("finished", status.finished ? Var(base::rfc3339(*status.finished)) : Var());
    out->set("scanned", status.scanned);
    out->set("scanned_bytes", status.scanned_bytes);
    out->set("left", status.left);
    out->set("left_bytes", status.left_bytes);
    out->set("bytes_per_second", status.bytes_per_second);
    out->set("seconds_to_go", status.to_go ? Var(static_cast<Poco::Int64>(status.to_go->count())) : Var());
    out->set("candidates", status.candidates);
    out->set("hits", status.hits);
    out->set("cleared", status.cleared);
    out->set("no_verdict", status.no_verdict);
    out->set("problem", status.problem.empty() ? Var() : Var(status.problem));
    return out;
}

Object::Ptr outbreakJson(const store::Outbreak& outbreak)
{
    auto out = object();
    out->set("signature", outbreak.signature);
    out->set("state", stateName(outbreak.state));
    out->set("hits", outbreak.hits);
    out->set("waiting", outbreak.waiting);
    out->set("since", base::rfc3339(outbreak.since));
    out->set("decided", base::rfc3339(outbreak.decided));
    return out;
}

Object::Ptr scansJson(Service& service)
{
    const auto scanner = service.scanStatus();
    const auto rescan = service.rescanStatus();
    auto out = object();
    out->set("ready", scanner.ready);
    out->set("problem", scanner.problem.empty() ? Var() : Var(scanner.problem));
    out->set("signatures", scanner.signatures);
    out->set("signature_count", scanner.signature_count);
    out->set("loaded_at", scanner.loaded_at == 0 ? Var() : Var(base::rfc3339(base::fromMillis(scanner.loaded_at))));
    out->set("scans", scanner.scans);
    out->set("infected", scanner.infected);
    out->set("unscannable", scanner.unscannable);
    out->set("suspicious", scanner.suspicious);
    out->set("engine", scanner.engine);
    out->set("errors", scanner.errors);
    out->set("restarts", scanner.restarts);
    out->set("stored", stateName(rescan.state));
    out->set("coverage", coverageJson(rescan));
    out->set("pass", rescan.id.empty() ? Var() : Var(passJson(rescan)));
    Poco::JSON::Array::Ptr findings = new Poco::JSON::Array;
    for (const auto& outbreak : service.outbreaks())
        findings->add(outbreakJson(outbreak));
    out->set("findings", findings);
    return out;
}
} // namespace

Response getScans(Service& service, const Call&) { return Response::json(200, scansJson(service)); }

Response postScan(Service& service, const Call& call)
{
    service.runScan(call.who.by);
    return Response::json(202, scansJson(service));
}

Response deletePass(Service& service, const Call& call)
{
    service.cancelRescan(call.who.by);
    return Response::empty();
}

Response confirmFinding(Service& service, const Call& call)
{
    service.confirmOutbreak(call.who.by, call.values[0]);
    return Response::empty();
}

Response dismissFinding(Service& service, const Call& call)
{
    auto out = object();
    out->set("released", service.dismissOutbreak(call.who.by, call.values[0]));
    return Response::json(200, out);
}

} // namespace postfach::admin::handle
