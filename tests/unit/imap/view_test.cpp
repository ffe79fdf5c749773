// The table of cases in server/imap/view.h, against a real store.
#include "server/imap/view.h"

#include "server/imap/syntax/parser.h"
#include "server/store/store.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <filesystem>

using namespace postfach;
using namespace postfach::imap;

namespace {

class Mailbox { // INBOX with `count` messages, UIDs 1 to count
public:
    explicit Mailbox(int count)
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "postfach-view-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        folder_ = pattern;
        store_ = store::openSqliteStore({folder_, '/', false}, clock_);
        store_->writeAndWait([&](store::WriteTx& tx) {
            store::NewAccount account;
            account.address = "alice@example.org";
            id_ = tx.findMailbox(tx.createAccount(account), "INBOX")->id;
        });
        add(count);
    }
    ~Mailbox()
    {
        store_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    void add(int count)
    {
        const auto body = store_->prepareBody("Subject: x\r\n\r\n");
        store_->writeAndWait([&](store::WriteTx& tx) {
            store::NewMessage message;
            message.body = tx.addBody(*body, "");
            for (int i = 0; i < count; ++i)
                tx.append(id_, message);
        });
    }
    void expunge(std::vector<store::Uid> uids)
    {
        store_->writeAndWait([&](store::WriteTx& tx) { tx.expunge(id_, uids); });
    }
    void flag(std::vector<store::Uid> uids, std::uint64_t bits, store::FlagChange how = store::FlagChange::add)
    {
        store::Flags flags;
        flags.bits = bits;
        store_->writeAndWait([&](store::WriteTx& tx) { tx.changeFlags(id_, uids, how, flags); });
    }
    View view(bool read_only = false) { return View(*store_->read()->mailbox(id_), store_->view(id_), read_only); }

private:
    base::FakeClock clock_;
    std::string folder_;
    std::unique_ptr<store::Store> store_;
    store::MailboxId id_;
};

using Numbers = std::vector<std::uint32_t>;

Numbers changedNumbers(const News& news)
{
    Numbers numbers;
    for (const auto& changed : news.changed)
        numbers.push_back(changed.number);
    return numbers;
}

Numbers expungedNumbers(const News& news)
{
    Numbers numbers;
    for (const auto& gone : news.expunged)
        numbers.push_back(gone.number);
    return numbers;
}

Numbers uidsOf(const View& view, const std::string& set, bool by_uid)
{
    Numbers uids;
    for (const store::Uid uid : view.uids(view.resolve(*SequenceSet::parse(set), by_uid)))
        uids.push_back(uid.value);
    return uids;
}

store::Uid uid(std::uint32_t value) { return store::Uid{value}; }

} // namespace

TEST_CASE("sets name messages of the numbering, each once and only those that are there", "[imap][view]")
{
    Mailbox mailbox(5);
    mailbox.expunge({uid(2), uid(4)}); // UIDs 1, 3, 5
    View view = mailbox.view();
    CHECK_THROWS_AS(uidsOf(view, "4", false), BadSyntax);
    CHECK_THROWS_AS(uidsOf(view, "1,4:6", false), BadSyntax);
    CHECK(uidsOf(view, "3,1:2,2", false) == Numbers{1, 3, 5});
    CHECK(uidsOf(view, "2:*", false) == Numbers{3, 5});
    CHECK(uidsOf(view, "9:*", false) == Numbers{5});
    CHECK(uidsOf(view, "2,4", true) == Numbers{});
    CHECK(uidsOf(view, "1:4294967295", true) == Numbers{1, 3, 5});
    CHECK(uidsOf(view, "4:*", true) == Numbers{5});
    CHECK(uidsOf(view, "99:*", true) == Numbers{5});
    CHECK(uidsOf(view, "2:3", true) == Numbers{3});

    Mailbox nothing(0);
    View empty = nothing.view();
    CHECK(uidsOf(empty, "*", false) == Numbers{});
    CHECK(uidsOf(empty, "1:*", true) == Numbers{});
    CHECK_THROWS_AS(uidsOf(empty, "1", false), BadSyntax);
}

TEST_CASE("news are told once, expunged ones highest first", "[imap][view]")
{
    Mailbox mailbox(4);
    View view = mailbox.view();
    CHECK(view.takeNews(true, false).expunged.empty());
    mailbox.expunge({uid(1), uid(3)});
    mailbox.add(1);
    mailbox.flag({uid(4)}, store::Flags::kSeen);
    const News news = view.takeNews(true, false);
    CHECK(expungedNumbers(news) == Numbers{3, 1});
    CHECK(news.exists == 3U);
    CHECK(changedNumbers(news) == Numbers{2});
    const News again = view.takeNews(true, false);
    CHECK((again.expunged.empty() && !again.exists && again.changed.empty()));
}

TEST_CASE("while numbers may not move, flags are told and the rest waits", "[imap][view]")
{
    Mailbox mailbox(4);
    View view = mailbox.view();
    SECTION("additions alone need not wait")
    {
        mailbox.add(2);
        CHECK(view.takeNews(false, false).exists == 6U);
        CHECK(view.count() == 6);
    }
    SECTION("with an expunge they wait together, and nothing is lost")
    {
        mailbox.expunge({uid(2)});
        mailbox.add(1);
        mailbox.flag({uid(3)}, store::Flags::kFlagged);
        const News first = view.takeNews(false, false);
        CHECK((first.expunged.empty() && !first.exists));
        CHECK(changedNumbers(first) == Numbers{3}); // by the old numbers
        CHECK(view.count() == 4);
        CHECK(uidsOf(view, "2", false) == Numbers{2}); // still numbered
        CHECK(view.takeNews(false, false).changed.empty());
        mailbox.flag({uid(5)}, store::Flags::kSeen); // the client does not know it yet
        CHECK(view.takeNews(false, false).changed.empty());
        const News second = view.takeNews(true, false);
        CHECK(expungedNumbers(second) == Numbers{2});
        CHECK(second.exists == 4U);
        CHECK(second.changed.empty());
        CHECK(uidsOf(view, "1:*", false) == Numbers{1, 3, 4, 5});
    }
    SECTION("a message that came and went in between is never told")
    {
        mailbox.add(1);
        mailbox.expunge({uid(5)});
        const News news = view.takeNews(true, false);
        CHECK((news.expunged.empty() && !news.exists));
    }
}

TEST_CASE("what the client knows is not told, what differs from it is", "[imap][view]")
{
    Mailbox mailbox(3);
    View view = mailbox.view();
    store::Flags seen;
    seen.bits = store::Flags::kSeen;
    mailbox.flag({uid(1), uid(2), uid(3)}, store::Flags::kSeen);
    mailbox.flag({uid(2)}, store::Flags::kFlagged);
    view.told(uid(1), seen, 0);
    view.told(uid(2), seen, 0);
    CHECK(changedNumbers(view.takeNews(true, false)) == Numbers{2, 3});
    SECTION("it holds for one look only")
    {
        mailbox.flag({uid(1)}, store::Flags::kSeen, store::FlagChange::remove);
        CHECK(changedNumbers(view.takeNews(true, false)) == Numbers{1});
    }
    SECTION("flags that changed and changed back are no news")
    {
        mailbox.flag({uid(1)}, store::Flags::kDraft);
        mailbox.flag({uid(1)}, store::Flags::kDraft, store::FlagChange::remove);
        CHECK(view.takeNews(true, false).changed.empty());
    }
    SECTION("but for who follows MODSEQs they are")
    {
        mailbox.flag({uid(1)}, store::Flags::kDraft);
        mailbox.flag({uid(1)}, store::Flags::kDraft, store::FlagChange::remove);
        const News news = view.takeNews(true, true);
        REQUIRE(changedNumbers(news) == Numbers{1});
        mailbox.flag({uid(3)}, store::Flags::kDraft);
        const store::Snapshot newest = view.newest();
        view.told(uid(3), newest.flags(2), newest.at(2).modseq);
        CHECK(view.takeNews(true, true).changed.empty());
    }
}

TEST_CASE("recent messages are those of the ranges this session was given", "[imap][view]")
{
    Mailbox mailbox(4);
    View view = mailbox.view();
    CHECK(view.recent() == 0);
    view.addRecent(uid(3), uid(5));
    CHECK(view.recent() == 2);
    CHECK((!view.isRecent(uid(2)) && view.isRecent(uid(3)) && view.isRecent(uid(4)) && !view.isRecent(uid(5))));
    mailbox.expunge({uid(3)});
    mailbox.add(2);
    CHECK(view.hasArrivals());
    view.addRecent(uid(5), uid(7));
    view.takeNews(true, false);
    CHECK(!view.hasArrivals());
    CHECK(view.recent() == 3);
}
