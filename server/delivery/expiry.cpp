#include "server/delivery/expiry.h"

#include <string>

namespace postfach::delivery {

std::uint64_t expireQuarantine(store::Store& store, store::Time before, const std::stop_token& stop)
{
    constexpr std::size_t kEntriesAtOnce = 100; // deliveries wait for no more than that
    store::QuarantineFilter old;
    old.until = before;
    std::uint64_t gone = 0;
    while (!stop.stop_requested()) {
        const auto entries = store.read()->quarantine(old, {"", kEntriesAtOnce});
        if (entries.empty())
            break;
        store.writeAndWait([&](store::WriteTx& tx) {
            for (const auto& entry : entries)
                if (tx.quarantined(entry.id)) // else released or deleted meanwhile
                    tx.deleteQuarantine(entry.id);
        });
        gone += entries.size();
    }
    return gone;
}

} // namespace postfach::delivery
