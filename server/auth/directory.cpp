#include "server/auth/directory.h"
#include "server/base/limits.h"
#include "server/base/text.h"

namespace postfach::auth {
namespace {
constexpr std::size_t kMostEntries = 20'000;      // entries, a kilobyte each; past it all are read again, at a query each
} // namespace

std::shared_ptr<const Known> Directory::find(const std::string& user) const
{
    if (user.size() > base::limits::kAddress)
        return std::make_shared<const Known>();
    const auto version = store_.accountsVersion();
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(base::lower(user));
    return entry != entries_.end() && entry->second.version == version ? entry->second.known : nullptr;
}

std::shared_ptr<const Known> Directory::read(const std::string& user)
{
    const auto version = store_.accountsVersion(); // before the transaction: what is committed in between is read again
    auto known = std::make_shared<Known>();
    {
        const auto tx = store_.read();
        known->account = tx->findAccount(user);
        if (known->account) {
            known->credentials = tx->credentials(known->account->id).value_or(store::Credentials{});
            known->app_passwords = tx->appPasswords(known->account->id);
        }
    }
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kMostEntries)
        entries_.clear();
    entries_[base::lower(user)] = {known, version};
    return known;
}

} // namespace postfach::auth
