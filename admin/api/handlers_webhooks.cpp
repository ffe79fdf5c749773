// Webhooks.
#include "admin/api/handlers.h"
#include "admin/api/page.h"
#include "server/base/text.h"

namespace postfach::admin {
namespace {

using Poco::Dynamic::Var;

Poco::JSON::Object::Ptr toJson(const store::WebhookAttempt& attempt)
{
    auto out = object();
    out->set("time", base::rfc3339(attempt.time));
    out->set("event", attempt.event);
    out->set("kind", attempt.kind);
    out->set("attempt", attempt.attempt);
    out->set("status", attempt.status == 0 ? Var() : Var(attempt.status));
    out->set("error", attempt.error.empty() ? Var() : Var(attempt.error));
    out->set("milliseconds", attempt.milliseconds);
    return out;
}

} // namespace

Poco::JSON::Object::Ptr toJson(const store::Webhook& webhook) // never the secret
{
    auto out = object();
    out->set("name", webhook.name);
    out->set("url", webhook.url);
    out->set("kinds", array(webhook.kinds));
    out->set("account", webhook.account.empty() ? Var() : Var(webhook.account));
    out->set("created", base::rfc3339(webhook.created));
    out->set("changed", base::rfc3339(webhook.changed));
    return out;
}

namespace handle {

Response listWebhooks(Service& service, const Call& call)
{
    using store::Webhook;
    auto all = service.webhooks();
    const auto part = call.parameter("q"), account = base::lower(call.parameter("account"));
    std::erase_if(all, [&](const Webhook& w) {
        return (!hasPart(w.name, part) && !hasPart(w.url, part)) || (!account.empty() && w.account != account);
    });
    return sortedList<Webhook>(
        call, all,
        {{"name", [](const Webhook& w) { return w.name; }},
         {"created", [](const Webhook& w) { return sortable(w.created); }},
         {"changed", [](const Webhook& w) { return sortable(w.changed); }}},
        [](const Webhook& w) { return w.name; }, [](const Webhook& w) { return toJson(w); });
}

Response getWebhook(Service& service, const Call& call) { return Response::json(200, toJson(service.webhook(call.values[0]))); }

Response putWebhook(Service& service, const Call& call)
{
    auto fields = call.fields();
    WebhookWish wish;
    if (const auto name = fields.text("name"); name && *name != call.values[0])
        throw Problem(422, "invalid_field", "The field \"name\" differs from the path.");
    for (const char* name : {"created", "changed"})
        fields.refuse(name);
    wish.url = fields.text("url", 2000).value_or("");
    wish.kinds = fields.texts("kinds", 50).value_or(std::vector<std::string>{});
    if (!fields.isNull("account"))
        wish.account = fields.text("account").value_or("");
    wish.secret = fields.text("secret");
    fields.finish();
    const auto* condition = call.head.find("if-none-match");
    if (condition && *condition != "*")
        throw Problem(412, "changed", "If-None-Match takes * here.");
    const auto result = service.putWebhook(call.who.by, call.values[0], wish, condition != nullptr);
    return Response::json(result.created ? 201 : 200, toJson(result.value));
}

Response deleteWebhook(Service& service, const Call& call)
{
    service.removeWebhook(call.who.by, call.values[0]);
    return Response::empty();
}

Response listWebhookAttempts(Service& service, const Call& call)
{
    service.webhook(call.values[0]);
    const auto state = service.webhookState(call.values[0]);
    Poco::JSON::Array::Ptr attempts = new Poco::JSON::Array;
    for (const auto& attempt : state.attempts)
        attempts->add(toJson(attempt));
    auto out = object();
    out->set("next_try", dateOrNull(state.next_try));
    out->set("attempts", attempts);
    return Response::json(200, out);
}

} // namespace handle
} // namespace postfach::admin
