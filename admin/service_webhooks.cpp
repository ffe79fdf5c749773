// Service: webhooks.
#include "admin/answering.h"
#include "admin/api/json.h"
#include "admin/service.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::admin {
namespace {

constexpr std::size_t kMostWebhooks = 32;
constexpr std::size_t kShortestSecret = 16;

bool isName(const std::string& text)
{
    return !text.empty() && text.size() <= 100 && std::all_of(text.begin(), text.end(), [](char c) {
        return base::isDigit(c) || (base::asciiLower(c) >= 'a' && base::asciiLower(c) <= 'z') || c == '-' || c == '_' || c == '.';
    });
}

bool isKind(const std::string& text)
{
    return !text.empty() && text.size() <= 100
        && std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '.'; });
}

store::Webhook requireNamed(const std::vector<store::Webhook>& all, const std::string& name)
{
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& w) { return w.name == name; });
    if (found == all.end())
        throw Problem(404, "not_found", "There is no webhook " + base::printable(name, 100) + ".");
    return *found;
}

} // namespace

std::vector<store::Webhook> Service::webhooks()
{
    return answering("webhook", [&] { return context_.store.read()->webhooks(); });
}

store::Webhook Service::webhook(const std::string& name)
{
    return requireNamed(webhooks(), name);
}

Put<store::Webhook> Service::putWebhook(const By& by, const std::string& name, const WebhookWish& wish, bool only_new)
{
    if (!isName(name))
        throw Problem(422, "invalid_name", "A webhook's name has 1 to 100 letters, digits, '.', '-' and '_'.");
    if (const auto why = webhooks_.refusal(wish.url); !why.empty())
        throw Problem(422, "invalid_field", "The field \"url\" cannot be used: " + why + ".");
    if (wish.secret && (wish.secret->size() < kShortestSecret || wish.secret->size() > 1000))
        throw Problem(422, "invalid_field", "The field \"secret\" must have 16 to 1000 bytes.");
    for (const auto& kind : wish.kinds)
        if (!isKind(kind))
            throw Problem(422, "invalid_field", "The field \"kinds\" names kinds of events: mail, login.failed …");
    Put<store::Webhook> result;
    change("webhook " + name, by, [&](store::WriteTx& tx, Notes& notes) {
        const auto all = tx.webhooks();
        const auto old = std::find_if(all.begin(), all.end(), [&](const auto& w) { return w.name == name; });
        result.created = old == all.end();
        if (!result.created && only_new)
            throw Problem(412, "already_exists", "The webhook " + name + " exists already.");
        if (result.created && !wish.secret)
            throw Problem(422, "invalid_field", "The field \"secret\" is missing.");
        if (result.created && all.size() >= kMostWebhooks)
            throw Problem(409, "limit", "There are " + std::to_string(kMostWebhooks) + " webhooks already.");
        store::Webhook row;
        if (!result.created)
            row = *old;
        row.name = name;
        row.url = wish.url;
        row.kinds = wish.kinds;
        row.account = base::lower(wish.account);
        row.secret = wish.secret.value_or(row.secret);
        row.changed = tx.now();
        if (result.created) {
            row.created = tx.now();
            row.told = tx.eventRange().newest; // from now on
        }
        tx.putWebhook(row);
        result.value = row;
        auto changed = result.created ? std::pair(Poco::JSON::Object::Ptr(), toJson(row))
                                            : differences(toJson(*old), toJson(row), {"changed"});
        if (wish.secret)
            changed.second->set("secret", "new");
        notes.add(result.created ? "webhook.create" : "webhook.change", name, changed.first, changed.second);
    });
    webhooks_.changed();
    return result;
}

void Service::removeWebhook(const By& by, const std::string& name)
{
    change("webhook " + base::printable(name), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto known = requireNamed(tx.webhooks(), name);
        tx.removeWebhook(name);
        notes.add("webhook.remove", name, toJson(known));
    });
    webhooks_.changed();
}

} // namespace postfach::admin
