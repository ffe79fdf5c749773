#pragma once
// Contents that were taken out of mailboxes. A session that began before still has the message in its numbering, and a client may ask for
// it: what was found to be harmful is served by no protocol any more. In memory: sessions end with the server.
#include "server/store/store.h"

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <unordered_set>

namespace postfach::delivery {

class Withheld { // any thread
public:
    void add(store::BodyId body) // before it is taken out
    {
        const std::lock_guard lock(mutex_);
        bodies_.insert(body);
        any_ = true;
    }
    // Whether a message that a session saw there is one of them, and is not there any more: released, it has another UID.
    bool has(store::Store& store, store::MailboxId mailbox, const store::Message& message) const
    {
        if (!any_)
            return false;
        {
            const std::shared_lock lock(mutex_);
            if (!bodies_.contains(message.body))
                return false;
        }
        const auto view = store.viewIfWarm(mailbox);
        return !view || !view->now().find(message.uid);
    }

private:
    std::atomic<bool> any_{false};
    mutable std::shared_mutex mutex_;
    std::unordered_set<store::BodyId> bodies_; // guarded by mutex_; 16 bytes each, as many as were ever found since the start
};

} // namespace postfach::delivery
