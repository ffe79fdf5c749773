#pragma once
// Something of everything that writes, step by step from a seed, and the whole of an account in words, to be compared.
#include "server/store/store.h"

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace postfach::test {

class Workload {
public:
    Workload(store::Store& store, std::uint64_t seed) : store_(store), random_(seed) {}

    // Makes the account; before any step.
    void begin();
    // One thing that a session or a delivery may do; one write() to the store. Throws what the store threw.
    void step();

private:
    std::uint64_t below(std::uint64_t most) { return random_() % most; }
    std::string content();
    store::MailboxId anyMailbox(store::ReadTx& tx, bool own = false);
    std::vector<store::Uid> anyUids(store::MailboxId mailbox);
    void deliver();

    store::Store& store_;
    std::mt19937_64 random_;
    std::vector<std::string> sent_; // some contents, to send again
    std::uint64_t serial_ = 0;
};

// Every mailbox with its numbers, every message with UID, flags, date and the hash of the bytes as they are read, what was
// expunged, quarantine, quota. Equal text, equal account. Throws what reading throws.
std::string everythingIn(store::Store& store);

} // namespace postfach::test
