#include "server/auth/login_events.h"
#include "server/base/json_text.h"
#include "server/base/limits.h"
#include "server/base/text.h"

#include <utility>

namespace postfach::auth {

void LoginEvents::failed(
    const std::string& account, const std::string& address, const std::string& service, const std::string& mechanism)
{
    std::uint64_t untold = 0;
    {
        const auto now = std::chrono::steady_clock::now();
        const std::lock_guard lock(mutex_);
        if (now - minute_ >= std::chrono::minutes(1))
            minute_ = now, told_ = 0;
        if (told_ >= kAMinute) {
            ++untold_;
            return;
        }
        ++told_;
        untold = std::exchange(untold_, 0);
    }
    const std::string name = base::lower(base::printable(account, base::limits::kAddress));
    store::NewEvent event{"login.failed", name,
        base::jsonObject(
            {{"account", name}, {"address", address}, {"service", service}, {"mechanism", mechanism}, {"untold", untold}})};
    store_.writeLater([event = std::move(event)](store::WriteTx& tx) { tx.addEvent(event); });
}

void LoginEvents::banned(const std::vector<Ban>& bans)
{
    for (const Ban& ban : bans) {
        const std::string name = base::printable(ban.account, base::limits::kAddress);
        store::NewEvent event{"ban.set", name,
            base::jsonObject({{"account", name}, {"address", ban.address}, {"seconds", ban.left.count() / 1000}})};
        store_.writeLater([event = std::move(event)](store::WriteTx& tx) { tx.addEvent(event); });
    }
}

} // namespace postfach::auth
