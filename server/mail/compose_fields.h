#pragma once
// Pieces of header fields that are ours to write, all ASCII. Private to server/mail.
#include <string>
#include <string_view>

namespace postfach::mail {

// One field, folded at its spaces. RFC 5322 2.2.3.
void putField(std::string& out, std::string_view name, std::string_view body);

// A display name: atoms as they are, else a quoted string (RFC 5322 3.2.4), else encoded words. Cut at `most` bytes.
std::string displayName(std::string_view utf8, std::size_t most = 200);

// "; name=\"value\"", or in pieces of RFC 2231 where the value is not ASCII.
std::string parameterText(std::string_view name, std::string_view utf8);

} // namespace postfach::mail
