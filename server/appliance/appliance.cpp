#include "server/appliance/appliance.h"
#include "admin/server.h"
#include "admin/service.h"
#include "server/appliance/certificate.h"
#include "server/appliance/demo.h"
#include "server/appliance/descriptors.h"
#include "server/appliance/journal.h"
#include "server/appliance/live_config.h"
#include "server/appliance/settings.h"
#include "server/auth/auth.h"
#include "server/auth/login_history.h"
#include "server/base/file.h"
#include "server/base/housekeeper.h"
#include "server/base/json_text.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"
#include "server/delivery/delivery.h"
#include "server/delivery/expiry.h"
#include "server/delivery/notice.h"
#include "server/delivery/read_log.h"
#include "server/delivery/rescan.h"
#include "server/imap/service.h"
#include "server/lmtp/service.h"
#include "server/mail/summary.h"
#include "server/net/address.h"
#include "server/net/sessions.h"
#include "server/net/service.h"
#include "server/pop3/retention.h"
#include "server/pop3/service.h"
#include "server/store/recent_bodies.h"
#include "server/store/store.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include <unistd.h>

namespace postfach::appliance {
namespace {
// Helpers read from the disk and hash; at a dozen a slow disk still leaves some for the others.
constexpr unsigned kHelpers = 12;

base::Gauge g_descriptors{"postfach_file_descriptors_limit", "File descriptors that this process may have"};
base::Gauge g_places{"postfach_connections_limit", "Live connections that there may be: limits.connections, or what the descriptors allow"};

void makeDataFolders(const std::string& data)
{
    try {
        for (const auto* folder : {"", "/run", "/spool", "/tls"})
            base::makeFolders(data + folder);
    } catch (const std::exception& error) {
        throw base::Refused("the data directory cannot be used: " + std::string(error.what()));
    }
}

net::CertificatePair standardCertificate(const CertificateFiles& files, const std::string& server_name)
{
    makeOwnCertificate(files, server_name);
    return files.standard;
}
} // namespace

struct Appliance::Inner {
    explicit Inner(Options given);

    Options options;
    base::SystemClock system_clock;
    const base::Clock& clock;
    const std::string name; // of the server
    net::Sessions sessions; // outlives the scheduler: a session that never ended leaves when that goes
    // Destroyed from the bottom up. The scheduler goes last of what runs: a thread may still be inside wake().
    std::unique_ptr<net::Scheduler> scheduler;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<scanner::Client> scanner;
    CertificateFiles certificate;
    net::Certificates certificates;
    const net::TlsSource& tls; // theirs
    auth::Authenticator authenticator;
    delivery::Delivery delivery;
    delivery::Rescan rescan;
    delivery::ReadLog reads;
    imap::Context imap;
    pop3::Context pop3;
    lmtp::Context lmtp;
    std::vector<std::unique_ptr<net::Service>> services;
    base::Housekeeper housekeeper, copier;
    std::unique_ptr<admin::AdminServer> admin;
    std::optional<CertificateWatch> certificate_watch;
    std::mutex networks_mutex;
    std::vector<std::string> lmtp_networks;    // lmtp.allow; guarded by networks_mutex
    std::vector<std::string> webhook_networks; // webhooks.allow; the same
    std::atomic<std::uint64_t> default_quota; // quota.default
    std::atomic<std::uint64_t> quarantine_days, read_days, login_days, event_days, events_kept;
    std::atomic<bool> quota_notice;
    std::string token;
    std::size_t bearable = SIZE_MAX; // connections, for the descriptors there are
    bool fresh = false;   // this start made the directory
    bool started = false;

    void tellQuota(const store::QuotaLevel& level);
    void probePorts();
    std::unique_ptr<store::Store> openStore();
    std::unique_ptr<scanner::Client> startScanner();
    void bind();
    void addService(const std::string& service, const std::string& key, net::Scheduler::Session session, std::string refusal);
    void countDescriptors();
    void boundSessions();
    std::vector<admin::Listener> listeners() const;
    void greet(const std::vector<DemoAccount>& demo);
    bool lmtpAllows(const std::string& address);
    std::vector<std::string> webhooksAllow();
    void addRemovalJobs();
    void addJournalJobs();
    void tell(const store::NewAudit& entry);
    void applyConfig();
    void rereadConfig();
};

// Binds every port and lets go of it again: a port in use is said before the data directory is touched.
void Appliance::Inner::probePorts()
{
    for (const auto* service : {"imap", "imaps", "pop3", "pop3s", "lmtp", "admin"}) {
        const auto port = options.config.port(std::string(service) + ".port");
        if (!port || *port == 0)
            continue;
        net::ServiceOptions wanted;
        wanted.name = service;
        wanted.addresses = options.config.list("listen.address");
        wanted.port = *port;
        net::Service(*scheduler, sessions, std::move(wanted), {});
    }
}

std::unique_ptr<store::Store> Appliance::Inner::openStore()
{
    checkConfig(options.config);
    probePorts();
    makeDataFolders(options.data);
    fresh = !std::filesystem::exists(options.data + "/postfach.db");
    auto opened = store::openSqliteStore(storeOptions(options.config, options.data), clock);
    return options.wrap_store ? options.wrap_store(std::move(opened)) : std::move(opened);
}

std::unique_ptr<scanner::Client> Appliance::Inner::startScanner()
{
    const auto wanted = scannerOptions(options.config, options.data);
    return options.start_scanner ? options.start_scanner(wanted) : scanner::startClient(wanted);
}

Appliance::Inner::Inner(Options given)
    : options(std::move(given)), clock(options.clock != nullptr ? *options.clock : system_clock), name(serverName(options.config)),
      sessions(sessionBounds(options.config), clock),
      scheduler(std::make_unique<net::Scheduler>(std::max(1U, std::thread::hardware_concurrency()) + 1, kHelpers)), store(openStore()),
      scanner(startScanner()),
      certificate(certificateFiles(options.config, options.data)), certificates(standardCertificate(certificate, name), certificate.folder),
      tls(certificates.source()),
      authenticator(*store, clock, plaintextPolicy(options.config)), delivery(*store, *scanner, clock, deliveryPolicy(options.config, options.data)),
      rescan(*store, *scanner, clock, rescanSettings(options.config, options.data), options.rescan_look),
      reads(*store, clock),
      imap{*store, authenticator, delivery, tls, clock, name}, pop3{*store, authenticator, tls, name},
      lmtp{*store, delivery, tls, name, options.lmtp_idle.value_or(base::limits::kLmtpIdleTimeout)}, housekeeper(clock), copier(clock)
{
    imap.reads = &reads;
    imap.withheld = &rescan.withheld();
    pop3.reads = &reads;
    imap.recent = pop3.recent = std::make_shared<store::RecentBodies>(options.config.size("store.memory"));
    pop3.withheld = &rescan.withheld();
    imap.login_timeout = pop3.login_timeout = options.login_timeout.value_or(imap.login_timeout);
    imap.progress_every = options.imap_progress.value_or(imap.progress_every);
    imap.messages_at_once = options.imap_messages_at_once.value_or(imap.messages_at_once);
    applyConfig();
    if (!options.say)
        options.say = [](const std::string& line) {
            // One write a line, as the log does: the two share standard output.
            const std::string text = line + "\n";
            base::writeAll(STDOUT_FILENO, text);
        };
    raiseDescriptorLimit();
    bind();
    countDescriptors();
    boundSessions();
}

// After everything is open that stays open: the rest of the descriptors is for connections and what they cause.
void Appliance::Inner::countDescriptors()
{
    const auto limit = raiseDescriptorLimit();
    const auto open = openDescriptors();
    bearable = connectionsWithin(limit, open);
    g_descriptors.set(static_cast<std::int64_t>(limit));
    const auto wanted = options.config.number("limits.connections");
    base::log(bearable < wanted ? base::LogLevel::warning : base::LogLevel::info, "appliance",
              bearable < wanted ? "few file descriptors: fewer connections than limits.connections" : "file descriptors",
              {{"limit", limit}, {"open", open}, {"connections", std::min<std::uint64_t>(bearable, wanted)}});
}

void Appliance::Inner::boundSessions()
{
    auto bounds = sessionBounds(options.config);
    bounds.in_all = std::min(bounds.in_all, bearable);
    sessions.setBounds(bounds);
    g_places.set(static_cast<std::int64_t>(bounds.in_all));
}

void Appliance::Inner::addService(const std::string& service, const std::string& key, net::Scheduler::Session session, std::string refusal)
{
    const auto port = options.config.port(key);
    if (!port)
        return;
    net::ServiceOptions wanted;
    wanted.name = service;
    wanted.addresses = options.config.list("listen.address");
    wanted.port = *port;
    wanted.refusal = std::move(refusal);
    if (service == "lmtp")
        wanted.allowed = [this](const std::string& address) { return lmtpAllows(address); };
    if (auto proxies = options.config.list("proxy.allow"); !proxies.empty())
        wanted.proxy = [networks = std::move(proxies)](const std::string& address) { return net::inAnyNetwork(address, networks); };
    services.push_back(std::make_unique<net::Service>(*scheduler, sessions, std::move(wanted), std::move(session)));
}

void Appliance::Inner::bind()
{
    using Poco::Net::StreamSocket;
    const std::string imap_refusal = "* BYE [UNAVAILABLE] too many connections, try again later\r\n";
    const std::string pop3_refusal = "-ERR [SYS/TEMP] too many connections, try again later\r\n";
    const auto imapSession = [this](bool implicit_tls) -> net::Scheduler::Session {
        return [this, implicit_tls](net::Strand& strand, StreamSocket socket) { return imap::serve(strand, std::move(socket), imap, implicit_tls); };
    };
    const auto pop3Session = [this](bool implicit_tls) -> net::Scheduler::Session {
        return [this, implicit_tls](net::Strand& strand, StreamSocket socket) { return pop3::serve(strand, std::move(socket), pop3, implicit_tls); };
    };
    addService("imap", "imap.port", imapSession(false), imap_refusal);
    addService("imaps", "imaps.port", imapSession(true), "");
    addService("pop3", "pop3.port", pop3Session(false), pop3_refusal);
    addService("pop3s", "pop3s.port", pop3Session(true), "");
    addService("lmtp", "lmtp.port", [this](net::Strand& strand, StreamSocket socket) { return lmtp::serve(strand, std::move(socket), lmtp); },
               "421 4.7.0 too many connections or none allowed from your address\r\n");

    admin::AdminOptions wanted;
    wanted.addresses = options.config.list("listen.address");
    wanted.port = options.config.port("admin.port");
    wanted.socket_path = options.data + "/run/admin.sock";
    const auto& config = options.config;
    const auto keep = static_cast<unsigned>(std::min<std::uint64_t>(config.number("backup.keep"), 1'000'000));
    admin::Context context{*store, authenticator, delivery, rescan, reads, *scanner, clock, sessions, name, options.data, clock.now(),
                           [this] { return default_quota.load(); }, [this] { return listeners(); },
                           {config.text("backup.folder"), keep, store::BackupCheck::all, std::chrono::hours(config.number("backup.every"))},
                           copySettings(config),
                           {config.text("clients.smtp"), config.text("clients.mx"), config.text("dns.server")}, passwordRules(config), &tls,
                           {[this] { return webhooksAllow(); }, config.text("webhooks.ca")}, scannerOptions(config, options.data), webSettings(config)};
    admin = std::make_unique<admin::AdminServer>(std::move(context), *scheduler, sessions, tls, std::move(wanted));
}

std::vector<std::string> Appliance::Inner::webhooksAllow()
{
    const std::lock_guard lock(networks_mutex);
    return webhook_networks;
}

bool Appliance::Inner::lmtpAllows(const std::string& address)
{
    const std::lock_guard lock(networks_mutex);
    return net::inAnyNetwork(address, lmtp_networks);
}

// Hands on what may change while serving (live_config.cpp has the list); the certificates have it already.
void Appliance::Inner::applyConfig()
{
    const auto& config = options.config;
    authenticator.setPolicy(plaintextPolicy(config));
    delivery.setPolicy(deliveryPolicy(config, options.data));
    rescan.setSettings(rescanSettings(config, options.data));
    boundSessions();
    default_quota = config.size("quota.default");
    read_days = config.number("scanner.read_days");
    reads.record(read_days > 0);
    login_days = config.number("logins.days");
    authenticator.history().record(login_days > 0);
    event_days = config.number("events.days");
    events_kept = config.number("events.keep");
    quarantine_days = config.number("quarantine.days");
    quota_notice = config.text("quota.notice") == "on";
    store->configureTrash(trashPolicy(config));
    const std::lock_guard lock(networks_mutex);
    lmtp_networks = config.list("lmtp.allow");
    webhook_networks = config.list("webhooks.allow");
}

// All of a good configuration, or nothing of a bad one.
void Appliance::Inner::rereadConfig()
{
    if (!options.reread)
        return;
    base::Config next;
    try {
        next = options.reread();
        checkConfig(next);
        const auto files = certificateFiles(next, options.data);
        makeOwnCertificate(files, name);
        if (files != certificate)
            certificates.move(files.standard, files.folder);
        certificate = files;
    } catch (const base::Refused& refused) {
        base::logError("appliance", "configuration not usable, the old one stays", {{"reason", refused.what()}});
        return;
    }
    const base::Config before = options.config;
    const auto changes = adopt(options.config, next);
    applyConfig();
    tellConfig(*store, before, options.config);
    const auto inWords = [](const std::vector<std::string>& keys) {
        std::string words;
        for (const auto& key : keys)
            words += (words.empty() ? "" : ", ") + key;
        return words;
    };
    const std::string taken = inWords(changes.taken);
    if (taken.find("log.") != std::string::npos)
        configureLog(options.config);
    if (!taken.empty())
        base::logInfo("appliance", "configuration read again", {{"changed", taken}});
    if (!changes.waiting.empty())
        base::logWarning("appliance", "configuration changed where it needs a restart", {{"keys", inWords(changes.waiting)}});
}

std::vector<admin::Listener> Appliance::Inner::listeners() const
{
    std::vector<admin::Listener> all;
    for (const auto& service : services)
        all.push_back({service->name(), service->port(), started});
    return all;
}

void Appliance::Inner::greet(const std::vector<DemoAccount>& demo)
{
    if (!fresh && token.empty() && demo.empty())
        return;
    const auto& say = options.say;
    const std::string data = options.data;
    say("");
    say("Postfach " POSTFACH_VERSION " serves " + name + " from " + data);
    for (const auto& service : services)
        say("  " + (service->name() + "        ").substr(0, 8) + "port " + std::to_string(service->port()));
    if (admin->port() != 0)
        say("  admin   https://" + name + ":" + std::to_string(admin->port()) + "/");
    say("  certificate " + certificate.standard.certificate + (certificate.own ? " (self-signed: mail clients will ask once)" : ""));
    say("  SHA-256 " + tls.current()->fingerprint());
    for (const auto& account : demo)
        say("demo account: " + account.address + " password: " + account.password);
    if (!token.empty())
        say("administrator token: " + token);
    if (demo.empty())
        say("next: create an account with   postfach account add you@your.domain --data " + data);
    else
        say("next: connect a mail client to " + name + " as alice@example.org, or look around with   postfach account list --data " + data);
    say("");
}

Appliance::Appliance(Options options) : inner_(std::make_unique<Inner>(std::move(options))) {}

Appliance::~Appliance() { stop(); }

// Trash and Junk, what is recoverable, and who comes near the quota.
void Appliance::Inner::addRemovalJobs()
{
    const auto before = [this](std::uint64_t days) {
        return clock.now() - std::chrono::hours(24) * static_cast<std::int64_t>(std::min<std::uint64_t>(days, 36'500));
    };
    const auto hourly = base::Housekeeper::every(std::chrono::hours(1));
    housekeeper.add("trash", hourly, [this](const std::stop_token& stop) {
        if (const auto gone = store->emptyTrash(stop); gone > 0) {
            base::logInfo("store", "what was long in Trash and Junk left them", {{"messages", gone}});
            const auto configured = store->configuredTrash(); // domains and accounts may have said otherwise
            tell({"server", "", "retention.trash", "all", "",
                  base::jsonObject({{"messages", gone}, {"trash_days", *configured.trash_days}, {"junk_days", *configured.junk_days}})});
        }
    }, true);
    // Also where it is 0 days: of what was kept before it was.
    housekeeper.add("recovery", hourly, [this](const std::stop_token& stop) {
        if (const auto gone = store->forgetRecoverable(stop); gone > 0) {
            base::logInfo("store", "what was deleted long ago is gone for good", {{"messages", gone}});
            tell({"server", "", "retention.recovery", "all", "",
                  base::jsonObject({{"messages", gone}, {"recovery_days", *store->configuredTrash().recovery_days}})});
        }
    }, true);
    const auto often = base::Housekeeper::every(std::chrono::seconds(10));
    housekeeper.add("reads", often, [this](const std::stop_token&) { reads.flush(); });
    housekeeper.add("logins", often, [this](const std::stop_token&) { authenticator.history().flush(); });
    housekeeper.add("logins-forgotten", hourly, [this, before](const std::stop_token& stop) { store->forgetLogins(before(login_days), stop); }, true);
    housekeeper.add("reads-forgotten", hourly, [this, before](const std::stop_token&) {
        store->writeAndWait([time = before(read_days)](store::WriteTx& tx) { tx.forgetFetched(time); });
    }, true);
    housekeeper.add("quarantine", hourly, [this, before](const std::stop_token& stop) {
        const std::uint64_t days = quarantine_days;
        if (days == 0)
            return;
        if (const auto gone = delivery::expireQuarantine(*store, before(days), stop); gone > 0)
            base::logInfo("store", "what was long in quarantine is gone for good", {{"messages", gone}});
    }, true);
    housekeeper.add("quota", base::Housekeeper::every(std::chrono::minutes(1)), [this](const std::stop_token& stop) {
        const auto levels = store->read()->quotaLevels();
        for (const store::QuotaLevel& level : levels) {
            if (stop.stop_requested())
                return;
            tellQuota(level);
        }
    });
}

// Once for each threshold on the way up. The notice stands within the quota like any mail: what is full gets none, and the log and
// the administrator's list say it all the same.
void Appliance::Inner::tellQuota(const store::QuotaLevel& level)
{
    const store::Account& account = level.account;
    const bool higher = level.reached > level.told;
    std::unique_ptr<store::PreparedBody> body;
    std::string summary;
    if (higher && quota_notice) {
        const std::string text = delivery::composeQuotaNotice({name, account.address, level.reached, account.used, account.quota, account.messages,
                                                               account.quota_messages, clock.now()});
        body = store->prepareBody(text);
        summary = mail::serialize(mail::summarize(text));
    }
    bool told = false, here = false;
    store->writeAndWait([&](store::WriteTx& tx) {
        told = false;
        here = tx.account(account.id).has_value(); // else removed meanwhile
        if (!here)
            return;
        tx.noteQuotaTold(account.id, level.reached);
        if (higher)
            tx.addEvent({"quota.reached", account.address,
                         base::jsonObject({{"percent", level.reached}, {"used", account.used}, {"quota", account.quota},
                                           {"messages", account.messages}, {"quota_messages", account.quota_messages}})});
        const auto inbox = tx.findMailbox(account.id, "INBOX");
        if (!body || !inbox)
            return;
        try {
            tx.append(inbox->id, {tx.addBody(*body, summary), {}, clock.now(), ""});
            told = true;
        } catch (const store::Error& error) {
            if (error.kind != store::Error::Kind::overQuota && error.kind != store::Error::Kind::limit && error.kind != store::Error::Kind::diskFull)
                throw;
        }
    });
    if (!here || !higher)
        return;
    base::logWarning("store", "an account comes near its quota", {{"account", account.address}, {"percent", level.reached}, {"used", account.used},
                     {"quota", account.quota}, {"messages", account.messages}, {"quota_messages", account.quota_messages}});
    base::logInfo("store", "quota level reached",
                  {{"account", account.address}, {"percent", level.reached}, {"notice", told ? "delivered" : "none"}});
}

void Appliance::Inner::tell(const store::NewAudit& entry)
{
    store->writeAndWait([&entry](store::WriteTx& tx) { tx.addAudit(entry); });
}

void Appliance::Inner::addJournalJobs()
{
    housekeeper.add("events", base::Housekeeper::every(std::chrono::minutes(10)), [this](const std::stop_token& stop) {
        const auto days = static_cast<std::int64_t>(std::min<std::uint64_t>(event_days, 36'500));
        store->trimEvents(clock.now() - std::chrono::hours(24) * days, events_kept, stop);
    });
    const auto minutely = base::Housekeeper::every(std::chrono::minutes(1));
    housekeeper.add("statistics", minutely, [this](const std::stop_token&) { admin->service().sampleStatistics(); });
    housekeeper.add("signatures-watch", minutely, [this](const std::stop_token&) { tellSignatures(*store, scanner->status()); }, true);
}

void Appliance::start()
{
    auto& self = *inner_;
    if (auto secret = self.admin->service().firstToken())
        self.token = std::move(*secret);
    std::vector<DemoAccount> demo;
    if (self.options.demo)
        demo = makeDemoOffice(*self.store, self.delivery, self.clock, self.options.config.size("quota.default"));
    for (auto& service : self.services)
        service->start();
    self.admin->start();
    self.housekeeper.add("pop3-retention", base::Housekeeper::every(std::chrono::hours(1)),
                         [&self](std::stop_token stop) { pop3::carryOutRetention(*self.store, self.clock, stop); }, true);
    self.addRemovalJobs();
    self.addJournalJobs();
    if (!self.options.config.text("backup.folder").empty())
        self.housekeeper.add("backup", backupTimes(self.options.config),
                             [&self](std::stop_token stop) { self.admin->service().scheduledBackup(std::move(stop)); });
    if (auto& copy = self.admin->service().copy(); copy.wanted()) {
        self.copier.add("copy", base::Housekeeper::every(copySettings(self.options.config).interval),
                        [&copy](std::stop_token stop) { copy.round(std::move(stop)); }, true);
        self.housekeeper.add("copy-watch", base::Housekeeper::every(std::chrono::minutes(1)), [&copy](const std::stop_token&) { copy.watch(); });
        self.copier.start();
    }
    self.housekeeper.start();
    self.rescan.start();
    self.certificate_watch.emplace(self.certificates, self.options.look_every);
    self.started = true;
    self.greet(demo);
    base::logInfo("appliance", "listening on all ports, ready");
}

void Appliance::stop()
{
    auto& self = *inner_;
    if (!self.admin)
        return; // once
    self.started = false;
    self.certificate_watch.reset();
    self.housekeeper.stop();
    self.copier.stop();
    self.rescan.stop();
    for (auto& service : self.services)
        service->stop();
    self.admin->stop();
    self.scheduler->stop();
    // Sessions are gone; what they handed to the writer and the scanner is finished by those destructors.
    self.admin.reset();
    self.services.clear();
    base::logInfo("appliance", "stopped");
}

void Appliance::reload()
{
    auto& self = *inner_;
    try {
        self.rereadConfig();
        makeOwnCertificate(self.certificate, self.name);
        self.certificates.readAgain();
    } catch (const std::exception& error) {
        base::logError("appliance", "not everything was read again", {{"reason", error.what()}});
    }
    self.scanner->reload();
}

std::uint16_t Appliance::port(const std::string& service) const
{
    if (service == "admin")
        return inner_->admin->port();
    for (const auto& one : inner_->services)
        if (one->name() == service)
            return one->port();
    return 0;
}

std::string Appliance::socketPath() const { return inner_->admin->socketPath(); }
const std::string& Appliance::token() const { return inner_->token; }
store::Store& Appliance::store() { return *inner_->store; }
auth::Authenticator& Appliance::authenticator() { return inner_->authenticator; }
delivery::Delivery& Appliance::delivery() { return inner_->delivery; }
scanner::Client& Appliance::scanner() { return *inner_->scanner; }
delivery::Rescan& Appliance::rescan() { return inner_->rescan; }
base::Housekeeper& Appliance::copier() { return inner_->copier; }
base::Housekeeper& Appliance::housekeeper() { return inner_->housekeeper; }

} // namespace postfach::appliance
