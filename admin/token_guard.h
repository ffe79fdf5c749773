#pragma once
// What wrong tokens cost whoever shows them. A token has 256 random bits, so nobody guesses one; but who tries is slowed down, told to stop,
// and told of. Counted by network (an IPv6 /64 is one), in memory alone, bounded; ten minutes without a wrong one and all is forgotten.
// A good token is never slowed: the neighbours of a guesser notice nothing.
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace postfach::admin {

class TokenGuard { // any thread
public:
    using SteadyTime = std::chrono::steady_clock::time_point;
    static constexpr unsigned kFree = 50, kRefused = 200;

    explicit TokenGuard(std::function<SteadyTime()> now = std::chrono::steady_clock::now) : now_(std::move(now)) {}

    struct Decision {
        std::chrono::milliseconds delay{}; // before the answer
        bool refused = false;              // too many: 429
        std::uint64_t tell = 0;            // so many since it was last told of; 0: it was a moment ago
    };
    Decision failed(const std::string& address);

private:
    struct Entry {
        unsigned count = 0;
        std::uint64_t untold = 0;
        SteadyTime last{}, told{};
    };
    const std::function<SteadyTime()> now_;
    std::mutex mutex_;                     // guards what follows
    std::map<std::string, Entry> entries_;
};

} // namespace postfach::admin
