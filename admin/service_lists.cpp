// Lists that are filtered and sorted. Addresses have an index, nothing else of an account has: other orders look at all of
// them, a page of the store at a time, and keep no more than the keys.
#include "admin/service.h"
#include "server/base/text.h"

#include <algorithm>
#include <cstdio>

namespace postfach::admin {
namespace {
constexpr std::size_t kAtOnce = 1000;

bool fits(const AccountFilter& filter, const store::Account& account)
{
    if (filter.enabled && account.enabled != *filter.enabled)
        return false;
    if (!filter.domain.empty()
        && !base::iequals(std::string_view(account.address).substr(account.address.rfind('@') + 1), filter.domain))
        return false;
    const auto part = base::lower(filter.text);
    return part.empty() || account.address.find(part) != std::string::npos
        || base::lower(account.name).find(part) != std::string::npos;
}

// All that fit, in the order of their addresses behind `after`, until `enough` says so.
template <class Take>
void walk(store::ReadTx& tx, const AccountFilter& filter, std::string after, Take take)
{
    for (;;) {
        const auto part = tx.accounts({after, kAtOnce});
        for (const auto& account : part)
            if (fits(filter, account) && !take(account))
                return;
        if (part.size() < kAtOnce)
            return;
        after = part.back().address;
    }
}
} // namespace

// Fixed width, so that texts compare as the numbers do.
std::string Service::accountKey(const store::Account& account, AccountFilter::Sort sort)
{
    using Sort = AccountFilter::Sort;
    if (sort == Sort::address)
        return account.address;
    const auto time = [](base::Time when) { return static_cast<std::uint64_t>(std::max<std::int64_t>(base::toMillis(when), 0)); };
    const std::uint64_t value = sort == Sort::used ? account.used
        : sort == Sort::created                    ? time(account.created)
        : account.last_login                       ? time(*account.last_login)
                                                   : 0; // never comes before ever
    char digits[24];
    std::snprintf(digits, sizeof digits, "%020llu", static_cast<unsigned long long>(value));
    return digits + (' ' + account.address);
}

std::vector<store::Account> Service::accounts(const AccountFilter& filter, const store::Page& page)
{
    const auto tx = context_.store.read();
    std::vector<store::Account> found;
    if (filter.sort == AccountFilter::Sort::address && !filter.descending) {
        walk(*tx, filter, page.after, [&](const store::Account& account) {
            found.push_back(account);
            return found.size() < page.limit;
        });
        return found;
    }
    std::vector<std::string> keys;
    walk(*tx, filter, {}, [&](const store::Account& account) {
        keys.push_back(accountKey(account, filter.sort));
        return true;
    });
    const auto before = [&filter](const std::string& a, const std::string& b) { return filter.descending ? b < a : a < b; };
    std::sort(keys.begin(), keys.end(), before);
    auto at = page.after.empty() ? keys.begin() : std::upper_bound(keys.begin(), keys.end(), page.after, before);
    for (; at != keys.end() && found.size() < page.limit; ++at)
        if (auto account = tx->findAccount(
                std::string_view(*at).substr(filter.sort == AccountFilter::Sort::address ? 0 : at->find(' ') + 1)))
            found.push_back(*std::move(account));
    return found;
}

} // namespace postfach::admin
