#pragma once
// What one client asked to hear of by NOTIFY, and what it knows already of the mailboxes that are not selected (RFC 5465). It compares
// pictures of the account: the last one it told of, and the newest. Belongs to its session's strand, but for `due`.
#include "server/imap/enabled.h"
#include "server/imap/listing.h"
#include "server/imap/syntax/notify.h"
#include "server/store/store.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postfach::imap {

class Notifier {
public:
    explicit Notifier(NotifyWish wish) : wish_(std::move(wish)) {}

    const NotifyEvents& ofSelected() const { return wish_.selected; }
    bool delaysExpunge() const { return wish_.delayed; }
    bool watchesOthers() const { return !wish_.groups.empty(); }
    bool watchesMetadata() const;
    void watch(store::Store& store, store::AccountId account, std::function<void()> wake); // every commit of the account
    bool takeDue() { return due_->exchange(false); }                                       // something was committed since

    // This client's own CREATE, DELETE, RENAME or SUBSCRIBE is no news to it (5).
    void own(std::string name) { own_.push_back(std::move(name)); }

    struct Account { // as it is now
        std::vector<store::Mailbox> mailboxes;
        std::vector<std::string> subscriptions;
        std::map<std::uint64_t, std::vector<store::Annotation>> annotations; // by mailbox, 0: the account's; where watchesMetadata()
    };
    struct Telling {
        const Enabled& enabled;
        store::Store& store;
        std::optional<store::MailboxId> selected; // of its messages the session tells
    };
    // The first picture: it is known from now on. STATUS of what was asked for, if that was asked for.
    std::string begin(const Account& now, const Telling& telling);
    std::string news(const Account& now, const Telling& telling); // whole lines

private:
    struct Known {
        std::string name;
        std::uint32_t uid_validity = 0, exists = 0, unseen = 0;
        store::Uid uid_next;
        store::ModSeq modseq = 0;
        bool subscribed = false;
    };
    NotifyEvents eventsFor(const std::string& name, bool subscribed, const Telling& telling) const;
    bool isNews(const Known& before, const store::Mailbox& now, const NotifyEvents& events, const Enabled& enabled) const;
    void putNames(std::string& out, const Account& now, const Telling& telling);
    void putMetadata(std::string& out, const Account& now, const Telling& telling) const;
    void know(const Account& now);

    NotifyWish wish_;
    std::map<std::uint64_t, Known> known_;      // by mailbox
    std::vector<std::string> known_subscriptions_, own_;
    std::map<std::uint64_t, std::vector<store::Annotation>> known_annotations_;
    std::shared_ptr<std::atomic<bool>> due_ = std::make_shared<std::atomic<bool>>(false);
    store::Subscription watching_;
};

} // namespace postfach::imap
