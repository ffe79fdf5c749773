#pragma once
// How whole mailboxes were sorted last. What a message is sorted by never changes, so an order stays right for all the messages that it
// knows, whatever happens to their flags, and for any of them that a search finds. New mail makes it be made anew.
#include "server/store/types.h"

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace postfach::imap {

struct SortOrder {
    std::vector<store::Uid> uids;     // ascending
    std::vector<std::uint32_t> ranks; // of each of them, from 0 and without a gap
};

// `found` are the places of some messages, `uids` their UIDs, both ascending: the places in the order. Empty when one of them is not in it.
std::vector<std::uint32_t> arranged(
    const SortOrder& order, const std::vector<std::uint32_t>& found, const std::vector<store::Uid>& uids);

class SortOrders { // any thread
public:
    explicit SortOrders(std::size_t bytes) : most_(bytes) {}

    std::shared_ptr<const SortOrder> find(store::MailboxId mailbox, const std::string& program);
    void keep(store::MailboxId mailbox, const std::string& program, std::shared_ptr<const SortOrder> order); // replaces

private:
    struct Entry {
        store::MailboxId mailbox;
        std::string program;
        std::shared_ptr<const SortOrder> order;
        std::size_t bytes() const { return order->uids.size() * (sizeof(store::Uid) + sizeof(std::uint32_t)) + 256; }
    };
    std::list<Entry>::iterator place(store::MailboxId mailbox, const std::string& program);

    const std::size_t most_;
    std::mutex mutex_;           // guards what follows
    std::list<Entry> entries_;   // the one used last comes first
    std::size_t bytes_ = 0;
};

} // namespace postfach::imap
