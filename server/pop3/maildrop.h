#pragma once
// The maildrop: INBOX as it was at login, numbered 1 to n for the whole session (RFC 1939 3). Nothing others do renumbers it,
// and it locks nobody out. DELE only marks; close() carries it out (RFC 1939 6).
#include "server/net/strand.h"
#include "server/store/store.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postfach::pop3 {

class Maildrop {
public:
    // Reads from the disk when INBOX is cold: on a helper. noSuchMailbox when the account is gone.
    static Maildrop open(store::Store& store, store::AccountId account);

    std::uint32_t count() const { return snapshot_.count(); }          // deleted ones included: the highest number
    std::uint32_t live() const { return count() - deleted_count_; }
    std::uint64_t liveBytes() const { return live_bytes_; }
    bool isDeleted(std::uint32_t number) const { return deleted_[number - 1]; }
    store::Message at(std::uint32_t number) const { return snapshot_.at(number - 1); }
    std::string uidl(std::uint32_t number) const;

    void markDeleted(std::uint32_t number);
    void unmarkAll();
    void markRetrieved(std::uint32_t number) { retrieved_.push_back(snapshot_.uidAt(number - 1)); }

    // UPDATE state: what was marked goes; what was only read is marked \Seen. With `deletions` false (the line dropped) nothing goes.
    // Runs in the writer; what another session has removed meanwhile is as good as removed by us.
    void close(store::WriteTx& tx, bool deletions) const;
    bool hasWork(bool deletions) const { return !retrieved_.empty() || (deletions && deleted_count_ > 0); }

    std::string readBody(store::Store& store, std::uint32_t number, std::uint64_t offset, std::uint64_t length) const; // on a helper

private:
    Maildrop() = default;
    store::MailboxId mailbox_;
    std::uint32_t uid_validity_ = 0;
    store::Snapshot snapshot_;
    std::unordered_map<std::uint32_t, std::string> fixed_uidls_; // by UID
    std::vector<bool> deleted_;
    std::vector<store::Uid> retrieved_;
    std::uint32_t deleted_count_ = 0;
    std::uint64_t live_bytes_ = 0;
};

} // namespace postfach::pop3
