// Sequence numbers under fire: several sessions change one mailbox at random, and each client keeps a picture of it from nothing but
// what it is told. No picture may ever disagree with the protocol, and all must agree with the store when they have caught up.
#include "server/imap/view.h"
#include "tests/support/catch.h"
#include "tests/support/test_server.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace postfach::test;
using namespace postfach;

namespace {

using FlagSet = std::set<std::string>;

struct Entry {
    std::uint32_t uid = 0;        // 0: not asked for yet
    std::optional<FlagSet> flags; // as this client believes
};

FlagSet flagsIn(const std::string& line)
{
    const auto open = line.find("FLAGS (");
    const auto close = line.find(')', open);
    std::istringstream words(line.substr(open + 7, close - open - 7));
    FlagSet flags;
    for (std::string word; words >> word;)
        if (word != "\\Recent")
            flags.insert(word);
    return flags;
}

struct Reader { // one client with its picture
    ImapClient client;
    std::vector<Entry> picture;
    int session = 0;

    void hear(const Lines& lines, bool may_shrink)
    {
        for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
            const std::string& line = lines[i];
            INFO("session " << session << " heard " << line);
            std::istringstream words(line.substr(2));
            std::uint32_t number = 0;
            std::string what;
            if (!(words >> number >> what))
                continue; // SEARCH, FLAGS, OK
            if (what == "EXISTS") {
                REQUIRE(number >= picture.size()); // it never shrinks by EXISTS
                picture.resize(number);
            } else if (what == "EXPUNGE") {
                REQUIRE(may_shrink);
                REQUIRE(number >= 1);
                REQUIRE(number <= picture.size());
                picture.erase(picture.begin() + (number - 1));
            } else if (what == "FETCH") {
                REQUIRE(number >= 1);
                REQUIRE(number <= picture.size());
                Entry& entry = picture[number - 1];
                if (const auto at = line.find("UID "); at != std::string::npos) {
                    const auto uid = static_cast<std::uint32_t>(std::stoul(line.substr(at + 4)));
                    REQUIRE((entry.uid == 0 || entry.uid == uid)); // a number names the same message until it is told otherwise
                    entry.uid = uid;
                }
                if (line.find("FLAGS (") != std::string::npos)
                    entry.flags = flagsIn(line);
            }
        }
    }
};

// What the store says: UIDs and flags in order.
std::vector<std::pair<std::uint32_t, FlagSet>> truth(TestServer& server, store::MailboxId id)
{
    const auto now = server.store().view(id)->now();
    std::vector<std::pair<std::uint32_t, FlagSet>> all;
    for (std::uint32_t i = 0; i < now.count(); ++i) {
        FlagSet flags;
        const auto bits = now.at(i).bits;
        if (bits & store::Flags::kSeen)
            flags.insert("\\Seen");
        if (bits & store::Flags::kAnswered)
            flags.insert("\\Answered");
        if (bits & store::Flags::kFlagged)
            flags.insert("\\Flagged");
        if (bits & store::Flags::kDeleted)
            flags.insert("\\Deleted");
        if (bits & store::Flags::kDraft)
            flags.insert("\\Draft");
        all.emplace_back(now.uidAt(i).value, std::move(flags));
    }
    return all;
}

void shake(unsigned seed)
{
    constexpr int kSessions = 4, kSteps = 750;
    TestServer server;
    server.fill(10);
    const auto id = [&] {
        const auto tx = server.store().read();
        return tx->findMailbox(tx->findAccount("alice@example.org")->id, "INBOX")->id;
    }();

    std::vector<Reader> readers;
    for (int i = 0; i < kSessions; ++i) {
        readers.push_back({server.imap(), {}, i});
        readers.back().hear(readers.back().client.select(), false);
    }
    std::mt19937 random(seed);
    const auto any = [&random](std::size_t below) { return static_cast<std::size_t>(random() % below); };
    const std::vector<std::string> names{"\\Seen", "\\Answered", "\\Flagged", "\\Deleted"};

    for (int step = 0; step < kSteps; ++step) {
        Reader& reader = readers[any(readers.size())];
        const std::string number = reader.picture.empty() ? "" : std::to_string(1 + any(reader.picture.size()));
        const std::string& flag = names[any(names.size())];
        const auto choice = any(14);
        INFO("step " << step << " choice " << choice << " session " << reader.session << " number " << number);
        if (choice == 0 || (number.empty() && choice != 1)) {
            server.fill(1 + static_cast<int>(any(3)));
        } else if (choice == 1) {
            reader.hear(reader.client.talk("NOOP"), true);
        } else if (choice < 4) {
            reader.hear(reader.client.talk("FETCH " + number + ":* (UID FLAGS)"), false);
        } else if (choice == 4) {
            reader.hear(reader.client.talk("UID FETCH 1:* FLAGS"), true);
        } else if (choice == 5) {
            const auto lines = reader.client.talk("SEARCH ALL");
            std::size_t count = 0;
            std::istringstream words(lines.front());
            for (std::string word; words >> word;)
                ++count;
            CHECK(count - 2 == reader.picture.size()); // every numbered message is still there to be searched
            reader.hear(lines, false);
        } else if (choice < 9) {
            const bool add = any(2) == 0;
            reader.hear(reader.client.talk("STORE " + number + (add ? " +FLAGS (" : " -FLAGS (") + flag + ")"), false);
        } else if (choice < 11) {
            // The client makes its own change itself; what the server says besides is the whole truth.
            const bool add = any(2) == 0;
            auto& believed = reader.picture[std::stoul(number) - 1].flags;
            const auto lines =
                reader.client.talk("STORE " + number + (add ? " +FLAGS.SILENT (" : " -FLAGS.SILENT (") + flag + ")");
            if (believed && add)
                believed->insert(flag);
            else if (believed)
                believed->erase(flag);
            reader.hear(lines, false);
        } else if (choice == 11) {
            reader.hear(reader.client.talk("EXPUNGE"), true);
        } else if (choice == 12) {
            reader.hear(reader.client.talk("COPY " + number + " INBOX"), true);
        } else {
            reader.hear(reader.client.talk("FETCH " + number + " (UID BODY[HEADER])"), false);
        }

        if (step % 50 == 49) {
            const auto real = truth(server, id);
            for (Reader& one : readers) {
                INFO("session " << one.session << " catches up");
                one.hear(one.client.talk("NOOP"), true);
                REQUIRE(one.picture.size() == real.size());
                for (std::size_t i = 0; i < real.size(); ++i) {
                    const Entry& entry = one.picture[i];
                    INFO("number " << i + 1 << " uid " << real[i].first);
                    REQUIRE((entry.uid == 0 || entry.uid == real[i].first));
                    if (entry.flags)
                        REQUIRE(*entry.flags == real[i].second);
                }
            }
        }
    }
}

} // namespace

TEST_CASE("no client's picture of a mailbox ever disagrees with what it was told", "[imap][view][numbering]") { shake(20260301); }
TEST_CASE("no client's picture disagrees, another order of events", "[imap][view][numbering]") { shake(19820813); }
TEST_CASE("no client's picture disagrees, a third", "[imap][view][numbering]") { shake(20030327); }
TEST_CASE("no client's picture disagrees, a fourth", "[imap][view][numbering]") { shake(20210830); }

TEST_CASE("a large mailbox that is not in memory is told by its row, and read behind the answer", "[imap][view][select]")
{
    TestServer server;
    server.fill(1500);
    auto before = server.imap();
    before.talk("SELECT INBOX");
    before.talk("STORE 1:3 +FLAGS (\\Seen)");
    before.talk("UID STORE 7 +FLAGS (\\Deleted)");
    before.talk("EXPUNGE");
    const auto has = [](const Lines& lines, const std::string& start) {
        return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.starts_with(start); });
    };
    server.restart();
    SECTION("SELECT, and what follows in the same packet")
    {
        auto client = server.imap();
        client.send("a SELECT INBOX\r\nb FETCH 1:* (UID FLAGS)\r\nc SELECT Drafts\r\nd SELECT INBOX\r\n");
        const Lines selected = client.until("a");
        CHECK(has(selected, "* 1499 EXISTS"));
        CHECK(has(selected, "* OK [UIDNEXT 1501]"));
        CHECK(has(selected, "* 0 RECENT"));
        CHECK_FALSE(has(selected, "* OK [UNSEEN"));
        const Lines fetched = client.until("b");
        REQUIRE(fetched.size() == 1500);
        CHECK(fetched[0] == "* 1 FETCH (UID 1 FLAGS (\\Seen))");
        CHECK(fetched[6] == "* 7 FETCH (UID 8 FLAGS ())");
        client.until("c");
        CHECK(has(client.until("d"), "* OK [UNSEEN 4]")); // in memory now
    }
    SECTION("EXAMINE writes nothing")
    {
        auto client = server.imap();
        CHECK(client.examine().back().starts_with("OK [READ-ONLY]"));
        CHECK(client.talk("STORE 1 +FLAGS (\\Flagged)").back().starts_with("NO [READ-ONLY]"));
    }
    SECTION("what came since is recent")
    {
        server.fill(2);
        server.restart();
        auto client = server.imap();
        const Lines selected = client.select();
        CHECK(has(selected, "* 1501 EXISTS"));
        CHECK(has(selected, "* 2 RECENT"));
        CHECK(client.talk("FETCH 1500:* FLAGS")
            == Lines{"* 1500 FETCH (FLAGS (\\Recent))", "* 1501 FETCH (FLAGS (\\Recent))", "OK FETCH completed"});
        CHECK(has(server.imap().select(), "* 0 RECENT"));
    }
}

TEST_CASE(
    "what is committed while a large mailbox is opened is news, by the numbers that were told", "[imap][view][select][numbering]")
{
    TestServer server;
    server.fill(1200);
    const auto id = [&] {
        const auto tx = server.store().read();
        return tx->findMailbox(tx->findAccount("alice@example.org")->id, "INBOX")->id;
    }();
    std::mt19937 random(20261128);
    for (int round = 0; round < 15; ++round) {
        INFO("round " << round);
        server.restart();
        Reader reader{server.imap(), {}, 0};
        std::atomic<bool> stop{false};
        std::thread others([&] {
            while (!stop) {
                const auto row = server.store().read()->mailbox(id);
                std::vector<store::Uid> uids;
                for (int i = 0; i < 3; ++i)
                    uids.push_back(store::Uid{static_cast<std::uint32_t>(1 + random() % (row->uid_next.value - 1))});
                std::sort(uids.begin(), uids.end());
                uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
                server.store().writeAndWait(
                    [&](store::WriteTx& tx) { tx.remove(id, uids, store::Removal::recoverable, "test"); });
                server.fill(3);
            }
        });
        std::exception_ptr error;
        try {
            reader.hear(reader.client.select(), false);
            reader.hear(reader.client.talk("FETCH 1:* (UID FLAGS)"), false);
            reader.hear(reader.client.talk("NOOP"), true);
        } catch (...) {
            error = std::current_exception();
        }
        stop = true;
        others.join();
        if (error)
            std::rethrow_exception(error);
        reader.hear(reader.client.talk("NOOP"), true);
        reader.hear(reader.client.talk("FETCH 1:* (UID FLAGS)"), false);
        const auto real = truth(server, id);
        REQUIRE(reader.picture.size() == real.size());
        for (std::size_t i = 0; i < real.size(); ++i)
            REQUIRE(reader.picture[i].uid == real[i].first);
    }
}
