#pragma once
// Scanning policies as the API, the command line and the audit say them:
//   {"infected": "reject", "encrypted": "quarantine", "macros": null, …}: each line deliver, mark, quarantine or reject
// null is inherited: an account's from its domain, a domain's from the configuration (scanner.encrypted …).
#include "admin/api/json.h"

#include <functional>
#include <optional>
#include <string>

namespace postfach::admin {

using ScanChange = std::function<store::ScanPolicy(store::ScanPolicy)>; // of what it was before

Poco::JSON::Object::Ptr toJson(const store::ScanPolicy& policy);

// The field "scan" of an account or a domain: as pop3ChangeOf().
std::optional<ScanChange> scanChangeOf(Fields& fields);

} // namespace postfach::admin
