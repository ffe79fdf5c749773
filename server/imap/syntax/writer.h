#pragma once
// Writing the wire's basic shapes into a string: quoted where possible, literal where needed, never a bare CR, LF or NUL
// inside quotes. RFC 9051 section 9.
#include "server/store/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::imap {

void putString(std::string& out, std::string_view text);            // quoted, or literal {n}CRLF
void putUtf8String(std::string& out, std::string_view text);        // 8-bit in quotes too, for those who enabled it (RFC 9051 4.3)
void putNstring(std::string& out, const std::optional<std::string>& text);
void putAstring(std::string& out, std::string_view text);           // atom when it is one
void putLiteral(std::string& out, std::string_view bytes);
void putInternalDate(std::string& out, store::Time time);           // "\"01-Mar-2026 09:30:00 +0000\""
// "(\\Seen $Forwarded)"; names are the account's keywords by index.
void putFlags(std::string& out, const store::Flags& flags, bool recent, const std::vector<std::string>& names);

} // namespace postfach::imap
