#pragma once
// How long the next try of an account from an address must wait: nothing after one mistake, then twice as long with each,
// to a bound. Counted by the pair, so a guesser slows neither the owner nor his neighbours behind the same address.
// Bounded memory: past kPairs the oldest half is forgotten. Any thread.
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace postfach::auth {

class Failures {
public:
    std::chrono::milliseconds delay(const std::string& user, const std::string& address) const;
    void add(const std::string& user, const std::string& address);
    void forget(const std::string& user, const std::string& address);

private:
    struct Entry {
        int count = 0;
        std::chrono::steady_clock::time_point last;
    };
    using Pair = std::pair<std::string, std::string>;
    static Pair key(const std::string& user, const std::string& address);
    void makeRoom();
    mutable std::mutex mutex_;
    std::map<Pair, Entry> entries_; // guarded by mutex_
};

} // namespace postfach::auth
