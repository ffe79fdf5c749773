#pragma once
// POP3 policies as the API, the command line and the audit say them:
//   {"retention": "keep" | "delete" | {"days": 14}, "seen": true, "delete": "remove" | "hide", "exclusive": false}
// null is inherited: an account's from its domain, a domain's from the defaults.
#include "admin/api/json.h"

#include <functional>
#include <optional>
#include <string>

namespace postfach::admin {

using Pop3Change = std::function<store::Pop3Policy(store::Pop3Policy)>; // of what it was before

Poco::JSON::Object::Ptr toJson(const store::Pop3Policy& policy);

// The field "pop3" of an account or a domain: what it names changes, null in it is inherited from now on, null itself is all of that.
// nullopt when the field is not there. Throws Problem 422.
std::optional<Pop3Change> pop3ChangeOf(Fields& fields);

} // namespace postfach::admin
