#include "admin/scan_policy.h"
#include "admin/policy_change.h"

#include <algorithm>
#include <array>

namespace postfach::admin {
namespace {
using Poco::Dynamic::Var;
using store::ScanAction;
using store::ScanPolicy;

std::string_view wordFor(ScanAction action) { return ScanPolicy::kActions[static_cast<std::size_t>(action)]; }

std::optional<ScanAction> actionOf(Fields& fields, ScanPolicy::Line line)
{
    const std::string name(ScanPolicy::kLines[line]);
    const auto word = fields.text(name);
    std::string wanted;
    for (std::size_t i = 0; i < ScanPolicy::kActions.size(); ++i) {
        const auto action = static_cast<ScanAction>(i);
        if (!ScanPolicy::allows(line, action))
            continue;
        if (word == wordFor(action))
            return action;
        wanted += '"' + std::string(wordFor(action)) + "\", ";
    }
    fields.mustBe(name, wanted + "or null");
    return std::nullopt;
}
} // namespace

Poco::JSON::Object::Ptr toJson(const ScanPolicy& policy)
{
    auto out = object();
    for (std::size_t line = 0; line < ScanPolicy::kLines.size(); ++line)
        out->set(std::string(ScanPolicy::kLines[line]),
            policy.actions[line] ? Var(std::string(wordFor(*policy.actions[line]))) : Var());
    return out;
}

std::optional<ScanChange> scanChangeOf(Fields& fields)
{
    return policyChangeOf<ScanPolicy>(fields, "scan", [](Fields& inner) {
        ScanPolicy wanted;
        std::array<bool, ScanPolicy::kLines.size()> named{};
        for (std::size_t line = 0; line < named.size(); ++line) {
            const std::string name(ScanPolicy::kLines[line]);
            named[line] = inner.has(name);
            if (!named[line] || inner.isNull(name))
                continue;
            wanted.actions[line] = actionOf(inner, static_cast<ScanPolicy::Line>(line));
        }
        return [wanted, named](ScanPolicy policy) {
            for (std::size_t line = 0; line < named.size(); ++line)
                if (named[line])
                    policy.actions[line] = wanted.actions[line];
            return policy;
        };
    });
}

} // namespace postfach::admin
