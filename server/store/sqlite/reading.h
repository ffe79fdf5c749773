#pragma once
// What both kinds of transaction can say, by SQL on one connection; and the templates that give these answers the shape of
// ReadTx or WriteTx.
#include "server/store/sqlite/bodies.h"
#include "server/store/sqlite/database.h"
#include "server/store/store.h"

namespace postfach::store::sqlite {

struct MessageRow {
    Message message;
    std::vector<std::uint16_t> more;
};

struct BodyRow {
    BodyId id;
    base::Sha256 hash{};
    std::uint64_t size = 0;
    Encoding encoding = Encoding::plain;
};

// Keywords past 58 in a column: two bytes each, little-endian; null for none.
std::string packKeywords(const std::vector<std::uint16_t>& more);
std::vector<std::uint16_t> unpackKeywords(std::string_view bytes);
std::string ruledUidl(std::uint32_t uid_validity, Uid uid);
std::int64_t messageSeconds(Time time);
inline constexpr std::int64_t kSecondsOfDay = 86'400;

// A policy in four columns: days (-1: for ever), and 0 or 1; NULL where it is inherited.
Pop3Policy pop3PolicyOf(const Statement& row, int first);
ScanPolicy scanPolicyOf(const Statement& row, int first); // seven columns, in the order of ScanPolicy::Line
#define TRASH_COLUMNS(t) " " t ".expunge_to_trash, " t ".trash_days, " t ".junk_days, " t ".recovery_days"
TrashPolicy trashPolicyOf(const Statement& row, int first); // TRASH_COLUMNS
TrashPolicy trashPolicyOf(Connection& db, AccountId account); // its own and its domain's; the configuration stands behind it

class Reading {
public:
    Reading(Connection& db, const BodyFiles& files, char delimiter) : db_(db), files_(files), delimiter_(delimiter) {}

    std::optional<Account> findAccount(std::string_view address);
    std::optional<Account> account(AccountId id);
    std::optional<Credentials> credentials(AccountId id);
    std::vector<AppPassword> appPasswords(AccountId id);
    std::vector<LoginRecord> logins(AccountId id);
    std::vector<Account> accounts(const Page& page);
    std::vector<AccountId> resolve(std::string_view address);
    std::optional<Domain> findDomain(std::string_view name);
    std::vector<Domain> domains(const Page& page);
    std::optional<Alias> findAlias(std::string_view address);
    std::vector<Alias> aliases(const Page& page);
    std::vector<Token> tokens();
    std::optional<Token> findToken(std::string_view hash);
    std::optional<Totp> totp(AccountId account);
    std::vector<WebSession> webSessions(AccountId account);
    std::optional<WebSession> findWebSession(std::string_view hash);

    std::vector<Mailbox> mailboxes(AccountId account);
    std::optional<Mailbox> findMailbox(AccountId account, std::string_view name);
    std::optional<Mailbox> mailbox(MailboxId id);
    std::vector<std::string> subscriptions(AccountId account);
    std::vector<std::string> keywords(AccountId account, std::size_t from = 0);
    std::optional<unsigned> findKeyword(AccountId account, std::string_view name);
    std::optional<std::string> annotation(AccountId account, MailboxId mailbox, std::string_view name);
    std::vector<Annotation> annotations(AccountId account, MailboxId mailbox);
    std::vector<std::pair<Uid, ModSeq>> expungedSince(MailboxId id, ModSeq since);

    std::string body(BodyId id);
    std::string bodyRange(BodyId id, std::uint64_t offset, std::uint64_t length);
    std::uint64_t bodySize(BodyId id) { return requireBody(id).size; }
    base::Sha256 bodyHash(BodyId id) { return requireBody(id).hash; }
    std::string summary(BodyId id);
    ScanRecord scanRecord(BodyId id);
    std::string uidl(MailboxId mailbox, Uid uid);
    std::vector<std::pair<Uid, std::string>> fixedUidls(MailboxId mailbox);

    std::vector<Uid> hiddenFromPop3(MailboxId mailbox);
    std::uint32_t leastPop3Retention();
    std::vector<Pop3Due> pop3Due(Time now, std::size_t most, std::optional<AccountId> only);

    std::vector<std::pair<Uid, Time>> saveDates(MailboxId mailbox, Uid first, Uid last);
    std::vector<Recoverable> recoverable(AccountId account, const RecoverableFilter& filter, const Page& page);
    std::optional<Recoverable> recoverable(RecoverableId id);

    std::vector<QuotaLevel> quotaLevels();
    std::vector<Quarantined> quarantine(const QuarantineFilter& filter, const Page& page);
    std::optional<Quarantined> quarantined(QuarantineId id);
    std::vector<Quarantined> quarantineOf(BodyId body);
    std::vector<Quarantined> quarantineBehind(std::string_view token);

    Coverage coverage(std::string_view signatures);
    std::vector<Behind> behind(std::string_view signatures, BehindOrder order, BodyId before, std::size_t limit);
    std::vector<Place> places(const std::vector<BodyId>& bodies);
    std::vector<Outbreak> outbreaks();
    std::vector<BodyId> waiting(std::string_view signature, std::size_t limit);
    std::vector<Exposure> exposure(const std::vector<BodyId>& bodies, std::size_t limit);
    void eachInnerHashes(const std::function<void(BodyId, std::string_view)>& visit);

    std::vector<Allowance> allowances();
    bool isAllowed(Allowance::Kind kind, std::string_view what, Time now);
    std::string setting(std::string_view name);
    ReadTx::Totals totals();

    std::vector<AuditEntry> audit(const AuditFilter& filter, const Page& page);
    std::vector<AuditEntry> auditSince(std::int64_t id, std::size_t most);
    AuditHead auditHead();
    std::vector<Event> events(const EventFilter& filter, const Page& page);
    std::vector<Event> eventsSince(const EventFilter& filter, std::int64_t after, std::size_t most, std::int64_t& looked);
    EventRange eventRange();
    std::vector<Webhook> webhooks();
    std::vector<WebhookAttempt> webhookAttempts(std::string_view webhook);
    std::vector<TaskRecord> tasks();
    std::vector<Statistic> statistics(Time from, Time until);

    // --- below the interface
    BodyRow requireBody(BodyId id);          // noSuchMessage
    Mailbox requireMailbox(MailboxId id);    // noSuchMailbox
    std::optional<MessageRow> message(MailboxId mailbox, Uid uid);
    void eachMessage(MailboxId mailbox, const std::function<void(const MessageRow&)>& visit); // by UID
    // Those of `ascending` that are there; neighbours are read in one go.
    std::vector<MessageRow> messages(MailboxId mailbox, const std::vector<Uid>& ascending);

    Connection& db() { return db_; }
    const BodyFiles& files() const { return files_; }
    char delimiter() const { return delimiter_; }

private:
    std::string contentOf(BodyId id);

    Connection& db_;
    const BodyFiles& files_;
    const char delimiter_;
};

template <class Interface> // ReadTx or WriteTx
class Answers : public Interface {
public:
    Answers(Connection& db, const BodyFiles& files, char delimiter) : reading_(db, files, delimiter) {}

    std::optional<Account> findAccount(std::string_view address) override { return reading_.findAccount(address); }
    std::optional<Account> account(AccountId id) override { return reading_.account(id); }
    std::optional<Credentials> credentials(AccountId id) override { return reading_.credentials(id); }
    std::vector<AppPassword> appPasswords(AccountId id) override { return reading_.appPasswords(id); }
    std::vector<LoginRecord> logins(AccountId id) override { return reading_.logins(id); }
    std::vector<Account> accounts(const Page& page) override { return reading_.accounts(page); }
    std::vector<AccountId> resolve(std::string_view address) override { return reading_.resolve(address); }
    std::optional<Domain> findDomain(std::string_view name) override { return reading_.findDomain(name); }
    std::vector<Domain> domains(const Page& page) override { return reading_.domains(page); }
    std::optional<Alias> findAlias(std::string_view address) override { return reading_.findAlias(address); }
    std::vector<Alias> aliases(const Page& page) override { return reading_.aliases(page); }
    std::vector<Token> tokens() override { return reading_.tokens(); }
    std::optional<Token> findToken(std::string_view hash) override { return reading_.findToken(hash); }
    std::optional<Totp> totp(AccountId account) override { return reading_.totp(account); }
    std::vector<WebSession> webSessions(AccountId account) override { return reading_.webSessions(account); }
    std::optional<WebSession> findWebSession(std::string_view hash) override { return reading_.findWebSession(hash); }

    std::vector<Mailbox> mailboxes(AccountId account) override { return reading_.mailboxes(account); }
    std::optional<Mailbox> findMailbox(AccountId account, std::string_view name) override { return reading_.findMailbox(account, name); }
    std::optional<Mailbox> mailbox(MailboxId id) override { return reading_.mailbox(id); }
    std::vector<std::string> subscriptions(AccountId account) override { return reading_.subscriptions(account); }
    std::vector<std::string> keywords(AccountId account, std::size_t from) override { return reading_.keywords(account, from); }
    std::optional<unsigned> findKeyword(AccountId account, std::string_view name) override { return reading_.findKeyword(account, name); }
    std::optional<std::string> annotation(AccountId account, MailboxId mailbox, std::string_view name) override
    {
        return reading_.annotation(account, mailbox, name);
    }
    std::vector<Annotation> annotations(AccountId account, MailboxId mailbox) override { return reading_.annotations(account, mailbox); }
    std::vector<std::pair<Uid, ModSeq>> expungedSince(MailboxId id, ModSeq since) override { return reading_.expungedSince(id, since); }

    std::string body(BodyId id) override { return reading_.body(id); }
    std::string bodyRange(BodyId id, std::uint64_t offset, std::uint64_t length) override { return reading_.bodyRange(id, offset, length); }
    std::uint64_t bodySize(BodyId id) override { return reading_.bodySize(id); }
    base::Sha256 bodyHash(BodyId id) override { return reading_.bodyHash(id); }
    std::string summary(BodyId id) override { return reading_.summary(id); }
    ScanRecord scanRecord(BodyId id) override { return reading_.scanRecord(id); }
    std::string uidl(MailboxId mailbox, Uid uid) override { return reading_.uidl(mailbox, uid); }
    std::vector<std::pair<Uid, std::string>> fixedUidls(MailboxId mailbox) override { return reading_.fixedUidls(mailbox); }

    std::vector<Uid> hiddenFromPop3(MailboxId mailbox) override { return reading_.hiddenFromPop3(mailbox); }
    std::uint32_t leastPop3Retention() override { return reading_.leastPop3Retention(); }
    std::vector<Pop3Due> pop3Due(Time now, std::size_t most, std::optional<AccountId> only) override { return reading_.pop3Due(now, most, only); }

    std::vector<std::pair<Uid, Time>> saveDates(MailboxId mailbox, Uid first, Uid last) override
    {
        return reading_.saveDates(mailbox, first, last);
    }
    std::vector<Recoverable> recoverable(AccountId account, const RecoverableFilter& filter, const Page& page) override
    {
        return reading_.recoverable(account, filter, page);
    }
    std::optional<Recoverable> recoverable(RecoverableId id) override { return reading_.recoverable(id); }

    std::vector<QuotaLevel> quotaLevels() override { return reading_.quotaLevels(); }
    std::vector<Quarantined> quarantine(const QuarantineFilter& filter, const Page& page) override { return reading_.quarantine(filter, page); }
    std::optional<Quarantined> quarantined(QuarantineId id) override { return reading_.quarantined(id); }
    std::vector<Quarantined> quarantineOf(BodyId body) override { return reading_.quarantineOf(body); }
    std::vector<Quarantined> quarantineBehind(std::string_view token) override { return reading_.quarantineBehind(token); }

    Coverage coverage(std::string_view signatures) override { return reading_.coverage(signatures); }
    std::vector<Behind> behind(std::string_view signatures, BehindOrder order, BodyId before, std::size_t limit) override
    {
        return reading_.behind(signatures, order, before, limit);
    }
    std::vector<Place> places(const std::vector<BodyId>& bodies) override { return reading_.places(bodies); }
    std::vector<Outbreak> outbreaks() override { return reading_.outbreaks(); }
    std::vector<BodyId> waiting(std::string_view signature, std::size_t limit) override { return reading_.waiting(signature, limit); }
    std::vector<Exposure> exposure(const std::vector<BodyId>& bodies, std::size_t limit) override { return reading_.exposure(bodies, limit); }
    void eachInnerHashes(const std::function<void(BodyId, std::string_view)>& visit) override { reading_.eachInnerHashes(visit); }

    std::vector<Allowance> allowances() override { return reading_.allowances(); }
    bool isAllowed(Allowance::Kind kind, std::string_view what, Time now) override { return reading_.isAllowed(kind, what, now); }
    std::string setting(std::string_view name) override { return reading_.setting(name); }

    std::vector<AuditEntry> audit(const AuditFilter& filter, const Page& page) override { return reading_.audit(filter, page); }
    std::vector<AuditEntry> auditSince(std::int64_t id, std::size_t most) override { return reading_.auditSince(id, most); }
    AuditHead auditHead() override { return reading_.auditHead(); }
    std::vector<Event> events(const EventFilter& filter, const Page& page) override { return reading_.events(filter, page); }
    std::vector<Event> eventsSince(const EventFilter& filter, std::int64_t after, std::size_t most, std::int64_t& looked) override
    {
        return reading_.eventsSince(filter, after, most, looked);
    }
    EventRange eventRange() override { return reading_.eventRange(); }
    std::vector<Webhook> webhooks() override { return reading_.webhooks(); }
    std::vector<WebhookAttempt> webhookAttempts(std::string_view webhook) override { return reading_.webhookAttempts(webhook); }
    std::vector<TaskRecord> tasks() override { return reading_.tasks(); }
    std::vector<Statistic> statistics(Time from, Time until) override { return reading_.statistics(from, until); }

    ReadTx::Totals totals() override { return reading_.totals(); }

protected:
    Reading reading_;
};

} // namespace postfach::store::sqlite
