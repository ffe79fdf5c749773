#pragma once
// Webhooks: events (server/store/journal.h) that are posted to an address of the administrator's choice, each as JSON, in their order,
// at least once. The journal is the queue: a webhook remembers the last event it was told, so a receiver that is away costs nothing, and
// nobody waits for it. That, how often the next one has failed, and the log of deliveries stand in the store, a quarter of a second later: a
// crash tells an event twice, under the same id, and never loses one. One thread with libcurl; a slow receiver holds up itself alone.
//
//   POST URL
//   Postfach-Event: mail.delivered
//   Postfach-Delivery: NAME-ID                 the same for each attempt: what came twice can be told
//   Postfach-Signature: t=SECONDS,v1=HEX       HMAC-SHA-256 under the secret, of "SECONDS.BODY"
//
// An answer other than 2xx is a failure: tried again with growing pauses for a day, then given up, and the next event comes. A redirect
// is a failure. Addresses that are not of the public internet are not connected to, unless webhooks.allow names them; what is looked at
// is the very address that is connected to, so a name that changes its mind gains nothing. Without TLS only those of webhooks.allow.
#include "admin/context.h"
#include "server/base/clock.h"
#include "server/store/store.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postfach::admin {

struct WebhookState { // as it is now
    std::vector<store::WebhookAttempt> attempts; // newest first
    std::optional<base::Time> next_try;   // while it fails
};

class Webhooks { // any thread
public:
    Webhooks(store::Store& store, const base::Clock& clock, WebhookSettings settings); // both outlive it; starts its thread
    ~Webhooks();
    void changed();                            // they are read again: one was put or removed
    WebhookState state(const std::string& name) const;

    // Why this URL may not be one; empty: it may.
    std::string refusal(const std::string& url) const;

private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

// Whether an address is of the public internet: no loopback, no private, link-local, shared, multicast or documentation network, in no
// disguise (IPv4 in IPv6, 6to4, NAT64, Teredo).
bool isPublicAddress(const std::string& address);

std::string webhookSignature(const std::string& secret, std::int64_t seconds, const std::string& body); // the header field's value

} // namespace postfach::admin
