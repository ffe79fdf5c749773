#pragma once
// Who may log in, kept in memory as last read from the store: a login of a known account touches no disk and no helper thread.
// An entry is good as long as Store::accountsVersion() stands where it stood when it was read; so every change of an account
// or a password, by whatever door, counts from its commit on. Names that are no account are kept too: they answer as fast as
// those that are. Any thread.
#include "server/store/store.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace postfach::auth {

struct Known {
    std::optional<store::Account> account;         // none: no such account; what follows is empty then
    store::Credentials credentials;
    std::vector<store::AppPassword> app_passwords;
};

class Directory {
public:
    explicit Directory(store::Store& store) : store_(store) {} // outlives it

    std::shared_ptr<const Known> find(const std::string& user) const; // memory only; null when it must be read
    std::shared_ptr<const Known> read(const std::string& user);       // blocks; throws store::Error

private:
    struct Entry {
        std::shared_ptr<const Known> known;
        std::uint64_t version = 0;
    };
    store::Store& store_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Entry> entries_; // guarded by mutex_; by name in lower case
};

} // namespace postfach::auth
