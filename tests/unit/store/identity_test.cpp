// What IMAP tells of objects (RFC 8474) and save dates (RFC 8514), as the store keeps it: MAILBOXID is Mailbox::object_id, EMAILID
// comes from the hash of the content.
#include "server/base/text.h"
#include "server/store/backup.h"
#include "tests/unit/store/store_fixture.h"

#include <map>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using namespace std::chrono_literals;

namespace {

std::string contentOf(Office& office, MailboxId mailbox, Uid uid)
{
    const Snapshot now = office.store->view(mailbox)->now();
    return base::hex(office.store->read()->bodyHash(now.at(now.find(uid).value()).body));
}

Time savedOf(Office& office, MailboxId mailbox, Uid uid)
{
    const auto dates = office.store->read()->saveDates(mailbox, uid, uid);
    REQUIRE(dates.size() == 1);
    return dates[0].second;
}

// Of every mailbox its object id, of every message its content, dates and UIDL.
std::map<std::string, std::string> identities(Store& store, AccountId account)
{
    std::map<std::string, std::string> all;
    const auto tx = store.read();
    for (const Mailbox& mailbox : tx->mailboxes(account)) {
        all[mailbox.name] =
            mailbox.object_id + " " + std::to_string(mailbox.id.value) + " " + std::to_string(mailbox.uid_validity);
        const auto view = store.view(mailbox.id);
        for (const auto& [uid, saved] : tx->saveDates(mailbox.id, Uid{1}, Uid{0xFFFFFFFE})) {
            const Message message = view->now().at(view->now().find(uid).value());
            all[mailbox.name + " " + std::to_string(uid.value)] = base::hex(tx->bodyHash(message.body)) + " "
                + std::to_string(base::toMillis(saved)) + " " + std::to_string(base::toMillis(message.internal_date)) + " "
                + tx->uidl(mailbox.id, uid);
        }
    }
    return all;
}

// Small and large ones, some of the same content, saved, copied and moved at different times.
void fill(Office& office)
{
    for (std::uint64_t i = 0; i < 6; ++i) {
        office.deliver(noise(i % 2 == 0 ? 900 : 150'000, i / 4 + 1));
        office.clock.advance(1h);
    }
    office.write([&](WriteTx& tx) { tx.copy(office.inbox, uids({1, 2, 3}), office.trash); });
    office.clock.advance(1h);
    office.write([&](WriteTx& tx) {
        tx.move(office.inbox, uids({2, 4}), tx.createMailbox(office.alice, "Work/Old"));
        tx.append(office.inbox,
            {tx.addBody(*office.store->prepareBody("kept"), "summary"), {}, office.clock.now() - 24h, "a-uidl-of-its-own"});
    });
    office.clock.advance(1h);
}

} // namespace

TEST_CASE("what comes into a mailbox is saved then, by whatever way, and its date and content stay",
    "[store][savedate][objectid][rfc8514][rfc8474]")
{
    Office office;
    const Time delivered = office.clock.now();
    office.deliver(noise(900));
    office.deliver(noise(900)); // the same content, as another message
    office.deliver(noise(901));
    const std::string content = contentOf(office, office.inbox, Uid{1});
    CHECK(contentOf(office, office.inbox, Uid{2}) == content);
    CHECK(contentOf(office, office.inbox, Uid{3}) != content);
    office.clock.advance(48h);
    const Time later = office.clock.now();
    Uid copy, moved, again;
    office.write([&](WriteTx& tx) {
        copy = tx.copy(office.inbox, uids({1}), office.trash).uids.at(0).second;
        moved = tx.move(office.inbox, uids({2}), office.trash).uids.at(0).second;
        again = tx.copy(office.inbox, uids({1}), office.inbox).uids.at(0).second;
        tx.changeFlags(office.inbox, uids({1, 3}), FlagChange::add, {Flags::kSeen, {}});
    });
    const auto check = [&] {
        CHECK(savedOf(office, office.inbox, Uid{1}) == delivered);
        CHECK(savedOf(office, office.inbox, again) == later);
        for (const auto& [mailbox, uid] : {std::pair{office.trash, copy}, {office.trash, moved}, {office.inbox, again}}) {
            CHECK(savedOf(office, mailbox, uid) == later);
            CHECK(contentOf(office, mailbox, uid) == content);
            const Snapshot now = office.store->view(mailbox)->now();
            CHECK(now.at(now.find(uid).value()).internal_date == delivered);
        }
    };
    check();
    office.close();
    office.clock.advance(48h);
    office.open();
    check();
    // The content may go and come again: it is the same one.
    office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1, 3, again.value})); });
    office.write([&](WriteTx& tx) { tx.expunge(office.trash, {copy, moved}); });
    CHECK(office.store->read()->totals().bodies == 0);
    CHECK(contentOf(office, office.inbox, office.deliver(noise(900))) == content);
}

TEST_CASE("a mailbox keeps its id and its messages their save dates when it is renamed, and one made anew has another id",
    "[store][savedate][objectid][rename][rfc8474]")
{
    Office office;
    fill(office);
    const Mailbox before = *office.store->read()->findMailbox(office.alice, "Work/Old");
    const Time saved = savedOf(office, before.id, Uid{1});
    office.write([&](WriteTx& tx) { tx.renameMailbox(office.alice, "Work", "Home"); });
    const Mailbox after = *office.store->read()->findMailbox(office.alice, "Home/Old");
    CHECK(after.object_id == before.object_id);
    CHECK(savedOf(office, after.id, Uid{1}) == saved);
    office.write([&](WriteTx& tx) {
        tx.deleteMailbox(office.alice, "Home/Old");
        tx.createMailbox(office.alice, "Home/Old");
    });
    CHECK(office.store->read()->findMailbox(office.alice, "Home/Old")->object_id != before.object_id);
    // INBOX stays and is emptied: what was in it has come into the new one now.
    const std::string inbox = office.mailbox(office.inbox).object_id;
    office.write([&](WriteTx& tx) { tx.renameMailbox(office.alice, "INBOX", "Work"); });
    const Mailbox work = *office.store->read()->findMailbox(office.alice, "Work");
    CHECK(office.mailbox(office.inbox).object_id == inbox);
    CHECK(work.object_id != inbox);
    CHECK(savedOf(office, work.id, Uid{1}) == office.clock.now());
}

TEST_CASE("ids, contents, save dates and UIDLs are the same after a restart and in a restored server",
    "[store][savedate][objectid][backup]")
{
    Office office;
    fill(office);
    const auto before = identities(*office.store, office.alice);
    REQUIRE(before.size() == 8 + 3 + 2 + 5);
    office.close();
    office.clock.advance(24h);
    office.open();
    CHECK(identities(*office.store, office.alice) == before);

    BackupOptions options;
    options.folder = office.folder.path + "/backup";
    options.now = office.clock.now();
    createBackup(*office.store, options);
    const std::string restored = office.folder.path + "/restored";
    CHECK(restoreStore(options.folder, restored).empty());
    office.clock.advance(24h);
    const auto store = openSqliteStore({restored, '/', true}, office.clock);
    CHECK(identities(*store, office.alice) == before);
    CHECK(store->check(false).empty());
}
