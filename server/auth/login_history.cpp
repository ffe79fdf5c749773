#include "server/auth/login_history.h"
#include "server/base/log.h"
#include "server/base/metrics.h"

#include <algorithm>
#include <utility>

namespace postfach::auth {
namespace {
constexpr std::size_t kAtOnce = 200; // records in one transaction: a few milliseconds of the writer

base::Counter lost_count{"postfach_logins_not_recorded_total", "Logins that stand in no account's history, because too many waited"};
} // namespace

LoginHistory::~LoginHistory()
{
    try {
        flush();
    } catch (const std::exception& error) {
        base::logWarning("auth", "logins not recorded", {{"reason", error.what()}});
    }
}

void LoginHistory::record(bool on)
{
    const std::lock_guard lock(mutex_);
    on_ = on;
    if (!on)
        pending_.clear();
}

void LoginHistory::note(const store::LoginRecord& login)
{
    const Key key{login.account.value, login.hour(), login.service, login.address, login.mechanism, login.tls, login.outcome,
                  login.app_password};
    const std::lock_guard lock(mutex_);
    if (!on_)
        return;
    if (const auto found = pending_.find(key); found != pending_.end()) {
        found->second.first = std::min(found->second.first, login.first);
        found->second.last = std::max(found->second.last, login.last);
        found->second.times += login.times;
        return;
    }
    if (pending_.size() >= kMostPending) {
        lost_count.add();
        return;
    }
    pending_.emplace(key, login);
}

std::vector<std::vector<store::LoginRecord>> LoginHistory::take()
{
    std::map<Key, store::LoginRecord> taken;
    {
        const std::lock_guard lock(mutex_);
        taken.swap(pending_);
    }
    std::vector<std::vector<store::LoginRecord>> batches;
    for (auto& [key, login] : taken) {
        if (batches.empty() || batches.back().size() == kAtOnce)
            batches.emplace_back();
        batches.back().push_back(std::move(login));
    }
    return batches;
}

void LoginHistory::flush()
{
    for (auto& batch : take())
        store_.writeLater([batch = std::move(batch)](store::WriteTx& tx) { tx.recordLogins(batch); });
}

// The writer works in order: what went before is in the store when something behind it is.
void LoginHistory::settle()
{
    flush();
    store_.writeAndWait([](store::WriteTx&) {});
}

} // namespace postfach::auth
