#include "server/auth/auth.h"
#include "server/auth/failures.h"
#include "server/auth/hash_pool.h"
#include "server/auth/verified_cache.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <algorithm>
#include <atomic>

namespace postfach::auth {
namespace {
base::Counter logins_ok{"postfach_logins_total", "Logins by outcome", {{"outcome", "ok"}}};
base::Counter logins_wrong{"postfach_logins_total", "Logins by outcome", {{"outcome", "wrong"}}};
base::Counter logins_disabled{"postfach_logins_total", "Logins by outcome", {{"outcome", "disabled"}}};
base::Counter logins_unavailable{"postfach_logins_total", "Logins by outcome", {{"outcome", "unavailable"}}};

// last_login is for people: a client that logs in every few seconds must not cost a commit each time.
constexpr auto kLoginRecordInterval = std::chrono::minutes(1);

struct Found {
    std::optional<store::Account> account;
    store::Credentials credentials;
    Found() = default;
};
} // namespace

struct Authenticator::Inner {
    Inner(store::Store& s, const base::Clock& c, PlaintextPolicy p) : store(s), clock(c), policy(p) {}
    store::Store& store;
    const base::Clock& clock;
    std::atomic<PlaintextPolicy> policy;
    VerifiedCache verified;
    Failures failures;
    HashPool hashes; // last: its threads end first

    Found find(const std::string& user);
    void record(const store::Account& account);
    Login conclude(const Attempt& attempt, const Found& found, bool right);
};

// Not found, and no credentials: the caller verifies against a dummy and takes as long.
Found Authenticator::Inner::find(const std::string& user)
{
    Found found;
    const auto tx = store.read();
    found.account = tx->findAccount(user);
    if (found.account)
        found.credentials = tx->credentials(found.account->id).value_or(store::Credentials{});
    return found;
}

void Authenticator::Inner::record(const store::Account& account)
{
    const auto now = clock.now();
    if (account.last_login && now - *account.last_login < kLoginRecordInterval)
        return;
    store.write([id = account.id, now](store::WriteTx& tx) { tx.recordLogin(id, now); },
                [](std::exception_ptr error) {
                    if (error)
                        base::logWarning("auth", "login time not recorded");
                });
}

Login Authenticator::Inner::conclude(const Attempt& attempt, const Found& found, bool right)
{
    Login login;
    if (!right || !found.account) {
        login.result = Login::Result::wrong;
        logins_wrong.add();
    } else {
        const auto& services = found.account->services;
        const bool allowed = found.account->enabled && std::find(services.begin(), services.end(), attempt.service) != services.end();
        login.result = allowed ? Login::Result::ok : Login::Result::disabled;
        (allowed ? logins_ok : logins_disabled).add();
    }
    static constexpr std::string_view kWords[] = {"login", "login failed", "login of a disabled account", "login unavailable"};
    base::log(login.result == Login::Result::ok ? base::LogLevel::info : base::LogLevel::warning, attempt.service,
              kWords[static_cast<int>(login.result)],
              {{"account", attempt.user}, {"address", attempt.address}, {"tls", attempt.tls ? "yes" : "no"}});
    if (login.result == Login::Result::ok) {
        login.account = *found.account;
        failures.forget(attempt.user, attempt.address);
        record(login.account);
    }
    return login;
}

Authenticator::Authenticator(store::Store& store, const base::Clock& clock, PlaintextPolicy policy)
    : inner_(std::make_unique<Inner>(store, clock, policy))
{
}

Authenticator::~Authenticator() = default;

bool Authenticator::mayLogin(bool tls, bool loopback) const
{
    const PlaintextPolicy policy = inner_->policy;
    return tls || policy == PlaintextPolicy::always || (policy == PlaintextPolicy::loopback && loopback);
}

void Authenticator::setPolicy(PlaintextPolicy policy) { inner_->policy = policy; }

net::Task<Login> Authenticator::login(net::Strand& strand, Attempt attempt)
{
    // Earlier failures of this account from this address are paid for before the next try is looked at: a guesser waits,
    // the owner at another address does not.
    const auto delay = inner_->failures.delay(attempt.user, attempt.address);
    if (delay.count() > 0) {
        strand.deadline(std::chrono::steady_clock::now() + delay);
        try {
            co_await strand.wait(net::kDone);
        } catch (const net::DeadlinePassed&) {
            // the wait is over
        }
    }
    strand.deadline(std::chrono::steady_clock::now() + base::limits::kLoginTimeout);

    auto look = [this, &attempt] { return inner_->find(attempt.user); };
    std::exception_ptr trouble;
    Found found;
    try {
        found = co_await strand.offload(std::move(look));
    } catch (const store::Error& error) {
        trouble = std::current_exception();
        base::logError("auth", "account not readable", {{"reason", error.what()}});
    }
    Login login;
    if (trouble) {
        logins_unavailable.add();
        login.result = Login::Result::unavailable;
        co_return login;
    }

    const store::AccountId id = found.account ? found.account->id : store::AccountId{};
    bool right = found.account && inner_->verified.contains(id, found.credentials.argon2, attempt.password);
    if (!right) {
        bool accepted = false;
        std::function<void(std::function<void()>)> start = [&](std::function<void()> done) {
            accepted = inner_->hashes.verify(found.credentials.argon2, attempt.password, &right, done);
            if (!accepted)
                done();
        };
        co_await strand.completion(std::move(start));
        if (!accepted) {
            logins_unavailable.add();
            login.result = Login::Result::unavailable;
            co_return login;
        }
        if (right && found.account)
            inner_->verified.add(id, found.credentials.argon2, attempt.password);
        else
            inner_->failures.add(attempt.user, attempt.address);
    }
    co_return inner_->conclude(attempt, found, right);
}

void Authenticator::forget(store::AccountId account) { inner_->verified.forget(account); }

std::optional<PlainCredentials> parsePlain(std::string_view message)
{
    const auto fields = base::split(message, '\0');
    if (fields.size() != 3 || fields[1].empty() || !base::isUtf8(message))
        return std::nullopt;
    PlainCredentials credentials{std::string(fields[1]), std::string(fields[2])};
    if (!fields[0].empty() && !base::iequals(fields[0], fields[1]))
        credentials.user = std::string(fields[1]) + " as " + std::string(fields[0]);
    return credentials;
}

} // namespace postfach::auth
