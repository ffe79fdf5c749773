#include "server/pop3/open_maildrops.h"

namespace postfach::pop3 {

OpenMaildrops::Place::~Place()
{
    if (all_ != nullptr)
        all_->giveBack(account_);
}

OpenMaildrops::Place OpenMaildrops::take(store::AccountId account, bool exclusive)
{
    const std::lock_guard lock(mutex_);
    int& sessions = sessions_[account];
    if (exclusive && sessions > 0)
        return {};
    ++sessions;
    return {*this, account};
}

void OpenMaildrops::giveBack(store::AccountId account)
{
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(account);
    if (found != sessions_.end() && --found->second <= 0)
        sessions_.erase(found);
}

} // namespace postfach::pop3
