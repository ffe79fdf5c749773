#pragma once
// Text as mail protocols need it: ASCII case, strict numbers, hex, base64, UTF-8 checks. Nothing here knows a locale.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::base {

constexpr char asciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char asciiUpper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
constexpr bool isDigit(char c) { return c >= '0' && c <= '9'; }
std::string lower(std::string_view text);
std::string upper(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
bool istartsWith(std::string_view text, std::string_view prefix);
std::string_view trim(std::string_view text); // spaces and tabs, CR, LF
std::vector<std::string_view> split(std::string_view text, char separator); // keeps empty fields

// Digits only: no sign, no space, no overflow, at least one digit. Leading zeros pass.
std::optional<std::uint32_t> parseU32(std::string_view text);
std::optional<std::uint64_t> parseU64(std::string_view text);

std::string hex(std::string_view bytes);
std::string percentEncoded(std::string_view text); // RFC 3986: everything but unreserved characters
std::optional<std::string> percentDecoded(std::string_view text); // nullopt: a % without two hexadecimal digits
std::optional<std::string> unhex(std::string_view text);

// RFC 4648 4, with padding, no line breaks. Decoding is strict: bad letter, bad length or bad padding is nullopt.
std::string base64(std::string_view bytes);
std::optional<std::string> unbase64(std::string_view text);

// True for well-formed UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF.
bool isUtf8(std::string_view text);
bool isAscii(std::string_view text);

// For logs: control characters, quotes and bytes that are no UTF-8 come out as \xNN; cut at `most` bytes with "...".
std::string printable(std::string_view text, std::size_t most = 200);

// Equal in time that does not depend on where they differ; lengths are not secret.
bool equalsConstantTime(std::string_view a, std::string_view b);

} // namespace postfach::base
