#pragma once
// Trash policies as the API, the command line and the audit say them:
//   {"expunge_to_trash": true, "trash_days": 14, "junk_days": 0, "recovery_days": null}: days, of Trash and Junk 0 for never
// null is inherited: an account's from its domain, a domain's from the configuration (trash.days, junk.days, recovery.days).
#include "admin/api/json.h"

#include <functional>
#include <optional>

namespace postfach::admin {

using TrashChange = std::function<store::TrashPolicy(store::TrashPolicy)>; // of what it was before

Poco::JSON::Object::Ptr toJson(const store::TrashPolicy& policy);

// The field "trash" of an account or a domain: as pop3ChangeOf().
std::optional<TrashChange> trashChangeOf(Fields& fields);
// Of an account, which may say "expunge_to_trash" outside of it too: that line of the policy.
std::optional<TrashChange> accountTrashChangeOf(Fields& fields);

} // namespace postfach::admin
