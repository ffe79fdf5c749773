#pragma once
// The maildrop: INBOX as it was at login, numbered 1 to n for the whole session (RFC 1939 3), without what is hidden from POP3. Nothing
// others do renumbers it, and it locks nobody out. DELE only marks; close() carries it out (RFC 1939 6), and the account's retention.
#include "server/net/strand.h"
#include "server/store/store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postfach::pop3 {

class Maildrop {
public:
    // Reads from the disk when INBOX is cold: on a helper. noSuchMailbox when the account is gone.
    static Maildrop open(store::Store& store, const store::Account& account);

    std::uint32_t count() const { return count_; }                     // deleted ones included: the highest number
    std::uint32_t live() const { return count_ - deleted_count_; }
    std::uint64_t liveBytes() const { return live_bytes_; }
    bool isDeleted(std::uint32_t number) const { return deleted_[number - 1]; }
    store::Message at(std::uint32_t number) const { return snapshot_.at(indexOf(number)); }
    std::string uidl(std::uint32_t number) const;
    store::MailboxId mailbox() const { return mailbox_; }
    const store::Pop3Policy& policy() const { return policy_; }

    // What is not deleted of [from, count()], in order, cheaper than at() one by one; ends when `visit` says false.
    using Visit = std::function<bool(std::uint32_t number, const store::Message&)>;
    void each(std::uint32_t from, const Visit& visit) const;
    void putUidl(std::string& out, store::Uid uid) const;

    void markDeleted(std::uint32_t number);
    void unmarkAll();
    void markRetrieved(std::uint32_t number) { retrieved_.push_back(snapshot_.uidAt(indexOf(number))); } // whole, to its end

    // UPDATE state: what was marked goes, and what was retrieved where the retention is "delete". With `deletions` false (the line
    // dropped) nothing goes. What was retrieved and stays is noted, and is \Seen where the policy says so.
    // Runs in the writer; what another session has removed meanwhile is as good as removed by us.
    void close(store::WriteTx& tx, bool deletions) const;
    bool hasWork(bool deletions) const { return !retrieved_.empty() || (deletions && deleted_count_ > 0); }
    std::size_t leaving() const; // how many close(tx, true) takes out

private:
    Maildrop() = default;
    std::uint32_t indexOf(std::uint32_t number) const { return shown_.empty() ? number - 1 : shown_[number - 1]; }
    std::vector<store::Uid> outgoing() const;

    store::MailboxId mailbox_;
    std::uint32_t uid_validity_ = 0;
    store::Pop3Policy policy_;
    std::shared_ptr<store::MailboxView> view_; // stays warm: it is asked whether a message was taken away since
    store::Snapshot snapshot_;
    std::vector<std::uint32_t> shown_;     // positions in the snapshot, where some are hidden; empty: all
    std::unordered_map<std::uint32_t, std::string> fixed_uidls_; // by UID
    std::vector<bool> deleted_;
    std::vector<store::Uid> retrieved_;
    std::uint32_t count_ = 0, deleted_count_ = 0;
    std::uint64_t bytes_ = 0, live_bytes_ = 0;
};

} // namespace postfach::pop3
