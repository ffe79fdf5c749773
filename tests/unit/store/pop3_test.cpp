// POP3 policies: what is inherited, what is due and when, what is hidden.
#include "tests/unit/store/store_fixture.h"

using namespace postfach::store;
using namespace postfach::store::test;
using namespace std::chrono_literals;

namespace {

Pop3Policy days(std::uint32_t number)
{
    Pop3Policy policy;
    policy.retention = number;
    return policy;
}

void setAccount(Office& office, const Pop3Policy& policy)
{
    AccountPatch patch;
    patch.pop3 = policy;
    office.write([&](WriteTx& tx) { tx.changeAccount(office.alice, patch); });
}

void setDomain(Office& office, const Pop3Policy& policy)
{
    office.write([&](WriteTx& tx) { tx.changeDomain("Example.org", {policy, {}}); });
}

std::vector<Uid> due(Office& office)
{
    const auto all = office.store->read()->pop3Due(office.clock.now(), 100);
    return all.empty() ? std::vector<Uid>{} : all.front().uids;
}

} // namespace

TEST_CASE("what an account leaves open is its domain's, and then the default", "[store][pop3]")
{
    Office office;
    CHECK(refusedWrite(office, [](WriteTx& tx) { tx.changeDomain("nowhere.test", {}); }) == Error::Kind::noSuchEntry);
    CHECK(office.account().pop3 == Pop3Policy{});
    CHECK(office.account().pop3_in_force == Pop3Policy::defaults());
    CHECK(office.store->read()->leastPop3Retention() == Pop3Policy::kForEver);

    Pop3Policy domain = days(14);
    domain.hide = true;
    setDomain(office, domain);
    CHECK(office.store->read()->findDomain("example.org")->pop3 == domain);
    CHECK(office.account().pop3 == Pop3Policy{});
    CHECK(office.account().pop3_in_force.retention == 14U);
    CHECK(office.account().pop3_in_force.hide == true);
    CHECK(office.account().pop3_in_force.seen == true);
    CHECK(office.store->read()->leastPop3Retention() == 14U);

    Pop3Policy own = days(Pop3Policy::kForEver);
    own.seen = false;
    setAccount(office, own);
    CHECK(office.account().pop3 == own);
    CHECK(office.account().pop3_in_force.retention == Pop3Policy::kForEver);
    CHECK(office.account().pop3_in_force.hide == true);
    CHECK(office.account().pop3_in_force.seen == false);

    setAccount(office, days(Pop3Policy::kAtOnce));
    CHECK(office.account().pop3_in_force.retention == Pop3Policy::kAtOnce);
    CHECK(office.store->read()->leastPop3Retention() == Pop3Policy::kAtOnce);
    office.close();
    office.open(); // it is on the disk
    CHECK(office.account().pop3 == days(Pop3Policy::kAtOnce));
    setAccount(office, {});
    CHECK(office.account().pop3_in_force.retention == 14U);
}

TEST_CASE("days count from the first download, and only where a policy says so", "[store][pop3]")
{
    Office office;
    for (int i = 0; i < 3; ++i)
        office.deliver("mail " + std::to_string(i));
    const auto download = [&](std::initializer_list<std::uint32_t> which) {
        office.write([&](WriteTx& tx) { tx.recordPop3Download(office.inbox, uids(which)); });
    };
    download({1, 77}); // 77 was never there
    office.clock.advance(24h);
    download({1, 2});
    office.clock.advance(24h * 12);
    CHECK(due(office).empty()); // nobody said how long
    setAccount(office, days(14));
    CHECK(due(office).empty());
    office.clock.advance(24h - 1ms);
    CHECK(due(office).empty());
    office.clock.advance(1ms);
    CHECK(due(office) == uids({1})); // the second download did not begin the days anew
    office.clock.advance(24h);
    CHECK(due(office) == uids({1, 2}));
    CHECK(office.store->read()->pop3Due(office.clock.now(), 1).front().uids.size() == 1);
    CHECK(office.store->read()->pop3Due(office.clock.now(), 9, AccountId{4711}).empty());
    setAccount(office, days(30));
    CHECK(due(office).empty());
    setAccount(office, {});
    setDomain(office, days(1)); // the domain's is as good
    CHECK(due(office) == uids({1, 2}));

    office.write([&](WriteTx& tx) { tx.expunge(office.inbox, uids({1})); });
    CHECK(due(office) == uids({2}));
    office.write([&](WriteTx& tx) { tx.hideFromPop3(office.inbox, uids({2})); });
    CHECK(due(office).empty()); // it has left the maildrop
    CHECK(office.store->check(false).empty());
}

TEST_CASE("what is hidden stays hidden, and nothing of it stays when the message goes", "[store][pop3]")
{
    Office office;
    for (int i = 0; i < 4; ++i)
        office.deliver("mail " + std::to_string(i));
    const auto hidden = [&] { return office.store->read()->hiddenFromPop3(office.inbox); };
    office.write([&](WriteTx& tx) {
        tx.recordPop3Download(office.inbox, uids({2}));
        tx.hideFromPop3(office.inbox, uids({3, 2, 99}));
        tx.recordPop3Download(office.inbox, uids({3}));
    });
    CHECK(hidden() == uids({2, 3}));
    office.close();
    office.open();
    CHECK(hidden() == uids({2, 3}));
    office.write([&](WriteTx& tx) { tx.move(office.inbox, uids({3}), office.inbox); }); // the same message under a new UID
    CHECK(hidden() == uids({2, 5}));
    office.write([&](WriteTx& tx) { tx.move(office.inbox, uids({5}), office.trash); });
    CHECK(hidden() == uids({2}));
    office.write([&](WriteTx& tx) { tx.renameMailbox(office.alice, "INBOX", "Old"); });
    CHECK(hidden().empty());
    CHECK(office.store->check(false).empty());
}
