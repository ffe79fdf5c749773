// What becomes of what is deleted, for accounts with policies of their own: in one store, by one clock.
#include "tests/unit/store/store_fixture.h"

#include <string>
#include <vector>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using namespace std::chrono_literals;

namespace {

struct TwoAccounts : Office {
    TwoAccounts()
    {
        write([&](WriteTx& tx) {
            bob = tx.createAccount({"bob@example.org", "Bob", {}, 0});
            carol = tx.createAccount({"carol@elsewhere.example", "Carol", {}, 0});
        });
    }
    void policy(AccountId account, const TrashPolicy& policy)
    {
        AccountPatch patch;
        patch.trash = policy;
        write([&](WriteTx& tx) { tx.changeAccount(account, patch); });
    }
    void policy(const std::string& domain, const TrashPolicy& policy)
    {
        DomainPatch patch;
        patch.trash = policy;
        write([&](WriteTx& tx) { tx.changeDomain(domain, patch); });
    }
    MailboxId box(AccountId account, const std::string& name) { return store->read()->findMailbox(account, name)->id; }
    // One mail into the same mailbox of everybody.
    void deliverToAll(const std::string& mailbox)
    {
        for (const AccountId account : {alice, bob, carol})
            deliver("mail " + std::to_string(++delivered), {}, box(account, mailbox));
    }
    // How many alice, bob and carol have in it.
    std::vector<std::uint32_t> counts(const std::string& name)
    {
        std::vector<std::uint32_t> all;
        for (const AccountId account : {alice, bob, carol})
            all.push_back(mailbox(box(account, name)).exists);
        return all;
    }
    std::vector<std::size_t> recoverable()
    {
        std::vector<std::size_t> all;
        for (const AccountId account : {alice, bob, carol})
            all.push_back(store->read()->recoverable(account, {}, {"", 100}).size());
        return all;
    }
    AccountId bob, carol;
    int delivered = 0;
};

void isSound(Office& office)
{
    for (const Finding& finding : office.store->check(false))
        FAIL_CHECK(finding.where << ": " << finding.what);
}

using Counts = std::vector<std::uint32_t>;
using Sizes = std::vector<std::size_t>;

} // namespace

TEST_CASE("each account's Trash and Junk empty themselves by its own days, its domain's, or the configured ones", "[store][removal][trash]")
{
    TwoAccounts office;
    office.deliverToAll("Trash");
    office.deliverToAll("Junk");
    office.policy("example.org", {.trash_days = 10, .junk_days = 2});
    office.policy(office.bob, {.trash_days = 0}); // never; Junk is the domain's
    CHECK(office.store->emptyTrash({}) == 0);
    office.clock.advance(2 * 24h + 1s);
    CHECK(office.store->emptyTrash({}) == 2);
    CHECK(office.counts("Junk") == Counts{0, 0, 1});
    CHECK(office.counts("Trash") == Counts{1, 1, 1});
    office.clock.advance(8 * 24h);
    CHECK(office.store->emptyTrash({}) == 1);
    CHECK(office.counts("Trash") == Counts{0, 1, 1});
    office.clock.advance(20 * 24h);
    CHECK(office.store->emptyTrash({}) == 2); // carol's, by the configuration
    CHECK(office.counts("Junk") == Counts{0, 0, 0});
    CHECK(office.counts("Trash") == Counts{0, 1, 0});
    office.clock.advance(1000 * 24h);
    CHECK(office.store->emptyTrash({}) == 0);
    office.policy(office.bob, {}); // what is inherited now is what the domain says now
    CHECK(office.store->emptyTrash({}) == 1);
    isSound(office);
}

TEST_CASE("how long what is gone can be restored is each account's own", "[store][removal][trash]")
{
    TwoAccounts office;
    office.policy("example.org", {.recovery_days = 3});
    office.policy(office.bob, {.recovery_days = 100});
    office.deliverToAll("Trash");
    office.clock.advance(31 * 24h);
    CHECK(office.store->emptyTrash({}) == 3);
    CHECK(office.recoverable() == Sizes{1, 1, 1});
    office.clock.advance(3 * 24h + 1s);
    CHECK(office.store->forgetRecoverable({}) == 1);
    CHECK(office.recoverable() == Sizes{0, 1, 1});
    office.clock.advance(4 * 24h);
    CHECK(office.store->forgetRecoverable({}) == 1);
    CHECK(office.recoverable() == Sizes{0, 1, 0});
    isSound(office);
}

TEST_CASE("where an account's or its domain's days of recovery are 0, what is gone is gone at once, and only there", "[store][removal][trash]")
{
    TwoAccounts office;
    const bool of_account = GENERATE(true, false);
    if (of_account)
        office.policy(office.alice, {.recovery_days = 0});
    else {
        office.policy("example.org", {.recovery_days = 0});
        office.policy(office.bob, {.recovery_days = 1});
    }
    office.write([&](WriteTx& tx) {
        for (const AccountId account : {office.alice, office.bob, office.carol})
            tx.createMailbox(account, "x");
    });
    office.deliverToAll("Trash");
    office.deliverToAll("x");
    office.write([&](WriteTx& tx) {
        for (const AccountId account : {office.alice, office.bob, office.carol}) {
            tx.remove(tx.findMailbox(account, "Trash")->id, {Uid{1}}, Removal::toTrash, "imap");
            tx.deleteMailbox(account, "x");
        }
    });
    CHECK(office.recoverable() == Sizes{0, 2, 2});
    CHECK(office.store->read()->totals().bodies == 4);
    // And the other way round: the configuration keeps nothing, an account does.
    office.store->configureTrash({true, 30, 30, 0});
    office.policy(office.alice, {.recovery_days = 5});
    office.deliverToAll("Trash");
    office.write([&](WriteTx& tx) {
        for (const AccountId account : {office.alice, office.carol})
            tx.remove(tx.findMailbox(account, "Trash")->id, {Uid{2}}, Removal::toTrash, "imap");
    });
    CHECK(office.recoverable() == Sizes{1, 2, 2});
    isSound(office);
}

TEST_CASE("EXPUNGE goes past Trash by the account's policy, else by its domain's", "[store][removal][trash]")
{
    TwoAccounts office;
    office.policy("example.org", {.expunge = false});
    office.policy(office.bob, {.expunge = true});
    office.deliverToAll("INBOX");
    office.write([&](WriteTx& tx) {
        for (const AccountId account : {office.alice, office.bob, office.carol})
            tx.remove(tx.findMailbox(account, "INBOX")->id, {Uid{1}}, Removal::toTrash, "imap");
    });
    CHECK(office.counts("Trash") == Counts{0, 1, 1});
    CHECK(office.recoverable() == Sizes{1, 0, 0});
    isSound(office);
}
