#include "server/base/limits.h"
#include "tests/unit/store/store_fixture.h"

#include <cstdio>
#include <set>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using Kind = Error::Kind;

namespace {

std::vector<std::string> names(Office& office)
{
    std::vector<std::string> all;
    for (const Mailbox& mailbox : office.store->read()->mailboxes(office.alice))
        all.push_back(mailbox.name);
    return all;
}

} // namespace

TEST_CASE("names that are no mailbox names are refused", "[store][mailboxes]")
{
    Office office;
    const std::string deep = [] {
        std::string name = "a";
        for (int i = 0; i < base::limits::kMailboxDepth; ++i)
            name += "/a";
        return name;
    }();
    for (const std::string& bad : {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("~root/x"),
                                   std::string(".."), std::string("a/../b"), std::string("./a"), std::string("..\\..\\x"),
                                   std::string("x\0y", 3), std::string("a\nb"), std::string("a\x7f"), std::string("a\xc2\x85z"),
                                   std::string("a\xff"), std::string("\xed\xa0\x80"), std::string("a\xe2\x80\xa8")}) {
        INFO(base::Refused(bad).what());
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.createMailbox(office.alice, bad); }) == Kind::badName);
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.renameMailbox(office.alice, "Trash", bad); }) == Kind::badName);
    }
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.createMailbox(office.alice, deep); }) == Kind::limit);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.createMailbox(office.alice, std::string(1001, 'x')); }) == Kind::limit);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.createMailbox(office.alice, "iNbOx"); }) == Kind::alreadyExists);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.createMailbox(AccountId{99}, "x"); }) == Kind::noSuchAccount);
    CHECK(names(office).size() == 6);
    office.write([&](WriteTx& tx) { tx.createMailbox(office.alice, "...a .b \xc3\xa9\xe2\x82\xac*%"); });
}

TEST_CASE("a mailbox is kept under the composed form of its name, and found by either", "[store][mailboxes][rfc9051-5.1]")
{
    Office office;
    const std::string apart = "U\xcc\x88" "bung", together = "\xc3\x9c" "bung";
    office.write([&](WriteTx& tx) { tx.createMailbox(office.alice, "x/" + apart); });
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.createMailbox(office.alice, "x/" + together); }) == Kind::alreadyExists);
    for (const std::string& name : {apart, together})
        CHECK(office.store->read()->findMailbox(office.alice, "x/" + name).value().name == "x/" + together);
    // One that was made when names were kept as they came stays what it is, and can be given its composed name.
    const MailboxId old = office.store->read()->findMailbox(office.alice, "x/" + together).value().id;
    office.close();
    sql(office.data, "UPDATE mailbox SET name = 'x/" + apart + "' WHERE id = " + std::to_string(old.value));
    office.open();
    CHECK(office.store->read()->findMailbox(office.alice, "x/" + apart).value().id == old);
    CHECK_FALSE(office.store->read()->findMailbox(office.alice, "x/" + together));
    office.write([&](WriteTx& tx) { tx.subscribe(office.alice, "x/" + apart, true); });
    CHECK(office.store->read()->findMailbox(office.alice, "x/" + apart).value().subscribed);
    office.write([&](WriteTx& tx) { tx.renameMailbox(office.alice, "x/" + apart, "x/" + together); });
    CHECK(office.store->read()->findMailbox(office.alice, "x/" + together).value().id == old);
}

TEST_CASE("a fresh account has its six mailboxes, with special use, subscribed, not to be deleted", "[store][mailboxes]")
{
    Office office;
    const auto all = office.store->read()->mailboxes(office.alice);
    REQUIRE(all.size() == 6);
    const std::pair<const char*, const char*> expected[] = {{"Archive", "\\Archive"}, {"Drafts", "\\Drafts"}, {"INBOX", ""},
                                                            {"Junk", "\\Junk"}, {"Sent", "\\Sent"}, {"Trash", "\\Trash"}};
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(all[i].name == expected[i].first);
        CHECK(all[i].special_use == expected[i].second);
        CHECK(all[i].subscribed);
        CHECK_FALSE(all[i].object_id.empty());
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.deleteMailbox(office.alice, all[i].name); }) == Kind::reserved);
    }
    CHECK(office.store->read()->findMailbox(office.alice, "inbox")->id == office.inbox);
    CHECK_FALSE(office.store->read()->findMailbox(office.alice, "trash"));
}

TEST_CASE("parents are made, children hold their parent, and a name made anew has a new UIDVALIDITY", "[store][mailboxes]")
{
    Office office;
    office.write([&](WriteTx& tx) { tx.createMailbox(office.alice, "a/b/c"); });
    CHECK(names(office) == std::vector<std::string>{"Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash", "a", "a/b", "a/b/c"});
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.deleteMailbox(office.alice, "a/b"); }) == Kind::notEmpty);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.deleteMailbox(office.alice, "nothing"); }) == Kind::noSuchMailbox);
    const Mailbox before = *office.store->read()->findMailbox(office.alice, "a/b/c");
    office.deliver("mail", {}, before.id);
    office.clock.set(base::fromMillis(1000)); // the clock goes back
    office.write([&](WriteTx& tx) {
        tx.deleteMailbox(office.alice, "a/b/c");
        tx.createMailbox(office.alice, "a/b/c");
    });
    const Mailbox after = *office.store->read()->findMailbox(office.alice, "a/b/c");
    CHECK(after.uid_validity > before.uid_validity);
    CHECK(after.id != before.id);
    CHECK(after.object_id != before.object_id);
    CHECK(after.exists == 0);
    CHECK(office.account().used == 0);
    CHECK(office.store->read()->totals().bodies == 1); // it can be restored
}

TEST_CASE("a rename keeps UIDs, UIDVALIDITY and object ids, also of what is below", "[store][mailboxes][rename]")
{
    Office office;
    office.write([&](WriteTx& tx) {
        tx.createMailbox(office.alice, "a/b");
        tx.createMailbox(office.alice, "ab");
    });
    const Mailbox b = *office.store->read()->findMailbox(office.alice, "a/b");
    office.deliver("mail", {}, b.id);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.renameMailbox(office.alice, "a", "a/x"); }) == Kind::badName);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.renameMailbox(office.alice, "a", "Trash"); }) == Kind::alreadyExists);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.renameMailbox(office.alice, "a", "a"); }) == Kind::alreadyExists);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.renameMailbox(office.alice, "zz", "y"); }) == Kind::noSuchMailbox);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.renameMailbox(office.alice, "a", std::string(999, 'x')); }) == Kind::limit); // its child
    office.write([&](WriteTx& tx) { tx.renameMailbox(office.alice, "a", "new/place"); });
    CHECK(names(office) == std::vector<std::string>{"Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash", "ab", "new", "new/place", "new/place/b"});
    const Mailbox after = *office.store->read()->findMailbox(office.alice, "new/place/b");
    CHECK(after.id == b.id);
    CHECK(after.uid_validity == b.uid_validity);
    CHECK(after.object_id == b.object_id);
    CHECK(after.exists == 1);
}

TEST_CASE("INBOX is renamed by moving its messages, it stays, and so does what is below it", "[store][mailboxes][rfc9051-6.3.6]")
{
    Office office;
    office.deliver("one", {Flags::kSeen, {}});
    office.deliver("two");
    office.write([&](WriteTx& tx) { tx.createMailbox(office.alice, "inbox/child"); });
    const auto view = office.store->view(office.inbox);
    office.write([&](WriteTx& tx) { tx.renameMailbox(office.alice, "Inbox", "old/mail"); });
    CHECK(names(office) == std::vector<std::string>{"Archive", "Drafts", "INBOX", "INBOX/child", "Junk", "Sent", "Trash", "old", "old/mail"});
    CHECK(office.mailbox(office.inbox).exists == 0);
    CHECK(view->now().count() == 0);
    const Mailbox old = *office.store->read()->findMailbox(office.alice, "old/mail");
    CHECK(old.exists == 2);
    CHECK(old.unseen == 1);
    CHECK(office.bodyOf(Uid{2}, old.id) == "two");
    CHECK(office.deliver("three") == Uid{3});
}

TEST_CASE("subscriptions outlive their mailboxes", "[store][mailboxes]")
{
    Office office;
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.subscribe(office.alice, "a//b", true); }) == Kind::badName);
    office.write([&](WriteTx& tx) {
        tx.createMailbox(office.alice, "x");
        tx.subscribe(office.alice, "x", true);
        tx.subscribe(office.alice, "x", true);
        tx.deleteMailbox(office.alice, "x");
        tx.subscribe(office.alice, "Sent", false);
    });
    CHECK(office.store->read()->subscriptions(office.alice) == std::vector<std::string>{"Archive", "Drafts", "INBOX", "Junk", "Trash", "x"});
}

TEST_CASE("a UIDL stays with its message, another message never gets it", "[store][uidl][rfc1939]")
{
    Office office;
    const Uid uid = office.deliver("ruled");
    const auto validity = office.mailbox(office.inbox).uid_validity;
    char expected[17];
    std::snprintf(expected, sizeof expected, "%08x%08x", validity, 1U);
    CHECK(office.store->read()->uidl(office.inbox, uid) == expected);
    const auto body = office.store->prepareBody("kept");
    const auto append = [&](const std::string& uidl) {
        return [&, uidl](WriteTx& tx) { tx.append(office.inbox, {tx.addBody(*body, ""), {}, {}, uidl}); };
    };
    for (const std::string& bad : {std::string("a b"), std::string(71, 'x'), std::string("\xc3\xa4")})
        CHECK(refusedWrite(office, append(bad)) == Kind::badName);
    office.write(append("mine"));
    office.write(append("mine")); // the second gets what the rule gives
    using Fixed = std::vector<std::pair<Uid, std::string>>;
    CHECK(office.store->read()->fixedUidls(office.inbox) == Fixed{{Uid{2}, "mine"}});
    office.write([&](WriteTx& tx) { tx.move(office.inbox, uids({2}), office.trash); });
    CHECK(office.store->read()->fixedUidls(office.inbox).empty());
    CHECK(office.store->read()->uidl(office.trash, Uid{1}) == "mine");
    office.write([&](WriteTx& tx) { tx.move(office.trash, uids({1}), office.trash); });
    CHECK(office.store->read()->uidl(office.trash, Uid{2}) == "mine");
    office.write([&](WriteTx& tx) { tx.expunge(office.trash, uids({2})); });
    CHECK(office.store->read()->fixedUidls(office.trash).empty());
}

TEST_CASE("no way of coming gives a message the UIDL that another of its maildrop has, or will have", "[store][uidl][rfc1939]")
{
    Office office;
    const auto ruled = [&](MailboxId mailbox, unsigned uid) {
        char text[17];
        std::snprintf(text, sizeof text, "%08x%08x", office.mailbox(mailbox).uid_validity, uid);
        return std::string(text);
    };
    const auto put = [&](MailboxId mailbox, const std::string& uidl) {
        const auto body = office.store->prepareBody("mail " + uidl);
        Uid uid;
        office.write([&](WriteTx& tx) { uid = tx.append(mailbox, {tx.addBody(*body, ""), {}, office.clock.now(), uidl}).uid; });
        return uid;
    };
    const auto differ = [&] { // all of INBOX
        std::set<std::string> all;
        const Snapshot now = office.store->view(office.inbox)->now();
        for (std::uint32_t i = 0; i < now.count(); ++i)
            all.insert(office.store->read()->uidl(office.inbox, now.uidAt(i)));
        CHECK(all.size() == now.count());
        for (const Finding& finding : office.store->check(false))
            FAIL_CHECK(finding.where << ": " << finding.what);
    };
    const auto move = [&](const std::vector<Uid>& uids) {
        office.write([&](WriteTx& tx) { tx.move(office.trash, uids, office.inbox); });
    };
    office.deliver("first");
    office.deliver("second");

    SECTION("one that is there")
    {
        move({put(office.trash, ruled(office.inbox, 1)), put(office.trash, ruled(office.inbox, 2))});
        differ();
        CHECK(office.store->read()->uidl(office.inbox, Uid{1}) == ruled(office.inbox, 1));
        CHECK(office.store->read()->uidl(office.inbox, Uid{4}) == ruled(office.inbox, 4));
    }
    SECTION("one that comes with it")
    {
        move({put(office.trash, ruled(office.inbox, 4)), put(office.trash, "other"), put(office.trash, ruled(office.inbox, 3))});
        differ();
    }
    SECTION("one that is to come, by delivery or by another way")
    {
        move({put(office.trash, ruled(office.inbox, 5))});
        put(office.inbox, ruled(office.inbox, 6));
        office.deliver("third");
        office.deliver("fourth");
        office.write([&](WriteTx& tx) { tx.copy(office.inbox, uids({1, 2}), office.inbox); });
        differ();
    }
    SECTION("that of one that is gone it may have: a message that comes back is known by it")
    {
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1})); });
        move({put(office.trash, ruled(office.inbox, 1))});
        CHECK(office.store->read()->uidl(office.inbox, Uid{3}) == ruled(office.inbox, 1));
        differ();
    }
    SECTION("that of one that has another it may have, also when both come at once")
    {
        const Uid one = put(office.trash, "of-its-own");
        move({one, put(office.trash, ruled(office.inbox, 3))});
        CHECK(office.store->read()->uidl(office.inbox, Uid{3}) == "of-its-own");
        CHECK(office.store->read()->uidl(office.inbox, Uid{4}) == ruled(office.inbox, 3));
        move({put(office.trash, ruled(office.inbox, 3))});
        CHECK(office.store->read()->uidl(office.inbox, Uid{5}) == ruled(office.inbox, 5));
        differ();
    }
}

TEST_CASE("quarantine: release brings back flags, date, UIDL and mailbox, and takes the notice away", "[store][quarantine]")
{
    Office office(100);
    const Uid uid = office.deliver("infected", {Flags::kFlagged, {}});
    QuarantineId id;
    const std::string uidl = office.store->read()->uidl(office.inbox, uid);
    const auto notice_body = office.store->prepareBody("notice");
    office.write([&](WriteTx& tx) {
        const Message m = office.store->view(office.inbox)->now().at(0);
        tx.expunge(office.inbox, {uid});
        const Uid notice = tx.append(office.inbox, {tx.addBody(*notice_body, ""), {}, {}, ""}).uid;
        NewQuarantine q;
        q.account = office.alice;
        q.body = m.body;
        q.signature = "Eicar";
        q.subject = "hello";
        q.flags.bits = m.bits;
        q.internal_date = m.internal_date;
        q.uidl = uidl;
        q.notice = notice;
        id = tx.addQuarantine(q);
    });
    CHECK(office.account().used == 6); // the notice alone
    const auto entry = office.store->read()->quarantined(id);
    REQUIRE(entry);
    CHECK(entry->address == "alice@example.org");
    CHECK(entry->size == 8);
    CHECK(entry->sha256 == base::sha256("infected"));
    CHECK(office.store->read()->quarantine({"", 10}).size() == 1);
    CHECK(office.store->read()->quarantine({std::to_string(id.value), 10}).empty());
    CHECK(office.store->read()->body(entry->body) == "infected");

    SECTION("an entry that is not there")
    {
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.releaseQuarantine(QuarantineId{99}); }) == Kind::noSuchEntry);
        CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.deleteQuarantine(QuarantineId{99}); }) == Kind::noSuchEntry);
    }
    SECTION("release, though the account is full by now")
    {
        office.deliver(std::string(94, 'f'));
        Appended back;
        office.write([&](WriteTx& tx) { back = tx.releaseQuarantine(id); });
        CHECK(office.store->read()->uidl(office.inbox, back.uid) == uidl);
        CHECK(office.bodyOf(back.uid) == "infected");
        const Snapshot now = office.store->view(office.inbox)->now();
        CHECK(now.at(now.find(back.uid).value()).bits == Flags::kFlagged);
        CHECK_FALSE(now.find(Uid{2})); // the notice
        CHECK(office.store->read()->totals().quarantined == 0);
        CHECK(office.store->check(false).empty());
    }
    SECTION("deleting it ends its body")
    {
        office.write([&](WriteTx& tx) { tx.deleteQuarantine(id); });
        CHECK(refusal([&] { office.store->read()->body(entry->body); }) == Kind::noSuchMessage);
        CHECK(office.mailbox(office.inbox).exists == 1);
    }
    SECTION("its mailbox is gone: INBOX takes it")
    {
        QuarantineId other;
        office.write([&](WriteTx& tx) {
            tx.createMailbox(office.alice, "gone");
            NewQuarantine q;
            q.account = office.alice;
            q.mailbox = "gone";
            q.body = entry->body;
            q.notice = Uid{1};
            other = tx.addQuarantine(q);
            tx.deleteMailbox(office.alice, "gone");
        });
        office.write([&](WriteTx& tx) { CHECK(tx.releaseQuarantine(other).uid == Uid{3}); });
        CHECK(office.mailbox(office.inbox).exists == 2); // nothing of INBOX was taken for the notice
    }
}
