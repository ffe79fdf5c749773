// What a session is shown of an INBOX that changes in the very moment of its login.
#include "server/pop3/maildrop.h"
#include "tests/support/catch.h"
#include "tests/support/faulty_store.h"
#include "tests/unit/store/store_fixture.h"

#include <set>

using namespace postfach;
using namespace postfach::store;

namespace {

void addUidls(std::multiset<std::string>& known, Store& store, const Account& account)
{
    const auto drop = pop3::Maildrop::open(store, account);
    for (std::uint32_t number = 1; number <= drop.count(); ++number)
        known.insert(drop.uidl(number));
}

} // namespace

TEST_CASE("what is released from quarantine in the moment of a login has no second UIDL", "[pop3][rfc1939-7][quarantine]")
{
    store::test::Office office;
    const std::atomic<bool> never = false;
    auto wrapped = std::make_unique<postfach::test::FaultyStore>(std::move(office.store), never);
    auto& store = *wrapped;
    office.store = std::move(wrapped);
    const Uid uid = office.deliver("harmful");
    std::multiset<std::string> original;
    addUidls(original, store, office.account());
    REQUIRE(original.size() == 1);
    const auto notice = store.prepareBody("a notice");
    const auto view = store.view(office.inbox)->now();
    const BodyId body = view.at(view.find(uid).value()).body;
    QuarantineId id;
    office.write([&](WriteTx& tx) {
        const auto place = tx.places({body}).at(0);
        id = tx.replaceByNotice(place, {"Test.Late", "eve", "subject", "rescan", tx.addBody(*notice, "")}).value();
    });

    std::multiset<std::string> known;
    store.before_view = [&] { office.write([&](WriteTx& tx) { tx.releaseQuarantine(id); }); };
    addUidls(known, store, office.account()); // the notice, the mail, or neither, but not under a name of its own
    addUidls(known, store, office.account());
    CHECK(known.count(*original.begin()) == known.size());
    CHECK(known.size() >= 1);
}
