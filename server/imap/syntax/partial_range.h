#pragma once
// A page of a result, RFC 9394: "1:100" counts from its beginning, "-1:-100" from its end.
#include "server/imap/syntax/parser.h"

#include <cstdint>
#include <string>

namespace postfach::imap {

struct PartialRange {
    bool from_end = false;
    std::uint32_t first = 1, last = 1; // without sign, first <= last

    struct Slice {
        std::uint64_t first, last; // of a result in ascending order: [first, last), 0-based
    };
    Slice of(std::uint64_t count) const;
    std::string text() const; // as an answer names it
};

PartialRange parsePartialRange(Parser& args);

} // namespace postfach::imap
