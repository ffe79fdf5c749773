#include "server/imap/sort_orders.h"

#include <algorithm>
#include <limits>

namespace postfach::imap {

std::vector<std::uint32_t> arranged(
    const SortOrder& order, const std::vector<std::uint32_t>& found, const std::vector<store::Uid>& uids)
{
    constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> by_rank(order.uids.size(), kNone);
    std::size_t known = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        while (known < order.uids.size() && order.uids[known] < uids[i])
            ++known;
        if (known == order.uids.size() || uids[i] < order.uids[known])
            return {};
        by_rank[order.ranks[known]] = found[i];
    }
    by_rank.erase(std::remove(by_rank.begin(), by_rank.end(), kNone), by_rank.end());
    return by_rank;
}

std::list<SortOrders::Entry>::iterator SortOrders::place(store::MailboxId mailbox, const std::string& program)
{
    return std::find_if(entries_.begin(), entries_.end(),
        [&](const Entry& entry) { return entry.mailbox == mailbox && entry.program == program; });
}

std::shared_ptr<const SortOrder> SortOrders::find(store::MailboxId mailbox, const std::string& program)
{
    const std::lock_guard lock(mutex_);
    const auto found = place(mailbox, program);
    if (found == entries_.end())
        return nullptr;
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front().order;
}

void SortOrders::keep(store::MailboxId mailbox, const std::string& program, std::shared_ptr<const SortOrder> order)
{
    const std::lock_guard lock(mutex_);
    if (const auto old = place(mailbox, program); old != entries_.end()) {
        bytes_ -= old->bytes();
        entries_.erase(old);
    }
    entries_.push_front({mailbox, program, std::move(order)});
    bytes_ += entries_.front().bytes();
    while (bytes_ > most_) {
        bytes_ -= entries_.back().bytes();
        entries_.pop_back();
    }
}

} // namespace postfach::imap
