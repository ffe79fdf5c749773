#pragma once
// The SQLite engine: one writer, a pool of readers, the views, the files, and the lock that keeps a second server out.
//   DIR/lock          held (flock) while the store is open
//   DIR/postfach.db   the truth, with -wal and -shm beside it
//   DIR/bodies/       large bodies
//   DIR/reserve       given up when the disk is full
#include "server/base/file.h"
#include "server/store/sqlite/wal.h"
#include "server/store/sqlite/writer.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace postfach::store::sqlite {

class Readers {
public:
    Readers(std::string file, std::shared_ptr<Alarm> alarm) : file_(std::move(file)), alarm_(std::move(alarm)) {}
    std::unique_ptr<Connection> take();
    void giveBack(std::unique_ptr<Connection> connection);

private:
    static constexpr std::size_t kIdle = 16; // kept open; each may hold 2 MiB
    const std::string file_;
    const std::shared_ptr<Alarm> alarm_;
    std::mutex mutex_; // guards idle_
    std::vector<std::unique_ptr<Connection>> idle_;
};

// A transaction of Reading on a connection of the pool; the database stays as it was when it began.
class ReadTransaction final {
public:
    ReadTransaction(std::shared_ptr<Readers> readers, std::shared_ptr<BodyFiles> files);
    ~ReadTransaction();
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;
    Connection& db() { return *connection_; }
    const BodyFiles& files() const { return *files_; }

private:
    std::shared_ptr<Readers> readers_;
    std::shared_ptr<BodyFiles> files_;
    std::uint64_t ticket_;
    std::unique_ptr<Connection> connection_;
};

class SqliteStore final : public Store {
public:
    SqliteStore(const StoreOptions& options, const base::Clock& clock);
    ~SqliteStore() override;

    std::unique_ptr<ReadTx> read() override;
    void write(std::function<void(WriteTx&)> work, std::function<void(std::exception_ptr)> done) override;
    void writeLater(std::function<void(WriteTx&)> work) override;
    std::unique_ptr<PreparedBody> prepareBody(std::string_view bytes) override;
    std::shared_ptr<MailboxView> view(MailboxId mailbox) override;
    std::shared_ptr<MailboxView> viewIfWarm(MailboxId mailbox) override { return views_.ifWarm(mailbox); }
    Subscription watchAccount(AccountId account, std::function<void()> news) override { return views_.watchAccount(account, std::move(news)); }
    Subscription watchEvents(std::function<void()> news) override { return views_.watchEvents(std::move(news)); }
    std::uint64_t accountsVersion() const override { return views_.accountsVersion(); }
    using Store::check;
    std::vector<Finding> check(bool repair, const Progress& progress, const std::stop_token& stop) override;
    std::uint64_t emptyTrash(const std::stop_token& stop) override;
    std::uint64_t forgetRecoverable(const std::stop_token& stop) override;
    void configureTrash(const TrashPolicy& configured) override;
    TrashPolicy configuredTrash() const override;
    std::uint64_t forgetLogins(Time before, const std::stop_token& stop) override;
    std::uint64_t trimEvents(Time before, std::size_t keep, const std::stop_token& stop) override;
    std::vector<Finding> verifyAudit(const std::optional<AuditHead>& noted, std::uint64_t* entries) override;
    std::string problem() const override;
    std::string warning() const override { return files_->alarm->warning(); }
    char delimiter() const override { return delimiter_; }

    std::unique_ptr<ReadTransaction> readTransaction();
    // A read transaction that begins between two commits, and every page as it sees them.
    struct Pinned {
        std::unique_ptr<ReadTransaction> transaction;
        std::unique_ptr<PageReader> pages;
    };
    Pinned pin();
    // While it lives no file goes that a transaction begun after it may name.
    std::shared_ptr<void> keepFiles();
    const std::string& folder() const { return folder_; }

private:
    void sweep(Connection& connection); // files of bodies that no row names, at start

    const std::string folder_;
    const char delimiter_;
    const base::Clock& clock_;
    mutable std::mutex trash_mutex_;
    TrashPolicy trash_;                // guarded by trash_mutex_: what accounts and domains inherit
    base::Fd lock_;
    std::shared_ptr<BodyFiles> files_;
    std::shared_ptr<Readers> readers_; // read transactions hold it too
    Views views_;
    std::unique_ptr<Writer> writer_;   // last: ends first, and closes after the readers are gone
};

// Throws Refused when another process holds it.
base::Fd lockFolder(const std::string& folder);

} // namespace postfach::store::sqlite
