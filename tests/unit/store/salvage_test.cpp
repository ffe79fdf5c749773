// Salvage from damaged databases: what is sound comes out byte for byte, and nothing else.
#include "server/store/salvage.h"
#include "server/store/sqlite/salvage_pages.h"
#include "tests/unit/store/store_fixture.h"

#include <sqlite3.h>

#include <fstream>
#include <map>
#include <random>
#include <set>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPage = 4096;

// Its number stands in every piece, so that a page can be told from its bytes. Nothing of it compresses.
std::string content(int number, const std::string& owner, std::size_t size)
{
    std::string bytes = "Subject: <<" + std::to_string(number) + ">> of " + owner + "\r\n\r\n";
    for (std::uint64_t i = 0; bytes.size() < size; ++i)
        bytes += noise(400, static_cast<std::uint64_t>(number) * 1000 + i) + "<<" + std::to_string(number) + ">>";
    return bytes;
}

struct Placed {
    std::string owner, mailbox, bytes;
    std::int64_t mailbox_id = 0, uid = 0, body = 0;
};

// Three accounts with some mailboxes, small, middle and large mails, some of them shared; and what of it stands where.
class Damaged {
public:
    Damaged()
    {
        Office office;
        for (const char* name : {"bob", "carol"})
            office.write([&](WriteTx& tx) { tx.createAccount({std::string(name) + "@example.org", name, {}, 0}); });
        int number = 0;
        for (const char* name : {"alice", "bob", "carol"}) {
            const std::string owner = std::string(name) + "@example.org";
            for (const char* box : {"INBOX", "Archive", "Projects"}) {
                const auto account = office.store->read()->findAccount(owner)->id;
                if (box[0] == 'P')
                    office.write([&](WriteTx& tx) { tx.createMailbox(account, box); });
                const auto mailbox = office.store->read()->findMailbox(account, box)->id;
                for (int i = 0; i < 14; ++i) {
                    const std::string bytes = i == 13 ? content(999, "all", 3'000)
                                                      : content(++number, owner,
                                                          i == 12          ? 150'000
                                                              : i % 3 == 0 ? 12'000
                                                                           : 900);
                    Flags flags;
                    flags.bits = i % 2 == 0 ? Flags::kSeen : Flags::kFlagged;
                    const Uid uid = office.deliver(bytes, flags, mailbox);
                    placed.push_back({owner, box, bytes, mailbox.value, uid.value, 0});
                }
            }
        }
        office.close();
        fs::copy(office.data, data(), fs::copy_options::recursive);
        find();
    }
    std::string data() const { return folder.path + "/data"; }

    // A copy with so many random pages flipped somewhere; their numbers.
    std::set<std::uint32_t> damage(const std::string& to, unsigned seed) const
    {
        fs::remove_all(to);
        fs::copy(data(), to, fs::copy_options::recursive);
        std::mt19937 chance(seed);
        const auto pages = static_cast<std::uint32_t>(fs::file_size(to + "/postfach.db") / kPage);
        std::set<std::uint32_t> hit;
        for (unsigned i = 0; i <= seed % 12; ++i) {
            const std::uint32_t page = 2 + chance() % (pages - 1);
            if (hit.insert(page).second)
                flip(to, page, chance() % kPage);
        }
        return hit;
    }
    static void flip(const std::string& data, std::uint32_t page, std::size_t at)
    {
        std::fstream file(data + "/postfach.db", std::ios::in | std::ios::out | std::ios::binary);
        const auto where = static_cast<std::streamoff>((page - 1) * kPage + at);
        file.seekg(where);
        const char c = static_cast<char>(file.get() ^ 0x11);
        file.seekp(where);
        file.put(c);
    }
    bool isSound(const Placed& one, const std::set<std::uint32_t>& hit) const
    {
        const auto clear = [&](const std::set<std::uint32_t>& pages) {
            return std::none_of(pages.begin(), pages.end(), [&](std::uint32_t page) { return hit.contains(page); });
        };
        return clear(rows.at({one.mailbox_id, one.uid})) && clear(bodies.at(one.body)) && clear(pieces.at(numberOf(one.bytes)));
    }

    TempFolder folder;
    std::vector<Placed> placed;
    std::map<std::pair<std::int64_t, std::int64_t>, std::set<std::uint32_t>> rows; // (mailbox, UID): pages
    std::map<std::int64_t, std::set<std::uint32_t>> bodies;
    std::map<std::string, std::set<std::uint32_t>> pieces; // "<<n>>": pages with bytes of that content
    std::set<std::uint32_t> owners;                        // pages of accounts and mailboxes

private:
    static std::string numberOf(const std::string& bytes) { return bytes.substr(9, bytes.find(">>") - 7); }

    void find()
    {
        const sqlite::PageSource source(data());
        std::string file(fs::file_size(data() + "/postfach.db"), '\0');
        std::ifstream(data() + "/postfach.db", std::ios::binary).read(file.data(), static_cast<std::streamsize>(file.size()));
        for (std::uint32_t page = 1; page <= source.pages(); ++page) {
            const std::string bytes = file.substr((page - 1) * kPage, kPage);
            for (auto at = bytes.find("<<"); at != std::string::npos; at = bytes.find("<<", at + 1))
                if (const auto end = bytes.find(">>", at); end != std::string::npos && end - at < 6)
                    pieces[bytes.substr(at, end + 2 - at)].insert(page);
            const auto tree = sqlite::readTreePage(source, page);
            for (const sqlite::Row& row : tree ? tree->rows : std::vector<sqlite::Row>{}) {
                const auto& values = row.values;
                if (!tree->has_ids && values.size() == 9 && values[3].kind == sqlite::Value::Kind::integer)
                    rows[{values[0].number, values[1].number}].insert(page);
                if (tree->has_ids && values.size() >= 9 && values[1].bytes.size() == 32)
                    bodies[row.id].insert(page);
                if (values.size() >= 14)
                    owners.insert(page);
            }
        }
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open_v2((data() + "/postfach.db").c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
        for (Placed& one : placed) {
            sqlite3_stmt* row = nullptr;
            sqlite3_prepare_v2(db, "SELECT body_id FROM message WHERE mailbox_id = ? AND uid = ?", -1, &row, nullptr);
            sqlite3_bind_int64(row, 1, one.mailbox_id);
            sqlite3_bind_int64(row, 2, one.uid);
            REQUIRE(sqlite3_step(row) == SQLITE_ROW); // the pages were read as SQLite reads them
            one.body = sqlite3_column_int64(row, 0);
            sqlite3_finalize(row);
            REQUIRE(rows.contains({one.mailbox_id, one.uid}));
            REQUIRE(bodies.contains(one.body));
            if (one.bytes.size() < 128 * 1024)
                REQUIRE(pieces.contains(numberOf(one.bytes)));
            else
                pieces[numberOf(one.bytes)];
        }
        sqlite3_close(db);
    }
};

// "owner mailbox UID": content, of all that a store has.
std::map<std::string, std::string> everything(const std::string& data)
{
    const base::FakeClock clock;
    const auto store = openSqliteStore({data, '/', false}, clock);
    CHECK(store->check(false).empty());
    std::map<std::string, std::string> all;
    const auto tx = store->read();
    for (const Account& account : tx->accounts({}))
        for (const Mailbox& mailbox : tx->mailboxes(account.id)) {
            const Snapshot now = store->view(mailbox.id)->now();
            now.each(0, now.count(), [&](std::uint32_t, const Message& m) {
                all[account.address + " " + mailbox.name + " " + std::to_string(m.uid.value)] = tx->body(m.body);
                return true;
            });
        }
    return all;
}

std::set<std::string> foundFiles(const std::string& data)
{
    std::set<std::string> all;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(data + "/lost+found", none)) {
        std::ifstream file(entry.path(), std::ios::binary);
        all.insert(std::string(std::istreambuf_iterator<char>(file), {}));
    }
    return all;
}

std::string keyOf(const Placed& one) { return one.owner + " " + one.mailbox + " " + std::to_string(one.uid); }

} // namespace

TEST_CASE("what random damage leaves sound is saved byte for byte, to its owner, and nothing else is", "[store][salvage][damage]")
{
    const Damaged office;
    std::map<std::string, std::string> original;
    std::set<std::string> contents;
    for (const Placed& one : office.placed) {
        original[keyOf(one)] = one.bytes;
        contents.insert(one.bytes);
    }
    std::size_t lost = 0;
    for (unsigned seed = 1; seed <= 36; ++seed) {
        INFO("seed " << seed);
        const std::string data = office.folder.path + "/damaged", fresh = office.folder.path + "/fresh";
        fs::remove_all(fresh);
        const auto hit = office.damage(data, seed);
        const Salvaged saved = salvageStore(data, fresh);
        const auto all = everything(fresh);
        const auto found = foundFiles(fresh);
        const bool owners_whole =
            std::none_of(hit.begin(), hit.end(), [&](std::uint32_t page) { return office.owners.contains(page); });
        CHECK(saved.messages == all.size());
        CHECK(saved.found == found.size());
        for (const Placed& one : office.placed) {
            const auto at = all.find(keyOf(one));
            if (!office.isSound(one, hit)) {
                lost += at == all.end();
                continue;
            }
            INFO(keyOf(one));
            if (owners_whole)
                CHECK((at != all.end() && at->second == one.bytes));
            else // its address may be lost, but not the content
                CHECK((at != all.end() || found.contains(one.bytes)
                    || std::any_of(all.begin(), all.end(), [&](const auto& pair) { return pair.second == one.bytes; })));
        }
        for (const auto& [key, bytes] : all) {
            INFO(key);
            const auto was = original.find(key);
            if (was != original.end()) {
                CHECK(was->second == bytes);
            } else { // of an account whose row is lost, or in a mailbox with another name: one of its own all the same
                CHECK_FALSE(owners_whole);
                CHECK(contents.contains(bytes));
            }
        }
        for (const std::string& bytes : found)
            CHECK(contents.contains(bytes));
    }
    CHECK(lost > 0); // the damage was real
}

TEST_CASE("a damaged first page costs what only it knew, and is said", "[store][salvage][damage]")
{
    const Damaged office;
    const std::string fresh = office.folder.path + "/fresh";
    Damaged::flip(office.data(), 1, 1000);
    const Salvaged saved = salvageStore(office.data(), fresh);
    REQUIRE_FALSE(saved.lost.empty());
    CHECK_THAT(saved.lost.front().what, Catch::ContainsSubstring("first page"));
    const auto all = everything(fresh);
    CHECK(all.size() == office.placed.size());
    for (const Placed& one : office.placed)
        CHECK(all.at(keyOf(one)) == one.bytes);
}

TEST_CASE("a whole store comes out as it is: flags, keywords, UIDVALIDITY, recoverable mail, and what stood in the log alone",
    "[store][salvage]")
{
    Office office;
    Flags flags;
    const Uid first = office.deliver("Subject: one\r\n\r\n1\r\n");
    office.write([&](WriteTx& tx) {
        const auto keyword = tx.keyword(office.alice, "work");
        flags.bits = Flags::kSeen | std::uint64_t{1} << (6 + keyword);
    });
    const Uid second = office.deliver(noise(200'000, 7), flags);
    office.write([&](WriteTx& tx) { tx.remove(office.inbox, {first}, Removal::recoverable, "test"); });
    const std::uint32_t validity = office.mailbox(office.inbox).uid_validity;
    const std::string copy = office.folder.path + "/killed", fresh = office.folder.path + "/fresh"; // as kill -9 leaves it
    fs::copy(office.data, copy, fs::copy_options::recursive);
    REQUIRE(fs::file_size(copy + "/postfach.db-wal") > 0);
    const Salvaged saved = salvageStore(copy, fresh);
    CHECK(saved.lost.empty());
    CHECK(saved.found == 0);
    CHECK(saved.damaged_pages == 0);

    Office other;
    other.close();
    const auto store = openSqliteStore({fresh, '/', true}, other.clock);
    const auto tx = store->read();
    const Mailbox inbox = *tx->findMailbox(office.alice, "INBOX");
    CHECK(inbox.uid_validity == validity);
    CHECK(inbox.uid_next.value > second.value + 1000);
    const Snapshot now = store->view(inbox.id)->now();
    REQUIRE(now.count() == 1);
    CHECK(now.at(0).uid == second);
    CHECK(now.at(0).bits == flags.bits);
    CHECK(tx->body(now.at(0).body) == noise(200'000, 7));
    CHECK(tx->account(office.alice)->address == "alice@example.org");
}

TEST_CASE("mail behind the damage in a log comes back, once, to its own mailbox, whether a server went on without that log or not",
    "[store][salvage][log-check]")
{
    Office office;
    const auto archive = office.store->read()->findMailbox(office.alice, "Archive")->id;
    std::vector<std::string> early, late;
    for (int i = 0; i < 10; ++i)
        office.deliver(early.emplace_back(content(100 + i, "alice", i % 3 == 0 ? 3'000 : 900)));
    office.close();
    office.open(); // all that is in the database now, and the log begins anew
    for (int i = 0; i < 24; ++i)
        office.deliver(late.emplace_back(content(200 + i, "alice", i == 17 ? 150'000 : i % 4 == 0 ? 12'000 : 900)), {Flags::kSeen, {}});
    const std::string strange = content(300, "Lost", 900);
    MailboxId lost_box;
    office.write([&](WriteTx& tx) {
        tx.move(office.inbox, uids({2}), archive);
        lost_box = tx.createMailbox(office.alice, "Lost");
    });
    office.deliver(strange, {}, lost_box);
    office.deliver(late.emplace_back(content(400, "alice", 900)));
    killed(office);
    const std::string log = office.data + "/postfach.db-wal", fresh = office.folder.path + "/fresh";
    {
        const auto frames = (static_cast<std::streamoff>(fs::file_size(log)) - 32) / static_cast<std::streamoff>(kPage + 24);
        REQUIRE(frames > 60);
        std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(32 + frames / 4 * static_cast<std::streamoff>(kPage + 24) + 1000);
        file.write("damaged", 7);
    }
    std::vector<std::string> there = early;
    const bool goes_on = GENERATE(false, true);
    std::string damaged = log;
    if (goes_on) {
        office.open();
        damaged = log + ".damaged";
        REQUIRE(fs::exists(damaged));
        REQUIRE(office.mailbox(office.inbox).exists < 10 + 24);
        office.write([&](WriteTx& tx) {
            tx.expunge(office.inbox, uids({3}));
            const auto bob = tx.createAccount({"bob@example.org", "Bob", {}, 0});
            CHECK(tx.findMailbox(bob, "INBOX")->id.value > lost_box.value + 6); // none that was given in what is lost
        });
        there.erase(there.begin() + 2);
        office.deliver(there.emplace_back(content(500, "alice", 900)));
        office.close();
    }
    const std::string before = base::readFile(damaged);
    const Salvaged saved = salvageStore(office.data, fresh);
    CHECK(base::readFile(damaged) == before);

    std::map<std::string, int> copies;
    for (const auto& [key, bytes] : everything(fresh)) {
        INFO(key);
        CHECK(key.starts_with("alice@example.org "));
        CHECK((key.find("INBOX") != std::string::npos || bytes == early[1]));
        ++copies[bytes];
    }
    for (const std::string& bytes : there)
        CHECK(copies[bytes] == 1);
    int missing = 0;
    for (const std::string& bytes : late) {
        CHECK(copies[bytes] <= 1);
        missing += copies[bytes] == 0;
    }
    CHECK(missing <= 1); // that whose bytes stood where the damage is
    CHECK(saved.from_logs > 12);
    CHECK(copies.size() == there.size() + late.size()); // with those that are counted as 0
    CHECK(foundFiles(fresh).contains(strange));         // its mailbox is not known any more
    base::FakeClock clock;
    const auto store = openSqliteStore({fresh, '/', true}, clock);
    CHECK(store->check(false).empty());
    const auto alice = store->read()->findAccount("alice@example.org")->id;
    const auto inbox = store->read()->findMailbox(alice, "INBOX");
    CHECK(inbox->uid_next.value > (goes_on ? 2'000'000U : 1'000'000U));
    if (!goes_on) { // nobody else was given these UIDs: they stay
        const Snapshot now = store->view(inbox->id)->now();
        CHECK(store->read()->body(now.at(now.find(Uid{34}).value()).body) == late[23]);
        CHECK(now.at(now.find(Uid{34}).value()).bits == Flags::kSeen);
    }
}

TEST_CASE("salvage refuses what is in use, what is not there, and to write over anything", "[store][salvage]")
{
    Office office;
    const std::string fresh = office.folder.path + "/fresh";
    CHECK_THROWS_AS(salvageStore(office.data, fresh), base::Refused);
    CHECK_FALSE(fs::exists(fresh + "/postfach.db"));
    office.close();
    CHECK_THROWS_AS(salvageStore(office.folder.path + "/nothing", fresh), base::Refused);
    CHECK_THROWS_AS(salvageStore(office.data, office.folder.path), base::Refused);
    CHECK(salvageStore(office.data, fresh).lost.empty());
}
