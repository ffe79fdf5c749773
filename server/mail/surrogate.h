#pragma once
// What a client gets that cannot read UTF-8 in header fields: the same message with fields of ASCII. RFC 6856 4 asks for one, RFC 6858
// says how simple it may be. Nothing but header fields changes; those of the parts, and of messages in it, are header fields too.
//
// Names, subjects and whatever is text become encoded words (RFC 2047), parameters extended ones (RFC 2231). An address that is not
// ASCII becomes a name, beside an address that is nobody's. A field that has room for neither is kept, encoded, as Downgraded-NAME
// (RFC 6857 3.2). Bytes that are no UTF-8 are somebody's mistake and no reason to make another: such a field stays as it is.
#include "server/mail/structure.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::mail {

// `header` with CRLF line ends, its empty line included or not. nullopt when it stays as it is.
std::optional<std::string> asciiHeader(std::string_view header);

struct Replacement {
    std::uint64_t begin = 0, end = 0; // of the message's bytes
    std::string bytes;
};

// Gives the bytes [begin, end) of the message.
using RangeReader = std::function<std::string(std::uint64_t begin, std::uint64_t end)>;

// What must be replaced in a message of that structure: in order, none over another. Headers past 256 KiB together, or of more than 200
// parts, stay as they are.
std::vector<Replacement> surrogate(const Structure& structure, const RangeReader& read);

// The same for a message that is in memory. One of ASCII comes back untouched, and costs a look at each byte.
std::string surrogateOf(std::string message);

} // namespace postfach::mail
