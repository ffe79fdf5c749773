#include "server/store/sqlite/sqlite_store.h"
#include "server/base/error.h"
#include "server/base/log.h"
#include "server/store/sqlite/log_check.h"
#include "server/store/sqlite/schema.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace postfach::store {

std::unique_ptr<Store> openSqliteStore(const StoreOptions& options, const base::Clock& clock)
{
    return std::make_unique<sqlite::SqliteStore>(options, clock);
}

} // namespace postfach::store

namespace postfach::store::sqlite {
namespace {

std::string prepareFolder(const StoreOptions& options)
{
    if (options.must_exist && !std::filesystem::exists(options.folder + "/postfach.db"))
        throw base::Refused(options.folder + " holds no Postfach data (postfach.db is missing)");
    try {
        base::makeFolders(options.folder);
        base::makeFolders(options.folder + "/bodies");
    } catch (const std::system_error& e) {
        throw base::Refused("cannot make the data directory: " + std::string(e.what()));
    }
    if (::access(options.folder.c_str(), W_OK) != 0)
        throw base::Refused("cannot write to the data directory " + options.folder + "; give it to the user Postfach runs as");
    return options.folder;
}

class ReadTxOnPool final : public Answers<ReadTx> {
public:
    explicit ReadTxOnPool(std::unique_ptr<ReadTransaction> transaction, char delimiter)
        : Answers(transaction->db(), transaction->files(), delimiter), transaction_(std::move(transaction))
    {
    }

private:
    std::unique_ptr<ReadTransaction> transaction_;
};

} // namespace

base::Fd lockFolder(const std::string& folder)
{
    const std::string path = folder + "/lock";
    base::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd)
        throw base::Refused("cannot open " + path + ": " + std::generic_category().message(errno));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        throw base::Refused("another Postfach is using " + folder + "; stop it first, or give another data directory");
    return fd;
}

// --- readers

std::unique_ptr<Connection> Readers::take()
{
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            return connection;
        }
    }
    return std::make_unique<Connection>(file_, Connection::Role::reader, alarm_);
}

void Readers::giveBack(std::unique_ptr<Connection> connection)
{
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kIdle)
        idle_.push_back(std::move(connection));
}

// The ticket is taken first: what the snapshot may name is not removed while it lives.
ReadTransaction::ReadTransaction(std::shared_ptr<Readers> readers, std::shared_ptr<BodyFiles> files)
    : readers_(std::move(readers)), files_(std::move(files)), ticket_(files_->enterReader())
{
    try {
        connection_ = readers_->take();
        connection_->run("BEGIN");
    } catch (...) {
        files_->leaveReader(ticket_);
        throw;
    }
}

ReadTransaction::~ReadTransaction()
{
    try {
        connection_->run("COMMIT");
        readers_->giveBack(std::move(connection_));
    } catch (const std::exception& e) { // a connection that cannot end its transaction is closed
        base::logWarning("store", "a reader was closed", {{"what", e.what()}});
    }
    files_->leaveReader(ticket_);
}

// --- the store

namespace {

// A new database comes to its name whole: of one that is made in its place a power cut may leave half of the first page, and then
// nothing opens it any more.
void makeDatabase(const std::string& folder)
{
    const std::string file = folder + "/postfach.db", fresh = file + ".new";
    if (std::filesystem::exists(file))
        return;
    if (std::filesystem::exists(file + ".restoring")) // an empty store in its place would look like lost mail
        throw base::Refused("a restore into " + folder + " was interrupted; empty the directory and run `postfach backup restore` again");
    for (const char* suffix : {"", "-wal", "-shm", "-journal"})
        std::filesystem::remove(fresh + suffix);
    {
        Connection connection(fresh, Connection::Role::writer);
        migrate(connection);
    } // with it the log goes into the file, synced
    std::filesystem::rename(fresh, file);
}

} // namespace

SqliteStore::SqliteStore(const StoreOptions& options, const base::Clock& clock)
    : folder_(prepareFolder(options)), delimiter_(options.delimiter), clock_(clock), trash_(options.trash), lock_(lockFolder(folder_)),
      files_(std::make_shared<BodyFiles>(folder_ + "/bodies")), readers_(std::make_shared<Readers>(folder_ + "/postfach.db", files_->alarm))
{
    makeDatabase(folder_);
    const std::string damage = damageInLog(folder_ + "/postfach.db-wal"); // before SQLite recovers: it ends the log there
    if (!damage.empty())
        setLogAside(folder_);
    auto connection = std::make_unique<Connection>(folder_ + "/postfach.db", Connection::Role::writer, files_->alarm);
    migrate(*connection);
    if (!damage.empty()) {
        skipNumbers(*connection); // what was given in the lost part must not be given again
        connection->pragma("wal_checkpoint(TRUNCATE)"); // or the next start would find the damage again
        files_->alarm->raise(damage);
    }
    base::syncFolder(folder_); // the database's own name
    if (logWasSetAside(folder_)) // until an administrator has seen it; the files of bodies whose rows were lost stay as long
        files_->alarm->raise("commits were lost with a damaged log; it is kept as postfach.db-wal.damaged, remove that to end this alarm");
    else
        sweep(*connection);
    const bool recoverable = options.trash.recovery_days > 0U;
    writer_ = std::make_unique<Writer>(std::move(connection), files_, views_, clock, delimiter_, recoverable, folder_ + "/reserve");
}

SqliteStore::~SqliteStore() = default;

void SqliteStore::sweep(Connection& connection)
{
    try {
        files_->sweep([&](const base::Sha256& hash) {
            return connection.query("SELECT 1 FROM body WHERE encoding = 2 AND hash = ?", Blob{asBytes(hash)}).step();
        });
    } catch (const Error& error) {
        if (error.kind != Error::Kind::damaged) // that has raised the alarm, and is no reason not to serve what is whole
            throw;
    }
}

std::string SqliteStore::problem() const
{
    std::string words = writer_->problem();
    return words.empty() ? files_->alarm->words() : words;
}

std::unique_ptr<ReadTx> SqliteStore::read()
{
    return std::make_unique<ReadTxOnPool>(readTransaction(), delimiter_);
}

std::unique_ptr<ReadTransaction> SqliteStore::readTransaction() { return std::make_unique<ReadTransaction>(readers_, files_); }

// The writer holds SQLite's write lock while a closure runs: nobody commits, and the log's state is that of the transaction.
SqliteStore::Pinned SqliteStore::pin()
{
    Pinned pinned{readTransaction(), nullptr};
    Connection& db = pinned.transaction->db();
    std::optional<WalState> state;
    writeAndWait([&](WriteTx&) {
        db.query("SELECT 1 FROM tally").step(); // now it has begun
        state = walState(db);
    });
    if (!state)
        throw Error(Error::Kind::unavailable, "another process is writing to the database");
    pinned.pages = std::make_unique<PageReader>(db, *state);
    return pinned;
}

std::shared_ptr<void> SqliteStore::keepFiles()
{
    const std::uint64_t ticket = files_->enterReader();
    return {nullptr, [files = files_, ticket](void*) { files->leaveReader(ticket); }};
}

void SqliteStore::write(std::function<void(WriteTx&)> work, std::function<void(std::exception_ptr)> done)
{
    writer_->write(std::move(work), std::move(done));
}

void SqliteStore::writeLater(std::function<void(WriteTx&)> work) { writer_->writeLater(std::move(work)); }

std::unique_ptr<PreparedBody> SqliteStore::prepareBody(std::string_view bytes)
{
    try {
        return std::make_unique<StoredBody>(files_, bytes);
    } catch (const std::system_error& e) {
        if (e.code().value() == EIO)
            writer_->refuseFromNow(e.what());
        throw asStoreError(e);
    }
}

std::shared_ptr<MailboxView> SqliteStore::view(MailboxId mailbox)
{
    return views_.get(mailbox, [this](MailboxId id) {
        ReadTransaction transaction(readers_, files_);
        Reading reading(transaction.db(), *files_, delimiter_);
        const Mailbox row = reading.requireMailbox(id);
        RootBuilder builder(*Snapshot::Root::empty());
        reading.eachMessage(id, [&](const MessageRow& message) { builder.append(message.message, message.more); });
        return builder.finish(row.uid_next, row.highest_modseq);
    });
}

} // namespace postfach::store::sqlite
