#pragma once
// Messages that hold NUL, for protocols that cannot send it. RFC 3516 4.4 and 6.
#include <optional>
#include <string>
#include <string_view>

namespace postfach::mail {

// The message with those bodies of binary encoding that hold NUL in base64, and every other byte as it was. nullopt: NUL stands
// elsewhere, in a header, between parts or in a part that says it is text, and nothing could be changed without a loss.
std::optional<std::string> encodeBinaryParts(std::string_view message);

} // namespace postfach::mail
