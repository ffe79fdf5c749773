#include "admin/trash_policy.h"
#include "admin/policy_change.h"

#include <array>

namespace postfach::admin {
namespace {
using Poco::Dynamic::Var;
using store::TrashPolicy;
using Days = std::optional<std::uint32_t>;

struct Line {
    const char* name;
    Days TrashPolicy::*days;
};
constexpr std::array<Line, 3> kLines{{{"trash_days", &TrashPolicy::trash_days}, {"junk_days", &TrashPolicy::junk_days},
    {"recovery_days", &TrashPolicy::recovery_days}}};
constexpr const char* kExpunge = "expunge_to_trash";

Days daysOf(Fields& fields, const char* name)
{
    const auto days = fields.number(name);
    if (!days || *days <= TrashPolicy::kMostDays)
        return days ? Days(static_cast<std::uint32_t>(*days)) : std::nullopt;
    fields.mustBe(name, "a number of days, 0 to " + std::to_string(TrashPolicy::kMostDays) + ", or null");
    return std::nullopt;
}
} // namespace

Poco::JSON::Object::Ptr toJson(const TrashPolicy& policy)
{
    auto out = object();
    out->set(kExpunge, policy.expunge ? Var(*policy.expunge) : Var());
    for (const auto& [name, days] : kLines)
        out->set(name, policy.*days ? Var(*(policy.*days)) : Var());
    return out;
}

std::optional<TrashChange> trashChangeOf(Fields& fields)
{
    return policyChangeOf<TrashPolicy>(fields, "trash", [](Fields& inner) {
        TrashPolicy wanted;
        const bool expunge_named = inner.has(kExpunge);
        if (expunge_named && !inner.isNull(kExpunge))
            wanted.expunge = inner.flag(kExpunge);
        std::array<bool, kLines.size()> named{};
        for (std::size_t i = 0; i < kLines.size(); ++i) {
            named[i] = inner.has(kLines[i].name);
            if (named[i] && !inner.isNull(kLines[i].name))
                wanted.*kLines[i].days = daysOf(inner, kLines[i].name);
        }
        return [wanted, expunge_named, named](TrashPolicy policy) {
            if (expunge_named)
                policy.expunge = wanted.expunge;
            for (std::size_t i = 0; i < kLines.size(); ++i)
                if (named[i])
                    policy.*kLines[i].days = wanted.*kLines[i].days;
            return policy;
        };
    });
}

std::optional<TrashChange> accountTrashChangeOf(Fields& fields)
{
    auto whole = trashChangeOf(fields);
    if (!fields.has(kExpunge))
        return whole;
    const auto expunge = fields.isNull(kExpunge) ? std::nullopt : fields.flag(kExpunge);
    if (fields.has("trash"))
        fields.mustBe(kExpunge, "absent where there is trash");
    return [expunge](TrashPolicy policy) {
        policy.expunge = expunge;
        return policy;
    };
}

} // namespace postfach::admin
