#include "server/auth/auth.h"
#include "server/auth/app_passwords.h"
#include "server/auth/inner.h"
#include "server/auth/password_hash.h"
#include "server/auth/totp.h"
#include "server/base/id.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"

#include <algorithm>
#include <atomic>

namespace postfach::auth {
namespace {
// An owner looks after his account whatever mail services it may use; what an app password may do there is decided there.
constexpr std::string_view kOwnersService = "me";

using namespace std::chrono_literals;
base::Counter logins_ok{"postfach_logins_total", "Logins by outcome", {{"outcome", "ok"}}};
base::Counter logins_wrong{"postfach_logins_total", "Logins by outcome", {{"outcome", "wrong"}}};
base::Counter logins_disabled{"postfach_logins_total", "Logins by outcome", {{"outcome", "disabled"}}};
base::Counter logins_unavailable{"postfach_logins_total", "Logins by outcome", {{"outcome", "unavailable"}}};
base::Counter upgrades{"postfach_login_hash_upgrades_total", "Password hashes and SCRAM keys made anew at a login"};

// last_login is for people: a client that logs in every few seconds must not cost a commit each time.
constexpr auto kNoteInterval = std::chrono::minutes(1);
constexpr std::size_t kNoted = 50'000;
// A wrong answer comes at a multiple of this: longer than a hash takes, short for who has mistyped.
constexpr auto kBeat = 100ms;

constexpr auto kSecret = "auth.secret"; // setting: 32 random bytes in hex

std::string installationSecret(store::Store& store)
{
    if (const auto kept = base::unhex(store.read()->setting(kSecret)); kept && !kept->empty())
        return *kept;
    const auto made = base::randomHex(32);
    store.writeAndWait([&made](store::WriteTx& tx) { tx.putSetting(kSecret, made); });
    return base::unhex(made).value();
}
} // namespace

Authenticator::Inner::Inner(store::Store& s, const base::Clock& c, PlaintextPolicy p, std::function<Guard::SteadyTime()> steady)
    : store(s), clock(c), policy(p), secret(installationSecret(s)), directory(s), guard(std::move(steady)), events(s), history(s)
{
}

net::Task<Authenticator::Inner::KnownPtr> Authenticator::Inner::find(net::Strand& strand, std::string user)
{
    KnownPtr known = directory.find(user);
    if (known)
        co_return known;
    auto look = [this, &user] { return directory.read(user); };
    try {
        known = co_await strand.offload(std::move(look));
    } catch (const store::Error& error) {
        base::logError("auth", "account not readable", {{"reason", error.what()}});
    }
    if (!known)
        logins_unavailable.add();
    co_return known;
}

net::Task<Guard::Decision> Authenticator::Inner::admit(net::Strand& strand, std::string user, std::string address)
{
    Guard::Decision asked = guard.ask(user, address);
    while (asked.crowded) {
        const auto again = std::chrono::steady_clock::now() + kBeat;
        co_await sleep(strand, again);
        asked = guard.ask(user, address);
    }
    if (asked.delay > 0ms) {
        const auto until = std::chrono::steady_clock::now() + asked.delay;
        co_await sleep(strand, until); // and who leaves meanwhile has made his guess all the same
    }
    co_return asked;
}

net::Task<> Authenticator::Inner::sleep(net::Strand& strand, Guard::SteadyTime until)
{
    co_await strand.sleep(until);
    strand.deadline(std::chrono::steady_clock::now() + base::limits::kLoginTimeout);
}

net::Task<> Authenticator::Inner::pace(net::Strand& strand, Guard::SteadyTime began)
{
    const auto beats = (std::chrono::steady_clock::now() - began) / kBeat + 1;
    const auto until = began + beats * kBeat;
    co_await sleep(strand, until);
}

const store::AppPassword* Authenticator::Inner::usable(const store::AppPassword& password, const std::string& service,
                                                             std::string& why) const
{
    if (password.expires && *password.expires <= clock.now())
        why = "app password has expired";
    else if (service != kOwnersService && std::find(password.scopes.begin(), password.scopes.end(), service) == password.scopes.end())
        why = "app password is not for this service";
    else
        return &password;
    return nullptr;
}

const store::AppPassword* Authenticator::Inner::appPassword(const Known& known, const Attempt& attempt, std::string& why) const
{
    const auto typed = normalizedAppSecret(attempt.password);
    if (!typed)
        return nullptr;
    const auto hash = appSecretHash(secret, known.account ? known.account->id : store::AccountId{}, *typed);
    for (const auto& password : known.app_passwords)
        if (base::equalsConstantTime(password.hash, hash))
            return usable(password, attempt.service, why);
    return nullptr;
}

Login::Second Authenticator::Inner::secondFactor(store::AccountId account, const std::string& code)
{
    auto used = Login::Second::none;
    store.writeAndWait([&](store::WriteTx& tx) {
        const auto totp = tx.totp(account);
        if (!totp || !totp->confirmed)
            return;
        if (const auto recovery = normalizedAppSecret(code)) {
            if (tx.useRecoveryCode(account, recoveryCodeHash(secret, account, *recovery)))
                used = Login::Second::recoveryCode;
        } else if (const auto step = totpStepOf(totp->secret, code, clock.now()); step && tx.useTotpStep(account, *step)) {
            used = Login::Second::totp;
        }
    });
    return used;
}

void Authenticator::Inner::note(const store::Account& account, const std::string& label)
{
    const auto now = clock.now();
    {
        const std::lock_guard lock(mutex);
        if (noted.size() >= kNoted)
            noted.clear();
        auto [at, fresh] = noted.try_emplace({account.id, label}, label.empty() ? account.last_login.value_or(base::Time{}) : base::Time{});
        if (now - at->second < kNoteInterval)
            return;
        at->second = now;
    }
    store.write(
        [id = account.id, label, now](store::WriteTx& tx) {
            tx.recordLogin(id, now);
            if (!label.empty())
                tx.touchAppPassword(id, label, now);
        },
        [](std::exception_ptr error) {
            if (error)
                base::logWarning("auth", "login time not recorded");
        });
}

// The account may have changed while we hashed: only what is still the same is replaced.
void Authenticator::Inner::upgrade(const Known& known, const std::string& password)
{
    if (isCurrentHash(known.credentials.argon2) && !known.credentials.scram_stored_key.empty())
        return;
    auto work = [this, id = known.account->id, before = known.credentials, password] {
        try {
            const auto better = makeCredentials(password, before);
            store.write(
                [id, before, better](store::WriteTx& tx) {
                    const auto now = tx.credentials(id);
                    if (now && now->argon2 == before.argon2 && now->scram_salt == before.scram_salt)
                        tx.upgradeCredentials(id, better);
                },
                [](std::exception_ptr error) {
                    if (error)
                        base::logWarning("auth", "better credentials not kept");
                    else
                        upgrades.add();
                });
        } catch (const std::exception& error) {
            base::logWarning("auth", "better credentials not made", {{"reason", error.what()}});
        }
    };
    hashes.run(std::move(work)); // a full queue: at the next login
}

Login Authenticator::Inner::conclude(const Attempt& attempt, const Known& known, bool right, const std::string& label,
                                     const std::string& mechanism, const std::string& why, bool looked)
{
    Login login;
    if (!right || !known.account) {
        login.result = Login::Result::wrong;
        logins_wrong.add();
        if (looked) {
            events.failed(attempt.user, attempt.address, attempt.service, mechanism);
            events.banned(guard.failed(attempt.user, attempt.address));
        }
    } else {
        const auto& services = known.account->services;
        const bool on = attempt.service == kOwnersService || attempt.service == kWebService ||
                        std::find(services.begin(), services.end(), attempt.service) != services.end();
        const bool allowed = known.account->enabled && on;
        login.result = allowed ? Login::Result::ok : Login::Result::disabled;
        (allowed ? logins_ok : logins_disabled).add();
    }
    if (known.account) { // of what is no account there is nobody to tell
        using Outcome = store::LoginRecord::Outcome;
        const Outcome outcome = login.result == Login::Result::ok ? Outcome::ok : login.result == Login::Result::disabled ? Outcome::disabled
                                : looked ? Outcome::wrong : Outcome::refused;
        const auto now = clock.now();
        history.note({known.account->id, attempt.service, attempt.address, mechanism, attempt.tls, outcome, label, now, now});
    }
    static constexpr std::string_view kWords[] = {"login", "login failed", "login of a disabled account", "login unavailable",
                                                  "login without a code"};
    const bool ok = login.result == Login::Result::ok;
    const std::string detail = !why.empty() ? why : !looked ? "banned" : label.empty() ? "-" : label;
    base::log(ok ? base::LogLevel::info : base::LogLevel::warning, attempt.service, kWords[static_cast<int>(login.result)],
              {{"account", attempt.user}, {"address", attempt.address}, {"tls", attempt.tls ? "yes" : "no"}, {"mechanism", mechanism},
               {ok && !label.empty() ? "app_password" : "detail", detail}});
    if (ok) {
        login.account = *known.account;
        login.app_password = label;
        guard.succeeded(attempt.user, attempt.address);
        note(login.account, label);
    }
    return login;
}

Authenticator::Authenticator(store::Store& store, const base::Clock& clock, PlaintextPolicy policy, std::function<Guard::SteadyTime()> steady)
    : inner_(std::make_unique<Inner>(store, clock, policy, std::move(steady)))
{
}

Authenticator::~Authenticator() = default;

Guard& Authenticator::guard() { return inner_->guard; }

LoginHistory& Authenticator::history() { return inner_->history; }

bool Authenticator::mayLogin(bool tls, bool loopback) const
{
    const PlaintextPolicy policy = inner_->policy;
    return tls || policy == PlaintextPolicy::always || (policy == PlaintextPolicy::loopback && loopback);
}

void Authenticator::setPolicy(PlaintextPolicy policy) { inner_->policy = policy; }

net::Task<Login> Authenticator::login(net::Strand& strand, Attempt attempt)
{
    Inner& self = *inner_;
    const Guard::Decision asked = co_await self.admit(strand, attempt.user, attempt.address);
    const auto began = std::chrono::steady_clock::now();
    Inner::KnownPtr known = co_await self.find(strand, attempt.user);
    Login login;
    login.result = Login::Result::unavailable;
    if (!known)
        co_return login;

    const store::AccountId id = known->account ? known->account->id : store::AccountId{};
    std::string why, label;
    bool right = false;
    if (!asked.refused) {
        const auto* app = self.appPassword(*known, attempt, why);
        if (app != nullptr)
            label = app->label;
        right = app != nullptr || (known->account && self.verified.contains(id, known->credentials.argon2, attempt.password));
    }
    if (!right && !asked.refused) {
        bool accepted = false;
        std::function<void(std::function<void()>)> start = [&](std::function<void()> done) {
            accepted = self.hashes.verify(known->credentials.argon2, attempt.password, &right, done);
            if (!accepted)
                done();
        };
        co_await strand.completion(std::move(start));
        if (!accepted) {
            logins_unavailable.add();
            co_return login;
        }
        if (right && known->account) {
            self.verified.add(id, known->credentials.argon2, attempt.password);
            self.upgrade(*known, attempt.password);
        }
    }
    auto second = Login::Second::none;
    if (right && attempt.second_factor && known->account->totp && known->account->enabled) {
        if (attempt.code.empty()) { // no failure, and no login either
            login.result = Login::Result::codeWanted;
            strand.deadline(std::chrono::steady_clock::now() + base::limits::kLoginTimeout);
            co_return login;
        }
        auto look = [&self, id, &attempt] { return self.secondFactor(id, attempt.code); };
        bool looked = true;
        try {
            second = co_await strand.offload(std::move(look));
        } catch (const store::Error& error) {
            looked = false;
            base::logError("auth", "second factor not readable", {{"reason", error.what()}});
        }
        if (!looked) {
            logins_unavailable.add();
            co_return login;
        }
        right = second != Login::Second::none;
        if (!right)
            why = "wrong code";
    }
    const std::string mechanism = second == Login::Second::none ? "password" : second == Login::Second::totp ? "password+totp" : "password+recovery";
    login = self.conclude(attempt, *known, right, label, mechanism, why, !asked.refused);
    login.second = second;
    if (login.result == Login::Result::wrong)
        co_await self.pace(strand, began);
    else
        strand.deadline(std::chrono::steady_clock::now() + base::limits::kLoginTimeout);
    co_return login;
}

Authenticator::RecoveryCodes Authenticator::makeRecoveryCodes(store::AccountId account) const
{
    RecoveryCodes codes;
    for (int i = 0; i < kRecoveryCodes; ++i) {
        codes.told.push_back(makeAppSecret());
        codes.kept.push_back(recoveryCodeHash(inner_->secret, account, normalizedAppSecret(codes.told.back()).value()));
    }
    return codes;
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
