#include "server/pop3/maildrop.h"

#include <cstdio>

namespace postfach::pop3 {

Maildrop Maildrop::open(store::Store& store, store::AccountId account)
{
    Maildrop drop;
    const auto tx = store.read();
    const auto inbox = tx->findMailbox(account, "INBOX");
    if (!inbox)
        throw store::Error(store::Error::Kind::noSuchMailbox, "account without INBOX");
    drop.mailbox_ = inbox->id;
    drop.uid_validity_ = inbox->uid_validity;
    for (auto& [uid, text] : tx->fixedUidls(inbox->id))
        drop.fixed_uidls_.emplace(uid.value, std::move(text));
    drop.snapshot_ = store.view(inbox->id)->now();
    drop.deleted_.resize(drop.snapshot_.count());
    drop.live_bytes_ = drop.snapshot_.size();
    return drop;
}

std::string Maildrop::uidl(std::uint32_t number) const
{
    const auto uid = snapshot_.uidAt(number - 1);
    if (const auto found = fixed_uidls_.find(uid.value); found != fixed_uidls_.end())
        return found->second;
    char text[20];
    std::snprintf(text, sizeof text, "%08x%08x", uid_validity_, uid.value);
    return text;
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
    live_bytes_ = snapshot_.size();
}

void Maildrop::close(store::WriteTx& tx, bool deletions) const
{
    if (deletions && deleted_count_ > 0) {
        std::vector<store::Uid> gone;
        for (std::uint32_t i = 0; i < count(); ++i)
            if (deleted_[i])
                gone.push_back(snapshot_.uidAt(i));
        tx.expunge(mailbox_, gone);
    }
    store::Flags seen;
    seen.bits = store::Flags::kSeen;
    if (!retrieved_.empty())
        tx.changeFlags(mailbox_, retrieved_, store::FlagChange::add, seen);
}

std::string Maildrop::readBody(store::Store& store, std::uint32_t number, std::uint64_t offset, std::uint64_t length) const
{
    return store.read()->bodyRange(at(number).body, offset, length);
}

} // namespace postfach::pop3
