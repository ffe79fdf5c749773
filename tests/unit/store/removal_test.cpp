// Deleted is not lost: what removal does to Trash, to quota and counters, to other sessions; and the way back.
#include "server/store/sqlite/database.h"
#include "tests/unit/store/store_fixture.h"

#include <set>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using namespace std::chrono_literals;
using Kind = Error::Kind;

namespace {

std::vector<Recoverable> recoverable(Office& office, const RecoverableFilter& filter = {})
{
    return office.store->read()->recoverable(office.alice, filter, {"", 1000});
}

std::vector<Uid> remove(Office& office, const std::vector<Uid>& uids, Removal how = Removal::toTrash, MailboxId mailbox = {})
{
    std::vector<Uid> gone;
    office.write([&](WriteTx& tx) { gone = tx.remove(mailbox ? mailbox : office.inbox, uids, how, "test"); });
    return gone;
}

Flags flagged(std::uint64_t bits)
{
    Flags flags;
    flags.bits = bits;
    return flags;
}

void isSound(Office& office)
{
    for (const Finding& finding : office.store->check(false))
        FAIL_CHECK(finding.where << ": " << finding.what);
}

Time savedOf(Office& office, MailboxId mailbox, Uid uid)
{
    const auto dates = office.store->read()->saveDates(mailbox, uid, uid);
    REQUIRE(dates.size() == 1);
    return dates[0].second;
}

} // namespace

TEST_CASE("removal is refused for what is not there", "[store][removal]")
{
    Office office;
    CHECK(remove(office, uids({1, 2})).empty());
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.remove(MailboxId{999}, uids({1}), Removal::toTrash, "test"); }) == Kind::noSuchMailbox);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.restoreRecoverable(RecoverableId{7}); }) == Kind::noSuchEntry);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.deleteRecoverable(RecoverableId{7}); }) == Kind::noSuchEntry);
}

TEST_CASE("what is removed stands in Trash, undeleted, and counts as before", "[store][removal]")
{
    Office office;
    const Time delivered = office.clock.now();
    for (int i = 1; i <= 5; ++i)
        office.deliver("mail " + std::to_string(i), flagged(Flags::kSeen | Flags::kDeleted));
    const auto before = office.account();
    const auto trash_view = office.store->view(office.trash);
    int news = 0;
    const auto watching = trash_view->watch([&] { ++news; });
    office.clock.advance(1h);

    CHECK(remove(office, uids({5, 1, 2, 9})) == uids({1, 2, 5}));
    CHECK(office.mailbox(office.inbox).exists == 2);
    CHECK(office.mailbox(office.trash).exists == 3);
    CHECK(office.mailbox(office.trash).deleted == 0);
    CHECK(office.account().used == before.used);
    CHECK(office.account().messages == before.messages);
    CHECK(news == 1);
    const Snapshot trash = trash_view->now();
    REQUIRE(trash.count() == 3);
    CHECK(trash.at(0).bits == Flags::kSeen);
    CHECK(office.bodyOf(Uid{1}, office.trash) == "mail 1");
    CHECK(office.bodyOf(Uid{3}, office.trash) == "mail 5");
    CHECK(savedOf(office, office.trash, Uid{1}) == delivered + 1h);
    CHECK(savedOf(office, office.inbox, Uid{3}) == delivered);
    CHECK(office.store->read()->expungedSince(office.inbox, 1).size() == 3);
    CHECK(recoverable(office).empty());
    isSound(office);

    office.close(); // the rows say the same as the views
    office.open();
    CHECK(office.store->view(office.trash)->now().at(2).bits == Flags::kSeen);
    CHECK(office.bodyOf(Uid{3}, office.trash) == "mail 5");
}

TEST_CASE("what Trash holds already does not come twice", "[store][removal]")
{
    Office office;
    const Uid a = office.deliver("moved by COPY and EXPUNGE");
    const Uid b = office.deliver("only here");
    office.write([&](WriteTx& tx) { tx.copy(office.inbox, {a}, office.trash); });
    remove(office, {a, b});
    CHECK(office.mailbox(office.trash).exists == 2);
    CHECK(office.account().messages == 2);
    CHECK(recoverable(office).empty());

    SECTION("nor what another mailbox holds is taken for it")
    {
        MailboxId archive;
        const Uid c = office.deliver("in the archive too");
        office.write([&](WriteTx& tx) {
            archive = tx.findMailbox(office.alice, "Archive")->id;
            tx.copy(office.inbox, {c}, archive);
        });
        remove(office, {c});
        CHECK(office.mailbox(office.trash).exists == 3);
        CHECK(office.mailbox(archive).exists == 1);
    }
    SECTION("also where Trash is large and the look is another one")
    {
        const auto filler = office.store->prepareBody("filler");
        office.write([&](WriteTx& tx) {
            const BodyId id = tx.addBody(*filler, "");
            for (int i = 0; i < 100; ++i)
                tx.append(office.trash, {id, {}, office.clock.now(), ""});
        });
        const Uid c = office.deliver("moved again");
        office.write([&](WriteTx& tx) {
            tx.copy(office.inbox, {c}, office.trash);
            tx.remove(office.inbox, {c}, Removal::toTrash, "test");
        });
        CHECK(office.mailbox(office.trash).exists == 103);
    }
    isSound(office);
}

TEST_CASE("what leaves Trash and Junk, and where the policy is off, becomes recoverable", "[store][removal]")
{
    Office office;
    MailboxId junk, below;
    office.write([&](WriteTx& tx) {
        junk = tx.findMailbox(office.alice, "Junk")->id;
        below = tx.createMailbox(office.alice, "Trash/Old folder");
    });
    for (const MailboxId mailbox : {office.trash, junk, below}) {
        const Uid uid = office.deliver("mail in " + std::to_string(mailbox.value), {}, mailbox);
        CHECK(remove(office, {uid}, Removal::toTrash, mailbox).size() == 1);
        CHECK(office.mailbox(mailbox).exists == 0);
    }
    CHECK(recoverable(office).size() == 3);
    CHECK(office.mailbox(office.trash).exists == 0);

    AccountPatch patch;
    patch.trash = TrashPolicy{.expunge = false};
    office.write([&](WriteTx& tx) { tx.changeAccount(office.alice, patch); });
    CHECK(office.account().trash == TrashPolicy{.expunge = false});
    const Uid uid = office.deliver("12345");
    remove(office, {uid});
    const auto all = recoverable(office);
    REQUIRE(all.size() == 4);
    CHECK(all[3].mailbox == "INBOX");
    CHECK(all[3].cause == "test");
    CHECK(all[3].removed == office.clock.now());
    CHECK(all[3].size == 5);
    CHECK(office.account().used == 0);
    CHECK(office.account().messages == 0);
    CHECK(office.store->read()->body(all[3].body) == "12345");
    isSound(office);
}

TEST_CASE("what is restored is what it was: flags, keywords, dates, UIDL, body", "[store][removal][restore]")
{
    Office office;
    const Time delivered = office.clock.now();
    Flags flags = flagged(Flags::kSeen | Flags::kFlagged | Flags::kDeleted);
    office.write([&](WriteTx& tx) {
        for (int i = 0; i < 70; ++i)
            tx.keyword(office.alice, "k" + std::to_string(i));
    });
    flags.addKeyword(3);
    flags.addKeyword(69);
    const Uid uid = office.deliver("precious", flags);
    const Uid fixed = office.deliver("with a UIDL of its own");
    office.write([&](WriteTx& tx) {
        const auto prepared = tx.findMailbox(office.alice, "INBOX");
        NewMessage message;
        message.body = office.store->view(office.inbox)->now().at(1).body;
        message.internal_date = office.clock.now() - 100h;
        message.uidl = "kept-for-ever";
        tx.append(prepared->id, message);
    });
    const auto uidl = office.store->read()->uidl(office.inbox, uid);
    const BodyId body = office.store->view(office.inbox)->now().at(0).body;
    office.clock.advance(48h);
    remove(office, {uid, fixed, Uid{3}}, Removal::recoverable);
    CHECK(office.store->view(office.inbox)->now().count() == 0);
    auto all = recoverable(office);
    REQUIRE(all.size() == 3);
    CHECK(all[0].uidl == uidl);
    CHECK(all[2].uidl == "kept-for-ever");
    office.clock.advance(24h);
    office.close();
    office.open();

    WriteTx::Restored restored;
    office.write([&](WriteTx& tx) {
        restored = tx.restoreRecoverable(all[0].id);
        tx.restoreRecoverable(all[2].id);
    });
    CHECK(restored.mailbox.id == office.inbox);
    CHECK(restored.where.uid == Uid{4});
    const Snapshot now = office.store->view(office.inbox)->now();
    REQUIRE(now.count() == 2);
    Flags expected = flags;
    expected.bits &= ~Flags::kDeleted;
    CHECK(now.flags(0) == expected);
    CHECK(now.at(0).internal_date == delivered);
    CHECK(now.at(0).body == body); // EMAILID stays
    CHECK(now.at(1).internal_date == delivered - 100h);
    CHECK(savedOf(office, office.inbox, Uid{4}) == delivered);
    CHECK(office.bodyOf(Uid{4}) == "precious");
    CHECK(office.store->read()->uidl(office.inbox, Uid{4}) == uidl);
    CHECK(office.store->read()->uidl(office.inbox, Uid{5}) == "kept-for-ever");
    CHECK(recoverable(office).size() == 1);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.restoreRecoverable(all[0].id); }) == Kind::noSuchEntry);
    isSound(office);
}

TEST_CASE("a mailbox that was deleted comes back with its messages, a renamed one is found", "[store][removal][restore]")
{
    Office office;
    MailboxId project;
    office.write([&](WriteTx& tx) { project = tx.createMailbox(office.alice, "Work/Project"); });
    for (int i = 0; i < 3; ++i)
        office.deliver("project " + std::to_string(i), {}, project);
    const auto used = office.account().used;
    SECTION("deleted")
    {
        office.write([&](WriteTx& tx) { tx.deleteMailbox(office.alice, "Work/Project"); });
        CHECK(office.account().used == 0);
        CHECK(office.account().recoverable == used);
        const auto all = recoverable(office, {"Work/Project", {}, {}});
        REQUIRE(all.size() == 3);
        CHECK(all[0].cause == "mailbox");
        CHECK(recoverable(office, {"Work", {}, {}}).empty());
        office.write([&](WriteTx& tx) {
            for (const auto& entry : all)
                tx.restoreRecoverable(entry.id);
        });
        const auto again = office.store->read()->findMailbox(office.alice, "Work/Project");
        REQUIRE(again);
        CHECK(again->id != project);
        CHECK(again->exists == 3);
        CHECK(again->subscribed);
        CHECK(office.bodyOf(Uid{3}, again->id) == "project 2");
        CHECK(office.account().recoverable == 0);
    }
    SECTION("renamed, and another took its name")
    {
        remove(office, uids({2}), Removal::recoverable, project);
        office.write([&](WriteTx& tx) {
            tx.renameMailbox(office.alice, "Work/Project", "Done");
            tx.createMailbox(office.alice, "Work/Project");
            CHECK(tx.restoreRecoverable(recoverable(office)[0].id).mailbox.name == "Done");
        });
    }
    isSound(office);
}

TEST_CASE("a full mailbox takes nothing back, and says so", "[store][removal][restore][quota]")
{
    Office office(10);
    MailboxId folder;
    office.write([&](WriteTx& tx) { folder = tx.createMailbox(office.alice, "folder"); });
    const Uid uid = office.deliver("123456", {}, folder);
    remove(office, {uid}, Removal::recoverable, folder);
    office.deliver("abcdef"); // there was room again
    office.write([&](WriteTx& tx) { tx.deleteMailbox(office.alice, "folder"); });
    const RecoverableId id = recoverable(office)[0].id;
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.restoreRecoverable(id); }) == Kind::overQuota);
    office.write([&](WriteTx& tx) { // a closure may catch it and go on
        CHECK(refusal([&] { tx.restoreRecoverable(id); }) == Kind::overQuota);
    });
    CHECK_FALSE(office.store->read()->findMailbox(office.alice, "folder"));
    AccountPatch patch;
    patch.quota = 0;
    patch.quota_messages = 1;
    office.write([&](WriteTx& tx) { tx.changeAccount(office.alice, patch); });
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.restoreRecoverable(id); }) == Kind::overQuota);
    patch.quota_messages = 2;
    office.write([&](WriteTx& tx) {
        tx.changeAccount(office.alice, patch);
        tx.restoreRecoverable(id);
    });
    CHECK(office.account().messages == 2);
    isSound(office);
}

TEST_CASE("after its days a body goes, not before", "[store][removal][housekeeping]")
{
    Office office;
    const Uid a = office.deliver("first");
    const Uid b = office.deliver(noise(200'000)); // a file
    const Uid c = office.deliver("kept in a mailbox too");
    office.write([&](WriteTx& tx) { tx.copy(office.inbox, {c}, tx.findMailbox(office.alice, "Archive")->id); });
    remove(office, {a, c}, Removal::recoverable);
    office.clock.advance(24h);
    remove(office, {b}, Removal::recoverable);
    CHECK(office.account().recoverable == 5 + 21 + 200'000);
    CHECK(office.store->read()->totals().bodies == 3);
    office.store->configureTrash({true, 30, 30, 1});
    CHECK(office.store->forgetRecoverable({}) == 0);
    office.clock.advance(1ms);
    CHECK(office.store->forgetRecoverable({}) == 2);
    CHECK(office.account().recoverable == 200'000);
    CHECK(office.store->read()->totals().bodies == 2);
    office.clock.advance(24h);
    CHECK(office.store->forgetRecoverable({}) == 1);
    CHECK(office.store->read()->totals().bodies == 1);
    CHECK(office.account().recoverable == 0);
    isSound(office);
}

TEST_CASE("Trash and Junk empty themselves by the time a message came there, other mailboxes never", "[store][removal][housekeeping]")
{
    Office office;
    MailboxId junk, below;
    office.write([&](WriteTx& tx) {
        junk = tx.findMailbox(office.alice, "Junk")->id;
        below = tx.createMailbox(office.alice, "Trash/Folder");
    });
    const Uid old_mail = office.deliver("delivered long ago");
    office.deliver("spam", {}, junk);
    office.deliver("in a folder that was thrown away", {}, below);
    office.clock.advance(29 * 24h);
    remove(office, {old_mail});
    office.deliver("stays");
    office.clock.advance(2 * 24h);
    const auto emptied = [&] { return office.store->emptyTrash({}); };
    CHECK(emptied() == 1); // the spam
    CHECK(office.mailbox(office.trash).exists == 1);
    office.clock.advance(28 * 24h - 1s);
    CHECK(emptied() == 0);
    office.clock.advance(2s);
    CHECK(emptied() == 1);
    CHECK(office.mailbox(office.trash).exists == 0);
    CHECK(office.mailbox(office.inbox).exists == 1);
    CHECK(office.mailbox(below).exists == 1);
    const auto all = recoverable(office);
    REQUIRE(all.size() == 2);
    CHECK(all[1].cause == "trash");
    CHECK(all[1].mailbox == "Trash");
    // What is restored into Trash has its days again.
    office.write([&](WriteTx& tx) { tx.restoreRecoverable(all[1].id); });
    CHECK(emptied() == 0);
    isSound(office);
}

TEST_CASE("more than a batch goes too, and a stop ends it between two", "[store][removal][housekeeping]")
{
    Office office;
    const auto body = office.store->prepareBody("one body, many rows");
    office.write([&](WriteTx& tx) {
        const BodyId id = tx.addBody(*body, "");
        for (int i = 0; i < 1100; ++i)
            tx.append(office.trash, {id, {}, office.clock.now(), ""});
    });
    office.clock.advance(31 * 24h);
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(office.store->emptyTrash(stopped.get_token()) == 0);
    CHECK(office.store->emptyTrash({}) == 1100);
    office.clock.advance(8 * 24h);
    CHECK(office.store->forgetRecoverable(stopped.get_token()) == 0);
    CHECK(office.store->forgetRecoverable({}) == 1100);
    CHECK(office.store->read()->totals().bodies == 0);
    isSound(office);
}

TEST_CASE("deleting does not fill the disk beyond twice the quota: the oldest is given up", "[store][removal][quota]")
{
    constexpr std::size_t kSize = 8 << 20;
    Office office(40 << 20); // 80 MiB of what is recoverable
    for (std::uint64_t i = 0; i < 12; ++i)
        remove(office, {office.deliver(noise(kSize, i + 1))}, Removal::recoverable);
    const auto all = recoverable(office);
    CHECK(all.size() == 10);
    CHECK(all.front().id == RecoverableId{3});
    CHECK(office.account().recoverable == 10 * kSize);
    isSound(office);
}

TEST_CASE("with recovery.days at 0 what leaves Trash is gone at once", "[store][removal]")
{
    Office office;
    office.close();
    StoreOptions options;
    options.folder = office.data;
    options.trash.recovery_days = 0;
    office.store = openSqliteStore(options, office.clock);
    remove(office, {office.deliver("to Trash all the same")});
    CHECK(office.mailbox(office.trash).exists == 1);
    remove(office, uids({1}), Removal::toTrash, office.trash);
    office.write([&](WriteTx& tx) { tx.createMailbox(office.alice, "x"); });
    office.deliver("in a mailbox", {}, office.store->read()->findMailbox(office.alice, "x")->id);
    office.write([&](WriteTx& tx) { tx.deleteMailbox(office.alice, "x"); });
    CHECK(recoverable(office).empty());
    CHECK(office.store->read()->totals().bodies == 0);
    isSound(office);
}

TEST_CASE("an account that is removed takes what was recoverable with it", "[store][removal]")
{
    Office office;
    remove(office, {office.deliver("gone")}, Removal::recoverable);
    office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
    CHECK(office.store->read()->totals().bodies == 0);
    isSound(office);
}

TEST_CASE("ten thousand in one command are not ten thousand commands", "[store][removal]")
{
    Office office;
    const auto first = office.store->prepareBody("a");
    constexpr std::uint32_t kMany = 10'000;
    std::vector<Uid> scattered;
    office.write([&](WriteTx& tx) {
        const BodyId id = tx.addBody(*first, "");
        for (std::uint32_t i = 1; i <= kMany; ++i) {
            tx.append(office.inbox, {id, {}, office.clock.now(), ""});
            if (i % 3 != 0)
                scattered.push_back(Uid{i});
        }
    });
    CHECK(remove(office, scattered, Removal::recoverable).size() == scattered.size());
    const Snapshot now = office.store->view(office.inbox)->now();
    CHECK(now.count() == kMany - scattered.size());
    CHECK(now.uidAt(0) == Uid{3});
    CHECK(office.store->read()->expungedSince(office.inbox, 1).size() == scattered.size());
    CHECK(office.account().recoverable == scattered.size());
    isSound(office);
}

TEST_CASE("the owner is told of each level once, and anew after it was left", "[store][quota]")
{
    Office office(1000);
    const auto news = [&] { return office.store->read()->quotaLevels(); };
    const auto tell = [&](unsigned level) { office.write([&](WriteTx& tx) { tx.noteQuotaTold(office.alice, level); }); };
    const auto fill = [&](std::size_t bytes) { return office.deliver(noise(bytes, bytes)); };
    fill(799);
    CHECK(news().empty());
    const Uid one = fill(1);
    REQUIRE(news().size() == 1);
    CHECK(news()[0].reached == 80);
    CHECK(news()[0].told == 0);
    CHECK(news()[0].account.address == "alice@example.org");
    tell(80);
    CHECK(news().empty());
    const Uid more = fill(150); // 90 is passed over
    CHECK(news().at(0).reached == 95);
    tell(95);
    office.write([&](WriteTx& tx) { tx.expunge(office.inbox, {one, more}); });
    CHECK(news().at(0).reached == 0);
    tell(0);
    fill(2);
    CHECK(news().at(0).reached == 80);
    AccountPatch patch;
    patch.quota = 0;
    patch.quota_messages = 10;
    office.write([&](WriteTx& tx) { tx.changeAccount(office.alice, patch); });
    CHECK(news().empty());
    for (std::size_t i = 0; i < 7; ++i)
        fill(3 + i);
    CHECK(news().at(0).reached == 90); // 9 of 10
    CHECK(refusal([&] { fill(11), fill(12); }) == Kind::overQuota);
}

TEST_CASE("what is wrong with the recoverable is found by name, and repaired where it is derived", "[store][removal][check]")
{
    Office office;
    remove(office, {office.deliver("kept")}, Removal::recoverable);
    const auto broken = [&](const char* statement) {
        office.close();
        {
            sqlite::Connection db(office.data + "/postfach.db", sqlite::Connection::Role::writer);
            db.run(statement);
        }
        office.open();
        std::set<std::string> found;
        for (const Finding& finding : office.store->check(true))
            found.insert(finding.what);
        return found;
    };
    CHECK(broken("UPDATE usage SET recoverable = 99") == std::set<std::string>{"what an account has recoverable differs from its entries"});
    CHECK(office.account().recoverable == 4);
    isSound(office);
    CHECK(broken("UPDATE body SET refs = 3") == std::set<std::string>{"the references to a body are miscounted"});
    isSound(office);
    CHECK(office.store->read()->body(recoverable(office).at(0).body) == "kept");
    CHECK(broken("UPDATE recoverable SET account_id = 77").count("a recoverable message belongs to no account") == 1);
    CHECK(broken("UPDATE recoverable SET body_id = 88").count("a recoverable message names a body that is gone") == 1);
    CHECK(office.store->check(false).size() >= 2); // what is lost is not repaired away
}
