#include "admin/token_guard.h"
#include "server/auth/guard.h"

#include <algorithm>
#include <utility>

namespace postfach::admin {
namespace {
using namespace std::chrono_literals;
constexpr std::size_t kMost = 10'000;
constexpr auto kForgets = 10min;
constexpr auto kTellEvery = 1min;
constexpr auto kFirstDelay = 100ms, kLongestDelay = 4000ms;
constexpr unsigned kDoubling = 10;
} // namespace

TokenGuard::Decision TokenGuard::failed(const std::string& address)
{
    const auto network = auth::Guard::network(address);
    const auto now = now_();
    Decision decision;
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kMost && !entries_.contains(network)) {
        std::erase_if(entries_, [now](const auto& item) { return now - item.second.last > kForgets; });
        if (entries_.size() >= kMost)
            entries_.clear(); // from so many places at once: nobody is known any more
    }
    Entry& entry = entries_[network];
    if (now - entry.last > kForgets)
        entry.count = 0;
    entry.last = now;
    ++entry.count;
    ++entry.untold;
    decision.refused = entry.count > kRefused;
    if (entry.count > kFree && !decision.refused) // who is told to stop holds no connection
        decision.delay = std::min<std::chrono::milliseconds>(
            kFirstDelay * (1 << std::min((entry.count - kFree - 1) / kDoubling, 10U)), kLongestDelay);
    if (entry.told == SteadyTime{} || now - entry.told >= kTellEvery) {
        entry.told = now;
        decision.tell = std::exchange(entry.untold, 0);
    }
    return decision;
}

} // namespace postfach::admin
