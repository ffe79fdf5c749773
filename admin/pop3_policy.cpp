#include "admin/pop3_policy.h"
#include "admin/policy_change.h"
#include "admin/problem.h"

namespace postfach::admin {
namespace {
using Poco::Dynamic::Var;
using store::Pop3Policy;

Var orNull(const std::optional<bool>& flag) { return flag ? Var(*flag) : Var(); }

Var retentionJson(const std::optional<std::uint32_t>& retention)
{
    if (!retention)
        return {};
    if (*retention == Pop3Policy::kForEver)
        return "keep";
    if (*retention == Pop3Policy::kAtOnce)
        return "delete";
    auto days = object();
    days->set("days", *retention);
    return days;
}

std::optional<std::uint32_t> retentionOf(Fields& fields)
{
    const std::string wanted = "\"keep\", \"delete\" or {\"days\": 1 to " + std::to_string(Pop3Policy::kMostDays) + "}";
    if (auto inner = fields.objectIfOne("retention")) {
        const auto days = inner->number("days");
        inner->finish();
        if (days && *days >= 1 && *days <= Pop3Policy::kMostDays)
            return static_cast<std::uint32_t>(*days);
        fields.mustBe("retention", wanted);
        return std::nullopt;
    }
    const auto word = fields.text("retention");
    if (word != "keep" && word != "delete")
        fields.mustBe("retention", wanted);
    return word == "keep" ? Pop3Policy::kForEver : Pop3Policy::kAtOnce;
}

bool hideOf(Fields& fields)
{
    const auto word = fields.text("delete");
    if (word != "remove" && word != "hide")
        fields.mustBe("delete", "\"remove\" or \"hide\"");
    return word == "hide";
}

} // namespace

Poco::JSON::Object::Ptr toJson(const Pop3Policy& policy)
{
    auto out = object();
    out->set("retention", retentionJson(policy.retention));
    out->set("seen", orNull(policy.seen));
    out->set("delete", policy.hide ? Var(*policy.hide ? "hide" : "remove") : Var());
    out->set("exclusive", orNull(policy.exclusive));
    return out;
}

std::optional<Pop3Change> pop3ChangeOf(Fields& fields)
{
    return policyChangeOf<Pop3Policy>(fields, "pop3", [](Fields& inner) {
        Pop3Policy wanted;
        struct {
            bool retention, seen, hide, exclusive;
        } named{inner.has("retention"), inner.has("seen"), inner.has("delete"), inner.has("exclusive")};
        if (named.retention && !inner.isNull("retention"))
            wanted.retention = retentionOf(inner);
        if (named.seen && !inner.isNull("seen"))
            wanted.seen = inner.flag("seen");
        if (named.hide && !inner.isNull("delete"))
            wanted.hide = hideOf(inner);
        if (named.exclusive && !inner.isNull("exclusive"))
            wanted.exclusive = inner.flag("exclusive");
        return [wanted, named](Pop3Policy policy) {
            if (named.retention)
                policy.retention = wanted.retention;
            if (named.seen)
                policy.seen = wanted.seen;
            if (named.hide)
                policy.hide = wanted.hide;
            if (named.exclusive)
                policy.exclusive = wanted.exclusive;
            return policy;
        };
    });
}

} // namespace postfach::admin
