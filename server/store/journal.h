#pragma once
// What happened: the audit, which is kept for ever and cannot be changed unseen, and the journal of events, which is bounded.
//
// The audit is a chain: each entry carries the hash of the one before it and its own, made of that and of all it says. The hash of
// the last one stands in the setting `audit.head` too, so that entries missing at the end are missed. Whoever can write to the
// database can forge the whole chain; who has noted an earlier head elsewhere (the log has each) sees that too.
#include "server/store/types.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::store {

struct NewAudit {        // an event "audit.entry" comes with it
    std::string actor;   // "token:NAME", "local:UID" (this machine's administrator), "account:ADDRESS" or "server"
    std::string address; // where it was asked for; empty: nowhere but here
    std::string action;  // "account.change": a word that stays the same for ever
    std::string target;  // what it was done to; what belongs to something stands behind it and a slash: "alice@example.org/phone"
    std::string before, after; // JSON objects of what differs; empty: nothing. Never a secret
};

struct AuditEntry : NewAudit {
    std::int64_t id = 0; // ascending; gaps are no gaps of the chain
    Time time{};
    base::Sha256 previous{}, hash{};
};

// What an entry's hash must be: SHA-256 of the hash before it and of its id, time and texts, each as "LENGTH:BYTES".
base::Sha256 auditHash(const AuditEntry& entry);

struct AuditFilter { // absent or empty: any
    std::optional<Time> since, until; // not before, and before
    std::string actor;                // exactly, or up to a colon: "token"
    std::string action;               // exactly, or up to a dot: "account"
    std::string target;               // exactly, or up to a slash
    std::string address;              // exactly: whence
    bool oldest_first = false;        // `after` of a page is then older than what comes
};

struct AuditHead { // of the setting; id 0: there is no entry yet
    std::int64_t id = 0;
    base::Sha256 hash{};
};
std::string auditHeadText(const AuditHead& head);                     // "ID:HEX"
std::optional<AuditHead> parseAuditHead(std::string_view text);

struct NewEvent {
    std::string kind;    // "mail.delivered": a word that stays the same for ever
    std::string account; // whose it is; empty: nobody's
    std::string data;    // a JSON object; never a secret
};

struct Event : NewEvent {
    std::int64_t id = 0; // ascending in the order of the commits
    Time time{};
};

struct EventFilter { // absent or empty: any
    std::vector<std::string> kinds;   // any of these; each exactly, or up to a dot: "mail"
    std::string account;              // exactly
    std::optional<Time> since, until; // not before, and before
    bool oldest_first = false;        // of events(), as in AuditFilter
    bool fits(const Event& event) const;
};

struct EventRange { // of the journal; 0 and the last id ever given where it is empty
    std::int64_t oldest = 0, newest = 0;
};

struct Webhook {         // who is told of events (admin/webhooks.h)
    std::string name;    // unique
    std::string url;
    std::vector<std::string> kinds; // as EventFilter::kinds
    std::string account;            // as EventFilter::account
    std::string secret;             // signs what is sent; never shown
    Time created{}, changed{};
    std::int64_t told = 0;          // the last event it was told, or that was given up
    // Of the event behind that one, while it fails: how often, since when, and when it is tried again.
    int failures = 0;
    std::optional<Time> failing_since, next_try;
};

struct WebhookAttempt {  // of the delivery log
    Time time{};
    std::int64_t event = 0;
    std::string kind;
    int attempt = 1;
    int status = 0;      // of the answer; 0: there was none
    std::string error;   // why not; empty when it went well
    std::uint64_t milliseconds = 0;
};
inline constexpr std::size_t kWebhookAttempts = 100; // of a webhook that are remembered

// Long work of administrators (admin/tasks.h), so that a restart does not forget it.
struct TaskRecord {
    std::string id, kind;
    std::string state;   // waiting, running, done, failed, cancelled, interrupted: words that stay
    std::uint64_t progress = 0, total = 0;
    std::string error, result;
    std::vector<std::string> findings; // one line each
    Time created{};
    std::optional<Time> finished;
};

// What was counted in an hour. Series are words that stay the same for ever: "deliveries.stored".
struct Statistic {
    std::string series;
    Time hour{};
    std::int64_t value = 0;
};

} // namespace postfach::store
