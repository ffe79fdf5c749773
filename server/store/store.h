#pragma once
// The narrow door to everything that is kept. No SQL above it, no protocol below it.
//
// Reading: read() gives a consistent picture (ReadTx) for as long as it lives; give it back soon, never keep it across a
// co_await. It may touch the disk: sessions use it inside Strand::offload. view() is memory once it is warm.
//
// Writing: write() queues a closure for the one writer thread, which runs all that wait in one transaction, each in a
// savepoint, commits once (fsync), publishes to the views in commit order, and then answers each: done(nullptr), or done(error)
// when this closure threw (it alone is rolled back) or the commit failed (nobody is told OK). done runs on the writer's
// thread and must not block. What a closure captures by reference must live until done.
#include "server/store/journal.h"
#include "server/store/scans.h"
#include "server/store/types.h"
#include "server/store/view.h"

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::store {

// A body on its way in: hashed, compressed or already durable as a file; made outside the writer. Movable, one use per
// write (several messages may share the BodyId it becomes).
class PreparedBody {
public:
    virtual ~PreparedBody() = default;
    virtual std::uint64_t size() const = 0;
    virtual const base::Sha256& sha256() const = 0;
};

struct Page { // of a listing: entries whose key is greater than `after`, at most `limit`
    std::string after;
    std::size_t limit = 100;
};

class ReadTx {
public:
    virtual ~ReadTx() = default;

    // --- accounts. Addresses are matched without regard to case.
    virtual std::optional<Account> findAccount(std::string_view address) = 0;      // exact account, no alias, no +detail
    virtual std::optional<Account> account(AccountId id) = 0;
    virtual std::optional<Credentials> credentials(AccountId id) = 0;
    virtual std::vector<AppPassword> appPasswords(AccountId id) = 0;                // by label
    virtual std::vector<LoginRecord> logins(AccountId id) = 0;                      // newest first
    virtual std::vector<Account> accounts(const Page& page) = 0;                    // by address
    // Who gets mail for this address: account, alias (followed), either with +detail cut off, else the alias "@domain". Empty:
    // nobody. No duplicates.
    virtual std::vector<AccountId> resolve(std::string_view address) = 0;
    virtual std::optional<Domain> findDomain(std::string_view name) = 0;
    virtual std::vector<Domain> domains(const Page& page) = 0;
    virtual std::optional<Alias> findAlias(std::string_view address) = 0;
    virtual std::vector<Alias> aliases(const Page& page) = 0;
    virtual std::vector<Token> tokens() = 0;
    virtual std::optional<Token> findToken(std::string_view hash) = 0;
    virtual std::optional<Totp> totp(AccountId account) = 0;
    virtual std::vector<WebSession> webSessions(AccountId account) = 0;             // by id
    virtual std::optional<WebSession> findWebSession(std::string_view hash) = 0;

    // --- mailboxes
    virtual std::vector<Mailbox> mailboxes(AccountId account) = 0;                   // by name
    virtual std::optional<Mailbox> findMailbox(AccountId account, std::string_view name) = 0; // "inbox" in any case
    virtual std::optional<Mailbox> mailbox(MailboxId id) = 0;
    virtual std::vector<std::string> subscriptions(AccountId account) = 0;           // may name mailboxes that are gone
    virtual std::vector<std::string> keywords(AccountId account, std::size_t from = 0) = 0; // by index, without the first `from`
    virtual std::optional<unsigned> findKeyword(AccountId account, std::string_view name) = 0; // its index; without regard to case
    // Of a mailbox; MailboxId{}: the account's own.
    virtual std::optional<std::string> annotation(AccountId account, MailboxId mailbox, std::string_view name) = 0;
    virtual std::vector<Annotation> annotations(AccountId account, MailboxId mailbox) = 0; // by name
    virtual std::vector<std::pair<Uid, ModSeq>> expungedSince(MailboxId id, ModSeq since) = 0; // RFC 7162; may say more than asked

    // --- bodies. damaged is thrown where the bytes do not match their row.
    virtual std::string body(BodyId id) = 0;
    virtual std::string bodyRange(BodyId id, std::uint64_t offset, std::uint64_t length) = 0; // cut at the end
    virtual std::uint64_t bodySize(BodyId id) = 0;
    virtual base::Sha256 bodyHash(BodyId id) = 0; // RFC 8474: EMAILID is made of it, the same for the same content for ever; ids may differ
    virtual std::string summary(BodyId id) = 0;                                      // as stored; empty when there is none
    virtual ScanRecord scanRecord(BodyId id) = 0;
    virtual std::string uidl(MailboxId mailbox, Uid uid) = 0;
    // The UIDLs of a whole mailbox that differ from the rule "%08x%08x" of UIDVALIDITY and UID.
    virtual std::vector<std::pair<Uid, std::string>> fixedUidls(MailboxId mailbox) = 0;

    // --- POP3 policies
    virtual std::vector<Uid> hiddenFromPop3(MailboxId mailbox) = 0;                  // ascending
    virtual std::uint32_t leastPop3Retention() = 0;                                  // of all accounts; Pop3Policy::kForEver when none has less
    // What has stayed its days after the first download: of one account after another (or of one), at most `most` messages of each.
    virtual std::vector<Pop3Due> pop3Due(Time now, std::size_t most, std::optional<AccountId> only = {}) = 0;
    // RFC 8514: when each message of first..last came into this mailbox, by UID.
    virtual std::vector<std::pair<Uid, Time>> saveDates(MailboxId mailbox, Uid first, Uid last) = 0;

    // --- what was deleted and can be restored
    virtual std::vector<Recoverable> recoverable(AccountId account, const RecoverableFilter& filter, const Page& page) = 0; // by id as decimal
    virtual std::optional<Recoverable> recoverable(RecoverableId id) = 0;

    virtual std::vector<QuotaLevel> quotaLevels() = 0;                               // where `reached` is not `told`; looks at every account

    // --- quarantine
    virtual std::vector<Quarantined> quarantine(const QuarantineFilter& filter, const Page& page) = 0; // by id as decimal, ascending
    std::vector<Quarantined> quarantine(const Page& page) { return quarantine({}, page); }
    virtual std::optional<Quarantined> quarantined(QuarantineId id) = 0;

    virtual std::vector<Quarantined> quarantineOf(BodyId body) = 0;                  // every entry with this content
    virtual std::vector<Quarantined> quarantineBehind(std::string_view token) = 0;   // of one notice; several where it stands for several

    // --- scans of what is stored
    virtual Coverage coverage(std::string_view signatures) = 0;                      // looks at every content's row
    // Contents that `signatures` have not looked at, with ids below `before` (BodyId{}: any).
    virtual std::vector<Behind> behind(std::string_view signatures, BehindOrder order, BodyId before, std::size_t limit) = 0;
    virtual std::vector<Place> places(const std::vector<BodyId>& bodies) = 0;        // by mailbox and UID; looks at every message
    virtual std::vector<Outbreak> outbreaks() = 0;                                   // by signature
    virtual std::vector<BodyId> waiting(std::string_view signature, std::size_t limit) = 0; // contents that wait for an answer
    virtual std::vector<Exposure> exposure(const std::vector<BodyId>& bodies, std::size_t limit) = 0; // by day; looks at every record
    // Every content of which the inside is known; packed: InnerHash::kPacked bytes each, unpacked by unpackInnerHashes().
    virtual void eachInnerHashes(const std::function<void(BodyId, std::string_view packed)>& visit) = 0;
    virtual std::vector<Allowance> allowances() = 0;                                 // also what has expired; by kind and name
    virtual bool isAllowed(Allowance::Kind kind, std::string_view what, Time now) = 0;

    virtual std::string setting(std::string_view name) = 0;                          // small facts of the appliance; empty when unset

    // --- what happened. The key of a page is the id as decimal.
    virtual std::vector<AuditEntry> audit(const AuditFilter& filter, const Page& page) = 0; // newest first; `after`: older than it
    virtual std::vector<AuditEntry> auditSince(std::int64_t id, std::size_t most) = 0;      // behind it, oldest first
    virtual AuditHead auditHead() = 0;
    virtual std::vector<Event> events(const EventFilter& filter, const Page& page) = 0;     // newest first; `after`: older than it
    // Behind `after`, oldest first. Looks at `most` rows, whether they fit or not, and says how far it came.
    virtual std::vector<Event> eventsSince(const EventFilter& filter, std::int64_t after, std::size_t most, std::int64_t& looked) = 0;
    virtual EventRange eventRange() = 0;
    virtual std::vector<WebhookAttempt> webhookAttempts(std::string_view webhook) = 0;        // newest first
    virtual std::vector<TaskRecord> tasks() = 0;                                              // the oldest first
    virtual std::vector<Webhook> webhooks() = 0;                                            // by name
    virtual std::vector<Statistic> statistics(Time from, Time until) = 0;                   // by hour, then series; hours that begin in it

    struct Totals { std::uint64_t accounts, domains, mailboxes, messages, bodies, bytes, quarantined; };
    virtual Totals totals() = 0;
};

// Everything ReadTx says, seen from inside the transaction, and the changes.
class WriteTx : public ReadTx {
public:
    virtual Time now() const = 0;

    // --- accounts
    virtual void createDomain(std::string_view name) = 0;                            // alreadyExists, badName
    virtual void changeDomain(std::string_view name, const DomainPatch& patch) = 0;  // noSuchEntry
    virtual void removeDomain(std::string_view name) = 0;                            // notEmpty while it has accounts or aliases
    // Makes the domain too when it is new; INBOX and the special-use mailboxes, subscribed.
    virtual AccountId createAccount(const NewAccount& account) = 0;
    virtual void changeAccount(AccountId id, const AccountPatch& patch) = 0;
    virtual void removeAccount(AccountId id) = 0;                                    // with all its mail, and what was recoverable
    virtual void recordLogin(AccountId id, Time when) = 0;
    virtual void recordLogins(const std::vector<LoginRecord>& logins) = 0;           // those of accounts that are gone are dropped
    virtual void upgradeCredentials(AccountId id, const Credentials& better) = 0;    // the same password kept better: no new version
    virtual void putAppPassword(AccountId id, const AppPassword& password) = 0;      // alreadyExists by label, limit
    virtual void removeAppPassword(AccountId id, std::string_view label) = 0;        // noSuchEntry
    virtual void touchAppPassword(AccountId id, std::string_view label, Time when) = 0;
    virtual void noteQuotaTold(AccountId id, unsigned level) = 0;
    virtual void putAlias(std::string_view address, const std::vector<std::string>& targets) = 0;
    virtual void removeAlias(std::string_view address) = 0;
    virtual void putToken(const Token& token) = 0;                                   // alreadyExists by name
    virtual void removeToken(std::string_view name) = 0;
    virtual void touchToken(std::string_view hash, Time when) = 0;
    // Unconfirmed, in the place of another that is not. Confirmed: with hashes of recovery codes, which replace those that there were.
    virtual void beginTotp(AccountId account, std::string_view secret) = 0;          // alreadyExists when there is a confirmed one
    virtual void confirmTotp(AccountId account, std::int64_t step, const std::vector<std::string>& recovery_codes) = 0; // noSuchEntry
    virtual void removeTotp(AccountId account) = 0;                                  // noSuchEntry
    virtual bool useTotpStep(AccountId account, std::int64_t step) = 0;              // false: it, or a later one, was used before
    virtual bool useRecoveryCode(AccountId account, std::string_view hash) = 0;      // false: there is none (any more)
    // Another password, second factor or set of scopes, and the end of being enabled end an account's sessions, in the same transaction.
    // Of many the one that was not seen for longest gives way.
    virtual void addWebSession(const WebSession& session) = 0;                       // noSuchAccount
    virtual void removeWebSession(AccountId account, std::string_view id) = 0;       // noSuchEntry
    virtual std::size_t removeWebSessions(AccountId account) = 0;                    // how many there were
    virtual void touchWebSession(std::string_view hash, Time when) = 0;              // nothing happens when it is gone
    virtual void forgetWebSessions(Time created_before, Time seen_before) = 0;       // what is older in either way
    virtual void putSetting(std::string_view name, std::string_view value) = 0;

    // --- mailboxes. Names are validated here (depth, length, NFC, no control characters, no empty level): badName, limit.
    virtual MailboxId createMailbox(AccountId account, std::string_view name, std::string_view special_use = {}) = 0; // makes parents too
    // With children; UIDs, UIDVALIDITY and object ids stay. INBOX: its messages move to a new mailbox `to`, INBOX stays (RFC 9051 6.3.6).
    virtual void renameMailbox(AccountId account, std::string_view from, std::string_view to) = 0;
    // reserved for INBOX and the special-use ones an account was made with; notEmpty when it has children; its messages
    // become recoverable.
    virtual void deleteMailbox(AccountId account, std::string_view name) = 0;
    virtual void subscribe(AccountId account, std::string_view name, bool on) = 0;
    // Its index; made when new. limit past kKeywordsPerAccount, but never of the server's own.
    virtual unsigned keyword(AccountId account, std::string_view name) = 0;
    // No value: it goes. It goes with its mailbox too, and stays through a rename; INBOX keeps its own and gives a copy. limit.
    virtual void setAnnotation(AccountId account, MailboxId mailbox, std::string_view name, std::optional<std::string_view> value) = 0;

    // --- messages
    // The same content may be the same id. A body that no message and no quarantine entry names when the closure ends goes.
    virtual BodyId addBody(const PreparedBody& body, std::string_view summary) = 0;
    virtual Appended append(MailboxId mailbox, const NewMessage& message) = 0;       // overQuota; limit past kKeywordsPerMessage
    // For each of `uids` that is there: the new flags. Untouched where nothing would change. Returns UIDs that changed.
    // Replacing leaves the server's own keywords (isServerKeyword) as they are: those are added and removed by name.
    // unchanged_since: messages with a higher modseq are left alone and come back in `modified` (RFC 7162).
    virtual std::vector<Uid> changeFlags(MailboxId mailbox, const std::vector<Uid>& uids, FlagChange how, const Flags& flags,
                                         std::optional<ModSeq> unchanged_since = std::nullopt, std::vector<Uid>* modified = nullptr) = 0;
    // What was there and went. Nobody's mail is lost by it while the administrator can restore it: see Removal.
    virtual std::vector<Uid> remove(MailboxId mailbox, const std::vector<Uid>& uids, Removal how, std::string_view cause) = 0;
    // For good and at once: for what is no mail of its owner (a notice that is replaced).
    virtual std::vector<Uid> expunge(MailboxId mailbox, const std::vector<Uid>& uids) = 0;       // what was there and went
    virtual CopiedUids copy(MailboxId from, const std::vector<Uid>& uids, MailboxId to) = 0;     // overQuota: none is copied
    virtual CopiedUids move(MailboxId from, const std::vector<Uid>& uids, MailboxId to) = 0;     // same account
    virtual void recordPop3Download(MailboxId mailbox, const std::vector<Uid>& uids) = 0; // the first time stays
    virtual void hideFromPop3(MailboxId mailbox, const std::vector<Uid>& uids) = 0;  // for good; it stays for IMAP
    virtual void recentTaken(MailboxId mailbox, Uid up_to) = 0;                      // recent_from, which never goes back
    virtual void recordScan(BodyId body, const ScanRecord& record) = 0;
    virtual void putSummary(BodyId body, std::string_view summary) = 0;              // remade by a newer parser

    // --- what was deleted. Back to its mailbox (made again when it is gone) with flags, dates and UIDL, and a new UID. In Trash
    // and Junk it counts as saved now, or it would go again at once. overQuota, limit.
    struct Restored {
        Mailbox mailbox;
        Appended where;
    };
    virtual Restored restoreRecoverable(RecoverableId id) = 0;
    virtual void deleteRecoverable(RecoverableId id) = 0;                            // for good

    // --- quarantine
    virtual QuarantineId addQuarantine(const NewQuarantine& entry) = 0; // counts against no quota
    virtual Appended releaseQuarantine(QuarantineId id) = 0;  // back to its mailbox (INBOX if that is gone), flags, date, UIDL; the notice goes
    // A copy into another account's INBOX, with date and keywords, unseen; the entry and the notice stay. overQuota
    virtual Appended copyFromQuarantine(QuarantineId id, AccountId to) = 0;
    virtual void deleteQuarantine(QuarantineId id) = 0;
    virtual void askForRelease(QuarantineId id, std::string_view words) = 0; // noSuchEntry; the first time stays, the last words too

    // --- scans of what is stored
    // Takes a message that is there into quarantine, with all that a release gives back (flags, dates, UIDL, what POP3 knows of it), and
    // puts the notice into its place, whatever the quota. Nothing, and nullopt, when the message is gone or has another content.
    virtual std::optional<QuarantineId> replaceByNotice(const Place& message, const Replacement& by) = 0;
    // One more content in which `signatures` found `signature`; past `most` hits of a set it is asked (State::asking).
    virtual Outbreak countHit(std::string_view signature, std::string_view signatures, std::uint64_t most) = 0;
    virtual void putWaiting(BodyId body, std::string_view signature) = 0;            // once
    virtual void endWaiting(BodyId body) = 0;
    virtual void decideOutbreak(std::string_view signature, Outbreak::State state) = 0; // noSuchEntry
    virtual void recordFetched(const Reader& reader, const std::vector<Fetched>& bodies) = 0;
    virtual void forgetFetched(Time before) = 0;                                     // whole days
    virtual void putInnerHashes(BodyId body, const std::vector<InnerHash>& hashes) = 0; // in place of those before; none, or too many: it goes
    virtual void forgetOutbreaks(Time dismissed_before) = 0; // those that ask and nothing waits any more, and what was dismissed long ago
    virtual void putAllowance(const Allowance& allowance) = 0;                       // in the place of one that says the same; limit
    virtual void removeAllowance(Allowance::Kind kind, std::string_view what) = 0;   // noSuchEntry

    // --- what happened: in the transaction of what they tell of
    virtual AuditEntry addAudit(const NewAudit& entry) = 0;
    virtual std::int64_t addEvent(const NewEvent& event) = 0;                        // its id
    virtual void putWebhook(const Webhook& webhook) = 0;                             // new, or in place of the one of that name
    virtual void removeWebhook(std::string_view name) = 0;                           // noSuchEntry
    // What became of an attempt, for the delivery log. `next_try`: it failed, and that is when it comes again; absent: its event is told, or
    // given up. Nothing happens when the webhook is gone.
    virtual void noteWebhookAttempt(std::string_view webhook, const WebhookAttempt& attempt, std::optional<Time> next_try) = 0;
    virtual void putTask(const TaskRecord& task) = 0;                                // new, or in place of the one of that id
    virtual void forgetTasks(Time finished_before, std::size_t keep) = 0;            // and of those that are over all but the newest
    enum class Counting { sum, latest };
    virtual void count(const Statistic& what, Counting how) = 0;                     // adds to the hour's value, or replaces it
    virtual void forgetStatistics(Time before) = 0;
};

struct Finding { // of check()
    std::string what, where;
    bool repairable = false;
    bool harmless = false; // not repairable, but no mail is lost, at risk, or hidden from whom it belongs to
};

// Called with what is done (bytes or rows) and what there is in all.
using Progress = std::function<void(std::uint64_t, std::uint64_t)>;

class Store {
public:
    virtual ~Store() = default;

    virtual std::unique_ptr<ReadTx> read() = 0;                                      // any thread; unavailable when damaged or closed
    virtual void write(std::function<void(WriteTx&)> work, std::function<void(std::exception_ptr)> done) = 0; // any thread
    // Nobody waits for it: it goes with the next commit, within a quarter of a second, and a crash before that loses it. Any thread.
    virtual void writeLater(std::function<void(WriteTx&)> work) = 0;
    void writeAndWait(std::function<void(WriteTx&)> work);                           // blocks: CLI, tests, helpers; throws what it threw

    // Any thread but the workers: hashes, compresses, writes large bodies to disk and syncs them.
    virtual std::unique_ptr<PreparedBody> prepareBody(std::string_view bytes) = 0;

    // The view of a mailbox; loads it when cold (disk). noSuchMailbox when it is gone.
    virtual std::shared_ptr<MailboxView> view(MailboxId mailbox) = 0;
    virtual std::shared_ptr<MailboxView> viewIfWarm(MailboxId mailbox) = 0;          // memory only; null when cold
    // Every commit that touched any mailbox of the account or its list of mailboxes. As MailboxView::watch.
    virtual Subscription watchAccount(AccountId account, std::function<void()> news) = 0;

    // Every commit that added an event. As MailboxView::watch.
    virtual Subscription watchEvents(std::function<void()> news) = 0;

    // Grows with every commit that changed who may log in and how (accounts, passwords): what was read under an older
    // number must be read again. One atomic load; read it before the transaction.
    virtual std::uint64_t accountsVersion() const = 0;

    // --- health. Any thread.
    // Every invariant of FORMAT.md; slow. Progress is of the bytes of all contents. `stop` ends it with base::Refused and nothing repaired;
    // of damage that was found until then the alarm stays.
    virtual std::vector<Finding> check(bool repair, const Progress& progress, const std::stop_token& stop) = 0;
    std::vector<Finding> check(bool repair) { return check(repair, {}, {}); }
    virtual std::string problem() const = 0;                                         // empty while all is well (readiness)
    virtual std::string warning() const = 0;                                         // empty, or what the last check found that is harmless

    // --- what was deleted. Housekeeping in small transactions, any thread; how many went, by each account's policy. What has been in
    // Trash or Junk for longer becomes recoverable; what has been recoverable for longer goes for good. `stop` ends it early.
    virtual std::uint64_t emptyTrash(const std::stop_token& stop) = 0;
    virtual std::uint64_t forgetRecoverable(const std::stop_token& stop) = 0;
    // What accounts and domains inherit; nothing is unset. With recovery_days 0 what would become recoverable goes at once, from the next
    // transaction on; what is recoverable already stays until forgetRecoverable(). StoreOptions::trash is how it is at the start.
    virtual void configureTrash(const TrashPolicy& configured) = 0;
    virtual TrashPolicy configuredTrash() const = 0;
    // Logins before that time are forgotten; how many records.
    virtual std::uint64_t forgetLogins(Time before, const std::stop_token& stop) = 0;
    // Of the journal what came before that time; and of each group of kinds ("mail", "login") all but the newest `keep`, so that a flood
    // of one pushes out no other.
    virtual std::uint64_t trimEvents(Time before, std::size_t keep, const std::stop_token& stop) = 0;
    // The first entry that is not what was written or does not follow the one before it, the last one's absence, and of `noted` (a head
    // that was noted once) whether it is in the chain. Empty: all is as it was. Reads everything.
    virtual std::vector<Finding> verifyAudit(const std::optional<AuditHead>& noted, std::uint64_t* entries) = 0;

    virtual char delimiter() const = 0;
};

struct StoreOptions {
    std::string folder;          // DIR; made when absent
    char delimiter = '/';
    bool must_exist = false;     // for check and backup of an offline directory
    TrashPolicy trash = TrashPolicy::defaults();
};

// Opens (locks, migrates, sweeps orphans). Refused: another server holds the directory; it was made by a newer version;
// it cannot be written. `clock` outlives the store.
std::unique_ptr<Store> openSqliteStore(const StoreOptions& options, const base::Clock& clock);

} // namespace postfach::store
