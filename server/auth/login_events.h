#pragma once
// Failed logins and bans in the journal of events. A flood is bounded: so many a minute stand there, and the next says how many did not.
#include "server/auth/guard.h"
#include "server/store/store.h"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace postfach::auth {

class LoginEvents { // any thread
public:
    static constexpr unsigned kAMinute = 60;

    explicit LoginEvents(store::Store& store) : store_(store) {} // outlives it
    void failed(const std::string& account, const std::string& address, const std::string& service, const std::string& mechanism);
    void banned(const std::vector<Ban>& bans);

private:
    store::Store& store_;
    std::mutex mutex_; // guards what follows
    std::chrono::steady_clock::time_point minute_{};
    unsigned told_ = 0;
    std::uint64_t untold_ = 0;
};

} // namespace postfach::auth
