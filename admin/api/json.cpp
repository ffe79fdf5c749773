#include "admin/api/json.h"
#include "admin/pop3_policy.h"
#include "admin/scan_policy.h"
#include "admin/trash_policy.h"
#include "admin/problem.h"
#include "server/base/hash.h"
#include "server/base/text.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Parser.h>

#include <algorithm>
#include <sstream>

namespace postfach::admin {
using Poco::Dynamic::Var;
using Poco::JSON::Array;
using Poco::JSON::Object;

Object::Ptr object() { return new Object(Poco::JSON_PRESERVE_KEY_ORDER); }

std::string text(const Object::Ptr& object)
{
    std::ostringstream out;
    object->stringify(out);
    return std::move(out).str();
}

std::string text(const Array::Ptr& array)
{
    std::ostringstream out;
    array->stringify(out);
    return std::move(out).str();
}

Array::Ptr array(const std::vector<std::string>& strings)
{
    Array::Ptr out = new Array;
    for (const auto& string : strings)
        out->add(string);
    return out;
}

Var dateOrNull(const std::optional<base::Time>& time) { return time ? Var(base::rfc3339(*time)) : Var(); }

namespace {
// Whether any character outside strings is one too many, as `is_enough` says.
template <class Enough>
bool anyOutsideStrings(std::string_view json, Enough is_enough)
{
    bool in_string = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (is_enough(c)) {
            return true;
        }
    }
    return false;
}
} // namespace

bool isTooDeep(std::string_view json, int most)
{
    int depth = 0;
    return anyOutsideStrings(json, [&depth, most](char c) {
        depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
        return depth > most;
    });
}

bool hasMoreEntries(std::string_view json, std::size_t most)
{
    std::size_t entries = 0;
    return anyOutsideStrings(json, [&entries, most](char c) {
        entries += c == '[' || c == '{' || c == ',' ? 1 : 0;
        return entries > most;
    });
}

Object::Ptr parseObject(std::string_view body, std::size_t entries)
{
    if (isTooDeep(body, kJsonDepth))
        throw Problem(400, "malformed_json", "The JSON is nested too deeply.");
    if (hasMoreEntries(body, entries))
        throw Problem(400, "malformed_json", "The JSON has too many entries.");
    if (!base::isUtf8(body))
        throw Problem(400, "malformed_json", "The JSON is not UTF-8.");
    Var parsed;
    try {
        Poco::JSON::Parser parser;
        parsed = parser.parse(std::string(body));
    } catch (const Poco::Exception&) {
        throw Problem(400, "malformed_json", "The body is no JSON.");
    }
    if (parsed.type() != typeid(Object::Ptr))
        throw Problem(422, "invalid_body", "The body must be a JSON object.");
    return parsed.extract<Object::Ptr>();
}

Var storedObject(const std::string& json)
{
    if (json.empty())
        return {};
    try {
        return Poco::JSON::Parser().parse(json).extract<Object::Ptr>();
    } catch (const Poco::Exception&) {
        auto out = object();
        out->set("unreadable", base::printable(json, 2000));
        return out;
    }
}

Var Fields::take(const std::string& name)
{
    taken_.insert(name);
    return from_->get(name);
}

void Fields::wrong(const std::string& name, const char* code, const std::string& detail)
{
    constexpr std::size_t kMost = 50; // told of one body
    if (problems_->size() < kMost)
        problems_->push_back({prefix_ + name, code, detail});
}

void Fields::mustBe(const std::string& name, const std::string& wanted)
{
    wrong(name, "invalid_field", "The field \"" + name + "\" must be " + wanted + ".");
}

std::optional<std::string> Fields::checkedText(const Var& value, const std::string& name, std::size_t most)
{
    const auto refuse = [&](const std::string& wanted) {
        mustBe(name, wanted);
        return std::nullopt;
    };
    if (!value.isString())
        return refuse("a text");
    auto text = value.extract<std::string>();
    if (text.size() > most)
        return refuse("at most " + std::to_string(most) + " bytes long");
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
        return refuse("a text without control characters");
    return text;
}

std::optional<std::string> Fields::text(const std::string& name, std::size_t most)
{
    const Var value = take(name);
    return from_->has(name) ? checkedText(value, name, most) : std::nullopt;
}

std::optional<std::uint64_t> Fields::number(const std::string& name)
{
    const Var value = take(name);
    if (!from_->has(name))
        return std::nullopt;
    // A bool counts as an integer for Poco, a large number may come as Int64 or UInt64; 2^63 bytes are enough for anybody.
    const bool whole = !value.isEmpty() && !value.isBoolean() && value.isInteger() && !(value.isSigned() && value.convert<Poco::Int64>() < 0);
    if (whole && value.convert<Poco::UInt64>() <= (1ULL << 62))
        return value.convert<Poco::UInt64>();
    mustBe(name, whole ? "at most 4611686018427387904" : "a whole number, 0 or more");
    return std::nullopt;
}

std::optional<bool> Fields::flag(const std::string& name)
{
    const Var value = take(name);
    if (!from_->has(name))
        return std::nullopt;
    if (!value.isEmpty() && value.isBoolean())
        return value.convert<bool>();
    mustBe(name, "true or false");
    return std::nullopt;
}

std::optional<Fields> Fields::objectIfOne(const std::string& name)
{
    const Var value = take(name);
    if (value.isEmpty() || value.type() != typeid(Object::Ptr))
        return std::nullopt;
    Fields inner(value.extract<Object::Ptr>());
    inner.prefix_ = prefix_ + name + ".";
    inner.problems_ = problems_;
    return inner;
}

std::optional<Fields> Fields::fields(const std::string& name)
{
    auto inner = objectIfOne(name);
    if (!inner && from_->has(name))
        mustBe(name, "an object");
    return inner;
}

std::optional<std::vector<std::string>> Fields::texts(const std::string& name, std::size_t most)
{
    const Var value = take(name);
    if (!from_->has(name))
        return std::nullopt;
    const bool is_list = !value.isEmpty() && value.type() == typeid(Array::Ptr);
    const auto list = is_list ? value.extract<Array::Ptr>() : Array::Ptr();
    if (!is_list || list->size() > most) {
        mustBe(name, is_list ? "a list of at most " + std::to_string(most) : "a list of texts");
        return std::nullopt;
    }
    std::vector<std::string> out;
    for (const auto& item : *list) {
        auto one = item.isEmpty() ? std::nullopt : checkedText(item, name, 1000);
        if (item.isEmpty())
            mustBe(name, "a list of texts");
        if (!one)
            return std::nullopt;
        out.push_back(*std::move(one));
    }
    return out;
}

std::vector<Fields> Fields::list(const std::string& name, std::size_t most)
{
    const Var value = take(name);
    std::vector<Fields> out;
    if (!from_->has(name))
        return out;
    const bool is_list = !value.isEmpty() && value.type() == typeid(Array::Ptr);
    const auto list = is_list ? value.extract<Array::Ptr>() : Array::Ptr();
    if (!is_list || list->size() > most) {
        mustBe(name, "a list of at most " + std::to_string(most) + " objects");
        return out;
    }
    for (const auto& item : *list) {
        const auto place = name + "[" + std::to_string(out.size()) + "]";
        if (item.isEmpty() || item.type() != typeid(Object::Ptr)) {
            mustBe(place, "an object");
            return {};
        }
        out.emplace_back(item.extract<Object::Ptr>());
        out.back().prefix_ = prefix_ + place + ".";
        out.back().problems_ = problems_;
    }
    return out;
}

bool Fields::isNull(const std::string& name)
{
    const Var value = take(name);
    return from_->has(name) && value.isEmpty();
}

void Fields::refuse(const std::string& name)
{
    taken_.insert(name);
    if (from_->has(name))
        wrong(name, "read_only_field", "The field \"" + name + "\" cannot be written.");
}

void Fields::finish()
{
    for (const auto& [name, value] : *from_)
        if (!taken_.contains(name))
            wrong(base::printable(name, 100), "unknown_field", "There is no field \"" + base::printable(name, 100) + "\" here.");
    if (prefix_.empty() && !problems_->empty())
        throw Problem(*problems_);
}

Object::Ptr toJson(const store::Domain& domain)
{
    auto out = object();
    out->set("name", domain.name);
    out->set("accounts", domain.accounts);
    out->set("pop3", toJson(domain.pop3));
    out->set("scan", toJson(domain.scan));
    out->set("trash", toJson(domain.trash));
    out->set("created", base::rfc3339(domain.created));
    return out;
}

namespace {

// As the store reckons (Reading::quotaLevels): none is missed by rounding.
unsigned levelOf(std::uint64_t used, std::uint64_t quota)
{
    unsigned level = 0;
    if (quota != 0)
        for (const unsigned percent : store::kQuotaLevels)
            if (used >= quota - quota / (100 / (100 - percent)))
                level = percent;
    return level;
}

} // namespace

Object::Ptr toJson(const store::Account& account, const Configured& configured)
{
    const auto trash = account.trash.over(account.trash_of_domain).over(configured.trash);
    auto out = object();
    out->set("address", account.address);
    out->set("name", account.name);
    out->set("enabled", account.enabled);
    out->set("quota", account.quota);
    out->set("used", account.used);
    out->set("messages", account.messages);
    out->set("quota_messages", account.quota_messages);
    out->set("quota_level", std::max(levelOf(account.used, account.quota), levelOf(account.messages, account.quota_messages)));
    out->set("recoverable", account.recoverable);
    out->set("expunge_to_trash", trash.expunge.value_or(true));
    out->set("services", array(account.services));
    out->set("scopes", array(account.scopes));
    out->set("totp", account.totp);
    out->set("pop3", toJson(account.pop3));
    out->set("pop3_in_force", toJson(account.pop3_in_force));
    out->set("scan", toJson(account.scan));
    out->set("scan_in_force", toJson(account.scan.over(account.scan_of_domain).over(configured.scan)));
    out->set("trash", toJson(account.trash));
    out->set("trash_in_force", toJson(trash));
    out->set("created", base::rfc3339(account.created));
    out->set("last_login", dateOrNull(account.last_login));
    return out;
}

Object::Ptr toJson(const store::Mailbox& mailbox)
{
    auto out = object();
    out->set("name", mailbox.name);
    out->set("id", mailbox.object_id);
    out->set("special_use", mailbox.special_use.empty() ? Var() : Var(mailbox.special_use));
    out->set("messages", mailbox.exists);
    out->set("unseen", mailbox.unseen);
    out->set("size", mailbox.size);
    out->set("subscribed", mailbox.subscribed);
    return out;
}

Object::Ptr toJson(const store::AppPassword& password)
{
    auto out = object();
    out->set("label", password.label);
    out->set("scopes", array(password.scopes));
    out->set("created", base::rfc3339(password.created));
    out->set("expires", dateOrNull(password.expires));
    out->set("last_used", dateOrNull(password.last_used));
    return out;
}

Object::Ptr toJson(const auth::Ban& ban, base::Time now)
{
    auto out = object();
    out->set("address", ban.address.empty() ? Var() : Var(ban.address));
    out->set("account", ban.account.empty() ? Var() : Var(ban.account));
    out->set("state", ban.refused ? "banned" : "slowed");
    out->set("failures", ban.failures);
    out->set("until", base::rfc3339(now + ban.left));
    return out;
}

Object::Ptr toJson(const store::Alias& alias)
{
    auto out = object();
    out->set("address", alias.address);
    out->set("targets", array(alias.targets));
    out->set("created", base::rfc3339(alias.created));
    return out;
}

Object::Ptr toJson(const store::Token& token)
{
    auto out = object();
    out->set("name", token.name);
    out->set("scopes", array(token.scopes));
    out->set("created", base::rfc3339(token.created));
    out->set("expires", dateOrNull(token.expires));
    out->set("last_used", dateOrNull(token.last_used));
    out->set("networks", array(token.networks));
    return out;
}

Object::Ptr toJson(const store::Quarantined& entry)
{
    auto out = object();
    out->set("id", entry.id.value);
    out->set("account", entry.address);
    out->set("mailbox", entry.mailbox);
    out->set("signature", entry.signature);
    out->set("reason", entry.reason);
    out->set("sender", entry.sender);
    out->set("recipient", entry.recipient);
    out->set("subject", entry.subject);
    out->set("way_in", entry.way_in);
    out->set("size", entry.size);
    out->set("sha256", base::hex(entry.sha256));
    out->set("received", base::rfc3339(entry.internal_date));
    out->set("created", base::rfc3339(entry.created));
    out->set("cleared", dateOrNull(entry.cleared));
    out->set("asked", dateOrNull(entry.asked));
    out->set("asked_words", entry.asked ? Poco::Dynamic::Var(entry.asked_words) : Poco::Dynamic::Var());
    return out;
}

Object::Ptr toJson(const store::Recoverable& entry)
{
    auto out = object();
    out->set("id", entry.id.value);
    out->set("mailbox", entry.mailbox);
    out->set("size", entry.size);
    out->set("cause", entry.cause);
    out->set("received", base::rfc3339(entry.internal_date));
    out->set("saved", base::rfc3339(entry.saved));
    out->set("deleted", base::rfc3339(entry.removed));
    return out;
}

Object::Ptr toJson(const Task& task)
{
    auto out = object();
    out->set("id", task.id);
    out->set("kind", task.kind);
    out->set("state", std::string(stateName(task.state)));
    out->set("progress", task.progress);
    out->set("total", task.total);
    out->set("error", task.error.empty() ? Var() : Var(task.error));
    out->set("findings", array(task.findings));
    out->set("result", task.result.empty() ? Var() : Var(task.result));
    out->set("created", base::rfc3339(task.created));
    out->set("finished", dateOrNull(task.finished));
    return out;
}

} // namespace postfach::admin
