#pragma once
// Names that administrators give. What comes back is as it is kept: in lower case. Refused names are Problem 422.
#include <string>

namespace postfach::admin {

std::string checkedDomain(const std::string& name);
std::string checkedAddress(
    const std::string& address);                      // without +detail, which is cut off at delivery and would never be reached
std::string checkedAlias(const std::string& address); // the same, or "@domain": whatever there the domain has no name for

} // namespace postfach::admin
