// A part of a backup, put into a store that serves: an account, a mailbox, a message. It goes through the store's own door, so
// that sessions hear of it as of any other news, and quotas hold.
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/store/sqlite/archive.h"
#include "server/store/sqlite/reading.h"
#include "server/store/sqlite/schema.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_map>

#include <unistd.h>

namespace postfach::store {
namespace {

using namespace sqlite;

constexpr std::size_t kMessagesAtOnce = 64;        // of one transaction: deliveries do not wait long for it
constexpr std::size_t kBytesAtOnce = 8 << 20;

// The database of a backup, read where it lies; one of an earlier version, or of the older form, is copied and migrated first.
class Archive {
public:
    Archive(const MailRestore& wanted, char delimiter) : scratch_(wanted.scratch)
    {
        const bool plain = isPlainBackup(wanted.folder);
        if (!plain)
            repository_.emplace(wanted.folder, Repository::Use::read);
        manifest_ = plain ? plainManifest(wanted.folder) : repository_->newest(wanted.id);
        if (!plain) {
            file_ = std::make_unique<SnapshotFile>(*repository_, manifest_);
            db_ = std::make_unique<Connection>(file_->uri(), Connection::Role::reader);
        }
        if (plain || requireKnownVersion(*db_) != newestVersion()) {
            removeScratch();
            Meter none(nobody_, 0);
            if (!plain)
                assembleDatabase(*repository_, manifest_, scratch_, none);
            else if (!copyVerified(wanted.folder + "/postfach.db", scratch_, manifest_.pieces.front()))
                incomplete(wanted.folder, "its database is damaged");
            db_ = std::make_unique<Connection>(scratch_, Connection::Role::writer);
            migrate(*db_);
        }
        files_ = std::make_shared<BodyFiles>(wanted.folder + "/bodies");
        reading_.emplace(*db_, *files_, delimiter);
    }
    ~Archive()
    {
        db_.reset();
        removeScratch();
    }
    Archive(const Archive&) = delete;
    Archive& operator=(const Archive&) = delete;

    Reading& read() { return *reading_; }
    const std::string& id() const { return manifest_.info.id; }

private:
    void removeScratch() const
    {
        for (const char* end : {"", "-wal", "-shm"})
            ::unlink((scratch_ + end).c_str());
    }

    const std::string scratch_;
    const Progress nobody_;
    std::optional<Repository> repository_;
    Manifest manifest_;
    std::unique_ptr<SnapshotFile> file_;
    std::unique_ptr<Connection> db_;
    std::shared_ptr<BodyFiles> files_;
    std::optional<Reading> reading_;
};

class MailRestorer {
public:
    MailRestorer(Store& store, const MailRestore& wanted, const Progress& progress)
        : store_(store), wanted_(wanted), archive_(wanted, store.delimiter()), meter_(progress, 0)
    {
    }
    MailRestored run();

private:
    struct Ready {
        std::unique_ptr<PreparedBody> body;
        std::string summary;
        ScanRecord scan;
        std::string uidl;
        MessageRow row;
    };
    [[noreturn]] void absent(const std::string& what) const
    {
        throw base::Refused("backup " + archive_.id() + " has no " + what, 1);
    }
    AccountId accountFor(const Account& then);
    MailboxId mailboxFor(AccountId account, const Mailbox& then);
    void restoreMailbox(AccountId account, const Mailbox& then);
    void take(const Mailbox& from, const MessageRow& row, std::vector<Ready>& ready);
    void put(AccountId account, MailboxId into, std::vector<Ready>& ready);
    void append(WriteTx& tx, AccountId account, MailboxId into, const Ready& one) const;
    Flags flagsNow(WriteTx& tx, AccountId account, const MessageRow& row) const;

    Store& store_;
    const MailRestore& wanted_;
    Archive archive_;
    Meter meter_;
    std::vector<std::string> keywords_; // the backup's, by index
    MailRestored done_;
};

// Made again, with its password and whatever was set for it, when it is gone. Not app passwords and recovery codes: their hashes hold the
// number of the account that was, which is given to nobody again.
AccountId MailRestorer::accountFor(const Account& then)
{
    if (const auto now = store_.read()->findAccount(then.address))
        return now->id;
    const auto credentials = archive_.read().credentials(then.id);
    AccountId made;
    store_.writeAndWait([&](WriteTx& tx) {
        NewAccount account{then.address, then.name, credentials.value_or(Credentials{}), then.quota, then.quota_messages};
        made = tx.createAccount(account);
        AccountPatch patch;
        patch.enabled = then.enabled;
        patch.services = then.services;
        patch.pop3 = then.pop3;
        patch.scan = then.scan;
        patch.trash = then.trash;
        patch.scopes = then.scopes;
        tx.changeAccount(made, patch);
        if (const auto totp = archive_.read().totp(then.id); totp && totp->confirmed) {
            tx.beginTotp(made, totp->secret);
            tx.confirmTotp(made, totp->last_step, {});
        }
        for (const Annotation& one : archive_.read().annotations(then.id, {}))
            tx.setAnnotation(made, {}, one.name, one.value);
    });
    done_.account = true;
    return made;
}

MailboxId MailRestorer::mailboxFor(AccountId account, const Mailbox& then)
{
    std::string name = then.name;
    if (!wanted_.to.empty())
        name = wanted_.mailbox.empty() ? wanted_.to + store_.delimiter() + then.name : wanted_.to;
    const auto tx = store_.read();
    if (const auto now = tx->findMailbox(account, name))
        return now->id;
    const auto all = tx->mailboxes(account);
    const bool use_taken = std::any_of(all.begin(), all.end(), [&](const Mailbox& m) { return m.special_use == then.special_use; });
    MailboxId made;
    store_.writeAndWait([&](WriteTx& write) {
        made = write.createMailbox(account, name, use_taken || !wanted_.to.empty() ? std::string() : then.special_use);
        if (then.subscribed)
            write.subscribe(account, name, true);
        for (const Annotation& one : archive_.read().annotations(then.account, then.id))
            write.setAnnotation(account, made, one.name, one.value);
    });
    ++done_.mailboxes;
    return made;
}

Flags MailRestorer::flagsNow(WriteTx& tx, AccountId account, const MessageRow& row) const
{
    constexpr std::uint64_t kSystem = Flags::kSeen | Flags::kAnswered | Flags::kFlagged | Flags::kDeleted | Flags::kDraft;
    const Flags then{row.message.bits, row.more};
    Flags now{row.message.bits & kSystem, {}};
    for (unsigned index = 0; index < keywords_.size(); ++index)
        if (then.hasKeyword(index))
            now.addKeyword(tx.keyword(account, keywords_[index]));
    return now;
}

void MailRestorer::append(WriteTx& tx, AccountId account, MailboxId into, const Ready& one) const
{
    const BodyId body = tx.addBody(*one.body, one.summary);
    if (one.scan.verdict != ScanRecord::Verdict::none && tx.scanRecord(body).verdict == ScanRecord::Verdict::none)
        tx.recordScan(body, one.scan);
    tx.append(into, {body, flagsNow(tx, account, one.row), one.row.message.internal_date, one.uidl});
}

void MailRestorer::take(const Mailbox& from, const MessageRow& row, std::vector<Ready>& ready)
{
    Reading& then = archive_.read();
    try {
        const std::string bytes = then.body(row.message.body);
        // Its UIDL stays where it goes to its own place: a POP3 client that has it does not fetch it again.
        ready.push_back({store_.prepareBody(bytes), then.summary(row.message.body), then.scanRecord(row.message.body),
                         wanted_.to.empty() ? then.uidl(from.id, row.message.uid) : std::string(), row});
    } catch (const Error& e) {
        if (e.kind != Error::Kind::damaged)
            throw;
        done_.missing.push_back({"its content is damaged in the backup", from.name + ", UID " + std::to_string(row.message.uid.value), false});
    }
}

void MailRestorer::put(AccountId account, MailboxId into, std::vector<Ready>& ready)
{
    try {
        store_.writeAndWait([&](WriteTx& tx) {
            for (const Ready& one : ready)
                append(tx, account, into, one);
        });
        done_.restored += ready.size();
    } catch (const Error& e) {
        if (e.kind != Error::Kind::overQuota)
            throw;
        for (const Ready& one : ready) // what fits
            try {
                store_.writeAndWait([&](WriteTx& tx) { append(tx, account, into, one); });
                ++done_.restored;
            } catch (const Error& full) {
                if (full.kind != Error::Kind::overQuota)
                    throw;
                throw base::Refused("the account's quota is used up; " + std::to_string(done_.restored)
                                        + " messages are restored. Raise the quota and restore again: what is there stays as it is", 1);
            }
    }
    ready.clear();
}

void MailRestorer::restoreMailbox(AccountId account, const Mailbox& then)
{
    std::vector<MessageRow> rows;
    if (wanted_.uid == Uid{})
        archive_.read().eachMessage(then.id, [&](const MessageRow& row) { rows.push_back(row); });
    else if (auto one = archive_.read().message(then.id, wanted_.uid))
        rows.push_back(*std::move(one));
    else
        absent("message with UID " + std::to_string(wanted_.uid.value) + " in " + base::printable(then.name));
    const MailboxId into = mailboxFor(account, then);
    for (const MessageRow& row : rows)
        meter_.expect(row.message.size);

    // A content that is there so many times is wanted no more often than the backup has it.
    std::unordered_map<base::Sha256, std::uint64_t, HashOfSha256> there;
    {
        const auto tx = store_.read();
        const Snapshot now = store_.view(into)->now();
        now.each(0, now.count(), [&](std::uint32_t, const Message& message) {
            try {
                ++there[tx->bodyHash(message.body)];
            } catch (const Error& e) { // it went meanwhile
                if (e.kind != Error::Kind::noSuchMessage)
                    throw;
            }
            return true;
        });
    }
    std::vector<Ready> ready;
    std::size_t bytes = 0;
    for (const MessageRow& row : rows) {
        if (wanted_.stop.stop_requested())
            throw base::Refused("stopped; " + std::to_string(done_.restored) + " messages are restored", 1);
        const auto known = there.find(archive_.read().bodyHash(row.message.body));
        if (known != there.end() && known->second > 0) {
            --known->second;
            ++done_.present;
        } else {
            take(then, row, ready);
            bytes += row.message.size;
        }
        meter_.add(row.message.size);
        if (ready.size() >= kMessagesAtOnce || bytes >= kBytesAtOnce) {
            put(account, into, ready);
            bytes = 0;
        }
    }
    if (!ready.empty())
        put(account, into, ready);
}

MailRestored MailRestorer::run()
{
    const auto then = archive_.read().findAccount(wanted_.account);
    if (!then)
        absent("account " + base::printable(wanted_.account));
    std::vector<Mailbox> mailboxes;
    if (wanted_.mailbox.empty())
        mailboxes = archive_.read().mailboxes(then->id);
    else if (auto one = archive_.read().findMailbox(then->id, wanted_.mailbox))
        mailboxes.push_back(*std::move(one));
    else
        absent("mailbox " + base::printable(wanted_.mailbox) + " of " + base::printable(wanted_.account));
    keywords_ = archive_.read().keywords(then->id);
    const AccountId account = accountFor(*then);
    for (const Mailbox& mailbox : mailboxes)
        restoreMailbox(account, mailbox);
    return done_;
}

} // namespace

MailRestored restoreMail(Store& store, const MailRestore& wanted, const Progress& progress)
{
    try {
        return MailRestorer(store, wanted, progress).run();
    } catch (const std::system_error& e) {
        throw asStoreError(e);
    }
}

} // namespace postfach::store
