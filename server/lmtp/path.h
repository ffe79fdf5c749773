#pragma once
// MAIL FROM:<...> and RCPT TO:<...>. RFC 5321 4.1.2 Path, RFC 6531 for UTF-8.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::lmtp {

struct Path {
    std::string address;                                       // without <>; empty: the null path; quoted local parts unquoted where they need not be
    std::vector<std::pair<std::string, std::string>> parameters; // KEYWORD in capitals, value
    bool has(std::string_view keyword) const;
};

// `argument` is what stands behind MAIL or RCPT; `keyword` is "FROM:" or "TO:". nullopt: malformed (control characters, no
// brackets, no local part, bad UTF-8, over 320 bytes). Source routes are dropped (RFC 5321 C).
std::optional<Path> parsePath(std::string_view argument, std::string_view keyword);

} // namespace postfach::lmtp
