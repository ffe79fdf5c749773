#include "tests/unit/store/store_fixture.h"

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using Kind = Error::Kind;

TEST_CASE("a message that was delivered is read back byte for byte", "[store]")
{
    Office office;
    const std::string text = "From: a\r\n\r\n" + std::string(5000, 'x') + '\0' + "\r\n";
    const Uid uid = office.deliver(text);
    CHECK(uid == Uid{1});
    CHECK(office.bodyOf(uid) == text);
    const Mailbox inbox = office.mailbox(office.inbox);
    CHECK(inbox.exists == 1);
    CHECK(inbox.unseen == 1);
    CHECK(inbox.size == text.size());
    CHECK(inbox.uid_next == Uid{2});
    CHECK(office.account().used == text.size());
    CHECK(office.account().messages == 1);
    office.close();
    office.open();
    CHECK(office.bodyOf(uid) == text);
}

TEST_CASE("a mailbox that is not there takes no message, and a closure that fails leaves nothing", "[store]")
{
    Office office;
    const auto body = office.store->prepareBody("x");
    CHECK(refusedWrite(office, [&](WriteTx& tx) {
        const BodyId id = tx.addBody(*body, "");
        tx.append(office.inbox, {id, {}, {}, ""});
        tx.append(MailboxId{999}, {id, {}, {}, ""});
    }) == Kind::noSuchMailbox);
    CHECK(office.mailbox(office.inbox).exists == 0);
    CHECK(office.mailbox(office.inbox).uid_next == Uid{1});
    CHECK(office.store->read()->totals().bodies == 0);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.append(office.inbox, {BodyId{77}, {}, {}, ""}); }) == Kind::noSuchMessage);
    CHECK(refusal([&] { office.store->view(MailboxId{999}); }) == Kind::noSuchMailbox);
}

TEST_CASE("a delivery over the quota leaves UID, bytes and listeners untouched", "[store][quota]")
{
    Office office(1000);
    office.deliver(std::string(600, 'a'));
    int news = 0;
    const auto view = office.store->view(office.inbox);
    const Subscription mine = view->watch([&] { ++news; });
    CHECK(refusal([&] { office.deliver(std::string(401, 'b')); }) == Kind::overQuota);
    CHECK(office.mailbox(office.inbox).uid_next == Uid{2});
    CHECK(office.account().used == 600);
    CHECK(news == 0);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.copy(office.inbox, uids({1}), office.trash); }) == Kind::overQuota);
    CHECK(office.mailbox(office.trash).uid_next == Uid{1});
    CHECK(office.deliver(std::string(400, 'c')) == Uid{2}); // exactly full is not over
    CHECK(news == 1);

    SECTION("moving costs nothing")
    {
        office.write([&](WriteTx& tx) { tx.move(office.inbox, uids({1, 2}), office.trash); });
        CHECK(office.account().used == 1000);
    }
    SECTION("a closure that catches the refusal goes on with the rest")
    {
        const auto body = office.store->prepareBody("zz");
        office.write([&](WriteTx& tx) {
            const BodyId id = tx.addBody(*body, "");
            CHECK(refusal([&] { tx.append(office.inbox, {id, {}, {}, ""}); }) == Kind::overQuota);
            tx.expunge(office.inbox, uids({1}));
            tx.append(office.inbox, {id, {}, {}, ""});
        });
        CHECK(office.account().used == 402);
    }
}

TEST_CASE("flags: changes, counters, MODSEQ, UNCHANGEDSINCE", "[store][flags][rfc7162]")
{
    Office office;
    for (int i = 0; i < 4; ++i)
        office.deliver("mail " + std::to_string(i));
    std::vector<Uid> changed;
    const ModSeq before = office.mailbox(office.inbox).highest_modseq;
    const auto view = office.store->view(office.inbox);

    SECTION("UIDs that are not there and flags that are set already change nothing")
    {
        office.write([&](WriteTx& tx) { changed = tx.changeFlags(office.inbox, uids({9, 10}), FlagChange::add, {Flags::kSeen, {}}); });
        CHECK(changed.empty());
        office.write([&](WriteTx& tx) { changed = tx.changeFlags(office.inbox, uids({1}), FlagChange::remove, {Flags::kSeen, {}}); });
        CHECK(changed.empty());
        CHECK(office.mailbox(office.inbox).highest_modseq == before);
    }
    SECTION("a change raises MODSEQ once and moves the counters")
    {
        office.write([&](WriteTx& tx) {
            changed = tx.changeFlags(office.inbox, uids({3, 1, 1}), FlagChange::add, {Flags::kSeen | Flags::kDeleted, {}});
        });
        CHECK(changed == uids({1, 3}));
        const Mailbox inbox = office.mailbox(office.inbox);
        CHECK(inbox.unseen == 2);
        CHECK(inbox.deleted == 2);
        CHECK(inbox.highest_modseq == before + 1);
        const Snapshot now = view->now();
        CHECK(now.highestModseq() == before + 1);
        CHECK(now.at(0).modseq == before + 1);
        CHECK(now.at(1).modseq < before + 1);
        CHECK(now.unseen() == 2);
        CHECK(now.firstUnseen() == 1U);
    }
    SECTION("messages changed later are left alone and named")
    {
        office.write([&](WriteTx& tx) { tx.changeFlags(office.inbox, uids({2}), FlagChange::add, {Flags::kFlagged, {}}); });
        std::vector<Uid> modified;
        office.write([&](WriteTx& tx) {
            changed = tx.changeFlags(office.inbox, uids({1, 2, 3}), FlagChange::replace, {Flags::kSeen, {}}, before, &modified);
        });
        CHECK(changed == uids({1, 3}));
        CHECK(modified == uids({2}));
        CHECK(view->now().at(1).bits == Flags::kFlagged);
    }
    SECTION("the bit that is kept for later is never set")
    {
        office.write([&](WriteTx& tx) { tx.changeFlags(office.inbox, uids({1}), FlagChange::replace, {~std::uint64_t{0}, {}}); });
        CHECK((view->now().at(0).bits & 32) == 0);
    }
}

// Rows are written in runs; what the store keeps must be what the view was told.
TEST_CASE("flags: neighbours that end up differently, or were not asked for, keep what is theirs", "[store][flags]")
{
    Office office;
    for (int i = 0; i < 12; ++i)
        office.deliver("mail " + std::to_string(i));
    unsigned rare = 0;
    office.write([&](WriteTx& tx) {
        for (int i = 0; i < 60; ++i)
            rare = tx.keyword(office.alice, "kw" + std::to_string(i));
        tx.expunge(office.inbox, uids({5}));
        tx.changeFlags(office.inbox, uids({3}), FlagChange::add, {Flags::kFlagged, {}});
        Flags keyword;
        keyword.addKeyword(rare);
        tx.changeFlags(office.inbox, uids({8, 9}), FlagChange::add, keyword);
        tx.changeFlags(office.inbox, uids({11}), FlagChange::add, {Flags::kSeen, {}});
    });
    std::vector<Uid> changed;
    office.write([&](WriteTx& tx) { // all but 7 and 12; 5 is gone, 11 has it already
        changed = tx.changeFlags(office.inbox, uids({1, 2, 3, 4, 5, 6, 8, 9, 10, 11}), FlagChange::add, {Flags::kSeen, {}});
    });
    CHECK(changed == uids({1, 2, 3, 4, 6, 8, 9, 10}));
    const auto told = office.store->view(office.inbox)->now();
    const ModSeq newest = told.highestModseq();
    std::vector<std::pair<Flags, ModSeq>> before;
    for (std::uint32_t i = 0; i < told.count(); ++i)
        before.emplace_back(told.flags(i), told.at(i).modseq);
    office.close();
    office.open();
    const auto now = office.store->view(office.inbox)->now();
    REQUIRE(now.count() == 11);
    for (std::uint32_t i = 0; i < now.count(); ++i) {
        const std::uint32_t uid = now.at(i).uid.value;
        INFO("UID " << uid);
        CHECK(now.flags(i) == before[i].first);
        CHECK(now.at(i).modseq == before[i].second);
        CHECK(((now.at(i).bits & Flags::kSeen) != 0) == (uid != 7 && uid != 12));
        CHECK(((now.at(i).bits & Flags::kFlagged) != 0) == (uid == 3));
        CHECK(now.flags(i).hasKeyword(rare) == (uid == 8 || uid == 9));
        CHECK((now.at(i).modseq == newest) == (uid != 7 && uid != 11 && uid != 12));
    }
}

TEST_CASE("keywords past the 58th stand beside the mask, in rows, views and copies", "[store][keywords]")
{
    Office office;
    office.deliver("one");
    office.deliver("two");
    const auto view = office.store->view(office.inbox);
    unsigned last = 0;
    office.write([&](WriteTx& tx) {
        for (int i = 0; i < 70; ++i)
            last = tx.keyword(office.alice, "kw" + std::to_string(i));
        CHECK(tx.keyword(office.alice, "KW3") == 3); // no new one for another case
        Flags flags;
        for (const unsigned k : {0U, 57U, 58U, 69U})
            flags.addKeyword(k);
        tx.changeFlags(office.inbox, uids({2}), FlagChange::add, flags);
    });
    CHECK(last == 69);
    const auto check = [&](const Flags& flags) {
        CHECK(flags.hasKeyword(0));
        CHECK(flags.hasKeyword(57));
        CHECK(flags.hasKeyword(58));
        CHECK(flags.hasKeyword(69));
        CHECK_FALSE(flags.hasKeyword(1));
        CHECK_FALSE(flags.hasKeyword(59));
    };
    check(view->now().flags(1));
    CHECK(view->now().flags(0) == Flags{});
    office.write([&](WriteTx& tx) {
        tx.copy(office.inbox, uids({2}), office.trash);
        Flags only;
        only.addKeyword(58);
        tx.changeFlags(office.inbox, uids({2}), FlagChange::remove, only);
    });
    CHECK_FALSE(view->now().flags(1).hasKeyword(58));
    CHECK(view->now().flags(1).hasKeyword(69));
    office.close();
    office.open();
    check(office.store->view(office.trash)->now().flags(0));
    CHECK(office.store->read()->keywords(office.alice).size() == 70);
}

TEST_CASE("an account has at most 10,000 keywords, and only such as IMAP can say", "[store][keywords]")
{
    Office office;
    for (const char* bad : {"", "a b", "a(", "\\Seen", "a\"", "a*", "a%", "a]", "\x7f", "\xc3\xa4"})
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.keyword(office.alice, bad); }) == Kind::badName);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.keyword(office.alice, std::string(256, 'k')); }) == Kind::limit);
    office.write([&](WriteTx& tx) {
        for (int i = 0; i < 10'000; ++i)
            tx.keyword(office.alice, "k" + std::to_string(i));
    });
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.keyword(office.alice, "onemore"); }) == Kind::limit);
    office.write([&](WriteTx& tx) { CHECK(tx.keyword(office.alice, "k9999") == 9'999); });
}

TEST_CASE("what is expunged is remembered with its MODSEQ, and UIDs are never used twice", "[store][expunge][rfc7162]")
{
    Office office;
    for (int i = 0; i < 6; ++i)
        office.deliver("mail " + std::to_string(i));
    const ModSeq before = office.mailbox(office.inbox).highest_modseq;
    std::vector<Uid> gone;
    office.write([&](WriteTx& tx) { gone = tx.expunge(office.inbox, uids({6, 2, 3, 9})); });
    CHECK(gone == uids({2, 3, 6}));
    office.write([&](WriteTx& tx) { gone = tx.expunge(office.inbox, uids({2})); });
    CHECK(gone.empty());
    office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({5})); });
    using Gone = std::vector<std::pair<Uid, ModSeq>>;
    CHECK(office.store->read()->expungedSince(office.inbox, before)
          == Gone{{Uid{2}, before + 1}, {Uid{3}, before + 1}, {Uid{5}, before + 2}, {Uid{6}, before + 1}});
    CHECK(office.store->read()->expungedSince(office.inbox, before + 1) == Gone{{Uid{5}, before + 2}});
    CHECK(office.store->read()->expungedSince(office.inbox, before + 2).empty());
    CHECK(office.store->read()->expungedSince(office.inbox, ~ModSeq{0}).empty());
    CHECK(office.deliver("next") == Uid{7});
    CHECK(office.account().messages == 3);
    CHECK(office.store->read()->totals().bodies == 3);
}

TEST_CASE("copies and moves give new UIDs in the old order", "[store][copy][rfc6851]")
{
    Office office;
    for (int i = 0; i < 3; ++i)
        office.deliver("mail " + std::to_string(i), {Flags::kSeen, {}});
    CopiedUids copied;
    using Pairs = std::vector<std::pair<Uid, Uid>>;

    SECTION("refusals: another account's mailbox, a mailbox that is gone")
    {
        MailboxId bobs;
        office.write([&](WriteTx& tx) { bobs = tx.findMailbox(tx.createAccount({"bob@example.org", "", {}, 0}), "INBOX")->id; });
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.copy(office.inbox, uids({1}), bobs); }) == Kind::noSuchMailbox);
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.move(office.inbox, uids({1}), bobs); }) == Kind::noSuchMailbox);
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.move(office.inbox, uids({1}), MailboxId{99}); }) == Kind::noSuchMailbox);
        CHECK(office.mailbox(office.inbox).exists == 3);
    }
    SECTION("copy")
    {
        office.write([&](WriteTx& tx) { copied = tx.copy(office.inbox, uids({3, 1, 7}), office.trash); });
        CHECK(copied.uid_validity == office.mailbox(office.trash).uid_validity);
        CHECK(copied.uids == Pairs{{Uid{1}, Uid{1}}, {Uid{3}, Uid{2}}});
        CHECK(office.bodyOf(Uid{2}, office.trash) == "mail 2");
        CHECK(office.mailbox(office.trash).unseen == 0);
        CHECK(office.account().messages == 5);
        CHECK(office.account().used == 5 * 6);
        CHECK(office.store->read()->totals().bodies == 3);
    }
    SECTION("move")
    {
        const auto view = office.store->view(office.inbox);
        office.write([&](WriteTx& tx) { copied = tx.move(office.inbox, uids({2}), office.trash); });
        CHECK(copied.uids == Pairs{{Uid{2}, Uid{1}}});
        CHECK(view->now().count() == 2);
        CHECK(office.account().messages == 3);
        CHECK(office.store->read()->expungedSince(office.inbox, 0).size() == 1);
    }
    SECTION("within one mailbox")
    {
        office.write([&](WriteTx& tx) { copied = tx.copy(office.inbox, uids({1}), office.inbox); });
        CHECK(copied.uids == Pairs{{Uid{1}, Uid{4}}});
        office.write([&](WriteTx& tx) { copied = tx.move(office.inbox, uids({1}), office.inbox); });
        CHECK(copied.uids == Pairs{{Uid{1}, Uid{5}}});
        CHECK(office.mailbox(office.inbox).exists == 4);
    }
}

TEST_CASE("the first session takes what is recent, the second gets nothing", "[store][recent]")
{
    Office office;
    office.deliver("a");
    const auto view = office.store->view(office.inbox);
    CHECK(view->recentFrom(Uid{1}) == Uid{1});
    CHECK(view->takeRecent(Uid{1}) == std::pair(Uid{1}, Uid{2}));
    CHECK(view->takeRecent(Uid{1}) == std::pair(Uid{2}, Uid{2}));
    office.deliver("b");
    office.deliver("c");
    CHECK(view->takeRecent(Uid{3}) == std::pair(Uid{3}, Uid{4})); // the taker's own beginning is later
    CHECK(view->recentFrom(Uid{1}) == Uid{4});

    office.write([&](WriteTx& tx) { tx.recentTaken(office.inbox, Uid{3}); });
    CHECK(office.mailbox(office.inbox).recent_from == Uid{3});
    office.write([&](WriteTx& tx) { tx.recentTaken(office.inbox, Uid{2}); });
    CHECK(office.mailbox(office.inbox).recent_from == Uid{3}); // never back
    office.write([&](WriteTx& tx) { tx.recentTaken(office.inbox, Uid{99}); });
    CHECK(office.mailbox(office.inbox).recent_from == Uid{4}); // not past what is there
}
