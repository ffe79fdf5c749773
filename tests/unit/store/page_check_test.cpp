// Checksums of pages, and damage in the midst of the write-ahead log. tests/fault/store flips bytes everywhere; here is what
// must not be taken for damage, and what is done about it.
#include "server/store/sqlite/database.h"
#include "server/store/sqlite/page_check.h"
#include "tests/unit/store/store_fixture.h"

#include <sqlite3.h>

#include <fstream>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;

namespace {

constexpr std::streamoff kPage = 4096;

void change(const std::string& path, std::streamoff at, char byte)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put(byte);
    REQUIRE(file.good());
}

char byteAt(const std::string& path, std::streamoff at)
{
    std::ifstream file(path, std::ios::binary);
    file.seekg(at);
    return static_cast<char>(file.get());
}

void flip(const std::string& path, std::streamoff at) { change(path, at, static_cast<char>(byteAt(path, at) ^ 1)); }

// As a program that does not know of the checksums: SQLite's own VFS.
void foreign(const std::string& database, const char* sql)
{
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READWRITE, "unix") == SQLITE_OK);
    CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
}

std::string pragmaOf(sqlite3* db, const char* sql)
{
    std::string found;
    const auto row = [](void* to, int, char** values, char**) {
        *static_cast<std::string*>(to) += values[0];
        return 0;
    };
    const int rc = sqlite3_exec(db, sql, row, &found, nullptr);
    return rc == SQLITE_OK ? found : sqlite3_errmsg(db);
}

} // namespace

TEST_CASE("a page that is not as it was written is damage: said to who asks, in readiness, and by check", "[store][page-check]")
{
    Office office;
    for (int i = 0; i < 40; ++i)
        office.deliver("Subject: x\r\n\r\n" + noise(3000, static_cast<std::uint64_t>(i)));
    office.close(); // into the database
    const std::string database = office.data + "/postfach.db";
    CHECK(byteAt(database, 20) == sqlite::kSealBytes);

    SECTION("in any page")
    {
        flip(database, 30 * kPage + 77);
        office.open();
        CHECK_FALSE(office.store->check(false).empty());
        CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("damage"));
    }
    SECTION("in the header, where it says that there are checksums")
    {
        change(database, 20, 0);
        CHECK_THROWS(office.open());
    }
    SECTION("in the header, where it says how long a page is")
    {
        change(database, 16, 0x20);
        CHECK_THROWS(office.open());
    }
    SECTION("a page in another's place")
    {
        std::ifstream in(database, std::ios::binary);
        std::string page(kPage, '\0');
        in.seekg(31 * kPage);
        in.read(page.data(), kPage);
        std::fstream out(database, std::ios::in | std::ios::out | std::ios::binary);
        out.seekp(30 * kPage);
        out.write(page.data(), kPage);
        out.close();
        office.open();
        CHECK_FALSE(office.store->check(false).empty());
    }
}

TEST_CASE("who reads the database with another program does no harm, not even by moving the log into it", "[store][page-check]")
{
    Office office;
    for (int i = 0; i < 40; ++i)
        office.deliver("Subject: x\r\n\r\n" + noise(3000, static_cast<std::uint64_t>(i)));
    office.close();
    office.open(); // some pages come from the file, with their checksums
    for (int i = 0; i < 40; ++i)
        office.deliver("Subject: y\r\n\r\n" + noise(3000, static_cast<std::uint64_t>(i)));
    killed(office);
    REQUIRE(std::filesystem::file_size(office.data + "/postfach.db-wal") > 50 * kPage);
    foreign(office.data + "/postfach.db", "SELECT count(*) FROM message");
    REQUIRE_FALSE(std::filesystem::exists(office.data + "/postfach.db-wal"));
    office.open();
    CHECK(office.store->check(false).empty());
    CHECK(office.store->problem() == "");
    CHECK(office.bodyOf(Uid{80}) == "Subject: y\r\n\r\n" + noise(3000, 39));
}

TEST_CASE("a copy of the database has checksums that fit, in whatever order its pages are written", "[store][page-check]")
{
    Office office;
    for (int i = 0; i < 60; ++i)
        office.deliver("Subject: x\r\n\r\n" + noise(9000, static_cast<std::uint64_t>(i)));
    const std::string path = office.folder.path + "/copy.db";
    sqlite::Connection source(office.data + "/postfach.db", sqlite::Connection::Role::reader);
    sqlite3* copy = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &copy) == SQLITE_OK);
    CHECK(pragmaOf(copy, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=10") == "off");
    sqlite::sealCopy(source.handle(), copy);
    sqlite3_backup* backup = sqlite3_backup_init(copy, "main", source.handle(), "main");
    REQUIRE(backup);
    CHECK(sqlite3_backup_step(backup, -1) == SQLITE_DONE);
    CHECK(sqlite3_backup_finish(backup) == SQLITE_OK);
    CHECK(sqlite3_close(copy) == SQLITE_OK);

    std::size_t sealed = 0;
    const auto pages = static_cast<std::streamoff>(std::filesystem::file_size(path)) / kPage;
    for (std::streamoff page = 0; page < pages; ++page)
        for (std::streamoff at = (page + 1) * kPage - sqlite::kSealBytes; at < (page + 1) * kPage; ++at)
            if (byteAt(path, at) != 0) {
                ++sealed;
                break;
            }
    CHECK(sealed == static_cast<std::size_t>(pages));
    REQUIRE(sqlite3_open(path.c_str(), &copy) == SQLITE_OK);
    CHECK(pragmaOf(copy, "PRAGMA integrity_check") == "ok");
    CHECK(sqlite3_close(copy) == SQLITE_OK);
}

TEST_CASE("damage in the midst of the log: what it took is not silently gone, and no number is given again", "[store][log-check]")
{
    Office office;
    for (int i = 0; i < 20; ++i)
        office.deliver("Subject: x\r\n\r\n" + noise(i == 15 ? 150'000 : 3000, static_cast<std::uint64_t>(i)));
    killed(office);
    const std::string log = office.data + "/postfach.db-wal";
    const auto frames = (static_cast<std::streamoff>(std::filesystem::file_size(log)) - 32) / (kPage + 24);
    REQUIRE(frames > 60);

    SECTION("its last frame alone is what a power cut may leave")
    {
        flip(log, 32 + (frames - 1) * (kPage + 24) + 1000);
        office.open();
        CHECK(office.store->problem() == "");
        CHECK(office.mailbox(office.inbox).exists == 19);
        CHECK(office.store->check(false).empty());
    }
    SECTION("in front of many commits")
    {
        flip(log, 32 + frames / 2 * (kPage + 24) + 1000);
        office.open();
        CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("log is damaged"));
        const Mailbox inbox = office.mailbox(office.inbox);
        CHECK(inbox.exists < 20);
        CHECK(inbox.uid_next.value > 1'000'000);
        office.write([&](WriteTx& tx) { CHECK(tx.createMailbox(office.alice, "New").value > 1'000'000); });
        CHECK(std::filesystem::exists(log + ".damaged"));
        office.close();

        office.open(); // the alarm stays until somebody has seen it, and so do the files of the bodies that were lost
        CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("postfach.db-wal.damaged"));
        CHECK(office.mailbox(office.inbox).uid_next == inbox.uid_next);
        std::size_t files = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(office.data + "/bodies"))
            files += entry.is_regular_file();
        CHECK(files == 1);
        office.close();

        std::filesystem::remove(log + ".damaged");
        office.open();
        CHECK(office.store->problem() == "");
        CHECK(office.store->check(false).empty());
    }
    SECTION("in its header")
    {
        flip(log, 9);
        office.open();
        CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("log is damaged"));
    }
}
