#pragma once
// The parameters by which lists are narrowed. What they cannot be is Problem 422; absent and empty: anything.
#include "admin/api/routes.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

std::optional<base::Time> timeOf(const Call& call, const std::string& name);                       // RFC 3339
std::string wordOf(const Call& call, const std::string& name, std::initializer_list<std::string_view> allowed);
bool flagOf(const Call& call, const std::string& name);                                             // true or false; absent: false
// A message's number in the path; what is none is Problem 404, "There is no `kind` message".
std::int64_t messageIn(const Call& call, std::size_t place, const char* kind);
struct Span {            // since and until
    std::optional<base::Time> since, until;
    bool has(base::Time time) const { return (!since || time >= *since) && (!until || time < *until); }
};
Span spanOf(const Call& call);

struct Sort {
    std::size_t order = 0;   // of the names given; the first is what nobody has to ask for
    bool descending = false; // "-created"
};
Sort sortOf(const Call& call, const std::vector<std::string_view>& names);

// Without regard to case, of ASCII; nothing is part of everything.
bool hasPart(std::string_view text, std::string_view part);

// Texts that compare as the values do.
std::string sortable(std::uint64_t number);
std::string sortable(const std::optional<base::Time>& time); // never comes before ever

} // namespace postfach::admin
