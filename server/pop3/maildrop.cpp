#include "server/pop3/maildrop.h"

#include <algorithm>

namespace postfach::pop3 {
namespace {

void putHex(std::string& out, std::uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        out += "0123456789abcdef"[(value >> shift) & 15U];
}

} // namespace

Maildrop Maildrop::open(store::Store& store, const store::Account& account)
{
    Maildrop drop;
    const auto inbox = store.read()->findMailbox(account.id, "INBOX");
    if (!inbox)
        throw store::Error(store::Error::Kind::noSuchMailbox, "account without INBOX");
    drop.mailbox_ = inbox->id;
    drop.uid_validity_ = inbox->uid_validity;
    drop.policy_ = account.pop3_in_force;
    drop.view_ = store.view(inbox->id);
    drop.snapshot_ = drop.view_->now();
    // Read after the view, or what is released from quarantine in between would be shown under a UIDL that it has never had. What goes or is
    // hidden in between does no harm.
    const auto tx = store.read();
    for (auto& [uid, text] : tx->fixedUidls(inbox->id))
        drop.fixed_uidls_.emplace(uid.value, std::move(text));
    const auto hidden = tx->hiddenFromPop3(inbox->id);
    drop.count_ = drop.snapshot_.count();
    drop.bytes_ = drop.snapshot_.size();
    if (!hidden.empty()) {
        drop.bytes_ = 0;
        drop.snapshot_.each(0, drop.count_, [&](std::uint32_t index, const store::Message& message) {
            if (std::binary_search(hidden.begin(), hidden.end(), message.uid))
                return true;
            drop.shown_.push_back(index);
            drop.bytes_ += message.size;
            return true;
        });
        drop.count_ = static_cast<std::uint32_t>(drop.shown_.size());
    }
    drop.deleted_.resize(drop.count_);
    drop.live_bytes_ = drop.bytes_;
    return drop;
}

void Maildrop::putUidl(std::string& out, store::Uid uid) const
{
    if (const auto found = fixed_uidls_.find(uid.value); found != fixed_uidls_.end()) {
        out += found->second;
        return;
    }
    putHex(out, uid_validity_);
    putHex(out, uid.value);
}

std::string Maildrop::uidl(std::uint32_t number) const
{
    std::string out;
    putUidl(out, snapshot_.uidAt(indexOf(number)));
    return out;
}

void Maildrop::each(std::uint32_t from, const Visit& visit) const
{
    if (from > count_)
        return;
    if (shown_.empty()) {
        snapshot_.each(from - 1, count_, [&](std::uint32_t index, const store::Message& message) {
            return deleted_[index] || visit(index + 1, message);
        });
        return;
    }
    for (std::uint32_t number = from; number <= count_; ++number)
        if (!deleted_[number - 1] && !visit(number, at(number)))
            return;
}

void Maildrop::markDeleted(std::uint32_t number)
{
    deleted_[number - 1] = true;
    ++deleted_count_;
    live_bytes_ -= at(number).size;
}

void Maildrop::unmarkAll()
{
    deleted_.assign(deleted_.size(), false);
    deleted_count_ = 0;
    live_bytes_ = bytes_;
}

std::vector<store::Uid> Maildrop::outgoing() const
{
    std::vector<store::Uid> uids;
    if (policy_.retention == store::Pop3Policy::kAtOnce)
        uids = retrieved_;
    for (std::uint32_t number = 1; deleted_count_ > 0 && number <= count_; ++number)
        if (deleted_[number - 1])
            uids.push_back(snapshot_.uidAt(indexOf(number)));
    std::sort(uids.begin(), uids.end());
    uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
    return uids;
}

std::size_t Maildrop::leaving() const { return outgoing().size(); }

void Maildrop::close(store::WriteTx& tx, bool deletions) const
{
    const bool hides = policy_.hide.value_or(false);
    std::vector<store::Uid> gone;
    if (deletions)
        gone = outgoing();
    if (!gone.empty()) {
        if (hides)
            tx.hideFromPop3(mailbox_, gone);
        else
            tx.remove(mailbox_, gone, store::Removal::recoverable, "pop3");
    }
    std::vector<store::Uid> read; // and still there for somebody
    for (const store::Uid uid : retrieved_)
        if (hides || !std::binary_search(gone.begin(), gone.end(), uid))
            read.push_back(uid);
    if (read.empty())
        return;
    tx.recordPop3Download(mailbox_, read);
    store::Flags seen;
    seen.bits = store::Flags::kSeen;
    if (policy_.seen.value_or(true))
        tx.changeFlags(mailbox_, read, store::FlagChange::add, seen);
}

} // namespace postfach::pop3
