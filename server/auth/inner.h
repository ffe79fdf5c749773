#pragma once
// Behind the Authenticator: what login() and the SASL exchanges share. Private to this folder.
#include "server/auth/auth.h"
#include "server/auth/directory.h"
#include "server/auth/hash_pool.h"
#include "server/auth/login_events.h"
#include "server/auth/login_history.h"
#include "server/auth/verified_cache.h"
#include "server/base/clock.h"

#include <atomic>
#include <map>
#include <mutex>
#include <utility>

namespace postfach::auth {

inline constexpr unsigned kScramIterations = 10'000; // the client pays too, phones included: some 10 ms (RFC 7677 4 wants 4,096)
inline constexpr std::size_t kScramSalt = 16;

struct Authenticator::Inner {
    Inner(store::Store& store, const base::Clock& clock, PlaintextPolicy policy, std::function<Guard::SteadyTime()> steady);

    store::Store& store;
    const base::Clock& clock;
    std::atomic<PlaintextPolicy> policy;
    const std::string secret; // of this installation: fake salts, app passwords
    Directory directory;
    VerifiedCache verified;
    Guard guard;
    LoginEvents events;
    LoginHistory history;
    std::mutex mutex;
    std::map<std::pair<store::AccountId, std::string>, base::Time> noted; // guarded by mutex: logins told to the store, by app password
    HashPool hashes; // last: its threads end first

    using KnownPtr = std::shared_ptr<const Known>;

    // Null when the store cannot say now.
    net::Task<KnownPtr> find(net::Strand& strand, std::string user);
    // What the guard says, when a place is free and the wait is over. The place is held as long as the decision is.
    net::Task<Guard::Decision> admit(net::Strand& strand, std::string user, std::string address);
    // Sleeps without a thread; deaf to the deadline that stood before.
    net::Task<> sleep(net::Strand& strand, Guard::SteadyTime until);
    // A wrong answer comes on a beat, so its time tells nothing of what was compared with what.
    net::Task<> pace(net::Strand& strand, Guard::SteadyTime began);
    // The app password that may be used for the service now, or null. `why`, when one was right and yet is not usable.
    const store::AppPassword* usable(const store::AppPassword& password, const std::string& service, std::string& why) const;
    const store::AppPassword* appPassword(const Known& known, const Attempt& attempt, std::string& why) const;
    // Counts, logs, notes the login. `label`: of the app password, else empty. `looked`: a password was compared.
    Login conclude(const Attempt& attempt, const Known& known, bool right, const std::string& label, const std::string& mechanism,
                   const std::string& why, bool looked);
    // Uses the code up; blocks.
    Login::Second secondFactor(store::AccountId account, const std::string& code);
    void note(const store::Account& account, const std::string& label);
    // Hashes of other servers and older settings become ours, missing SCRAM keys are made, on the hash pool.
    void upgrade(const Known& known, const std::string& password);
};

} // namespace postfach::auth
