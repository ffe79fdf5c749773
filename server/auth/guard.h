#pragma once
// What failed logins cost those who make them, and nobody else. Three counts, in memory alone, each of bounded size:
//
//   (account, address)  one mistake is free, then each doubles the wait, up to four seconds; from the tenth on the pair is
//                       banned: refused with the words of a wrong password, unseen. Each ban is twice as long as the last.
//   address             how many different accounts failed from it (spraying, enumeration). Slow to grow: an office has typos.
//   account             from how many different addresses it failed (distributed guessing). Slows, never bans.
//
// An address from which the account has logged in lately is at home: the counts of address and account do not touch it and
// it is never banned, so no guesser locks an owner out of where he works. Hammering one account counts once for the address,
// so its neighbours behind the same NAT notice nothing. Of a pair no more attempts are looked at at once than may still fail before a
// ban, so guesses that come all at once are no more than others. An IPv6 address counts as its /64. Names count whether they exist
// or not. Time is monotonic: an administrator who sets the clock lifts no ban. Any thread.
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace postfach::auth {

struct Ban {
    std::string account, address;        // one is empty where the count is of the other alone
    int failures = 0;
    bool refused = false;                // else only slowed
    std::chrono::milliseconds left{};    // of the ban, or until the count is forgotten
};

class Guard {
public:
    using SteadyTime = std::chrono::steady_clock::time_point;
    explicit Guard(std::function<SteadyTime()> now = std::chrono::steady_clock::now);

    struct Decision {
        std::chrono::milliseconds delay{}; // before the password is looked at
        bool refused = false;              // it is not looked at
        bool crowded = false;              // not now: what becomes of those that are being looked at comes first. Ask again
        std::shared_ptr<const void> place; // among those, where there is a bound: held until the attempt has failed or succeeded, or ended
    };
    Decision ask(const std::string& user, const std::string& address);
    std::vector<Ban> failed(const std::string& user, const std::string& address); // the bans that it has brought about
    void succeeded(const std::string& user, const std::string& address);

    std::vector<Ban> bans() const;               // who waits or is refused now, by address and account
    std::size_t lift(const std::string& subject); // an address or an account: everything that names it; how many

    static std::string network(const std::string& address); // what is counted for it: "192.0.2.1", "2001:db8:0:1::/64"

private:
    using Pair = std::pair<std::string, std::string>; // account, network
    struct Entry {
        double count = 0;    // as it was at `last`
        int bans = 0;
        SteadyTime last{};
        SteadyTime until{};  // of the ban
    };
    struct Rules;
    template <class Key>
    Entry& entryOf(std::map<Key, Entry>& entries, const Key& key, const Rules& rules);
    static double countNow(const Entry& entry, const Rules& rules, SteadyTime now);
    static std::chrono::milliseconds delayOf(double count, const Rules& rules);
    template <class Key>
    void add(std::map<Key, Entry>& entries, const Key& key, const Rules& rules, bool bannable, const std::string& account,
             const std::string& address, std::vector<Ban>& bans);
    bool atHome(const Pair& pair, SteadyTime now) const;
    static double limitOf(const Entry& entry, const Rules& rules);
    std::shared_ptr<const void> enter(const Pair& pair, double most);
    static const Rules kPair, kAddress, kAccount;

    const std::function<SteadyTime()> now_;
    mutable std::mutex mutex_; // guards what follows
    std::map<Pair, Entry> pairs_;
    std::map<std::string, Entry> addresses_, accounts_;
    std::map<Pair, SteadyTime> homes_; // last good login

    struct InFlight {
        std::mutex mutex;
        std::map<Pair, int> attempts; // guarded by mutex; one for each place that is held
    };
    const std::shared_ptr<InFlight> in_flight_; // a session's place may be given back when the guard is gone
};

} // namespace postfach::auth
