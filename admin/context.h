#pragma once
// What administration works with: borrowed from the appliance, which outlives every object of this folder.
#include "admin/password_policy.h"
#include "scanner/client.h"
#include "server/auth/auth.h"
#include "server/base/clock.h"
#include "server/delivery/delivery.h"
#include "server/delivery/read_log.h"
#include "server/delivery/rescan.h"
#include "server/net/sessions.h"
#include "server/net/tls.h"
#include "server/store/backup.h"
#include "server/store/store.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace postfach::admin {

struct Listener {
    std::string name;            // imap, imaps, lmtp …
    std::uint16_t port = 0;
    bool listens = false;
};

struct BackupSettings {             // backup.*
    std::string folder;          // empty: none
    unsigned keep = 0;           // 0: all
    store::BackupCheck check = store::BackupCheck::all;
    std::chrono::hours every{24};
};

struct CopySettings {            // copy.*
    std::string folder;             // empty: none
    std::chrono::minutes interval{5};
    unsigned keep = 3;
};

struct ClientSettings {          // clients.* and dns.server: what mail programs and zone files are told
    std::string smtp;            // HOST:PORT that takes mail from mail programs; empty: none said
    std::string mx;              // the MTA; empty: this host
    std::string dns_server;      // to ask; empty: the system's
};

struct WebhookSettings {
    std::function<std::vector<std::string>()> allow; // webhooks.allow, as it is now: networks that may be called though they are private; any thread
    std::string authorities;                         // webhooks.ca; empty: the system's
    std::chrono::milliseconds timeout{10'000};       // of one attempt, in all
    std::chrono::milliseconds first_pause{10'000};   // after a failure; each further one four times as long, an hour at most
};

struct WebSettings {
    std::chrono::minutes idle{30};                   // admin.session_idle: a browser that asks nothing for so long is signed out
    std::chrono::hours lifetime{12};                 // admin.session_hours: and after so long in any case
    bool require_totp = false;                       // admin.require_totp: an administrator without a second factor stays out
};

struct Context {
    store::Store& store;
    auth::Authenticator& auth;
    delivery::Delivery& delivery;
    delivery::Rescan& rescan;
    delivery::ReadLog& reads;
    scanner::Client& scanner;
    const base::Clock& clock;
    net::Sessions& sessions;
    std::string server_name;
    std::string data_folder;                           // DIR
    base::Time started{};
    std::function<std::uint64_t()> default_quota;      // quota.default, as it is now; any thread
    std::function<std::vector<Listener>()> listeners;  // as they are now; any thread; may be empty
    BackupSettings backup{};
    CopySettings copy{};
    ClientSettings clients{};
    PasswordRules passwords{};
    const net::TlsSource* tls = nullptr;                  // what the mail ports show; outlives everything here
    WebhookSettings webhooks{};
    scanner::Options scanning{};                       // where signatures are, and what checks them
    WebSettings web{};
};

} // namespace postfach::admin
