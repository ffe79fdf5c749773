#pragma once
// Who is here: every connection of every service from accept to end, with what an administrator wants to know of it, the
// bounds on how many there may be, and the way to tell one to go.
//
// What changes with every read and write is a relaxed atomic of the record; what is rare (a state with a mailbox's name, a
// login, an end) takes a short lock. No socket is touched here: a session that is told to go hears it on its own strand,
// as ShuttingDown. Lock order: Sessions, then a record.
#include "server/base/clock.h"
#include "server/net/strand.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::net {

class Sessions;

struct SessionInfo { // of one session, as it was when somebody asked
    std::string id;        // stable, unique over restarts; in order of arrival
    std::string service, address;
    std::string proxy;     // the address of a trusted proxy that named `address`; empty: there is none
    std::string account;   // empty before login
    std::string client;    // what it says of itself
    std::string state;     // the protocol's own word, and the mailbox: "selected INBOX"
    std::string tls, cipher; // empty in the clear
    base::Time since{};
    std::uint64_t bytes_in = 0, bytes_out = 0;
};

class SessionRecord {
public:
    SessionRecord(std::uint64_t number, std::string service, std::string address, base::Time since);

    // --- the session's own strand
    std::string address() const;
    bool loopback() const { return loopback_.load(std::memory_order_relaxed); }
    void countIn(std::uint64_t bytes) noexcept { add(bytes_in_, bytes); }
    void countOut(std::uint64_t bytes) noexcept { add(bytes_out_, bytes); }
    std::uint64_t bytesIn() const { return bytes_in_.load(std::memory_order_relaxed); }
    std::uint64_t bytesOut() const { return bytes_out_.load(std::memory_order_relaxed); }
    void state(const char* word) noexcept { state_.store(word, std::memory_order_relaxed); } // a literal: one store
    void about(std::string_view what);          // what the state is about: the selected mailbox; empty: nothing
    void client(std::string_view says);         // bounded and made printable
    void tls(std::string protocol, std::string cipher);
    // TLS ended at a trusted proxy that says so: what follows is as good as TLS for a password.
    bool securedByProxy() const { return secured_by_proxy_; }

    // Before an account's password is looked at: an end of all its sessions that comes meanwhile reaches this one too.
    void loginBegins();
    // False: the account has all the sessions it may have, and this is none of them. `app_password`: the label of the one
    // that was used, empty for the account's own.
    bool loggedIn(const std::string& account, const std::string& app_password = {});
    void loggedOut(); // and stays connected: it is a stranger again, as old as it is, and its account has a place more
    // It does what it is here for, though it cannot log in (an MTA): it does not go first under pressure.
    void vouched();

    // --- any thread
    Farewell farewell() const noexcept { return farewell_.load(std::memory_order_acquire); }
    bool dismiss(Farewell why) noexcept;        // tells it to go; false: it was told before
    void attach(const std::shared_ptr<Strand>& strand); // of the scheduler: who is to be woken
    SessionInfo info() const;
    const std::string& service() const { return service_; }

private:
    friend class Sessions;
    // Its strand alone writes: a plain addition, visible to who looks.
    static void add(std::atomic<std::uint64_t>& count, std::uint64_t bytes) noexcept
    {
        count.store(count.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
    }

    // Fixed after construction (registry_ when it entered).
    const std::uint64_t number_;
    const std::string service_;
    const base::Time since_;
    Sessions* registry_ = nullptr;              // outlives the session; null: a session of no service

    std::atomic<std::uint64_t> bytes_in_{0}, bytes_out_{0};
    std::atomic<const char*> state_{"connected"};
    std::atomic<Farewell> farewell_{Farewell::none};
    std::atomic<bool> loopback_{false};

    bool secured_by_proxy_ = false;             // the strand's own
    std::uint64_t login_began_ = 0;             // the strand's own

    std::string bucket_;                        // guarded by Sessions::mutex_, as are the next two
    bool pressed_ = false;                      // it goes to make room
    std::string account_;                       // read by info() under both locks, written under both
    std::string app_password_;                  // guarded by Sessions::mutex_

    mutable std::mutex mutex_;
    std::weak_ptr<Strand> strand_;              // guarded by mutex_, as is the rest
    std::string address_, proxy_, about_, client_, tls_, cipher_;
};

// Any thread. Outlives every session.
class Sessions {
public:
    struct Bounds {
        std::size_t in_all = 10'000, per_address = 50, per_account = 100;
    };
    enum class Refusal { none, full, address };

    Sessions(Bounds bounds, const base::Clock& clock);

    // A place for a newcomer, until leave(); or none and why. When all places are taken the oldest session that has not
    // logged in makes room. Loopback is counted and not bounded per address, nor is who comes through a trusted proxy
    // before the proxy has said who it is.
    std::shared_ptr<SessionRecord> enter(const std::string& service, const std::string& address, Refusal& refusal, bool through_proxy = false);
    void leave(SessionRecord& record);
    // The proxy has named the peer. False: there are too many of that address.
    bool named(SessionRecord& record, const std::string& address, const std::string& tls, const std::string& cipher);
    void makeRoom(); // the oldest that has not logged in goes: descriptors have run out
    void setBounds(Bounds bounds); // whoever is in stays
    std::size_t places() const;    // in all

    struct Filter {
        std::string account, service;           // empty: any
        std::string except;                     // a service that is left out
    };
    std::vector<SessionInfo> list(const Filter& filter, const std::string& after_id, std::size_t most) const;
    std::optional<SessionInfo> find(const std::string& id) const;
    bool end(const std::string& id);            // by an administrator; false: there is none
    // Every session of an account, or those of the protocols named ("imap" is imap and imaps). Returns how many.
    std::size_t endAll(const std::string& account, const std::set<std::string>& protocols = {});
    std::size_t endOpenedWith(const std::string& account, const std::string& app_password); // and no others of the account
    std::size_t now() const;

private:
    friend class SessionRecord;
    struct Ending {
        std::uint64_t number;
        std::string account;
        std::set<std::string> protocols;    // empty: all
        std::string app_password;           // empty: whatever was used
        bool concerns(const SessionRecord& record) const; // of that account
    };
    std::size_t end(Ending ending);
    bool logIn(SessionRecord& record, const std::string& account, const std::string& app_password);
    void logOut(SessionRecord& record);
    void leaveAccount(const SessionRecord& record);
    void forgetStranger(const SessionRecord& record);
    bool press(std::shared_ptr<SessionRecord>& leaves);
    std::shared_ptr<SessionRecord> byId(const std::string& id) const;
    void leaveAddress(const std::string& bucket);

    const base::Clock& clock_;                  // outlives it
    std::atomic<std::uint64_t> endings_{0};     // of an account's sessions, so far

    mutable std::mutex mutex_;                  // guards all that follows
    Bounds bounds_;
    std::uint64_t last_number_;
    std::map<std::uint64_t, std::shared_ptr<SessionRecord>> all_;
    std::map<std::uint64_t, SessionRecord*> strangers_; // not logged in, not told to make room
    std::map<std::string, std::size_t> by_address_;
    std::map<std::string, std::set<std::uint64_t>> by_account_;
    std::size_t pressed_ = 0;                   // told to make room and not gone yet
    std::vector<Ending> recent_endings_;        // for logins that were under way
};

} // namespace postfach::net
