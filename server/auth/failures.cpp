#include "server/auth/failures.h"
#include "server/base/text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <vector>

namespace postfach::auth {
namespace {
using namespace std::chrono_literals;
constexpr auto kFirstDelay = 250ms; // after the second mistake
constexpr auto kLongestDelay = 15s;
constexpr auto kForgetAfter = 10min;
constexpr std::size_t kPairs = 20'000;
} // namespace

// Whoever has an IPv6 address has its /64.
static std::string network(const std::string& address)
{
    std::array<char, 16> bytes{};
    return ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1 ? std::string(bytes.data(), 8) : address;
}

Failures::Pair Failures::key(const std::string& user, const std::string& address) { return {base::lower(user.substr(0, 320)), network(address)}; }

std::chrono::milliseconds Failures::delay(const std::string& user, const std::string& address) const
{
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key(user, address));
    if (found == entries_.end() || found->second.count < 2 || std::chrono::steady_clock::now() - found->second.last > kForgetAfter)
        return 0ms;
    const int doublings = std::min(found->second.count - 2, 10);
    return std::min<std::chrono::milliseconds>(kFirstDelay * (1 << doublings), kLongestDelay);
}

void Failures::add(const std::string& user, const std::string& address)
{
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kPairs)
        makeRoom();
    auto& entry = entries_[key(user, address)];
    if (now - entry.last > kForgetAfter)
        entry.count = 0;
    ++entry.count;
    entry.last = now;
}

void Failures::forget(const std::string& user, const std::string& address)
{
    const std::lock_guard lock(mutex_);
    entries_.erase(key(user, address));
}

void Failures::makeRoom()
{
    std::vector<std::chrono::steady_clock::time_point> times;
    times.reserve(entries_.size());
    for (const auto& [pair, entry] : entries_)
        times.push_back(entry.last);
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    std::erase_if(entries_, [&](const auto& item) { return item.second.last <= *middle; });
}

} // namespace postfach::auth
