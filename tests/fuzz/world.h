#pragma once
// What a fuzzed session runs on: a store in a folder of its own, a certificate, an authenticator whose guard's clock runs ahead.
#include "server/auth/auth.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/mail/summary.h"
#include "server/net/certificates.h"
#include "server/net/tls.h"
#include "server/store/store.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <unistd.h>

namespace postfach::fuzz {

struct World {
    explicit World(unsigned helpers) : scheduler(1, helpers)
    {
        base::configureLog(2, base::LogFormat::text, base::LogLevel::error);
        std::string pattern = (std::filesystem::temp_directory_path() / "fuzz-session-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            std::abort();
        folder = pattern;
        store = store::openSqliteStore({folder, '/', false}, clock);
        credentials = auth::Authenticator::makeCredentials("secret");
        store->writeAndWait([](store::WriteTx& tx) { tx.createDomain("example.org"); });
        net::makeSelfSigned(folder + "/c.pem", folder + "/k.pem", {"localhost"});
        tls = std::make_unique<net::TlsSource>(net::TlsContext::load(folder + "/c.pem", folder + "/k.pem"));
        auth = std::make_unique<auth::Authenticator>(
            *store, clock, auth::PlaintextPolicy::always, [this] { return steady += std::chrono::seconds(1); });
    }
    ~World()
    {
        scheduler.stop(); // whoever adds what its helpers touch stops it earlier
        auth.reset();
        store.reset();
        std::filesystem::remove_all(folder);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    store::MailboxId account(const char* address) // its INBOX
    {
        store::MailboxId inbox;
        store->writeAndWait([&](store::WriteTx& tx) {
            store::NewAccount fresh;
            fresh.address = address;
            fresh.credentials = credentials;
            inbox = tx.findMailbox(tx.createAccount(fresh), "INBOX")->id;
        });
        return inbox;
    }

    store::MailboxId renewed(const char* address) // with nothing of what it was
    {
        store->writeAndWait([&](store::WriteTx& tx) {
            if (const auto old = tx.findAccount(address))
                tx.removeAccount(old->id);
        });
        return account(address);
    }

    void append(store::MailboxId mailbox, const std::string& mail)
    {
        const auto body = store->prepareBody(mail);
        const std::string summary = mail::serialize(mail::summarize(mail));
        store->writeAndWait([&](store::WriteTx& tx) {
            store::NewMessage fresh;
            fresh.body = tx.addBody(*body, summary);
            fresh.internal_date = clock.now();
            tx.append(mailbox, fresh);
        });
    }

    auth::Login loginOf(const char* address) const
    {
        auth::Login login;
        login.result = auth::Login::Result::ok;
        login.account = *store->read()->findAccount(address);
        return login;
    }

    std::string folder;
    base::FakeClock clock;
    net::SteadyTime steady{std::chrono::hours(1000)}; // the guard's: most of what it refuses costs no hash
    net::Scheduler scheduler;
    store::Credentials credentials;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<net::TlsSource> tls;
    std::unique_ptr<auth::Authenticator> auth;
};

} // namespace postfach::fuzz
