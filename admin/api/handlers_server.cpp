// The server itself: health, metrics, scanning, long work.
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "admin/markup.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin::handle {
namespace {

Poco::JSON::Object::Ptr copyJson(Service& service)
{
    const auto status = service.copy().status();
    auto out = object();
    out->set("folder", service.context().copy.folder);
    out->set("interval", static_cast<std::int64_t>(service.context().copy.interval.count()) * 60);
    out->set("current", base::rfc3339(status.current));
    out->set("lag", static_cast<std::int64_t>(status.lag.count()));
    out->set("late", status.late);
    out->set("failed", status.failed);
    return out;
}

Response accepted(const Task& task)
{
    auto response = Response::json(202, toJson(task));
    response.headers.emplace_back("Location", "/api/v1/tasks/" + task.id);
    return response;
}
} // namespace

Response home(Service& service, const Call&)
{
    const auto name = markupText(service.context().server_name);
    return {200, "text/html; charset=utf-8",
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Postfach " + name +
                "</title><style>body{font:16px/1.5 sans-serif;max-width:40em;margin:3em auto;padding:0 1em}code{background:#eee}</style></head>"
                "<body><h1>Postfach</h1><p>This is the mail server " + name +
                ", version " POSTFACH_VERSION ".</p><p>Administrators: the API is under <code>/api/v1</code> and described by "
                "<a href=\"/docs\">/docs</a> and <a href=\"/openapi.json\">/openapi.json</a>; it wants <code>Authorization: Bearer TOKEN</code>. On the machine itself: "
                "<code>postfach --help</code>.</p><p><a href=\"/readyz\">State</a> · <a href=\"/metrics\">Metrics</a></p></body></html>\n",
            {}};
}

Response healthz(Service&, const Call&)
{
    auto out = object();
    out->set("status", "alive");
    return Response::json(200, out);
}

Response readyz(Service& service, const Call& call)
{
    const auto word = call.parameter("strict");
    if (word != "" && word != "true" && word != "false")
        throw Problem(422, "invalid_parameter", "The parameter \"strict\" may be true or false.");
    const bool strict = word == "true" || (word.empty() && call.target.query.contains("strict"));
    const auto components = service.readiness();
    const bool ready = std::all_of(components.begin(), components.end(), [strict](const auto& c) { return c.ready && !(strict && c.warns); });
    auto list = object();
    for (const auto& component : components) {
        auto one = object();
        one->set("ready", component.ready);
        one->set("warning", component.warns);
        one->set("detail", component.detail.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(component.detail));
        list->set(component.name, one);
    }
    auto out = object();
    out->set("status", ready ? "ready" : "not ready");
    out->set("components", list);
    return Response::json(ready ? 200 : 503, out);
}

Response metrics(Service& service, const Call&) { return {200, "text/plain; version=0.0.4; charset=utf-8", service.metrics(), {}}; }

Response openApiDocument(Service&, const Call&)
{
    static const std::string document = openApi();
    return {200, "application/json", document, {}};
}

Response server(Service& service, const Call&)
{
    const auto& context = service.context();
    auto out = object();
    out->set("name", context.server_name);
    out->set("version", POSTFACH_VERSION);
    out->set("started", base::rfc3339(context.started));
    out->set("delimiter", std::string(1, context.store.delimiter()));
    out->set("message_size", context.delivery.policy().message_size);
    out->set("default_quota", context.default_quota());
    out->set("copy", service.copy().wanted() ? Poco::Dynamic::Var(copyJson(service)) : Poco::Dynamic::Var());
    return Response::json(200, out);
}

Response postCheck(Service& service, const Call& call)
{
    bool repair = false;
    if (!call.body.empty()) {
        auto fields = call.fields();
        repair = fields.flag("repair").value_or(false);
        fields.finish();
    }
    return accepted(service.checkStore(call.who.by, repair));
}

Response getTask(Service& service, const Call& call)
{
    const auto task = service.task(call.values[0]);
    if (!task)
        throw Problem(404, "not_found", "There is no task " + base::printable(call.values[0]) + ".");
    return Response::json(200, toJson(*task));
}

Response listTasks(Service& service, const Call& call)
{
    const auto span = spanOf(call);
    const auto kind = call.parameter("kind"), state = wordOf(call, "state", {"waiting", "running", "done", "failed", "cancelled", "interrupted"});
    auto all = service.tasks();
    std::erase_if(all, [&](const Task& task) {
        return (!kind.empty() && task.kind != kind) || (!state.empty() && stateName(task.state) != state) || !span.has(task.created);
    });
    return sortedList<Task>(
        call, all,
        {{"created", [](const Task& t) { return sortable(t.created); }},
         {"finished", [](const Task& t) { return t.finished ? sortable(t.finished) : std::string(20, '9'); }}, // what is not comes last
         {"kind", [](const Task& t) { return t.kind; }}},
        [](const Task& t) { return t.id; }, [](const Task& t) { return toJson(t); });
}

Response cancelTask(Service& service, const Call& call) { return Response::json(202, toJson(service.cancelTask(call.who.by, call.values[0]))); }

} // namespace postfach::admin::handle
