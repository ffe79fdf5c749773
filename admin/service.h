#pragma once
// The application service: everything an administrator can do, once, for the HTTP API, the command line and the console.
// Methods block (store, hashing, disk): call them from helper threads, never from a worker. Any thread; refusals are thrown
// as Problem. What changes an account's password also ends the authenticator's memory of the old one, and whatever takes an
// account's right to be here ends its live sessions. Whoever changes something says who it is (By): the audit has it, in the same
// transaction.
#include "admin/audit.h"
#include "admin/context.h"
#include "admin/events.h"
#include "admin/pop3_policy.h"
#include "admin/problem.h"
#include "admin/scan_policy.h"
#include "admin/trash_policy.h"
#include "admin/second_copy.h"
#include "admin/tasks.h"
#include "admin/token_guard.h"
#include "admin/webhooks.h"
#include "server/base/json_text.h"
#include "scanner/signature_info.h"

#include <cstdint>
#include <functional>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::admin {

// What an account may log in to when nothing is said: all there is. "smtp" is for a submission server that asks here who may send.
const std::vector<std::string>& defaultServices();

struct AccountChange { // absent fields stay as they are
    std::optional<std::string> password, password_hash, name; // the hash comes from another server, instead of a password
    std::optional<std::uint64_t> quota, quota_messages;
    std::optional<bool> enabled;
    std::optional<std::vector<std::string>> services;
    std::optional<std::vector<std::string>> scopes; // of an administrator; as they are where nothing is said, also by a whole account
    std::optional<Pop3Change> pop3;
    std::optional<ScanChange> scan;
    std::optional<TrashChange> trash;
    bool administrator = false; // who asks has the scope `admin`: without it nobody makes administrators, or changes one
};

// From the password or the hash that `change` brings; `before`: what the account has now. Hashing takes its time. Problem 422.
store::Credentials credentialsOf(const AccountChange& change, const store::Credentials& before);

struct AccountFilter {                     // absent: any
    std::string domain, text;              // text: part of the address or the name, without regard to case
    std::optional<bool> enabled;
    enum class Sort { address, used, created, lastLogin } sort = Sort::address; // the same values by address
    bool descending = false;
};

struct DomainChange { // as AccountChange
    std::optional<Pop3Change> pop3;
    std::optional<ScanChange> scan;
    std::optional<TrashChange> trash;
};

struct Office; // admin/office.h
struct OfficeChange;
struct OfficeDifference;

struct NewToken {
    std::string name;
    std::vector<std::string> scopes;
    std::optional<base::Time> expires;
    std::vector<std::string> networks; // whence it may be used, in CIDR form; empty: from anywhere
};

struct WantedAppPassword {
    std::string label;
    std::vector<std::string> scopes;   // imap, pop3, smtp
    std::optional<base::Time> expires;
};

struct WebhookWish {
    std::string url;
    std::vector<std::string> kinds;    // empty: all
    std::string account;               // empty: everybody's
    std::optional<std::string> secret; // absent: as before
};

struct MessageInfo {
    store::Uid uid;
    std::uint64_t size = 0;
    base::Time date{};
    std::vector<std::string> flags;    // seen, answered, flagged, deleted, draft
    std::vector<std::string> keywords;
};

struct QuarantineWish {          // absent or empty: any
    std::string account;         // an address
    store::QuarantineFilter filter;
};

struct QuarantinedMail {         // what can be said of it without showing it
    struct Field {
        std::string name, value; // decoded, in one line
    };
    struct Part {
        std::string section;     // "1.2", RFC 9051 6.4.5; "" the message itself
        std::string type, name;  // "application/zip", "invoice.zip"
        std::string encoding;
        std::uint64_t size = 0;  // as it lies in the message
        std::string sha256;      // of what it decodes to; empty for what has parts of its own
    };
    std::vector<Field> headers;
    std::vector<Part> parts;
    std::string content;         // SHA-256 in hex by which an allowance knows it
    bool whole = true;           // false: there is more of either
};

struct ReleaseWish {
    std::optional<std::string> to;                            // an account that gets a copy; the entry stays
    std::optional<store::Allowance::Kind> never_again;
    std::optional<base::Time> expires;                        // of never_again
};

struct BackupWish {
    std::string folder;          // empty: the configured one
    unsigned keep = 0;
    store::BackupCheck check = store::BackupCheck::all;
    bool must_be_there = false;  // store::BackupOptions
};

struct FoundBackup {
    std::string folder;
    store::BackupInfo info;
};

struct SignatureReport {
    scanner::Status status;
    std::vector<scanner::SignatureFileInfo> files;
    std::optional<std::chrono::milliseconds> age; // of the official set; nullopt: there is none
    scanner::Freshness freshness = scanner::Freshness::own;
};

struct Component { // of readiness
    std::string name;
    bool ready = false;
    std::string detail;
    bool warns = false; // mail flows, but somebody should look
};

struct TotpState {
    std::optional<base::Time> since; // absent: there is none
    std::size_t recovery_codes = 0;  // that are left
};

struct OpenedWebSession {
    std::string secret; // for the cookie; told once
    store::WebSession kept;
};

struct Statistics {
    std::vector<base::Time> times;                                                // when each step begins
    std::map<std::string, std::vector<std::optional<std::int64_t>>> series;       // a value a step; absent: not known
};

template <class T>
struct Put {
    T value;
    bool created = false;
};

// Problem 403 when an account that is or becomes an administrator's is to be changed by who is none.
void requireAdministrator(bool administrator, const std::vector<std::string>& before, const std::optional<std::vector<std::string>>& after);
// Problem 422 for what is no scope; sorted, each once.
std::vector<std::string> checkedAdminScopes(std::vector<std::string> scopes);

class Service {
public:
    static constexpr int kStreams = 64; // of events at once; each costs a connection and no thread
    explicit Service(Context context);
    ~Service();
    const Context& context() const { return context_; }
    Configured configured() const { return {context_.delivery.policy().scan, context_.store.configuredTrash()}; }

    // `expected`, here and below: the ETag a caller relies on (412 when the resource has moved on).
    // --- domains
    std::vector<store::Domain> domains(const store::Page& page);
    store::Domain domain(const std::string& name);
    // PUT: a policy that is not said is inherited from the defaults. PATCH: it stays.
    Put<store::Domain> putDomain(const By& by, const std::string& name, bool only_new, const std::optional<std::string>& expected,
                                 const DomainChange& wanted);
    store::Domain changeDomain(const By& by, const std::string& name, const std::optional<std::string>& expected, const DomainChange& wanted);
    void removeDomain(const By& by, const std::string& name, const std::optional<std::string>& expected);

    // --- accounts
    std::vector<store::Account> accounts(const store::Page& page);
    // Page::after: an accountKey() of this order.
    std::vector<store::Account> accounts(const AccountFilter& filter, const store::Page& page);
    static std::string accountKey(const store::Account& account, AccountFilter::Sort sort);
    store::Account account(const std::string& address);
    static std::string etag(const store::Account& account);
    // What is wrong with a password by auth.password_policy: nothing to say, a warning for its owner, or Problem 422.
    std::optional<std::string> passwordWarning(const std::string& password, const std::string& address) const;
    // Creates, or replaces: what `change` leaves out takes its default, the password stays. The domain is made when new.
    Put<store::Account> putAccount(const By& by, const std::string& address, const AccountChange& change, bool only_new,
                                   const std::optional<std::string>& expected);
    store::Account changeAccount(const By& by, const std::string& address, const AccountChange& change,
                                 const std::optional<std::string>& expected);
    void removeAccount(const By& by, const std::string& address, const std::optional<std::string>& expected, bool administrator);
    // --- mailboxes of an account, never what is in them
    std::vector<store::Mailbox> mailboxes(const std::string& address);
    store::Mailbox mailbox(const std::string& address, const std::string& name);
    Put<store::Mailbox> putMailbox(const By& by, const std::string& address, const std::string& name, bool only_new, std::optional<bool> subscribed,
                                   const std::optional<std::string>& expected);
    struct MailboxChange {                     // absent: as it is
        std::optional<std::string> name;       // another one: it is renamed, with all below it
        std::optional<bool> subscribed;
    };
    store::Mailbox changeMailbox(const By& by, const std::string& address, const std::string& name, const MailboxChange& change,
                                 const std::optional<std::string>& expected);
    // What was in it can be restored for recovery.days.
    void removeMailbox(const By& by, const std::string& address, const std::string& name, const std::optional<std::string>& expected);

    std::vector<store::LoginRecord> logins(const std::string& address); // up to this moment, newest first

    // --- app passwords. The secret is told once, here.
    std::vector<store::AppPassword> appPasswords(const std::string& address);
    auth::NewAppPassword createAppPassword(const By& by, const std::string& address, const WantedAppPassword& wanted);
    void removeAppPassword(const By& by, const std::string& address, const std::string& label);

    // --- what failed logins have brought about; `subject` is an address or an account
    std::vector<auth::Ban> bans() { return context_.auth.guard().bans(); }
    void liftBans(const By& by, const std::string& subject);

    // --- aliases
    std::vector<store::Alias> aliases(const store::Page& page);
    store::Alias alias(const std::string& address);
    Put<store::Alias> putAlias(const By& by, const std::string& address, const std::vector<std::string>& targets, bool only_new,
                               const std::optional<std::string>& expected);
    void removeAlias(const By& by, const std::string& address, const std::optional<std::string>& expected);

    // --- tokens. The secret is told once, here; its SHA-256 is kept.
    std::vector<store::Token> tokens();
    std::string createToken(const By& by, const NewToken& token);
    void removeToken(const By& by, const std::string& name);
    std::string rotateToken(const By& by, const std::string& name); // another secret for it: the old one ends at once
    // The first administrator's token: made when there is none yet; nullopt otherwise.
    std::optional<std::string> firstToken();
    // Whose secret this is: nullopt for a wrong, expired or removed one, and from where it may not be used. Notes its use, at most once a minute.
    bool isUnchanged(store::AccountId id, std::uint64_t version); // since a login found it so
    std::optional<store::Token> tokenOf(std::string_view secret, const std::string& address);
    // What a wrong one costs; tells of it now and then.
    TokenGuard::Decision tokenRefused(const std::string& address);
    static const std::vector<std::string>& scopes();

    // --- second factors
    TotpState totp(const std::string& address);
    std::string beginTotp(const By& by, const std::string& address); // the secret, raw; 409 when there is one
    std::vector<std::string> confirmTotp(const By& by, const std::string& address, const std::string& code); // recovery codes, told once
    void removeTotp(const By& by, const std::string& address);       // by who has proven to have it
    void resetTotp(const By& by, const std::string& address, bool administrator); // for an owner who has lost it

    // --- browsers that have signed in. `instead`: the secret of the session that the same browser had.
    OpenedWebSession openWebSession(const By& by, const store::Account& account, const std::string& client, const std::string& instead,
                                    auth::Login::Second second);
    bool lacksTotp(const store::Account& account) const; // admin.require_totp keeps it out
    void signInRefused(const By& by, const std::string& account); // for the audit, now and then
    struct Browser {
        bool known = false;                    // there is or was such a session
        std::optional<store::Account> account; // who has signed in; absent: nobody, or not any more
        store::WebSession session;
    };
    Browser browserOf(const std::string& secret, bool active = true); // active: it asks for something, and stays signed in
    std::vector<store::WebSession> webSessions(const std::string& address); // by id, without those that are over
    void endWebSession(const By& by, const std::string& address, const std::string& id);
    base::Time endOf(const store::WebSession& session) const; // when nothing more is asked

    // --- live sessions of the mail services
    std::vector<net::SessionInfo> sessions(const net::Sessions::Filter& filter, const store::Page& page);
    net::SessionInfo session(const std::string& id);
    void endSession(const By& by, const std::string& id);

    // --- quarantine
    std::vector<store::Quarantined> quarantine(const QuarantineWish& wish, const store::Page& page);
    store::Quarantined quarantined(std::int64_t id);
    QuarantinedMail inspectQuarantined(std::int64_t id);
    std::string quarantinedZip(const By& by, std::int64_t id);              // in an archive under a password, see quarantine_zip.h
    void releaseQuarantined(const By& by, std::int64_t id, const ReleaseWish& wish);
    void deleteQuarantined(const By& by, std::int64_t id);
    void askForRelease(const By& by, const std::string& account, std::int64_t id, const std::string& words); // by its recipient
    struct ExposureOf {              // of quarantined contents: who has or had them, and who had them handed out
        std::vector<store::Quarantined> quarantined;
        std::vector<std::pair<std::string, store::Place>> stored; // account; in a mailbox still
        std::vector<store::Exposure> reads;
    };
    ExposureOf exposure(std::int64_t id, bool by_signature); // of this content, or of all in which the same was found

    // --- what is not to be found again
    std::vector<store::Allowance> allowances();
    store::Allowance putAllowance(const By& by, store::Allowance allowance);
    void removeAllowance(const By& by, store::Allowance::Kind kind, const std::string& what);

    // --- what was deleted and can be restored, of one account
    std::vector<store::Recoverable> deleted(const std::string& address, const store::RecoverableFilter& filter, const store::Page& page);
    std::optional<store::Recoverable> findDeleted(std::int64_t id); // of whichever account
    store::WriteTx::Restored restoreDeleted(const By& by, const std::string& address, std::int64_t id);
    void forgetDeleted(const By& by, const std::string& address, std::int64_t id);

    // --- mail of an account. importMessage makes the mailbox when it is new. The audit has who put mail in or read it, by mailbox, once
    // an hour.
    delivery::Result importMessage(const By& by, const std::string& address, const std::string& mailbox, const delivery::AppendItem& item,
                                   std::string_view message);
    std::vector<MessageInfo> messages(const By& by, const std::string& address, const std::string& mailbox, store::Uid after, std::size_t limit);
    std::string message(const By& by, const std::string& address, const std::string& mailbox, store::Uid uid);

    // --- what happened
    std::vector<store::AuditEntry> audit(const store::AuditFilter& filter, const store::Page& page);
    struct AuditState {
        std::uint64_t entries = 0;
        store::AuditHead head;
        std::vector<store::Finding> findings;
    };
    AuditState verifyAudit(const std::optional<store::AuditHead>& noted);
    std::vector<store::Event> events(const store::EventFilter& filter, const store::Page& page);
    Following followEvents(store::EventFilter filter, std::optional<std::int64_t> after); // Problem 503 when there are too many
    std::vector<store::Webhook> webhooks(); // by name
    store::Webhook webhook(const std::string& name);
    Put<store::Webhook> putWebhook(const By& by, const std::string& name, const WebhookWish& wish, bool only_new);
    void removeWebhook(const By& by, const std::string& name);
    WebhookState webhookState(const std::string& name) { return webhooks_.state(name); }
    // A closure of a transaction of its own: for what changes no row of the store.
    void note(const By& by, const std::string& action, const std::string& target, const Poco::JSON::Object::Ptr& after = nullptr);

    // --- signatures
    SignatureReport signatures();
    void addSignatures(const By& by, const std::string& name, std::string_view bytes); // proved before it joins the others
    void removeSignatures(const By& by, const std::string& name);

    // --- scanning, health
    scanner::Status scanStatus() { return context_.scanner.status(); }
    void runScan(const By& by);        // reads the signatures again, and begins a pass over what is behind
    delivery::Rescan::Status rescanStatus();
    void cancelRescan(const By& by);
    std::vector<store::Outbreak> outbreaks();
    void confirmOutbreak(const By& by, const std::string& signature);
    std::uint64_t dismissOutbreak(const By& by, const std::string& signature); // how many messages were released
    std::vector<Component> readiness();
    std::string metrics();
    void sampleStatistics(); // every minute: what was counted since goes into the hour
    Statistics statistics(base::Time from, base::Time until, std::chrono::hours step); // `from`: the beginning of a step

    // --- long work
    Task checkStore(const By& by, bool repair);
    Task createBackup(const By& by, BackupWish wish);
    // The same on the caller's thread; what came of it, for a person. Throws what store::createBackup throws.
    std::string runBackup(const BackupWish& wish, const Tasks::Progress& progress, std::stop_token stop);
    void scheduledBackup(std::stop_token stop); // into the configured folder; throws what runBackup throws, and readiness tells of it
    SecondCopy& copy() { return copy_; }
    Task restoreMail(const By& by, store::MailRestore wanted); // one account, mailbox or message out of a backup
    // --- the office as one document (admin/office.h)
    Poco::JSON::Object::Ptr officeSnapshot();
    OfficeDifference compareOffice(const Office& office);     // what applying it would do; Problem 422 for what cannot be
    // `prune`: aliases and empty domains that are not in it go. Accounts never do.
    Task applyOffice(const By& by, std::shared_ptr<const Office> office, bool prune, bool administrator);
    std::vector<FoundBackup> backups();  // in backup.folder, copy.folder and below DIR/backups
    std::optional<Task> task(const std::string& id); // the pass over stored mail is one, too
    std::vector<Task> tasks();           // by age, the pass last
    Task cancelTask(const By& by, const std::string& id); // as it is then; one that runs ends a little later

private:
    // One change and what the audit says of it, in one transaction; refusals of the store name `subject`.
    void change(const std::string& subject, const By& by, const std::function<void(store::WriteTx&, Notes&)>& work);
    void decideOutbreak(const By& by, const std::string& signature, store::Outbreak::State state, const std::string& action);
    // An event that nobody waits for.
    void tell(const std::string& kind, const std::string& account, std::initializer_list<base::JsonField> data);
    void tellTask(const Task& task);             // an event, and what a restart gives back
    std::vector<Task> earlierTasks();            // of before the start, all over
    void beginStatistics();
    std::optional<base::Time> signaturesBuilt(); // the newest set in the folder; absent: there is none
    std::optional<base::Time> lastBackup();      // into backup.folder
    struct Room {
        std::uint64_t free = 0, size = 0;        // bytes; size 0: not known
    };
    Room roomOnDisk() const;
    void addSurroundings(std::vector<Component>& components);
    void addSurroundings(std::string& metrics);
    void noteMail(const By& by, const std::string& action, const store::Account& account, const std::string& mailbox);
    void endSessions(const store::Account& account, const std::set<std::string>& protocols, const char* reason);
    void endWhoMayNoLonger(const store::Account& before, const store::Account& after, bool new_password);
    store::Account require(store::ReadTx& tx, const std::string& address);
    store::Credentials credentialsNow(const std::string& address); // empty for no account
    std::string backupFolder(const std::string& given) const;
    Tasks::Outcome putOffice(const By& by, const Office& office, bool prune, bool administrator, const Tasks::Progress& progress,
                             const std::stop_token& stop);
    void putOfficeAccounts(const By& by, const Office& office, bool administrator, std::size_t from, std::size_t to);
    bool removeOther(const By& by, const OfficeChange& other);

    Context context_;
    SecondCopy copy_{context_};
    EventSeats seats_{kStreams};
    TokenGuard token_guard_;
    std::mutex mutex_;
    std::string totals_;                        // guarded by mutex_: the store's part of the metrics, made every 15 s
    std::chrono::steady_clock::time_point totals_at_{}; // guarded by mutex_
    std::vector<std::pair<std::string, base::Time>> touched_; // guarded by mutex_: token hashes and when their use was noted
    std::map<std::string, base::Time> mail_notes_; // guarded by mutex_: who did what to which mailbox, and when that was noted
    std::map<std::string, base::Time> refusals_;   // guarded by mutex_: sign-ins that the audit has, by account and network
    base::Time refusals_minute_{};                 // guarded by mutex_, as are the next two
    unsigned refusals_noted_ = 0;
    std::uint64_t refusals_untold_ = 0;
    std::mutex health_mutex_;
    std::optional<std::chrono::steady_clock::time_point> signatures_looked_; // guarded by health_mutex_, as is the next
    std::optional<base::Time> signatures_built_;
    std::map<std::string, std::int64_t> counted_; // of the one thread that samples: the last value of each series
    base::Time counted_hour_{};                   // the same
    std::mutex signatures_mutex_;               // one file at a time is proved
    std::mutex backup_mutex_;                   // one backup at a time
    std::atomic<bool> backup_failed_{false};    // the last one on the schedule
    Webhooks webhooks_;                         // its thread uses the context
    Tasks tasks_;                               // last: its thread uses what stands above
};

} // namespace postfach::admin
