// Bodies, files, damage, backups, and who may open a directory.
#include "server/store/backup.h"
#include "server/store/sqlite/schema.h"
#include "tests/unit/store/store_fixture.h"

#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <sys/mount.h>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using Kind = Error::Kind;

namespace {

std::vector<std::string> filesBelow(const std::string& folder)
{
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_regular_file())
            all.push_back(entry.path().string());
    return all;
}

void flip(const std::string& path, std::streamoff at)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char c = static_cast<char>(file.get() ^ 1);
    file.seekp(at);
    file.put(c);
}

std::unique_ptr<Store> openAgain(const std::string& data, const base::Clock& clock) { return openSqliteStore({data, '/', true}, clock); }

} // namespace

TEST_CASE("who may not open a directory is told why, and nothing changes", "[store][open]")
{
    Office office;
    try {
        openAgain(office.data, office.clock);
        FAIL("opened twice");
    } catch (const base::Refused& e) {
        CHECK_THAT(e.what(), Catch::ContainsSubstring("another Postfach"));
    }
    CHECK_THROWS_AS(openAgain(office.folder.path + "/none", office.clock), base::Refused);
    CHECK_FALSE(std::filesystem::exists(office.folder.path + "/none"));
    office.close();

    SECTION("a newer version's data")
    {
        sql(office.data, "PRAGMA user_version=9999");
        try {
            openAgain(office.data, office.clock);
            FAIL("opened");
        } catch (const base::Refused& e) {
            CHECK_THAT(e.what(), Catch::ContainsSubstring("newer"));
        }
        sql(office.data, "PRAGMA user_version=" + std::to_string(sqlite::newestVersion()));
        office.open();
        CHECK(office.account().address == "alice@example.org");
    }
    SECTION("another program's data")
    {
        sql(office.data, "PRAGMA application_id=77");
        CHECK_THROWS_AS(openAgain(office.data, office.clock), base::Refused);
    }
    SECTION("no database at all")
    {
        std::ofstream(office.data + "/postfach.db", std::ios::trunc) << std::string(8192, 'x');
        CHECK_THROWS(openAgain(office.data, office.clock));
    }
}

TEST_CASE("bodies of every size come back whole and in ranges", "[store][bodies]")
{
    Office office;
    for (const std::size_t size : {0UL, 1UL, 127UL, 128UL, 5000UL, 131'072UL, 131'073UL, 600'000UL})
        for (const bool text : {true, false}) {
            INFO(size << (text ? " text" : " noise"));
            const std::string bytes = text ? std::string(size, 'e') : noise(size, size + 1);
            const Uid uid = office.deliver(bytes);
            CHECK(office.bodyOf(uid) == bytes);
            const Snapshot now = office.store->view(office.inbox)->now();
            const BodyId body = now.at(now.count() - 1).body;
            const auto tx = office.store->read();
            CHECK(tx->bodySize(body) == size);
            CHECK(tx->bodyHash(body) == base::sha256(bytes));
            CHECK(tx->summary(body) == "summary");
            CHECK(tx->bodyRange(body, 0, ~0ULL) == bytes);
            CHECK(tx->bodyRange(body, size, 1).empty());
            CHECK(tx->bodyRange(body, ~0ULL, ~0ULL).empty());
            CHECK(tx->bodyRange(body, size / 3, 1000) == bytes.substr(size / 3, 1000));
        }
    CHECK(refusal([&] { office.store->read()->body(BodyId{999}); }) == Kind::noSuchMessage);
    CHECK(office.store->check(false).empty());
}

TEST_CASE("the same content is kept once, and goes with the last message that names it", "[store][bodies]")
{
    Office office;
    for (const std::size_t size : {500UL, 200'000UL}) {
        const std::string bytes = noise(size);
        const Uid a = office.deliver(bytes);
        const Uid b = office.deliver(bytes); // prepared anew
        CHECK(office.store->read()->totals().bodies == 1);
        CHECK(filesBelow(office.data + "/bodies").size() == (size > 131'072 ? 1 : 0));
        office.write([&](WriteTx& tx) { tx.copy(office.inbox, {a}, office.trash); });
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, {a, b}); });
        CHECK(office.bodyOf(Uid{size == 500 ? 1U : 2U}, office.trash) == bytes);
        office.write([&](WriteTx& tx) { tx.expunge(office.trash, uids({1, 2})); });
        CHECK(office.store->read()->totals().bodies == 0);
    }
    office.write([](WriteTx&) {}); // the writer has tidied up after the commit before this one
    CHECK(filesBelow(office.data + "/bodies").empty());
}

namespace {
// A mail with a file of its own, somebody who reads since before it went, and the same content on its way in again.
struct OfTwo {
    Office office;
    const std::string bytes = noise(200'000);
    const Uid uid = office.deliver(bytes);
    const BodyId body = office.store->view(office.inbox)->now().at(0).body;
    std::unique_ptr<ReadTx> old = office.store->read();
    std::unique_ptr<PreparedBody> prepared = office.store->prepareBody(bytes);
    OfTwo() { CHECK(old->bodySize(body) == bytes.size()); }
};
} // namespace

TEST_CASE("a file stays while an older reader may still open it, or a new mail needs it", "[store][bodies]")
{
    OfTwo two;
    Office& office = two.office;
    office.write([&](WriteTx& tx) { tx.expunge(office.inbox, {two.uid}); });
    office.write([](WriteTx&) {});
    CHECK(two.old->body(two.body) == two.bytes);
    two.old.reset();
    office.write([](WriteTx&) {});
    office.write([](WriteTx&) {});
    REQUIRE(filesBelow(office.data + "/bodies").size() == 1); // prepared
    Uid again;
    office.write([&](WriteTx& tx) { again = tx.append(office.inbox, {tx.addBody(*two.prepared, ""), {}, {}, ""}).uid; });
    two.prepared.reset();
    office.write([](WriteTx&) {});
    CHECK(office.bodyOf(again) == two.bytes);

    two.prepared = office.store->prepareBody(noise(200'000, 7)); // prepared and never stored
    two.prepared.reset();
    office.write([](WriteTx&) {});
    office.write([](WriteTx&) {});
    CHECK(filesBelow(office.data + "/bodies").size() == 1);
}

TEST_CASE("a file stays for an older reader, also where it was prepared anew and dropped at the same time", "[store][bodies]")
{
    OfTwo two;
    Office& office = two.office;
    office.write([&](WriteTx& tx) {
        two.prepared.reset();
        tx.expunge(office.inbox, {two.uid});
    });
    office.write([](WriteTx&) {}); // the writer has looked at files after the commit before this one
    CHECK(two.old->body(two.body) == two.bytes);
    two.old.reset();
    office.write([](WriteTx&) {});
    office.write([](WriteTx&) {});
    CHECK(filesBelow(office.data + "/bodies").empty());
}

TEST_CASE("what a crash left behind is swept at start, what is not ours is left alone", "[store][bodies]")
{
    Office office;
    office.deliver(noise(200'000));
    office.close();
    const std::string orphan = office.data + "/bodies/" + std::string(64, 'a'), foreign = office.data + "/bodies/README",
                      half = office.data + "/bodies/x.1234.tmp";
    for (const std::string& path : {orphan, foreign, half})
        std::ofstream(path) << "x";
    office.open();
    CHECK_FALSE(std::filesystem::exists(orphan));
    CHECK_FALSE(std::filesystem::exists(half));
    CHECK(std::filesystem::exists(foreign));
    CHECK(office.bodyOf(Uid{1}) == noise(200'000));
}

TEST_CASE("damaged bytes are never served, and check finds them", "[store][damage]")
{
    Office office;
    const std::string large = noise(200'000);
    office.deliver(large);
    office.deliver(std::string(5000, 'z'));
    office.deliver("plain");
    flip(filesBelow(office.data + "/bodies").front(), 100'000);
    office.close();
    sql(office.data, "UPDATE content SET data = zeroblob(length(data)) WHERE body_id IN (2, 3)");
    office.open();
    for (const std::uint32_t uid : {1U, 2U, 3U})
        CHECK(refusal([&] { office.bodyOf(Uid{uid}); }) == Kind::damaged);
    CHECK(office.store->check(true).size() == 3);
    CHECK(office.store->check(false).size() == 3); // lost is lost
    std::filesystem::remove(filesBelow(office.data + "/bodies").front());
    CHECK(refusal([&] { office.bodyOf(Uid{1}); }) == Kind::damaged);
    CHECK(office.deliver("goes on") == Uid{4});
}

TEST_CASE("what is derived is found wrong, and repaired", "[store][check]")
{
    Office office;
    office.deliver("one");
    office.deliver("two");
    office.close();
    sql(office.data, "UPDATE mailbox SET messages = 7, unseen = 9, uid_next = 1 WHERE name = 'INBOX'; UPDATE usage SET used = 1;"
                     "UPDATE body SET refs = 5 WHERE id = 1; UPDATE tally SET value = 99 WHERE name = 'bodies';"
                     "INSERT INTO body (hash, size, refs, encoding) VALUES (zeroblob(32), 0, 1, 0); INSERT INTO content VALUES (3, x'', x''), (77, x'', x'')");
    office.open();
    CHECK(office.store->check(false).size() >= 6);
    office.store->check(true);
    for (const Finding& finding : office.store->check(false))
        CHECK(finding.what + " " + finding.where == "");
    CHECK(office.mailbox(office.inbox).exists == 2);
    CHECK(office.account().used == 6);
    CHECK(office.deliver("three") == Uid{3});
}

TEST_CASE("on a volume that is really full, expunging makes room for mail", "[store][fault]")
{
    TempFolder mountpoint;
    if (::mount("tmpfs", mountpoint.path.c_str(), "tmpfs", 0, "size=6m") != 0) {
        WARN("no right to mount a small volume; not tried");
        return;
    }
    {
        base::FakeClock clock;
        auto store = openSqliteStore({mountpoint.path + "/data", '/', false}, clock);
        MailboxId inbox;
        store->writeAndWait([&](WriteTx& tx) { inbox = tx.findMailbox(tx.createAccount({"a@b", "", {}, 0}), "INBOX")->id; });
        std::uint32_t kept = 0;
        const auto deliver = [&](std::uint64_t seed) {
            const auto body = store->prepareBody(noise(30'000, seed));
            store->writeAndWait([&](WriteTx& tx) { tx.append(inbox, {tx.addBody(*body, ""), {}, {}, ""}); });
            ++kept;
        };
        for (std::uint64_t i = 1; kept < 10'000; ++i) {
            try {
                deliver(i);
            } catch (const Error& e) {
                CHECK(e.kind == Kind::diskFull);
                break;
            }
        }
        REQUIRE(kept > 5);
        REQUIRE(kept < 10'000);
        CHECK(store->read()->mailbox(inbox)->exists == kept);
        CHECK(store->read()->body(store->view(inbox)->now().at(0).body) == noise(30'000, 1));
        std::vector<Uid> half;
        for (std::uint32_t uid = 1; uid <= kept / 2; ++uid)
            half.push_back(Uid{uid});
        store->writeAndWait([&](WriteTx& tx) { CHECK(tx.expunge(inbox, half).size() == half.size()); });
        bool room = false;
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!room && std::chrono::steady_clock::now() < until) {
            try {
                deliver(99'999);
                room = true;
            } catch (const Error& e) {
                CHECK(e.kind == Kind::diskFull);
                std::this_thread::yield();
            }
        }
        CHECK(room);
        CHECK(store->check(false).empty());
    }
    ::umount(mountpoint.path.c_str());
}
