#pragma once
// How a field that holds a policy changes one, for all kinds of policies: null sets it back, and of an object the lines that it names are
// changed, null there too; absent, nothing is.
#include "admin/api/json.h"

#include <functional>
#include <optional>

namespace postfach::admin {

// `read(Fields& inner)` gives what the lines that are named make of a policy: Policy(Policy).
template <class Policy, class Read>
std::optional<std::function<Policy(Policy)>> policyChangeOf(Fields& fields, const char* name, Read read)
{
    if (fields.isNull(name))
        return [](Policy) { return Policy{}; };
    auto inner = fields.fields(name);
    if (!inner)
        return std::nullopt;
    std::function<Policy(Policy)> change = read(*inner);
    inner->finish();
    return change;
}

} // namespace postfach::admin
