#pragma once
// The views that are warm, and those who want to hear. Published to by the writer's thread alone, in commit order.
//
// Loading races with commits. A view stands in the registry before its rows are read, so each commit either precedes the
// read, or finds the view and leaves its change there; the mailbox's MODSEQ, read with the rows, tells which of those
// changes the rows already hold (every change of a row raises it, and a commit is seen whole or not at all).
#include "server/store/sqlite/changes.h"
#include "server/store/view_root.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace postfach::store::sqlite {

class Watchers {
public:
    Subscription add(std::function<void()> news);
    void tell() noexcept; // the writer's thread
    bool empty() const;

private:
    struct Watcher;
    struct Held;
    struct List {
        std::mutex mutex;
        std::vector<std::shared_ptr<Watcher>> all;
    };
    std::shared_ptr<List> list_ = std::make_shared<List>(); // subscriptions may outlive the store
};


class View final : public MailboxView {
public:
    explicit View(MailboxId mailbox) : id(mailbox) {}
    Snapshot now() const override;
    bool isGone() const override;
    bool isWarm() const; // else it is still loading
    Subscription watch(std::function<void()> news) override { return watchers_.add(std::move(news)); }
    std::pair<Uid, Uid> takeRecent(Uid from) override;
    Uid recentFrom(Uid stored) const override;

    // Loading: false when the mailbox was deleted meanwhile.
    void finishLoading(std::shared_ptr<const Snapshot::Root> root);
    void failLoading(std::exception_ptr why);
    void waitUntilLoaded(); // throws why it failed

    void publish(const MailboxChange& change); // the writer's thread
    void tell() noexcept { watchers_.tell(); }

    const MailboxId id;

private:
    enum class State { loading, warm, failed };
    static std::shared_ptr<const Snapshot::Root> advance(const Snapshot::Root& from, const MailboxChange& change);

    mutable std::mutex mutex_; // guards what follows; held for a shared_ptr copy, save at the end of loading
    std::condition_variable loaded_;
    State state_ = State::loading;
    std::exception_ptr failure_;
    std::shared_ptr<const Snapshot::Root> root_ = Snapshot::Root::empty();
    std::vector<MailboxChange> meanwhile_;
    bool gone_ = false;
    Uid recent_from_{1};
    Watchers watchers_;
};

class Views {
public:
    using Load = std::function<std::shared_ptr<const Snapshot::Root>(MailboxId)>; // reads the rows; throws noSuchMailbox
    std::shared_ptr<View> get(MailboxId id, const Load& load);
    std::shared_ptr<View> ifWarm(MailboxId id);
    Subscription watchAccount(AccountId account, std::function<void()> news);
    Subscription watchEvents(std::function<void()> news) { return events_.add(std::move(news)); }
    void publish(const Changes& changes) noexcept; // the writer's thread
    std::uint64_t accountsVersion() const { return accounts_version_.load(std::memory_order_acquire); }

private:
    static constexpr std::size_t kKept = 256;             // views that nobody looks at but that may be wanted again soon
    static constexpr std::uint64_t kKeptMessages = 2'000'000; // in them; about 80 MB
    void keep(const std::shared_ptr<View>& view);         // mutex_ held
    void forget(MailboxId id);                            // mutex_ held

    std::atomic<std::uint64_t> accounts_version_{1};
    Watchers events_;
    std::mutex mutex_; // guards what follows; never held while a view loads or a callback runs
    std::unordered_map<MailboxId, std::weak_ptr<View>> views_;
    std::list<std::shared_ptr<View>> kept_; // latest first
    std::unordered_map<AccountId, std::shared_ptr<Watchers>> accounts_;
    std::size_t cleaned_at_ = 1024;
};

} // namespace postfach::store::sqlite
