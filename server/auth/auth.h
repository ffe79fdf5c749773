#pragma once
// Who may enter. PLAIN, LOGIN and USER/PASS end in login(); SASL state machines are in sasl.h.
// Unknown accounts cost the same time and give the same words as wrong passwords. Hashing is gated to the cores; verified
// passwords are remembered for two minutes under a per-process key, because clients open many connections.
#include "server/net/strand.h"
#include "server/store/store.h"

#include <chrono>
#include <memory>
#include <string>

namespace postfach::auth {

struct Attempt {
    std::string user, password;
    std::string service;         // imap, pop3
    std::string address;         // of the peer, for guards and the log
    bool tls = false;
    Attempt(std::string u, std::string p, std::string s, std::string a, bool t)
        : user(std::move(u)), password(std::move(p)), service(std::move(s)), address(std::move(a)), tls(t) {}
};

struct Login {
    enum class Result { ok, wrong, disabled, unavailable }; // disabled is told only after the right password
    Result result = Result::wrong;
    store::Account account;      // when ok
};

enum class PlaintextPolicy { tls, loopback, always };

class Authenticator {
public:
    // store, scheduler and clock outlive it.
    Authenticator(store::Store& store, const base::Clock& clock, PlaintextPolicy policy);
    ~Authenticator();

    // Logs every outcome (never the password). Delays wrong answers: more with each failure of (account, address).
    net::Task<Login> login(net::Strand& strand, Attempt attempt);
    // May this connection send a password now? (RFC 9051: LOGINDISABLED, [PRIVACYREQUIRED])
    bool mayLogin(bool tls, bool loopback) const;
    void setPolicy(PlaintextPolicy policy); // any thread; for what is asked from now on
    // Blocking forms for the admin API and the CLI.
    static store::Credentials makeCredentials(const std::string& password);
    void forget(store::AccountId account); // after a password change: cached logins of the account are gone

private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

// PLAIN (RFC 4616): "authzid NUL authcid NUL password", decoded from base64. nullopt: malformed. An authzid other than the
// authcid is refused by login (user then holds "authzid as authcid"): nobody acts for another here.
struct PlainCredentials { std::string user, password; };
std::optional<PlainCredentials> parsePlain(std::string_view message);

} // namespace postfach::auth
