// One byte of the data directory is another, as on a disk or in a memory that decays. Each seed is a process of its own: it must
// not crash, must not serve what is not the account's own, and must either find everything as it was, or raise the alarm.
#include "tests/fault/store/disk.h"
#include "tests/fault/store/support.h"
#include "tests/fault/store/workload.h"

#include "server/base/error.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <random>

#include <sys/wait.h>
#include <unistd.h>

using namespace postfach;
using namespace postfach::test;
using namespace postfach::store;

namespace {

// What a process found; its exit status.
enum Found : int { same = 10, alarmed, refused, last_commit, silent, foreign };

const std::string kAlice = "alice@example.org", kBob = "bob@example.org";

constexpr int kMails = 120;

struct Desk {
    MailboxId inbox, shelf;
};

std::vector<Uid> everyUid(Store& store, MailboxId mailbox)
{
    const Snapshot now = store.view(mailbox)->now();
    std::vector<Uid> uids;
    for (std::uint32_t i = 0; i < now.count(); ++i)
        uids.push_back(now.uidAt(i));
    return uids;
}

std::string canaryOf(const std::string& address) { return "canary of " + address; }

// Reads all there is, as sessions would. False: something of another account was served.
bool readsOwn(Store& store)
{
    bool own = true;
    for (const std::string& address : {kAlice, kBob}) {
        try {
            const auto tx = store.read();
            const auto account = tx->findAccount(address);
            if (!account)
                continue;
            for (const Mailbox& m : tx->mailboxes(account->id)) {
                try {
                    const Snapshot now = store.view(m.id)->now();
                    for (std::uint32_t i = 0; i < now.count(); ++i) {
                        try {
                            own = own && tx->body(now.at(i).body).find(canaryOf(address)) != std::string::npos;
                        } catch (const Error&) {
                        }
                    }
                } catch (const Error&) {
                }
            }
        } catch (const Error&) {
        }
    }
    return own;
}

int lookInside(const std::string& data, const std::string& before, const std::string& one_less)
{
    const base::FakeClock clock;
    try {
        const auto store = openSqliteStore({data, '/', true}, clock);
        if (!readsOwn(*store))
            return foreign;
        std::string now;
        try {
            now = everythingIn(*store);
        } catch (const Error&) {
        }
        if (now == before && store->problem().empty()) {
            const std::string findings = findingsOf(*store); // in what nobody reads
            return findings.empty() ? same : alarmed;
        }
        if (!store->problem().empty())
            return findingsOf(*store).empty() && store->problem().find("log") == std::string::npos ? silent : alarmed;
        return now == one_less ? last_commit : silent;
    } catch (const base::Refused&) {
        return refused; // loud enough
    } catch (const Error&) {
        return refused;
    }
}

} // namespace

TEST_CASE("a flipped byte: no crash, no mail of others, and an alarm where anything is not as it was", "[fault][flip]")
{
    const base::FakeClock clock;
    const TempFolder folder;
    const std::string data = folder.path + "/data";
    disk::pretendVolume(kSmallVolume);
    std::string before, one_less; // one_less: as it was before the very last commit
    { // two accounts whose mails lie side by side
        const auto store = openSqliteStore({data, '/', false}, clock);
        Desk desks[2];
        store->writeAndWait([&](WriteTx& tx) {
            for (Desk& desk : desks) {
                const AccountId owner = tx.createAccount({&desk == desks ? kAlice : kBob, "", {}, 0});
                desk = {tx.findMailbox(owner, "INBOX")->id, tx.createMailbox(owner, "shelf")};
            }
        });
        for (int i = 0; i < kMails; ++i) {
            const std::string text = "Subject: " + std::to_string(i) + "\r\n\r\n" + canaryOf(i % 2 == 0 ? kAlice : kBob)
                                     + store::test::noise(i % 40 == 0 ? 140'000 : 200, static_cast<std::uint64_t>(i));
            const auto body = store->prepareBody(text);
            if (i == kMails - 1)
                one_less = everythingIn(*store);
            store->writeAndWait([&](WriteTx& tx) {
                const Desk& desk = desks[i % 2];
                tx.append(desk.inbox, {tx.addBody(*body, "summary of " + std::to_string(i)), {}, tx.now(), ""});
            });
            if (i % 12 == 5) // rows are most of what there is: nothing guards them but their page's checksum
                store->writeAndWait([&](WriteTx& tx) {
                    for (const Desk& desk : desks)
                        for (int copies = 0; copies < 3; ++copies)
                            tx.copy(desk.inbox, everyUid(*store, desk.inbox), desk.shelf);
                });
        }
        before = everythingIn(*store);
        // As a kill leaves it: the log is not empty.
        std::filesystem::copy(data, folder.path + "/killed", std::filesystem::copy_options::recursive);
    }
    std::vector<std::pair<std::string, std::uint64_t>> files;
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path + "/killed"))
        if (const std::string path = entry.path().string(); entry.is_regular_file() && path.find("-shm") == std::string::npos
            && path.find("/lock") == std::string::npos && path.find("/reserve") == std::string::npos) {
            files.emplace_back(path, entry.file_size());
            bytes += entry.file_size();
        }
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() >= 5); // database, log, three bodies
    REQUIRE(std::filesystem::file_size(folder.path + "/killed/postfach.db-wal") > 8192);

    std::map<int, int> found;
    for (std::uint64_t seed = 1; seed <= scaled(60); ++seed) {
        std::mt19937_64 random(seed);
        // Half of them in the database, where most harm is possible.
        const auto& [path, size] = files[seed % 2 == 0 ? random() % files.size()
                                                       : static_cast<std::size_t>(std::find_if(files.begin(), files.end(), [](const auto& f) {
                                                             return f.first.find("postfach.db") != std::string::npos
                                                                    && f.first.find("-wal") == std::string::npos;
                                                         }) - files.begin())];
        const std::uint64_t at = random() % size;
        const int mask = seed % 3 == 0 ? 1 + static_cast<int>(random() % 255) : 1 << (random() % 8);
        const TempFolder place;
        std::filesystem::copy(folder.path + "/killed", place.path + "/data", std::filesystem::copy_options::recursive);
        const std::string target = place.path + "/data" + path.substr((folder.path + "/killed").size());
        {
            std::fstream file(target, std::ios::in | std::ios::out | std::ios::binary);
            file.seekg(static_cast<std::streamoff>(at));
            const int was = file.get();
            file.seekp(static_cast<std::streamoff>(at));
            file.put(static_cast<char>(was ^ mask));
        }
        const pid_t child = ::fork();
        if (child == 0) {
            if (std::freopen("/dev/null", "w", stdout) == nullptr || std::freopen("/dev/null", "w", stderr) == nullptr) // its log is not the test's
                ::_exit(1);
            ::alarm(20);
            ::_exit(lookInside(place.path + "/data", before, one_less));
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        INFO("seed " << seed << ", " << path.substr(folder.path.size()) << " byte " << at << " xor " << mask << ", status " << status);
        REQUIRE(WIFEXITED(status)); // no signal
        const int what = WEXITSTATUS(status);
        ++found[what];
        CHECK(what != foreign);
        CHECK(what != silent);
        CHECK((what >= same && what <= foreign));
        if (what == last_commit) // what no store can tell from a power cut in the middle of it
            CHECK(path.find("-wal") != std::string::npos);
    }
    WARN(found[same] << " as before, " << found[alarmed] << " with an alarm, " << found[refused] << " refused to open, "
                     << found[last_commit] << " lost the very last commit, of " << bytes << " bytes");
    CHECK(found[alarmed] > 0);
}
