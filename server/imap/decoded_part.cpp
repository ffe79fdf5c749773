#include "server/imap/decoded_part.h"

#include "server/base/limits.h"
#include "server/base/metrics.h"

namespace postfach::imap {
namespace {

base::Gauge g_kept{"postfach_imap_decoded_bytes", "Bytes of parts that IMAP clients read in pieces, kept decoded on the disk"};

} // namespace

DecodedPart::~DecodedPart() { g_kept.add(-counted_); }

bool DecodedPart::mayStay(std::uint64_t most)
{
    if (counted_ > 0)
        return true;
    if (spool.size() <= base::limits::kSpoolInMemory) // is in memory, and soon decoded again
        return false;
    const auto bytes = static_cast<std::int64_t>(spool.size());
    if (g_kept.now() + bytes > static_cast<std::int64_t>(most))
        return false;
    counted_ = bytes;
    g_kept.add(bytes);
    return true;
}

} // namespace postfach::imap
