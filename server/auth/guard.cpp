#include "server/auth/guard.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace postfach::auth {
namespace {
using namespace std::chrono_literals;
base::Counter delayed{"postfach_login_guard_total", "Login attempts the guard touched", {{"decision", "delayed"}}};
base::Counter refused{"postfach_login_guard_total", "Login attempts the guard touched", {{"decision", "refused"}}};
base::Counter banned{"postfach_login_bans_total", "Bans of an address, or of an account from an address"};

constexpr std::size_t kMost = 20'000;             // entries of each count; some 3 MiB
constexpr std::size_t kHomes = 100'000;           // every account from a handful of places
constexpr auto kHomeFor = std::chrono::hours(24 * 30);
constexpr auto kLongestBan = 60min;
} // namespace

struct Guard::Rules {
    double free;                      // failures that cost nothing
    double doubling;                  // that many more double the wait
    double ban;                       // from here on: refused
    std::chrono::milliseconds first, longest; // waits
    std::chrono::seconds forgets;     // one failure in that time; the pair forgets all at once after it
    std::chrono::minutes first_ban;
    bool at_once;
};

const Guard::Rules Guard::kPair{1, 1, 10, 250ms, 4s, 600s, 1min, true};
const Guard::Rules Guard::kAddress{20, 10, 100, 100ms, 4s, 30s, 1min, false};
const Guard::Rules Guard::kAccount{10, 5, 1e9, 250ms, 4s, 300s, 1min, false};

Guard::Guard(std::function<SteadyTime()> now) : now_(std::move(now)), in_flight_(std::make_shared<InFlight>()) {}

std::string Guard::network(const std::string& address)
{
    std::array<unsigned char, 16> bytes{};
    if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1)
        return address;
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0)); // whoever has an address has its /64
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    return std::string(text.data()) + "/64";
}

double Guard::countNow(const Entry& entry, const Rules& rules, SteadyTime now)
{
    const auto since = std::chrono::duration<double>(now - entry.last) / std::chrono::duration<double>(rules.forgets);
    if (rules.at_once)
        return since > 1 ? 0 : entry.count;
    return std::max(0.0, entry.count - std::max(0.0, since));
}

std::chrono::milliseconds Guard::delayOf(double count, const Rules& rules)
{
    if (count <= rules.free)
        return 0ms;
    const double doublings = std::min(10.0, std::floor((count - rules.free - 1) / rules.doubling));
    const double wait = static_cast<double>(rules.first.count()) * std::exp2(doublings);
    return std::min(rules.longest, std::chrono::milliseconds(static_cast<std::int64_t>(wait)));
}

bool Guard::atHome(const Pair& pair, SteadyTime now) const
{
    const auto home = homes_.find(pair);
    return home != homes_.end() && now - home->second < kHomeFor;
}

static std::pair<std::string, std::string> pairOf(const std::string& user, const std::string& address)
{
    return {base::lower(std::string_view(user).substr(0, base::limits::kAddress)), Guard::network(address)};
}

// After a ban three more tries, then the next, twice as long.
double Guard::limitOf(const Entry& entry, const Rules& rules) { return entry.bans == 0 ? rules.ban : std::min(rules.ban, 3.0); }

// A place for one more; null where there are `most`.
std::shared_ptr<const void> Guard::enter(const Pair& pair, double most)
{
    const std::lock_guard lock(in_flight_->mutex);
    int& attempts = in_flight_->attempts[pair];
    if (attempts > 0 && attempts + 1 > most)
        return nullptr;
    ++attempts;
    const auto leave = [all = in_flight_, pair](const void*) {
        const std::lock_guard left(all->mutex);
        if (const auto at = all->attempts.find(pair); --at->second == 0)
            all->attempts.erase(at);
    };
    return {this, leave};
}

Guard::Decision Guard::ask(const std::string& user, const std::string& address)
{
    const auto pair = pairOf(user, address);
    const auto now = now_();
    Decision decision;
    const std::lock_guard lock(mutex_);
    const bool home = atHome(pair, now);
    const auto weigh = [&](const auto& entries, const auto& key, const Rules& rules) {
        const auto entry = entries.find(key);
        if (entry == entries.end())
            return;
        decision.delay = std::max(decision.delay, delayOf(countNow(entry->second, rules, now), rules));
        decision.refused = decision.refused || (!home && now < entry->second.until);
    };
    weigh(pairs_, pair, kPair);
    if (!home) {
        weigh(addresses_, pair.second, kAddress);
        weigh(accounts_, pair.first, kAccount);
    }
    if (!home && !decision.refused) {
        const auto known = pairs_.find(pair);
        const Entry entry = known != pairs_.end() ? known->second : Entry();
        decision.place = enter(pair, limitOf(entry, kPair) - countNow(entry, kPair, now));
        decision.crowded = !decision.place;
    }
    if (decision.refused) {
        decision.delay = 0ms; // who is not looked at costs nothing, and holds no connection
        refused.add();
    } else if (decision.delay > 0ms && !decision.crowded) {
        delayed.add();
    }
    return decision;
}

// Past kMost the half that matters least goes: what failed once long ago before what failed often or is banned.
template <class Key>
Guard::Entry& Guard::entryOf(std::map<Key, Entry>& entries, const Key& key, const Rules& rules)
{
    if (entries.size() >= kMost && !entries.contains(key)) {
        const auto worth = [&](const Entry& e) { return std::max(e.until, e.last + std::min(120, static_cast<int>(e.count)) * 5s); };
        std::vector<SteadyTime> all;
        all.reserve(entries.size());
        for (const auto& item : entries)
            all.push_back(worth(item.second));
        const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
        std::nth_element(all.begin(), middle, all.end());
        std::erase_if(entries, [&](const auto& item) { return worth(item.second) <= *middle; });
    }
    auto& entry = entries[key];
    const auto now = now_();
    entry.count = countNow(entry, rules, now);
    // The longer a ban was, the longer it is remembered.
    if (entry.bans > 0 && now - std::max(entry.until, entry.last) > std::chrono::hours(24))
        entry.bans = 0;
    return entry;
}

template <class Key>
void Guard::add(std::map<Key, Entry>& entries, const Key& key, const Rules& rules, bool bannable, const std::string& account,
                const std::string& address, std::vector<Ban>& bans)
{
    auto& entry = entryOf(entries, key, rules);
    const auto now = now_();
    entry.count += 1;
    entry.last = now;
    if (!bannable || now < entry.until)
        return;
    if (entry.count < limitOf(entry, rules))
        return;
    const auto length = std::min<std::chrono::minutes>(rules.first_ban * (1 << std::min(entry.bans, 6)), kLongestBan);
    entry.until = now + length;
    bans.push_back({account, address, static_cast<int>(std::lround(entry.count)), true, length});
    ++entry.bans;
    entry.count = 0;
    banned.add();
    base::logWarning("auth", "banned", {{"account", account.empty() ? "*" : account}, {"address", address}, {"minutes", length.count()}});
}

std::vector<Ban> Guard::failed(const std::string& user, const std::string& address)
{
    std::vector<Ban> bans;
    const auto pair = pairOf(user, address);
    const auto now = now_();
    const std::lock_guard lock(mutex_);
    const bool home = atHome(pair, now);
    const auto known = pairs_.find(pair);
    const bool first = known == pairs_.end() || (countNow(known->second, kPair, now) < 1 && known->second.bans == 0);
    add(pairs_, pair, kPair, !home, pair.first, pair.second, bans);
    if (!first || home)
        return bans;
    add(addresses_, pair.second, kAddress, true, {}, pair.second, bans);
    add(accounts_, pair.first, kAccount, false, pair.first, {}, bans);
    return bans;
}

void Guard::succeeded(const std::string& user, const std::string& address)
{
    auto pair = pairOf(user, address);
    const auto now = now_();
    const std::lock_guard lock(mutex_);
    if (!pairs_.empty())
        pairs_.erase(pair);
    if (const auto home = homes_.find(pair); home != homes_.end()) {
        home->second = now;
        return;
    }
    if (homes_.size() >= kHomes) {
        std::vector<SteadyTime> all;
        all.reserve(homes_.size());
        for (const auto& item : homes_)
            all.push_back(item.second);
        const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
        std::nth_element(all.begin(), middle, all.end());
        std::erase_if(homes_, [&](const auto& item) { return item.second <= *middle; });
    }
    homes_.emplace(std::move(pair), now);
}

std::vector<Ban> Guard::bans() const
{
    const auto now = now_();
    std::vector<Ban> all;
    const std::lock_guard lock(mutex_);
    const auto list = [&](const Entry& entry, const Rules& rules, const std::string& account, const std::string& address) {
        using std::chrono::ceil;
        using std::chrono::milliseconds;
        const double count = countNow(entry, rules, now);
        Ban ban{account, address, static_cast<int>(std::lround(entry.count)), now < entry.until, {}};
        if (!ban.refused && delayOf(count, rules) == 0ms)
            return;
        const auto forgets = std::chrono::duration<double>(rules.forgets);
        ban.left = ban.refused ? ceil<milliseconds>(entry.until - now)
                               : ceil<milliseconds>(rules.at_once ? entry.last + rules.forgets - now : (count - rules.free) * forgets);
        all.push_back(std::move(ban));
    };
    for (const auto& [pair, entry] : pairs_)
        list(entry, kPair, pair.first, pair.second);
    for (const auto& [address, entry] : addresses_)
        list(entry, kAddress, {}, address);
    for (const auto& [account, entry] : accounts_)
        list(entry, kAccount, account, {});
    std::sort(all.begin(), all.end(), [](const Ban& a, const Ban& b) { return std::tie(a.address, a.account) < std::tie(b.address, b.account); });
    return all;
}

std::size_t Guard::lift(const std::string& subject)
{
    const auto name = base::lower(subject);
    const auto place = network(name);
    const std::lock_guard lock(mutex_);
    std::size_t lifted = std::erase_if(pairs_, [&](const auto& item) { return item.first.first == name || item.first.second == place; });
    lifted += addresses_.erase(place);
    lifted += accounts_.erase(name);
    return lifted;
}

} // namespace postfach::auth
