#pragma once
// Who may enter. PLAIN, LOGIN and USER/PASS end in login(); the exchanges of SASL are in sasl.h, both behind one Authenticator.
// Unknown accounts cost the same time and give the same words as wrong passwords. Hashing is gated to the cores; verified
// passwords are remembered for two minutes under a per-process key, because clients open many connections. README.md has the rules.
#include "server/auth/guard.h"
#include "server/net/strand.h"
#include "server/store/store.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::auth {

// A browser that signs in: whatever mail services the account may use, and never with an app password.
inline constexpr std::string_view kWebService = "web";

struct Attempt {
    std::string user, password;
    std::string service;         // imap, pop3, me (the owner of an account), web
    std::string address;         // of the peer, for guards and the log
    bool tls = false;
    bool second_factor = false;  // where the account has one, `code` is looked at too
    std::string code;            // of its second factor, or a recovery code
    Attempt(std::string u, std::string p, std::string s, std::string a, bool t)
        : user(std::move(u)), password(std::move(p)), service(std::move(s)), address(std::move(a)), tls(t) {}
};

struct Login {
    // disabled and codeWanted (there is a second factor, and no code came) are told only after the right password.
    enum class Result { ok, wrong, disabled, unavailable, codeWanted };
    Result result = Result::wrong;
    store::Account account;      // when ok
    std::string app_password;    // when ok: the label of the one that was used; empty: the account's own password
    enum class Second { none, totp, recoveryCode } second = Second::none; // when ok
};

enum class PlaintextPolicy { tls, loopback, always };

struct NewAppPassword {
    std::string secret;          // told once
    store::AppPassword kept;
};

class LoginHistory;

class Authenticator {
public:
    // store, scheduler and clock outlive it. Blocks while it reads (and at the first start makes) this installation's secret.
    Authenticator(store::Store& store, const base::Clock& clock, PlaintextPolicy policy,
                  std::function<Guard::SteadyTime()> steady = std::chrono::steady_clock::now);
    ~Authenticator();

    // Logs every outcome (never the password). Earlier failures of (account, address) are paid for first: guard.h.
    net::Task<Login> login(net::Strand& strand, Attempt attempt);
    // May anybody log in on this connection now? (RFC 9051: LOGINDISABLED, [PRIVACYREQUIRED])
    bool mayLogin(bool tls, bool loopback) const;
    void setPolicy(PlaintextPolicy policy); // any thread; for what is asked from now on

    // --- blocking forms for the admin API and the CLI
    // Hash and SCRAM keys of a password. `before`: what the account had; its SCRAM salt stays, because those of its app
    // passwords rest on it.
    static store::Credentials makeCredentials(const std::string& password, const store::Credentials& before = {});
    // Of a hash from another server; std::invalid_argument in words for the administrator. SCRAM keys come at the first login.
    static store::Credentials importCredentials(const std::string& hash, const store::Credentials& before = {});
    // A new app password of the account; `credentials` gets a SCRAM salt where it has none, and must then be kept too.
    NewAppPassword makeAppPassword(store::AccountId account, store::Credentials& credentials) const;

    // Single-use codes for who has lost the second factor, as they are told and as they are kept.
    struct RecoveryCodes {
        std::vector<std::string> told, kept;
    };
    RecoveryCodes makeRecoveryCodes(store::AccountId account) const;

    void forget(store::AccountId account); // after a password change: cached logins of the account are gone
    Guard& guard();                        // bans, for the administrator
    LoginHistory& history();               // who logged in to an account, and who tried

    struct Inner;
    Inner& inner() { return *inner_; }     // for sasl.cpp

private:
    std::unique_ptr<Inner> inner_;
};

// PLAIN (RFC 4616): "authzid NUL authcid NUL password", decoded from base64. nullopt: malformed. An authzid other than the
// authcid is refused by login (user then holds "authzid as authcid"): nobody acts for another here.
struct PlainCredentials { std::string user, password; };
std::optional<PlainCredentials> parsePlain(std::string_view message);

} // namespace postfach::auth
