// Backups: what several share, what damage does to them, and what comes back.
#include "server/base/text.h"
#include "server/store/backup.h"
#include "tests/unit/store/store_fixture.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <thread>

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using Kind = Error::Kind;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> filesBelow(const std::string& folder)
{
    std::vector<std::string> all;
    if (fs::exists(folder))
        for (const auto& entry : fs::recursive_directory_iterator(folder))
            if (entry.is_regular_file())
                all.push_back(entry.path().string());
    std::sort(all.begin(), all.end());
    return all;
}

std::uint64_t bytesBelow(const std::string& folder)
{
    std::uint64_t sum = 0;
    for (const std::string& path : filesBelow(folder))
        sum += fs::file_size(path);
    return sum;
}

void flip(const std::string& path, std::streamoff at)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char c = static_cast<char>(file.get() ^ 1);
    file.seekp(at);
    file.put(c);
}

BackupInfo backUp(Office& office, const std::string& folder, unsigned keep = 0, BackupCheck check = BackupCheck::all)
{
    office.clock.advance(std::chrono::hours(1));
    BackupOptions options;
    options.folder = folder;
    options.now = office.clock.now();
    options.keep = keep;
    options.check = check;
    return createBackup(*office.store, options);
}

std::string allFindings(const std::vector<Finding>& findings)
{
    std::string text;
    for (const Finding& finding : findings)
        text += finding.where + ": " + finding.what + "\n";
    return text;
}

// Every message of an account: mailbox, UID, flags, date, UIDL and content, one line each.
std::map<std::string, std::string> everything(Store& store, AccountId account)
{
    std::map<std::string, std::string> all;
    const auto tx = store.read();
    for (const Mailbox& mailbox : tx->mailboxes(account)) {
        const Snapshot now = store.view(mailbox.id)->now();
        now.each(0, now.count(), [&](std::uint32_t, const Message& m) {
            all[mailbox.name + " " + std::to_string(mailbox.uid_validity) + " " + std::to_string(m.uid.value)] =
                std::to_string(m.bits) + " " + std::to_string(base::toMillis(m.internal_date)) + " " + tx->uidl(mailbox.id, m.uid) + " "
                + base::hex(base::sha256(tx->body(m.body)));
            return true;
        });
    }
    return all;
}

std::string refusedText(const std::function<void()>& work)
{
    try {
        work();
    } catch (const base::Refused& e) {
        return e.what();
    }
    return "nothing was refused";
}

// As the version before wrote them: one to a folder.
void writePlainBackup(Office& office, const std::string& folder)
{
    base::makeFolders(folder);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open((office.data + "/postfach.db").c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, ("VACUUM INTO '" + folder + "/postfach.db'").c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    fs::copy(office.data + "/bodies", folder + "/bodies", fs::copy_options::recursive);
    const std::string database = base::readFile(folder + "/postfach.db");
    std::string text = "postfach-backup 1\ndatabase " + std::to_string(database.size()) + " " + base::hex(base::sha256(database)) + "\n";
    for (const std::string& path : filesBelow(folder + "/bodies"))
        text += "body " + std::to_string(fs::file_size(path)) + " " + fs::path(path).filename().string() + "\n";
    std::ofstream(folder + "/manifest") << text << "end " << base::hex(base::sha256(text)) << "\n";
}

} // namespace

TEST_CASE("a backup taken while mail flows is whole, verified, and restored message by message", "[store][backup]")
{
    Office office;
    const std::string backup = office.folder.path + "/backup", copy = office.folder.path + "/copy";
    for (int i = 0; i < 5; ++i) {
        office.deliver("mail " + std::to_string(i), Flags{static_cast<std::uint64_t>(i), {}});
        office.deliver(noise(200'000, static_cast<std::uint64_t>(i) + 1));
    }
    const auto before = everything(*office.store, office.alice);
    base::makeFolders(office.data + "/tls");
    std::ofstream(office.data + "/tls/key.pem") << "the key";
    std::atomic<bool> stop{false};
    std::thread flow([&] { // the first ten stay
        for (std::uint32_t i = 11; !stop; ++i) {
            office.deliver(noise(i % 3 == 0 ? 150'000 : 900, i + 1000));
            office.write([&](WriteTx& tx) {
                if (i % 4 != 0)
                    tx.expunge(office.inbox, uids({i}));
                else
                    tx.changeFlags(office.inbox, uids({i}), FlagChange::add, Flags{Flags::kSeen, {}});
            });
        }
    });
    std::uint64_t last = 0, total = 0;
    BackupOptions options;
    options.folder = backup;
    options.now = office.clock.now();
    const BackupInfo info = createBackup(*office.store, options, [&](std::uint64_t done, std::uint64_t all) {
        CHECK(done >= last);
        last = done;
        total = all;
    });
    stop = true;
    flow.join();
    CHECK(last > 0);
    CHECK(total >= last);
    CHECK(allFindings(verifyBackups(backup)) == "");
    CHECK(info.accounts == 1);
    CHECK(info.messages >= 10);

    SECTION("refusals: a folder that is something else, as target and as data directory; nothing there")
    {
        const std::string other = office.folder.path + "/other";
        base::makeFolders(other);
        std::ofstream(other + "/letter.txt") << "x";
        CHECK_THAT(refusedText([&] { backUp(office, other); }), Catch::ContainsSubstring("not empty"));
        CHECK(filesBelow(other).size() == 1);
        CHECK_THAT(refusedText([&] { restoreStore(backup, office.data); }), Catch::ContainsSubstring("not empty"));
        CHECK_THAT(refusedText([&] { restoreStore(office.folder.path + "/nothing", copy); }), Catch::ContainsSubstring("no complete backup"));
        CHECK_THAT(refusedText([&] { restoreStore(backup, copy, {}, "20200101T000000Z"); }), Catch::ContainsSubstring("backup list"));
        CHECK_FALSE(fs::exists(copy));
    }
    SECTION("restored: what was acknowledged before it began, with UIDs, flags, dates and UIDLs; nothing torn")
    {
        CHECK(allFindings(restoreStore(backup, copy)) == "");
        CHECK(base::readFile(copy + "/tls/key.pem") == "the key");
        auto store = openSqliteStore({copy, '/', true}, office.clock);
        CHECK(allFindings(store->check(false)) == "");
        const auto after = everything(*store, office.alice);
        for (const auto& [where, what] : before) {
            REQUIRE(after.contains(where));
            CHECK(after.at(where) == what);
        }
        CHECK(after.size() == info.messages);
        // UIDs that the original has given since are not given again.
        CHECK(store->read()->mailbox(office.inbox)->uid_next > office.mailbox(office.inbox).uid_next);
        CHECK(fs::exists(backup + "/repository"));
    }
}

TEST_CASE("a second backup writes what is new, and each stays as it was", "[store][backup]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    for (std::uint64_t i = 0; i < 400; ++i)
        office.deliver(noise(6'000, i + 1));
    office.deliver(noise(300'000, 9'000));
    const auto monday_mail = everything(*office.store, office.alice);
    const BackupInfo monday = backUp(office, folder);
    const auto first = bytesBelow(folder);
    CHECK(monday.written > 2'500'000);
    office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1})); });
    office.deliver("one more");
    const BackupInfo tuesday = backUp(office, folder);
    CHECK(tuesday.written < monday.written / 4);
    CHECK(bytesBelow(folder) - first < first / 4);
    CHECK(backUp(office, folder).written == 0); // nothing has happened
    REQUIRE(listBackups(folder).size() == 3);
    CHECK(listBackups(folder)[0].id == monday.id);
    CHECK(monday.id < tuesday.id);
    CHECK(allFindings(verifyBackups(folder)) == "");

    SECTION("the older one restores as it was")
    {
        restoreStore(folder, office.folder.path + "/old", {}, monday.id);
        auto store = openSqliteStore({office.folder.path + "/old", '/', true}, office.clock);
        CHECK(everything(*store, office.alice) == monday_mail);
    }
    SECTION("retention keeps the newest and removes what no other names")
    {
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({401})); }); // the large one
        backUp(office, folder, 2);
        REQUIRE(listBackups(folder).size() == 2);
        CHECK(listBackups(folder)[0].id > tuesday.id);
        CHECK(filesBelow(folder + "/bodies").size() == 1);
        backUp(office, folder, 1);
        REQUIRE(listBackups(folder).size() == 1);
        CHECK(filesBelow(folder + "/bodies").empty());
        CHECK(allFindings(verifyBackups(folder)) == "");
        restoreStore(folder, office.folder.path + "/new");
        auto store = openSqliteStore({office.folder.path + "/new", '/', true}, office.clock);
        CHECK(everything(*store, office.alice) == everything(*office.store, office.alice));
    }
    SECTION("two in the same second, and one after the clock was set back, have their own names in the order of their making")
    {
        office.clock.advance(-std::chrono::hours(48));
        const auto third = listBackups(folder).back().id;
        const auto fourth = backUp(office, folder).id, fifth = backUp(office, folder).id;
        CHECK(third < fourth);
        CHECK(fourth < fifth);
    }
}

TEST_CASE("a byte that fell in any file of a repository is found and named", "[store][backup][damage]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    for (std::uint64_t i = 0; i < 20; ++i)
        office.deliver(noise(3'000, i + 1));
    office.deliver(noise(200'000, 77));
    backUp(office, folder);
    office.deliver("news");
    backUp(office, folder);
    std::uint64_t seed = 1;
    for (const std::string& path : filesBelow(folder)) {
        const auto size = fs::file_size(path);
        if (size == 0)
            continue; // the lock
        for (std::uint64_t turn = 0; turn < 8; ++turn) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            const auto at = turn == 0 ? 0 : turn == 1 ? size - 1 : turn < 5 ? std::min<std::uint64_t>(turn + 2, size - 1) : (seed >> 20) % size;
            INFO(path << " at " << at);
            flip(path, static_cast<std::streamoff>(at));
            CHECK_THAT(allFindings(verifyBackups(folder)), Catch::ContainsSubstring(path));
            flip(path, static_cast<std::streamoff>(at));
        }
    }
    CHECK(allFindings(verifyBackups(folder)) == "");
    for (const std::string& path : filesBelow(folder + "/pieces")) {
        fs::rename(path, path + ".away");
        CHECK_THAT(allFindings(verifyBackups(folder)), Catch::ContainsSubstring(path));
        fs::rename(path + ".away", path);
    }
}

TEST_CASE("the next backup mends what was damaged in the folder", "[store][backup][damage]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    office.deliver(noise(200'000, 77));
    backUp(office, folder);
    for (const std::string& path : filesBelow(folder + "/pieces"))
        flip(path, 20);
    flip(filesBelow(folder + "/bodies").front(), 100);
    CHECK(verifyBackups(folder).size() > 1);
    backUp(office, folder);
    CHECK(allFindings(verifyBackups(folder)) == "");
}

TEST_CASE("a damaged backup gives back what is whole and names what is not", "[store][backup][damage]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup", copy = office.folder.path + "/copy";
    office.deliver(noise(200'000, 1));
    office.deliver(noise(200'000, 2));
    office.deliver("small");
    const BackupInfo first = backUp(office, folder);
    SECTION("a body")
    {
        flip(filesBelow(folder + "/bodies").front(), 5);
        const auto findings = restoreStore(folder, copy);
        REQUIRE(findings.size() == 1);
        CHECK_THAT(findings[0].where, Catch::StartsWith("alice@example.org, INBOX, UID "));
        auto store = openSqliteStore({copy, '/', true}, office.clock);
        CHECK(everything(*office.store, office.alice).size() == 3);
        CHECK(store->read()->mailbox(office.inbox)->exists == 3);
        CHECK(store->check(false).size() == 1);
    }
    SECTION("a body that cannot be read at all")
    {
        const std::string body = filesBelow(folder + "/bodies").front();
        fs::remove(body);
        fs::create_directory(body);
        CHECK(restoreStore(folder, copy).size() == 1);
        auto store = openSqliteStore({copy, '/', true}, office.clock);
        CHECK(store->read()->mailbox(office.inbox)->exists == 3);
    }
    SECTION("the database: the other backup is named as the way")
    {
        office.write([&](WriteTx& tx) { tx.putSetting("x", "y"); });
        const auto pieces = filesBelow(folder + "/pieces");
        backUp(office, folder);
        for (const std::string& path : filesBelow(folder + "/pieces"))
            if (std::find(pieces.begin(), pieces.end(), path) == pieces.end())
                flip(path, 20);
        CHECK_THAT(refusedText([&] { restoreStore(folder, copy); }), Catch::ContainsSubstring("--snapshot"));
        CHECK(filesBelow(copy).empty());
        CHECK(allFindings(restoreStore(folder, copy, {}, first.id)) == "");
    }
    SECTION("a manifest: the one before it is restored")
    {
        const std::string second = backUp(office, folder).id;
        flip(folder + "/snapshots/" + second, 30);
        CHECK(listBackups(folder)[1].problem != "");
        CHECK(allFindings(restoreStore(folder, copy)) == "");
        backUp(office, folder, 1); // and nothing that the damaged one may need is thrown away unseen
        CHECK(fs::exists(folder + "/snapshots/" + second));
    }
    SECTION("a body that was damaged in the store itself: the rest is backed up, and it is said")
    {
        flip(filesBelow(office.data + "/bodies").front(), 5);
        const std::string other = office.folder.path + "/other";
        CHECK(refusal([&] { backUp(office, other); }) == Kind::damaged);
        const auto findings = restoreStore(other, copy);
        CHECK(findings.size() == 1);
    }
    SECTION("or cannot be read there")
    {
        const std::string body = filesBelow(office.data + "/bodies").front(), other = office.folder.path + "/other";
        fs::remove(body);
        fs::create_directory(body);
        CHECK(refusal([&] { backUp(office, other); }) == Kind::damaged);
        CHECK(listBackups(other).at(0).missing == 1);
        CHECK(restoreStore(other, copy).size() == 1);
    }
}

TEST_CASE("a backup of a damaged store takes no earlier one's place", "[store][backup][damage]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    office.deliver("small");
    backUp(office, folder);
    SECTION("the database")
    {
        office.close();
        sql(office.data, "UPDATE content SET data = x'00'");
        office.open();
    }
    SECTION("a body")
    {
        office.deliver(noise(200'000));
        flip(filesBelow(office.data + "/bodies").front(), 5);
    }
    CHECK(refusal([&] { backUp(office, folder, 1); }) == Kind::damaged);
    CHECK(listBackups(folder).size() == 2);
}

TEST_CASE("what no backup has keeps no more of them: a copy every few minutes would fill the disk", "[store][backup][damage]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    backUp(office, folder);
    office.deliver(noise(200'000));
    flip(filesBelow(office.data + "/bodies").front(), 5);
    CHECK(refusal([&] { backUp(office, folder, 1, BackupCheck::fresh); }) == Kind::damaged);
    CHECK(listBackups(folder).size() == 1);
}

TEST_CASE("a backup that was killed leaves the earlier ones whole, and the next one cleans up", "[store][backup][fault]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    for (std::uint64_t i = 0; i < 50; ++i)
        office.deliver(noise(20'000, i + 1));
    backUp(office, folder);
    const auto whole = filesBelow(folder);
    office.close();
    for (std::uint64_t round = 0; round < 4; ++round) {
        const pid_t child = ::fork();
        if (child == 0) { // its own store, killed in the middle of its work
            try {
                office.open();
                for (std::uint64_t i = 0; i < 30; ++i)
                    office.deliver(noise(round % 2 == 0 ? 20'000 : 200'000, 100 * (round + 2) + i));
                BackupOptions options;
                options.folder = folder;
                options.now = office.clock.now();
                createBackup(*office.store, options, [&](std::uint64_t done, std::uint64_t all) {
                    if (done > all * (round + 1) / 6)
                        ::kill(::getpid(), SIGKILL);
                });
            } catch (...) {
            }
            ::_exit(0);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        CHECK(listBackups(folder).size() == 1);
        CHECK(allFindings(verifyBackups(folder)) == "");
    }
    CHECK(filesBelow(folder).size() > whole.size()); // it left something behind
    office.open();
    backUp(office, folder, 1);
    CHECK(allFindings(verifyBackups(folder)) == "");
    std::ofstream(folder + "/pieces/half.tmp") << "x";
    backUp(office, folder, 1);
    CHECK_FALSE(fs::exists(folder + "/pieces/half.tmp"));
    CHECK(listBackups(folder).size() == 1);
    restoreStore(folder, office.folder.path + "/copy");
    auto store = openSqliteStore({office.folder.path + "/copy", '/', true}, office.clock);
    CHECK(everything(*store, office.alice) == everything(*office.store, office.alice));
}

TEST_CASE("a first backup that was killed before its folder was made leaves one that the next can use", "[store][backup][fault]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    base::makeFolders(folder + "/snapshots");
    backUp(office, folder);
    CHECK(allFindings(verifyBackups(folder)) == "");
    fs::remove(folder + "/repository"); // now there is something that a newer version may have made
    CHECK_THAT(refusedText([&] { backUp(office, folder); }), Catch::ContainsSubstring("damaged or of a newer version"));
}

TEST_CASE("a restore that was killed is no data directory, and the next one starts over", "[store][backup][fault]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup", copy = office.folder.path + "/copy";
    for (std::uint64_t i = 0; i < 20; ++i)
        office.deliver(noise(200'000, i + 1));
    backUp(office, folder);
    const auto mail = everything(*office.store, office.alice);
    office.close();
    for (std::uint64_t round = 0; round < 4; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                restoreStore(folder, copy, [&](std::uint64_t done, std::uint64_t all) {
                    if (done > all * round / 4)
                        ::kill(::getpid(), SIGKILL);
                });
            } catch (...) {
            }
            ::_exit(0);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        CHECK_THAT(refusedText([&] { openSqliteStore({copy, '/', false}, office.clock); }), Catch::ContainsSubstring("interrupted"));
    }
    std::ofstream(copy + "/letter.txt") << "x";
    CHECK_THAT(refusedText([&] { restoreStore(folder, copy); }), Catch::ContainsSubstring("not empty"));
    fs::remove(copy + "/letter.txt");
    CHECK(allFindings(restoreStore(folder, copy)) == "");
    office.store = openSqliteStore({copy, '/', true}, office.clock);
    CHECK(everything(*office.store, office.alice) == mail);
    CHECK(allFindings(office.store->check(false)) == "");
}

TEST_CASE("a removal of old backups that was cut off is finished by the next one", "[store][backup][fault]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    office.deliver(noise(200'000, 1));
    const BackupInfo first = backUp(office, folder);
    office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1})); });
    backUp(office, folder);
    REQUIRE(filesBelow(folder + "/bodies").size() == 1);
    fs::remove(folder + "/snapshots/" + first.id); // as far as it came: manifests go first
    CHECK(allFindings(verifyBackups(folder)) == "");
    backUp(office, folder);
    CHECK(filesBelow(folder + "/bodies").empty());
    CHECK(allFindings(verifyBackups(folder)) == "");
}

TEST_CASE("two at work in one folder: the second is refused, who only lists is not", "[store][backup]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    office.deliver("x");
    backUp(office, folder);
    std::string said;
    std::size_t listed = 0;
    BackupOptions options;
    options.folder = folder;
    options.now = office.clock.now();
    createBackup(*office.store, options, [&](std::uint64_t, std::uint64_t) {
        if (!said.empty())
            return;
        said = refusedText([&] { backUp(office, folder); });
        listed = listBackups(folder).size();
    });
    CHECK(listed == 1);
    CHECK_THAT(said, Catch::ContainsSubstring("somebody else is at work"));
}

TEST_CASE("a full target is refused clearly and keeps its backups", "[store][backup][fault]")
{
    TempFolder mountpoint;
    if (::mount("tmpfs", mountpoint.path.c_str(), "tmpfs", 0, "size=3m") != 0) {
        WARN("no right to mount a small volume; not tried");
        return;
    }
    {
        Office office;
        const std::string folder = mountpoint.path + "/backup";
        office.deliver("first");
        backUp(office, folder);
        for (std::uint64_t i = 0; i < 100; ++i)
            office.deliver(noise(i % 2 == 0 ? 60'000 : 160'000, i + 1));
        for (int turn = 0; turn < 2; ++turn) {
            CHECK_THAT(refusedText([&] { backUp(office, folder); }), Catch::ContainsSubstring("no room"));
            CHECK(listBackups(folder).size() == 1);
            CHECK(allFindings(verifyBackups(folder)) == "");
        }
        CHECK(filesBelow(folder + "/bodies").empty());
        office.write([&](WriteTx& tx) { tx.putSetting("a", "b"); });
    }
    ::umount2(mountpoint.path.c_str(), MNT_DETACH);
}

TEST_CASE("a backup of the older form verifies and restores, and is not written over", "[store][backup]")
{
    Office office;
    const std::string folder = office.folder.path + "/plain", copy = office.folder.path + "/copy";
    office.deliver("small");
    office.deliver(noise(200'000));
    writePlainBackup(office, folder);
    CHECK(allFindings(verifyBackups(folder)) == "");
    CHECK(listBackups(folder).size() == 1);
    CHECK_THAT(refusedText([&] { backUp(office, folder); }), Catch::ContainsSubstring("give a new folder"));
    SECTION("restored")
    {
        CHECK(allFindings(restoreStore(folder, copy)) == "");
        auto store = openSqliteStore({copy, '/', true}, office.clock);
        CHECK(everything(*store, office.alice) == everything(*office.store, office.alice));
    }
    SECTION("a byte that fell is found, in a body and in the database")
    {
        flip(filesBelow(folder + "/bodies").front(), 77);
        CHECK(verifyBackups(folder).size() == 1);
        flip(folder + "/postfach.db", static_cast<std::streamoff>(fs::file_size(folder + "/postfach.db")) / 2);
        CHECK(verifyBackups(folder).size() > 1);
        CHECK_THROWS_AS(restoreStore(folder, copy), base::Refused);
    }
    SECTION("without its manifest it is no backup")
    {
        fs::remove(folder + "/manifest");
        CHECK_FALSE(verifyBackups(folder).empty());
        CHECK_THROWS_AS(restoreStore(folder, copy), base::Refused);
    }
}

namespace {
MailRestore partOf(Office& office, const std::string& folder)
{
    MailRestore wanted;
    wanted.folder = folder;
    wanted.account = "alice@example.org";
    wanted.scratch = office.folder.path + "/scratch.db";
    return wanted;
}
} // namespace

TEST_CASE("what is not in a backup is not restored, and nothing changes", "[store][backup][part]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    office.deliver("one");
    backUp(office, folder);
    const auto before = everything(*office.store, office.alice);
    MailRestore wanted = partOf(office, folder);
    wanted.account = "bob@example.org";
    CHECK_THAT(refusedText([&] { restoreMail(*office.store, wanted); }), Catch::ContainsSubstring("no account"));
    wanted = partOf(office, folder);
    wanted.mailbox = "Nowhere";
    CHECK_THAT(refusedText([&] { restoreMail(*office.store, wanted); }), Catch::ContainsSubstring("no mailbox"));
    wanted.mailbox = "INBOX";
    wanted.uid = Uid{99};
    CHECK_THAT(refusedText([&] { restoreMail(*office.store, wanted); }), Catch::ContainsSubstring("no message"));
    wanted.folder = office.folder.path + "/none";
    CHECK_THAT(refusedText([&] { restoreMail(*office.store, wanted); }), Catch::ContainsSubstring("no complete backup"));
    CHECK(everything(*office.store, office.alice) == before);
    CHECK_FALSE(office.store->read()->findAccount("bob@example.org"));
}

TEST_CASE("a message, a mailbox and an account come back from a backup, and what is there does not come twice", "[store][backup][part]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    MailboxId projects;
    unsigned keyword = 0;
    office.write([&](WriteTx& tx) {
        projects = tx.createMailbox(office.alice, "Projects/2026");
        tx.subscribe(office.alice, "Projects/2026", true);
        tx.keyword(office.alice, "$Unused");
        keyword = tx.keyword(office.alice, "$Work");
        tx.setAnnotation(office.alice, projects, "/private/comment", "the project");
        tx.setAnnotation(office.alice, {}, "/private/comment", "her own");
    });
    Flags work{Flags::kSeen | Flags::kFlagged, {}};
    work.addKeyword(keyword);
    office.deliver("one", work);
    office.deliver(noise(200'000, 5));
    office.deliver("twin");
    office.deliver("twin");
    office.deliver("in the project", work, projects);
    const auto then = everything(*office.store, office.alice);
    backUp(office, folder);
    const auto plain = partOf(office, folder);

    SECTION("nothing is gone: nothing comes")
    {
        const MailRestored done = restoreMail(*office.store, plain);
        CHECK(done.restored == 0);
        CHECK(done.present == 5);
        CHECK(everything(*office.store, office.alice) == then);
    }
    SECTION("a message, with flags, date and UIDL; the large body and one of two equal ones too")
    {
        const std::string uidl = office.store->read()->uidl(office.inbox, Uid{1});
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1, 2, 3})); });
        office.clock.advance(std::chrono::hours(100));
        MailRestore wanted = plain;
        wanted.mailbox = "INBOX";
        wanted.uid = Uid{1};
        CHECK(restoreMail(*office.store, wanted).restored == 1);
        CHECK(restoreMail(*office.store, wanted).present == 1);
        const Snapshot now = office.store->view(office.inbox)->now();
        REQUIRE(now.count() == 2);
        CHECK(now.at(1).uid == Uid{5}); // a new number: UIDs are never given twice
        CHECK(now.flags(1) == work);
        CHECK(office.store->read()->uidl(office.inbox, now.at(1).uid) == uidl);
        CHECK(now.at(1).internal_date < office.clock.now() - std::chrono::hours(90));
        wanted.uid = Uid{};
        const MailRestored rest = restoreMail(*office.store, wanted);
        CHECK(rest.restored == 2);
        CHECK(rest.present == 2);
        CHECK(office.mailbox(office.inbox).exists == 4);
        CHECK(allFindings(office.store->check(false)) == ""); // no UIDL twice: the twin that stayed has kept its own
    }
    SECTION("a mailbox that is gone is made again and subscribed; keywords keep their names though their numbers differ")
    {
        office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
        office.write([&](WriteTx& tx) {
            office.alice = tx.createAccount({"alice@example.org", "Alice", {}, 0});
            tx.keyword(office.alice, "$Other");
        });
        MailRestore wanted = plain;
        wanted.mailbox = "Projects/2026";
        const MailRestored done = restoreMail(*office.store, wanted);
        CHECK(done.restored == 1);
        CHECK(done.mailboxes == 1);
        CHECK_FALSE(done.account);
        const auto tx = office.store->read();
        const auto again = tx->findMailbox(office.alice, "Projects/2026");
        REQUIRE(again);
        CHECK(again->subscribed);
        CHECK(tx->annotation(office.alice, again->id, "/private/comment") == "the project");
        CHECK_FALSE(tx->annotation(office.alice, {}, "/private/comment"));
        const Flags flags = office.store->view(again->id)->now().flags(0);
        const auto names = tx->keywords(office.alice);
        CHECK(flags.has(Flags::kFlagged));
        for (unsigned index = 0; index < names.size(); ++index)
            CHECK(flags.hasKeyword(index) == (names[index] == "$Work"));
    }
    SECTION("an account that is gone, with its password")
    {
        office.write([&](WriteTx& tx) {
            AccountPatch patch;
            patch.credentials = Credentials{"$argon2 of hers", "salt", "stored", "key", 4096};
            tx.changeAccount(office.alice, patch);
        });
        backUp(office, folder);
        office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
        const MailRestored done = restoreMail(*office.store, plain);
        CHECK(done.account);
        CHECK(done.restored == 5);
        const auto account = office.store->read()->findAccount("alice@example.org");
        REQUIRE(account);
        CHECK(office.store->read()->credentials(account->id)->argon2 == "$argon2 of hers");
        CHECK(office.store->read()->annotation(account->id, {}, "/private/comment") == "her own");
        CHECK(everything(*office.store, account->id).size() == 5);
        CHECK(allFindings(office.store->check(false)) == "");
    }
    SECTION("an account that is gone, with all that was set for it")
    {
        office.write([&](WriteTx& tx) {
            AccountPatch patch;
            patch.name = "Alice A.";
            patch.enabled = false;
            patch.quota = 1 << 30;
            patch.quota_messages = 500;
            patch.services = {"imap"};
            patch.scopes = {"audit", "read"};
            patch.pop3.emplace().seen = false;
            patch.scan.emplace().actions[ScanPolicy::macros] = ScanAction::quarantine;
            patch.trash.emplace().expunge = false;
            patch.trash->trash_days = 12;
            tx.changeAccount(office.alice, patch);
            tx.beginTotp(office.alice, "twenty bytes, secret");
            tx.confirmTotp(office.alice, 77, {"one code", "another code"});
        });
        backUp(office, folder);
        const Account then_account = office.account();
        office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
        CHECK(restoreMail(*office.store, plain).account);
        const auto account = office.store->read()->findAccount("alice@example.org");
        REQUIRE(account);
        CHECK(account->name == then_account.name);
        CHECK_FALSE(account->enabled);
        CHECK(account->quota == then_account.quota);
        CHECK(account->quota_messages == 500);
        CHECK(account->services == then_account.services);
        CHECK(account->scopes == then_account.scopes);
        CHECK(account->pop3 == then_account.pop3);
        CHECK(account->scan == then_account.scan);
        CHECK(account->trash == then_account.trash);
        REQUIRE(account->totp);
        const auto totp = office.store->read()->totp(account->id);
        CHECK(totp->secret == "twenty bytes, secret");
        CHECK(totp->last_step == 77);
        CHECK(totp->recovery_codes == 0); // their hashes hold the number of the account that is gone
    }
    SECTION("beside what is there, and under quota: what fits is restored, and the rest is said")
    {
        MailRestore wanted = plain;
        wanted.to = "Restored";
        CHECK(restoreMail(*office.store, wanted).restored == 5);
        CHECK(office.store->read()->findMailbox(office.alice, "Restored/INBOX")->exists == 4);
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1, 2})); });
        office.write([&](WriteTx& tx) {
            AccountPatch patch;
            patch.quota = office.account().used + 100;
            tx.changeAccount(office.alice, patch);
        });
        CHECK_THAT(refusedText([&] { restoreMail(*office.store, plain); }), Catch::ContainsSubstring("quota"));
        CHECK(office.mailbox(office.inbox).exists == 3); // the small one
    }
    SECTION("a damaged body is named, the others come")
    {
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1, 2, 3, 4})); });
        flip(filesBelow(folder + "/bodies").front(), 100);
        const MailRestored done = restoreMail(*office.store, plain);
        CHECK(done.restored == 3);
        CHECK_THAT(allFindings(done.missing), Catch::ContainsSubstring("INBOX, UID 2"));
    }
    SECTION("from the older form")
    {
        writePlainBackup(office, office.folder.path + "/plain");
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1, 2})); });
        MailRestore wanted = partOf(office, office.folder.path + "/plain");
        CHECK(restoreMail(*office.store, wanted).restored == 2);
        CHECK_FALSE(fs::exists(wanted.scratch));
    }
}

TEST_CASE("a database put together from a backup has its pages sealed", "[store][backup][damage]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup", copy = office.folder.path + "/copy";
    for (std::uint64_t i = 0; i < 60; ++i)
        office.deliver(noise(3'000, i + 1));
    backUp(office, folder);
    restoreStore(folder, copy);
    const std::string bytes = base::readFile(copy + "/postfach.db");
    std::size_t unsealed = 0;
    for (std::size_t page = 0; page + 4096 <= bytes.size(); page += 4096)
        unsealed += bytes.substr(page + 4096 - 8, 8) == std::string(8, '\0') ? 1 : 0;
    CHECK(unsealed == 0);
}

TEST_CASE("what backups of 10,000 and 100,000 small messages cost", "[.bench]")
{
    Office office;
    const std::string folder = office.folder.path + "/backup";
    const std::uint64_t kAll = GENERATE(10'000, 100'000);
    constexpr std::uint64_t kAtOnce = 500;
    for (std::uint64_t i = 0; i < kAll; i += kAtOnce) {
        std::vector<std::unique_ptr<PreparedBody>> bodies;
        for (std::uint64_t n = i; n < i + kAtOnce; ++n)
            bodies.push_back(office.store->prepareBody("Subject: message " + std::to_string(n) + "\r\n\r\n" + base::hex(noise(1'500, n + 1)) + "\r\n"));
        office.write([&](WriteTx& tx) {
            for (const auto& body : bodies)
                tx.append(office.inbox, {tx.addBody(*body, "summary"), {}, office.clock.now(), ""});
        });
    }
    const auto timed = [&](const char* what, BackupCheck check) {
        const auto began = std::chrono::steady_clock::now();
        const BackupInfo info = backUp(office, folder, 0, check);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        WARN(kAll << ", " << what << ": " << took.count() << " s, " << info.database << " bytes of database, " << info.written << " written");
    };
    timed("first, all read again", BackupCheck::all);
    for (std::uint64_t i = 0; i < 100; ++i)
        office.deliver("Subject: news " + std::to_string(i) + "\r\n\r\n" + base::hex(noise(1'500, kAll + i + 1)) + "\r\n");
    timed("second, 100 messages later, all read again", BackupCheck::all);
    timed("third, nothing new, nothing read again", BackupCheck::none);
    for (std::uint64_t i = 0; i < 20; ++i)
        office.deliver("Subject: round " + std::to_string(i) + "\r\n\r\n" + base::hex(noise(1'500, 2 * kAll + i)) + "\r\n");
    timed("a round of the second copy, 20 messages later", BackupCheck::fresh);
}
