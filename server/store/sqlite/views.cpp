#include "server/store/sqlite/views.h"
#include "server/base/log.h"

#include <algorithm>
#include <exception>

namespace postfach::store::sqlite {

// --- watchers

// The mutex is held while `news` runs: who ends the subscription waits until it has returned. Recursive, so that `news`
// itself may end it.
struct Watchers::Watcher {
    explicit Watcher(std::function<void()> call) : news(std::move(call)) {}
    std::recursive_mutex mutex;
    const std::function<void()> news;
    bool alive = true; // guarded by mutex
};

struct Watchers::Held {
    Held(std::shared_ptr<List> l, std::shared_ptr<Watcher> w) : list(std::move(l)), watcher(std::move(w)) {}
    ~Held()
    {
        {
            const std::lock_guard lock(list->mutex);
            std::erase(list->all, watcher);
        }
        const std::lock_guard lock(watcher->mutex);
        watcher->alive = false;
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    std::shared_ptr<List> list;
    std::shared_ptr<Watcher> watcher;
};

Subscription Watchers::add(std::function<void()> news)
{
    auto watcher = std::make_shared<Watcher>(std::move(news));
    {
        const std::lock_guard lock(list_->mutex);
        list_->all.push_back(watcher);
    }
    return Subscription(std::make_shared<Held>(list_, std::move(watcher)));
}

bool Watchers::empty() const
{
    const std::lock_guard lock(list_->mutex);
    return list_->all.empty();
}

void Watchers::tell() noexcept
{
    std::vector<std::shared_ptr<Watcher>> all;
    {
        const std::lock_guard lock(list_->mutex);
        all = list_->all;
    }
    for (const auto& watcher : all) {
        const std::lock_guard lock(watcher->mutex);
        if (!watcher->alive)
            continue;
        try {
            watcher->news();
        } catch (const std::exception& e) {
            base::logError("store", "a watcher threw", {{"what", e.what()}});
        }
    }
}

// --- one view

Snapshot View::now() const
{
    const std::lock_guard lock(mutex_);
    return Snapshot(root_);
}

bool View::isGone() const
{
    const std::lock_guard lock(mutex_);
    return gone_;
}

bool View::isWarm() const
{
    const std::lock_guard lock(mutex_);
    return state_ == State::warm;
}

std::pair<Uid, Uid> View::takeRecent(Uid from)
{
    const std::lock_guard lock(mutex_);
    const Uid first = std::max(recent_from_, from);
    recent_from_ = std::max(first, root_->uid_next);
    return {std::min(first, recent_from_), recent_from_};
}

Uid View::recentFrom(Uid stored) const
{
    const std::lock_guard lock(mutex_);
    return std::max(recent_from_, stored);
}

std::shared_ptr<const Snapshot::Root> View::advance(const Snapshot::Root& from, const MailboxChange& change)
{
    RootBuilder builder(from);
    std::vector<Uid> expunged;
    const auto flush = [&] { // runs of expunges go in one pass: each pass may copy the spine
        if (expunged.empty())
            return;
        std::sort(expunged.begin(), expunged.end());
        builder.expunge(expunged);
        expunged.clear();
    };
    for (const MessageChange& message : change.messages) {
        const Message& m = message.row.message;
        if (message.kind == MessageChange::Kind::expunge) {
            expunged.push_back(m.uid);
            continue;
        }
        flush();
        if (message.kind == MessageChange::Kind::append)
            builder.append(m, message.row.more);
        else
            builder.changeFlags(m.uid, m.modseq, m.bits, message.row.more);
    }
    flush();
    return builder.finish(change.uid_next, change.modseq);
}

void View::publish(const MailboxChange& change)
{
    std::shared_ptr<const Snapshot::Root> newest;
    {
        const std::lock_guard lock(mutex_);
        if (change.gone) {
            gone_ = true;
            return;
        }
        if (state_ == State::loading)
            meanwhile_.push_back(change);
        if (state_ != State::warm)
            return;
        // Rows that were read between the commit and this call hold the change already.
        if (change.modseq <= root_->modseq)
            return;
        newest = root_;
    }
    // Only this thread replaces the root of a warm view, so it may be built without the lock.
    auto next = advance(*newest, change);
    const std::lock_guard lock(mutex_);
    root_ = std::move(next);
}

void View::finishLoading(std::shared_ptr<const Snapshot::Root> root)
{
    const std::lock_guard lock(mutex_);
    for (const MailboxChange& change : meanwhile_)
        if (change.modseq > root->modseq)
            root = advance(*root, change);
    meanwhile_.clear();
    meanwhile_.shrink_to_fit();
    root_ = std::move(root);
    state_ = State::warm;
    loaded_.notify_all();
}

void View::failLoading(std::exception_ptr why)
{
    const std::lock_guard lock(mutex_);
    failure_ = std::move(why);
    meanwhile_.clear();
    state_ = State::failed;
    loaded_.notify_all();
}

void View::waitUntilLoaded()
{
    std::unique_lock lock(mutex_);
    loaded_.wait(lock, [this] { return state_ != State::loading; });
    if (state_ == State::failed)
        std::rethrow_exception(failure_);
}

// --- all views

std::shared_ptr<View> Views::get(MailboxId id, const Load& load)
{
    std::shared_ptr<View> view;
    bool mine = false;
    {
        const std::lock_guard lock(mutex_);
        view = views_[id].lock();
        if (!view) {
            view = std::make_shared<View>(id);
            views_[id] = view;
            mine = true;
        }
    }
    if (mine) {
        try {
            view->finishLoading(load(id));
        } catch (...) {
            {
                const std::lock_guard lock(mutex_);
                forget(id);
            }
            view->failLoading(std::current_exception());
            throw;
        }
    } else
        view->waitUntilLoaded();
    const std::lock_guard lock(mutex_);
    keep(view);
    return view;
}

std::shared_ptr<View> Views::ifWarm(MailboxId id)
{
    const std::lock_guard lock(mutex_);
    const auto at = views_.find(id);
    auto view = at == views_.end() ? nullptr : at->second.lock();
    return view && view->isWarm() ? view : nullptr; // also one that was pushed out, while somebody holds it
}

void Views::keep(const std::shared_ptr<View>& view)
{
    if (view->isGone()) {
        forget(view->id);
        return;
    }
    if (const auto at = std::find(kept_.begin(), kept_.end(), view); at != kept_.end())
        kept_.splice(kept_.begin(), kept_, at);
    else
        kept_.push_front(view);
    std::uint64_t messages = 0;
    std::size_t count = 0;
    for (auto it = kept_.begin(); it != kept_.end();) {
        messages += (*it)->now().count();
        if (++count > 1 && (count > kKept || messages > kKeptMessages))
            it = kept_.erase(it);
        else
            ++it;
    }
    if (views_.size() > cleaned_at_) {
        std::erase_if(views_, [](const auto& entry) { return entry.second.expired(); });
        cleaned_at_ = std::max<std::size_t>(1024, views_.size() * 2);
    }
}

void Views::forget(MailboxId id)
{
    views_.erase(id);
    kept_.remove_if([id](const auto& view) { return view->id == id; });
}

Subscription Views::watchAccount(AccountId account, std::function<void()> news)
{
    std::shared_ptr<Watchers> watchers;
    {
        const std::lock_guard lock(mutex_);
        auto& entry = accounts_[account];
        if (!entry)
            entry = std::make_shared<Watchers>();
        watchers = entry;
        return watchers->add(std::move(news));
    }
}

void Views::publish(const Changes& changes) noexcept
{
    if (changes.logins)
        accounts_version_.fetch_add(1, std::memory_order_release);
    std::vector<std::shared_ptr<View>> told;
    std::vector<std::shared_ptr<Watchers>> accounts;
    std::vector<AccountId> touched = changes.accounts;
    for (const MailboxChange& change : changes.mailboxes) {
        std::shared_ptr<View> view;
        {
            const std::lock_guard lock(mutex_);
            if (const auto at = views_.find(change.id); at != views_.end())
                view = at->second.lock();
            if (change.gone)
                forget(change.id);
        }
        touched.push_back(change.account);
        if (!view)
            continue;
        view->publish(change);
        told.push_back(std::move(view));
    }
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    {
        const std::lock_guard lock(mutex_);
        for (const AccountId account : touched)
            if (const auto at = accounts_.find(account); at != accounts_.end()) {
                if (at->second->empty())
                    accounts_.erase(at);
                else
                    accounts.push_back(at->second);
            }
    }
    for (const auto& view : told)
        view->tell();
    for (const auto& watchers : accounts)
        watchers->tell();
    if (changes.events)
        events_.tell();
}

} // namespace postfach::store::sqlite
