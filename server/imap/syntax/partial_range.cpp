#include "server/imap/syntax/partial_range.h"

#include <algorithm>
#include <utility>

namespace postfach::imap {

PartialRange::Slice PartialRange::of(std::uint64_t count) const
{
    const std::uint64_t skipped = std::min<std::uint64_t>(first - 1, count);
    const std::uint64_t behind = std::min<std::uint64_t>(last, count);
    if (from_end)
        return {count - behind, count - skipped};
    return {skipped, behind};
}

std::string PartialRange::text() const
{
    const std::string sign = from_end ? "-" : "";
    return sign + std::to_string(first) + ':' + sign + std::to_string(last);
}

// RFC 9394 4, partial-range: both ends have the same sign, and neither is 0.
PartialRange parsePartialRange(Parser& args)
{
    PartialRange range;
    range.from_end = args.tryChar('-');
    range.first = args.nzNumber();
    args.expect(':');
    if (range.from_end)
        args.expect('-');
    range.last = args.nzNumber();
    if (range.first > range.last)
        std::swap(range.first, range.last);
    return range;
}

} // namespace postfach::imap
