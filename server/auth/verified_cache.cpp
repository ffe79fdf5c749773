#include "server/auth/verified_cache.h"
#include "server/base/hash.h"
#include "server/base/text.h"

namespace postfach::auth {
namespace {
constexpr auto kLife = std::chrono::minutes(2);
} // namespace

VerifiedCache::VerifiedCache() : key_(base::randomHex(32)) {}

std::string VerifiedCache::mark(const std::string& stored_hash, const std::string& password) const
{
    return base::hmacSha256(key_, stored_hash + '\0' + password);
}

bool VerifiedCache::contains(store::AccountId account, const std::string& stored_hash, const std::string& password) const
{
    const auto wanted = mark(stored_hash, password);
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(account);
    return found != entries_.end() && std::chrono::steady_clock::now() < found->second.until
        && base::equalsConstantTime(found->second.mark, wanted);
}

void VerifiedCache::add(store::AccountId account, const std::string& stored_hash, const std::string& password)
{
    Entry entry{mark(stored_hash, password), std::chrono::steady_clock::now() + kLife};
    const std::lock_guard lock(mutex_);
    entries_[account] = std::move(entry);
}

void VerifiedCache::forget(store::AccountId account)
{
    const std::lock_guard lock(mutex_);
    entries_.erase(account);
}

} // namespace postfach::auth
