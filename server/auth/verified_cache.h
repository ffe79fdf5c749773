#pragma once
// Passwords that were right a moment ago, as HMACs under a key of this process: a mail client opens five connections at once
// and need not pay argon2id for each. Tied to the stored hash, so a changed password is out at once. Any thread.
#include "server/store/types.h"

#include <chrono>
#include <map>
#include <mutex>
#include <string>

namespace postfach::auth {

class VerifiedCache {
public:
    VerifiedCache();
    bool contains(store::AccountId account, const std::string& stored_hash, const std::string& password) const;
    void add(store::AccountId account, const std::string& stored_hash, const std::string& password);
    void forget(store::AccountId account);

private:
    std::string mark(const std::string& stored_hash, const std::string& password) const;
    struct Entry {
        std::string mark;
        std::chrono::steady_clock::time_point until;
    };
    const std::string key_;
    mutable std::mutex mutex_;
    std::map<store::AccountId, Entry> entries_; // guarded by mutex_; one an account: the password of most of its clients
};

} // namespace postfach::auth
