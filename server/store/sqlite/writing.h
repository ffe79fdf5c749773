#pragma once
// The changes, inside the writer's transaction. One Writing per closure; finish() settles what is counted once per closure.
//
// Every method checks before it changes anything: one that throws an Error has changed nothing, so a closure may catch it
// and go on. A failure of SQLite itself is different: the writer undoes the closure even if the closure caught it.
#include "server/store/sqlite/changes.h"

#include <deque>
#include <unordered_map>

namespace postfach::store::sqlite {

// Where a small body that came in lately is: one mail to many comes as many writes. Only a hint: rolled back and deleted
// bodies stay in it, so each answer is compared with its row. The writer's thread only.
class RecentBodies {
public:
    BodyId find(const base::Sha256& hash) const;
    void remember(const base::Sha256& hash, BodyId id);

private:
    static constexpr std::size_t kMost = 16'384; // about a megabyte
    std::unordered_map<base::Sha256, BodyId, HashOfSha256> ids_;
    std::deque<base::Sha256> order_;
};

// Runs of neighbouring UIDs in rows that ascend: a few statements where the rows lie close together.
// `areAlike(first, next)`: whether the run goes on.
template <class AreAlike, class Visit>
void eachRun(const std::vector<MessageRow>& rows, AreAlike areAlike, Visit visit)
{
    for (std::size_t i = 0; i < rows.size();) {
        const MessageRow& first = rows[i];
        Uid last = first.message.uid;
        while (++i < rows.size() && rows[i].message.uid.value == last.value + 1 && areAlike(first, rows[i]))
            last = rows[i].message.uid;
        visit(first, last);
    }
}

template <class Visit>
void eachRun(const std::vector<MessageRow>& rows, Visit visit)
{
    const auto any = [](const MessageRow&, const MessageRow&) { return true; };
    eachRun(rows, any, [&](const MessageRow& first, Uid last) { visit(first.message.uid, last); });
}

class Writing final : public Answers<WriteTx> {
public:
    Writing(Connection& db, const BodyFiles& files, char delimiter, RecentBodies& recent, Time now, bool scarce,
            bool recoverable = true, std::int64_t untallied = 0)
        : Answers(db, files, delimiter), db_(db), recent_(recent), now_(now), scarce_(scarce), keeps_recoverable_(recoverable),
          untallied_(untallied)
    {
    }

    Time now() const override { return now_; }

    void createDomain(std::string_view name) override;
    void changeDomain(std::string_view name, const DomainPatch& patch) override;
    void removeDomain(std::string_view name) override;
    AccountId createAccount(const NewAccount& account) override;
    void changeAccount(AccountId id, const AccountPatch& patch) override;
    void removeAccount(AccountId id) override;
    void recordLogin(AccountId id, Time when) override;
    void recordLogins(const std::vector<LoginRecord>& logins) override;
    void upgradeCredentials(AccountId id, const Credentials& better) override;
    void putAppPassword(AccountId id, const AppPassword& password) override;
    void removeAppPassword(AccountId id, std::string_view label) override;
    void touchAppPassword(AccountId id, std::string_view label, Time when) override;
    void noteQuotaTold(AccountId id, unsigned level) override;
    void putAlias(std::string_view address, const std::vector<std::string>& targets) override;
    void removeAlias(std::string_view address) override;
    void putToken(const Token& token) override;
    void removeToken(std::string_view name) override;
    void touchToken(std::string_view hash, Time when) override;
    void beginTotp(AccountId account, std::string_view secret) override;
    void confirmTotp(AccountId account, std::int64_t step, const std::vector<std::string>& recovery_codes) override;
    void removeTotp(AccountId account) override;
    bool useTotpStep(AccountId account, std::int64_t step) override;
    bool useRecoveryCode(AccountId account, std::string_view hash) override;
    void addWebSession(const WebSession& session) override;
    void removeWebSession(AccountId account, std::string_view id) override;
    std::size_t removeWebSessions(AccountId account) override;
    void touchWebSession(std::string_view hash, Time when) override;
    void forgetWebSessions(Time created_before, Time seen_before) override;
    void putSetting(std::string_view name, std::string_view value) override;

    MailboxId createMailbox(AccountId account, std::string_view name, std::string_view special_use) override;
    void renameMailbox(AccountId account, std::string_view from, std::string_view to) override;
    void deleteMailbox(AccountId account, std::string_view name) override;
    void subscribe(AccountId account, std::string_view name, bool on) override;
    unsigned keyword(AccountId account, std::string_view name) override;
    void setAnnotation(AccountId account, MailboxId mailbox, std::string_view name, std::optional<std::string_view> value) override;

    BodyId addBody(const PreparedBody& body, std::string_view summary) override;
    Appended append(MailboxId mailbox, const NewMessage& message) override;
    std::vector<Uid> changeFlags(MailboxId mailbox, const std::vector<Uid>& uids, FlagChange how, const Flags& flags,
                                 std::optional<ModSeq> unchanged_since, std::vector<Uid>* modified) override;
    std::vector<Uid> remove(MailboxId mailbox, const std::vector<Uid>& uids, Removal how, std::string_view cause) override;
    std::vector<Uid> expunge(MailboxId mailbox, const std::vector<Uid>& uids) override;
    CopiedUids copy(MailboxId from, const std::vector<Uid>& uids, MailboxId to) override;
    CopiedUids move(MailboxId from, const std::vector<Uid>& uids, MailboxId to) override;
    void recordPop3Download(MailboxId mailbox, const std::vector<Uid>& uids) override;
    void hideFromPop3(MailboxId mailbox, const std::vector<Uid>& uids) override;
    void recentTaken(MailboxId mailbox, Uid up_to) override;
    void recordScan(BodyId body, const ScanRecord& record) override;
    void putSummary(BodyId body, std::string_view summary) override;

    Restored restoreRecoverable(RecoverableId id) override;
    void deleteRecoverable(RecoverableId id) override;

    QuarantineId addQuarantine(const NewQuarantine& entry) override;
    Appended releaseQuarantine(QuarantineId id) override;
    Appended copyFromQuarantine(QuarantineId id, AccountId to) override;
    void deleteQuarantine(QuarantineId id) override;
    void askForRelease(QuarantineId id, std::string_view words) override;
    void putAllowance(const Allowance& allowance) override;
    void removeAllowance(Allowance::Kind kind, std::string_view what) override;

    std::optional<QuarantineId> replaceByNotice(const Place& message, const Replacement& by) override;
    Outbreak countHit(std::string_view signature, std::string_view signatures, std::uint64_t most) override;
    void putWaiting(BodyId body, std::string_view signature) override;
    void endWaiting(BodyId body) override;
    void decideOutbreak(std::string_view signature, Outbreak::State state) override;
    void forgetOutbreaks(Time dismissed_before) override;
    void recordFetched(const Reader& reader, const std::vector<Fetched>& bodies) override;
    void forgetFetched(Time before) override;
    void putInnerHashes(BodyId body, const std::vector<InnerHash>& hashes) override;
    AuditEntry addAudit(const NewAudit& entry) override;
    std::int64_t addEvent(const NewEvent& event) override;
    void putWebhook(const Webhook& webhook) override;
    void removeWebhook(std::string_view name) override;
    void noteWebhookAttempt(std::string_view webhook, const WebhookAttempt& attempt, std::optional<Time> next_try) override;
    void putTask(const TaskRecord& task) override;
    void forgetTasks(Time finished_before, std::size_t keep) override;
    void count(const Statistic& what, Counting how) override;
    void forgetStatistics(Time before) override;

    Changes finish(); // once, at the closure's end

    // --- below the interface, for check()
    Connection& db() { return db_; }
    void correctReferences(BodyId body, std::int64_t by); // at once
    void correctTally();                                  // after the references
    void makeMissingMailboxes();                          // INBOX, and parents; empty
    // What was removed before that time, oldest first, at most `most`; how many went.
    std::uint64_t forgetLogins(AccountId account, Time before);
    std::size_t forgetRecoverable(AccountId account, Time removed_before, std::size_t most);

private:
    struct Step { // what an operation does to its mailbox's row
        std::int64_t uids = 0, messages = 0, unseen = 0, deleted = 0, size = 0;
        void count(const MessageRow& row, int sign);
    };
    struct Stepped {
        Uid first;              // of the UIDs it took
        ModSeq modseq = 0;      // of this operation
        std::uint32_t uid_validity = 0;
        AccountId account;
    };
    Stepped step(MailboxId mailbox, const Step& by);
    // Takes or gives back bytes and messages. False, and nothing changed, when it would go over the quota.
    bool charge(AccountId account, std::int64_t bytes, std::int64_t messages, bool within_quota);
    Appended place(const Mailbox& mailbox, MessageRow row, std::string_view uidl, bool within_quota, std::optional<Time> saved = {});
    void insertRow(MailboxId mailbox, const MessageRow& row, Time saved);
    void insertUidl(MailboxId mailbox, Uid uid, std::string_view uidl);
    Flags serverKeywords(AccountId account);
    std::vector<MessageRow> rowsOf(MailboxId mailbox, const std::vector<Uid>& uids);
    enum class Bodies { released, kept }; // of rows that go: whether what they name loses a reference
    void removeRows(MailboxId mailbox, const std::vector<MessageRow>& rows, Bodies bodies = Bodies::released);
    CopiedUids duplicate(const std::vector<MessageRow>& rows, MailboxId from, const Mailbox& to, bool keep_uidl, std::uint64_t strip = 0);
    std::vector<Uid> allUids(MailboxId mailbox);
    void dropMessages(MailboxId mailbox, Bodies bodies);

    // --- removal
    std::optional<Mailbox> trashFor(const Mailbox& mailbox);
    std::vector<MessageRow> notIn(const Mailbox& trash, const std::vector<MessageRow>& rows);
    bool keepsRecoverable(AccountId account);
    void keepRecoverable(const Mailbox& mailbox, const std::vector<MessageRow>& rows, std::string_view cause);
    void keepAllRecoverable(const Mailbox& mailbox, std::string_view cause);
    void boundRecoverable(AccountId account, std::int64_t removed);
    struct Forgettable {
        RecoverableId id;
        AccountId account;
        std::int64_t body = 0, size = 0;
    };
    void forget(const std::vector<Forgettable>& entries);
    std::int64_t giveUpOldest(std::optional<AccountId> account, std::int64_t bytes);
    void settleBodies();

    // --- what a quarantine entry that was a message keeps besides
    void keepReplaced(QuarantineId id, MailboxId mailbox, Uid uid);
    std::optional<Time> savedOf(QuarantineId id);
    void giveBackReplaced(QuarantineId id, MailboxId mailbox, Uid uid);
    std::int64_t readerId(const Reader& reader, std::int64_t day);

    void putPop3Policy(AccountId id, const Pop3Policy& policy);
    void putPop3Policy(const std::string& domain, const Pop3Policy& policy);
    void putScanPolicy(AccountId id, const ScanPolicy& policy);
    void putScanPolicy(const std::string& domain, const ScanPolicy& policy);
    void putTrashPolicy(AccountId id, const TrashPolicy& policy);
    void putTrashPolicy(const std::string& domain, const TrashPolicy& policy);
    AccountId requireAccount(AccountId id);
    void requireFreeAddress(const std::string& address);
    void requireRoomOnDisk() const;
    void addDomain(const std::string& name);
    void secondFactorChanged(AccountId account);
    void setCredentials(AccountId id, const Credentials& credentials);
    std::uint32_t nextUidValidity();
    MailboxId insertMailbox(AccountId account, std::string_view name, std::string_view special_use, bool reserved);
    void requireRoomForMailboxes(AccountId account, std::size_t more);
    // Those of its parents that are missing, outermost first.
    std::vector<std::string> missingParents(AccountId account, std::string_view name);

    Connection& db_;
    RecentBodies& recent_;
    const Time now_;
    const bool scarce_; // the disk is full: what grows is refused, what shrinks goes on
    const bool keeps_recoverable_; // where neither an account nor its domain says how long
    const std::int64_t untallied_; // bodies of earlier closures of this transaction, which the tally does not count yet
    Changes changes_;
    std::unordered_map<std::int64_t, std::int64_t> refs_; // references taken and given back since the closure began
};

} // namespace postfach::store::sqlite
