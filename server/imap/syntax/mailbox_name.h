#pragma once
// Mailbox names on the wire: modified UTF-7 (RFC 3501 5.1.3) for IMAP4rev1, UTF-8 after ENABLE (RFC 9051). Inside it is UTF-8.
#include <optional>
#include <string>
#include <string_view>

namespace postfach::imap {

// Strict: nullopt for 8-bit bytes, unclosed or adjacent shifts, ASCII or NUL or lone surrogates inside, non-canonical forms.
std::optional<std::string> fromModifiedUtf7(std::string_view wire);
std::string toModifiedUtf7(std::string_view utf8);

// LIST pattern against a name: % stops at the delimiter, * does not; at worst name times pattern, by words. INBOX any case.
bool matchesPattern(std::string_view name, std::string_view pattern, char delimiter);

} // namespace postfach::imap
