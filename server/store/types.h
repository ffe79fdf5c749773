#pragma once
// The store's words: ids, flags, the shapes of accounts, mailboxes and messages, and how it says no.
#include "server/base/clock.h"
#include "server/base/hash.h"
#include "server/base/id.h"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::store {

using base::Time;
using AccountId = base::Id<struct AccountTag>;
using MailboxId = base::Id<struct MailboxTag>;
using BodyId = base::Id<struct BodyTag>;
using QuarantineId = base::Id<struct QuarantineTag>;
using RecoverableId = base::Id<struct RecoverableTag>;
using Uid = base::Id<struct UidTag, std::uint32_t>; // RFC 9051 2.3.1.1; 1 to 2^32-1
using ModSeq = std::uint64_t;                       // RFC 7162; 1 to 2^63-1

// How the store says no. Protocols map kinds to their own words in one place each; `what()` is for the log, never for clients.
class Error : public std::runtime_error {
public:
    enum class Kind {
        noSuchAccount, noSuchMailbox, noSuchMessage, noSuchEntry, // the thing named is not there
        alreadyExists, notEmpty, badName, reserved,               // the name cannot be had
        overQuota, limit,                                         // the account's own bounds
        infected,                                                 // it is known to be, and may not come back to its owner
        diskFull, unavailable, damaged,                           // ours: try later, or call the administrator
    };
    Error(Kind k, const std::string& text) : std::runtime_error(text), kind(k) {}
    const Kind kind;
};

// --- flags
// Bits 0-4 are the system flags, 5 is kept, 6-63 are the account's first 58 keywords; keyword n >= 58 stands in `more`
// (sorted). Keyword indices are per account and never reused.
struct Flags {
    static constexpr std::uint64_t kSeen = 1, kAnswered = 2, kFlagged = 4, kDeleted = 8, kDraft = 16;
    static constexpr unsigned kFirstKeywordBit = 6, kKeywordBits = 58;

    std::uint64_t bits = 0;
    std::vector<std::uint16_t> more;

    bool has(std::uint64_t system) const { return (bits & system) != 0; }
    bool hasKeyword(unsigned index) const;
    void addKeyword(unsigned index);
    void add(const Flags& other);
    void remove(const Flags& other);
    Flags keeping(const Flags& which, const Flags& as_in) const; // these, but of `which` what stands in `as_in`
    bool operator==(const Flags&) const = default;
};
enum class FlagChange { replace, add, remove };

// --- POP3 policies. What is unset is inherited: an account's from its domain, a domain's from the defaults.
struct Pop3Policy {
    static constexpr std::uint32_t kAtOnce = 0, kMostDays = 36'500, kForEver = 0xFFFFFFFF;

    std::optional<std::uint32_t> retention; // days after the first download; kAtOnce: with the session that did it; kForEver
    std::optional<bool> seen;               // a download sets \Seen
    std::optional<bool> hide;               // what leaves the maildrop, by DELE or retention, stays for IMAP
    std::optional<bool> exclusive;          // one POP3 session at a time

    Pop3Policy over(const Pop3Policy& inherited) const;
    static Pop3Policy defaults() { return {kForEver, true, false, false}; }
    bool operator==(const Pop3Policy&) const = default;
};

// --- scanning policies: what becomes of mail that is not clean, by what was found. What is unset is inherited: an account's from its
// domain, a domain's from the configuration.
enum class ScanAction : std::uint8_t { deliver, mark, quarantine, reject }; // the stricter behind the milder
struct ScanPolicy {
    enum Line : std::uint8_t { infected, encrypted, macros, phishing, limits, attachments, unscannable }; // the last: what no other covers
    static constexpr std::array<std::string_view, 7> kLines{"infected", "encrypted",   "macros",     "phishing",
                                                            "limits",   "attachments", "unscannable"};
    static constexpr std::array<std::string_view, 4> kActions{"deliver", "mark", "quarantine", "reject"};
    static bool allows(Line line, ScanAction action); // infected mail is never delivered, what nobody could look at never without a mark

    std::array<std::optional<ScanAction>, kLines.size()> actions{};

    ScanPolicy over(const ScanPolicy& inherited) const;
    bool operator==(const ScanPolicy&) const = default;
};

// --- trash policies: what becomes of what is deleted. What is unset is inherited: an account's from its domain, a domain's from the
// configuration (Store::configureTrash).
struct TrashPolicy {
    static constexpr std::uint32_t kMostDays = 36'500;

    std::optional<bool> expunge;              // Removal::toTrash goes into Trash; else it is recoverable at once
    std::optional<std::uint32_t> trash_days;  // what is as old in Trash becomes recoverable; 0: never
    std::optional<std::uint32_t> junk_days;   // the same of Junk
    std::optional<std::uint32_t> recovery_days; // how long what is recoverable stays so; 0: it never is

    TrashPolicy over(const TrashPolicy& inherited) const;
    static TrashPolicy defaults() { return {true, 30, 30, 7}; }
    bool operator==(const TrashPolicy&) const = default;
};

// --- keywords that the server alone sets and clears: what scanning has to say. Any client sees and finds them (RFC 9051 2.3.2 leaves a
// server the choice which keywords can be changed). Without regard to case.
inline constexpr std::string_view kUnscanned = "$Unscanned";   // not looked at, or not looked at whole
inline constexpr std::string_view kEncrypted = "$Encrypted";   // something in it only its owner can open
inline constexpr std::string_view kSuspicious = "$Suspicious"; // macros, phishing, an attachment of a refused type
inline constexpr std::array<std::string_view, 3> kServerKeywords{kUnscanned, kEncrypted, kSuspicious};
bool isServerKeyword(std::string_view name);

// --- accounts
struct Credentials {
    std::string argon2;                    // crypt-like string, ours or one brought from elsewhere; empty: no password
    std::string scram_salt, scram_stored_key, scram_server_key; // raw bytes, SCRAM-SHA-256
    std::uint32_t scram_iterations = 0;
};

// A password of its own for one program or device: it can be taken back without changing the others.
struct AppPassword {
    std::string label;                     // unique in the account
    std::string hash;                      // 32 raw bytes; the secret itself is never kept
    std::string scram_salt, scram_stored_key, scram_server_key; // as in Credentials
    std::uint32_t scram_iterations = 0;
    std::vector<std::string> scopes;       // imap, pop3, smtp
    Time created{};
    std::optional<Time> expires, last_used;
};

struct Account {
    AccountId id;
    std::string address;                   // lower-case local part @ lower-case domain
    std::string name;
    bool enabled = true;
    std::uint64_t quota = 0, used = 0;     // bytes; quota 0: none
    std::uint64_t messages = 0;
    std::uint64_t quota_messages = 0;      // 0: none
    std::uint64_t recoverable = 0;         // bytes of what is deleted and can be restored; counts against no quota
    std::vector<std::string> services{"pop3", "imap"}; // what it may log in to
    Time created{};
    std::optional<Time> last_login;
    std::uint64_t version = 0;             // for ETag
    std::vector<std::string> scopes;       // of an administrator, as of a Token; empty: none
    bool totp = false;                     // it has a second factor
    Pop3Policy pop3;                       // its own
    Pop3Policy pop3_in_force;              // with what it inherits: nothing is unset
    ScanPolicy scan;                       // its own
    ScanPolicy scan_of_domain;             // what it inherits; the configuration stands behind it
    TrashPolicy trash;                     // its own
    TrashPolicy trash_of_domain;           // what it inherits; the configuration stands behind it
};

struct NewAccount {
    std::string address, name;
    Credentials credentials;
    std::uint64_t quota = 0;
    std::uint64_t quota_messages = 0;
};

struct AccountPatch {
    std::optional<std::string> name;
    std::optional<bool> enabled;
    std::optional<std::uint64_t> quota, quota_messages;
    std::optional<std::vector<std::string>> services;
    std::optional<Credentials> credentials;
    std::optional<std::vector<std::string>> scopes;
    std::optional<Pop3Policy> pop3;        // whole: what is unset in it is inherited from now on
    std::optional<ScanPolicy> scan;        // the same
    std::optional<TrashPolicy> trash;      // the same
};

// Who logged in, or tried to. What is alike within one hour is one record, so that a program that comes every minute hides nobody.
struct LoginRecord {
    enum class Outcome : std::uint8_t { ok, wrong, disabled, refused }; // refused: banned, and not looked at
    static constexpr std::size_t kKept = 100;                           // of an account's that were ok, and as many of the others

    AccountId account;
    std::string service, address, mechanism;
    bool tls = false;
    Outcome outcome = Outcome::ok;
    std::string app_password;              // label of the one that was used; empty: the account's own password, or none
    Time first{}, last{};
    std::uint64_t times = 1;

    std::int64_t hour() const { return base::toMillis(last) / 3'600'000; } // since 1970
};

struct Domain {
    std::string name;
    Time created{};
    std::uint64_t accounts = 0;
    Pop3Policy pop3;                       // for its accounts
    ScanPolicy scan;                       // the same
    TrashPolicy trash;                     // the same
};

struct DomainPatch {                       // policies are whole: what is unset in them is inherited from now on
    std::optional<Pop3Policy> pop3;
    std::optional<ScanPolicy> scan;
    std::optional<TrashPolicy> trash;
};

struct Alias {
    std::string address;
    std::vector<std::string> targets;      // addresses of accounts or other aliases; followed to depth 10
    Time created{};
};

struct Token {                             // of the admin API; the secret itself is never kept
    std::string name;
    std::string hash;                      // SHA-256 of the secret, hex
    std::vector<std::string> scopes;
    Time created{};
    std::optional<Time> expires, last_used;
    std::vector<std::string> networks;     // whence it may be used, in CIDR form; empty: from anywhere
};

struct Totp {                              // a second factor, RFC 6238
    std::string secret;                    // raw bytes
    std::optional<Time> confirmed;         // absent: its owner is setting it up
    std::int64_t last_step = 0;            // the last one whose code was used
    std::size_t recovery_codes = 0;        // that are left
};

struct WebSession {                        // of a browser that has signed in; the secret in its cookie is never kept
    std::string id;                        // what its owner names it by
    AccountId account;
    std::string hash;                      // SHA-256 of the secret, hex
    Time created{}, seen{};                // seen: to the minute
    std::string address, client;           // from where it was opened, and with which program (User-Agent)
};

// --- mailboxes
struct Mailbox {
    MailboxId id;
    AccountId account;
    std::string name;                      // UTF-8, NFC, levels joined by the store's delimiter; INBOX in capitals
    std::string object_id;                 // RFC 8474 MAILBOXID, the same through renames
    std::uint32_t uid_validity = 0;
    Uid uid_next{1};
    ModSeq highest_modseq = 1;
    std::uint32_t exists = 0, unseen = 0, deleted = 0;
    std::uint64_t size = 0;
    Uid recent_from{1};                    // first UID no session was told of as \Recent
    std::string special_use;               // "\\Trash" …, empty for none
    bool subscribed = false;
};

struct Annotation {                        // RFC 5464: "/private/comment"
    std::string name;                      // as it was first written; compared without regard to case
    std::string value;                     // any bytes
};

// --- messages
struct Message {                           // one row of a mailbox, as a view gives it; 40-some bytes, cheap to copy
    Uid uid;
    ModSeq modseq = 0;
    BodyId body;
    std::uint32_t size = 0;                // RFC822.SIZE
    std::uint64_t bits = 0;                // Flags::bits; keywords past 58: Snapshot::flags()
    Time internal_date{};                  // whole seconds
};

struct NewMessage {
    BodyId body;
    Flags flags;
    Time internal_date{};
    std::string uidl;                      // empty: made from UIDVALIDITY and UID; else kept (release from quarantine, import)
    bool beyond_quota = false;             // our own notices: a full mailbox must not keep its owner from being told so
};

struct Appended {
    Uid uid;
    std::uint32_t uid_validity = 0;
};

struct CopiedUids {                        // RFC 4315: pairs in the order of the source UIDs
    std::uint32_t uid_validity = 0;        // of the target
    std::vector<std::pair<Uid, Uid>> uids; // source, target
};

struct Pop3Due {                           // what retention takes out of a maildrop now
    AccountId account;
    std::string address;
    MailboxId mailbox;
    bool hide = false;
    std::vector<Uid> uids;
};

struct ScanRecord {                        // what was last said of a content
    enum class Verdict : std::uint8_t { none, clean, infected, unscannable, suspicious };
    Verdict verdict = Verdict::none;
    std::string name, signatures;
    Time when{};
    std::string reason;                    // what was found, by a word that stays: infected, encrypted, macros …; empty when clean
    std::string engine;                    // version of what scanned it
    std::uint32_t milliseconds = 0;        // that it took
};

struct Allowance {                         // what an administrator never wants to see found again
    enum class Kind : std::uint8_t { content, signature };
    Kind kind = Kind::content;
    std::string what;                      // SHA-256 in hex of a message as it came (without what delivery put before it); a finding's name
    Time created{};
    std::optional<Time> expires;
    std::string author;                    // who allowed it
};

// --- quarantine
struct NewQuarantine {
    AccountId account;
    std::string mailbox = "INBOX";         // where it would have gone
    BodyId body;
    std::string signature;                 // what was found
    std::string reason = "infected";       // as in ScanRecord
    std::string sender, recipient, subject;// as a person reads them, decoded, bounded by the caller
    std::string way_in;                    // lmtp, import, rescan …
    Flags flags;
    Time internal_date{};
    std::string uidl;
    std::optional<Uid> notice;             // the notice that stands in its place, in `mailbox`
    std::string token;                     // whoever answers the notice names it; empty: it cannot be answered
};

struct Quarantined : NewQuarantine {
    QuarantineId id;
    std::string address;                   // of the account
    std::uint64_t size = 0;
    base::Sha256 sha256{};
    Time created{};
    std::optional<Time> cleared;           // when newer signatures found nothing in it any more
    std::optional<Time> asked;             // when its recipient first asked for its release
    std::string asked_words;               // what he said of it last, one line, bounded by the caller
};

struct QuarantineFilter {                  // absent or empty: any
    std::optional<AccountId> account;
    std::string signature;                 // a part of it, without regard to case of ASCII
    std::string reason, way_in;
    std::optional<Time> since, until;      // when it came in: not before, and before
    bool asked = false;                    // only what its recipient wants released
};

struct QuotaLevel {                        // of an account whose owner should be told something new
    Account account;
    unsigned reached = 0;                  // of kQuotaLevels, by bytes or messages, whichever is fuller; 0: below them all
    unsigned told = 0;                     // what its owner was told last
};
inline constexpr unsigned kQuotaLevels[] = {80, 90, 95}; // percent

// --- what was deleted
enum class Removal : std::uint8_t {
    // As an IMAP EXPUNGE: into the account's Trash (the mailbox of special use \Trash) with a new UID, without \Deleted, unless
    // the same body is there already. From Trash, Junk and what is below them, and where the account's policy is off: recoverable.
    toTrash,
    // Gone for every protocol and counted against nobody; the administrator can restore it until forgetRecoverable() takes it.
    recoverable,
};

struct Recoverable {
    RecoverableId id;
    AccountId account;
    std::string mailbox;                   // where it was, as it was called
    std::string uidl;                      // never empty
    BodyId body;
    std::uint64_t size = 0;
    Flags flags;                           // without \Deleted
    Time internal_date{}, saved{}, removed{};
    std::string cause;                     // who removed it: imap, pop3, trash …; a word that stays the same for ever
};

struct RecoverableFilter {                 // absent: any
    std::string mailbox;                   // exactly this name; empty: any
    std::optional<Time> since, until;      // of the removal: not before, and before
};

} // namespace postfach::store
