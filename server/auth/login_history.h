#pragma once
// Who logged in to which account, and who tried: for its owner and the administrator to look at.
//
// A login costs an entry in memory; every few seconds all of them go with the next commit. A crash loses those seconds. What is
// alike within an hour is counted, so the memory is bounded by who comes from where, and past kMostPending what is new is not recorded,
// and counted. What names no account leaves nothing here.
#include "server/store/store.h"

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace postfach::auth {

class LoginHistory { // any thread
public:
    static constexpr std::size_t kMostPending = 50'000; // records, some 300 bytes each

    explicit LoginHistory(store::Store& store) : store_(store) {} // outlives it
    ~LoginHistory();               // what was noted is written

    void record(bool on);          // off: what comes is dropped, and what waits
    void note(const store::LoginRecord& login);
    void flush();                  // what was noted goes with the next commit
    void settle();                 // the same, and returns when all that was noted so far is in the store. Blocks

private:
    using Key = std::tuple<std::int64_t, std::int64_t, std::string, std::string, std::string, bool, store::LoginRecord::Outcome, std::string>;
    std::vector<std::vector<store::LoginRecord>> take();

    store::Store& store_;
    std::mutex mutex_;             // guards what follows
    bool on_ = true;
    std::map<Key, store::LoginRecord> pending_;
};

} // namespace postfach::auth
