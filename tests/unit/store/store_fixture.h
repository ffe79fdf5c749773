#pragma once
// A store in a folder of its own that goes with the test, a clock that stands, and short words for what tests do often.
#include "server/base/error.h"
#include "server/base/file.h"
#include "server/base/id.h"
#include "server/store/store.h"
#include "tests/support/catch.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>
#include <unistd.h>

namespace postfach::store::test {

class TempFolder {
public:
    explicit TempFolder(const std::string& where = std::filesystem::temp_directory_path().string())
        : path(where + "/postfach-store-" + base::randomHex(6))
    {
        base::makeFolders(path);
    }
    ~TempFolder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    const std::string path;
};

class Office { // an empty store with alice
public:
    explicit Office(std::uint64_t quota = 0) : data(folder.path + "/data")
    {
        open();
        write([&](WriteTx& tx) {
            alice = tx.createAccount({"alice@example.org", "Alice", {}, quota});
            inbox = tx.findMailbox(alice, "INBOX")->id;
            trash = tx.findMailbox(alice, "Trash")->id;
        });
    }
    void open() { store = openSqliteStore({data, '/', false}, clock); }
    void close() { store.reset(); }

    template <class Work>
    void write(Work work) { store->writeAndWait(std::move(work)); }

    Uid deliver(const std::string& body, Flags flags = {}, MailboxId mailbox = {})
    {
        const auto prepared = store->prepareBody(body);
        Uid uid;
        write([&](WriteTx& tx) {
            const BodyId id = tx.addBody(*prepared, "summary");
            uid = tx.append(mailbox ? mailbox : inbox, {id, flags, clock.now(), ""}).uid;
        });
        return uid;
    }
    Mailbox mailbox(MailboxId id) { return *store->read()->mailbox(id); }
    Account account() { return *store->read()->account(alice); }
    std::string bodyOf(Uid uid, MailboxId mailbox = {})
    {
        const Snapshot now = store->view(mailbox ? mailbox : inbox)->now();
        return store->read()->body(now.at(now.find(uid).value()).body);
    }

    TempFolder folder;
    const std::string data;
    base::FakeClock clock;
    std::unique_ptr<Store> store;
    AccountId alice;
    MailboxId inbox, trash;
};

// The kind of the store::Error that `work` throws; fails the test when it throws none.
template <class Work>
Error::Kind refusal(Work work)
{
    try {
        work();
    } catch (const Error& e) {
        return e.kind;
    }
    FAIL("nothing was refused");
    return {};
}

template <class Work>
Error::Kind refusedWrite(Office& office, Work work)
{
    return refusal([&] { office.write(work); });
}

// By hand, while no store has the folder open; with the checksums of pages, which the store brought along.
inline void sql(const std::string& folder, const std::string& text)
{
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open((folder + "/postfach.db").c_str(), &db) == SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    CAPTURE(text);
    REQUIRE(sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
}

// What a kill leaves: the log is not empty. The office goes on with that folder.
inline void killed(Office& office)
{
    const std::string copy = office.folder.path + "/killed";
    std::filesystem::copy(office.data, copy, std::filesystem::copy_options::recursive);
    office.close();
    std::filesystem::remove_all(office.data);
    std::filesystem::rename(copy, office.data);
}

// Text that does not compress: no run repeats.
inline std::string noise(std::size_t size, std::uint64_t seed = 1)
{
    std::string bytes(size, '\0');
    for (char& c : bytes) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        c = static_cast<char>(seed >> 56);
    }
    return bytes;
}

inline std::vector<Uid> uids(std::initializer_list<std::uint32_t> numbers)
{
    std::vector<Uid> all;
    for (const std::uint32_t number : numbers)
        all.push_back(Uid{number});
    return all;
}

} // namespace postfach::store::test

template <class Tag, class Int>
struct Catch::StringMaker<postfach::base::Id<Tag, Int>> {
    static std::string convert(const postfach::base::Id<Tag, Int>& id) { return "#" + std::to_string(id.value); }
};
