#include "tests/unit/store/store_fixture.h"

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using Kind = Error::Kind;

TEST_CASE("addresses that are none make no account, and a taken one is refused", "[store][accounts]")
{
    Office office;
    const auto create = [](const std::string& address) { return [address](WriteTx& tx) { tx.createAccount({address, "", {}, 0}); }; };
    for (const std::string& bad : {std::string(), std::string("alice"), std::string("@x"), std::string("a@"), std::string("a b@x"), std::string("a@b@c"),
                                   std::string("\"\"@x"), std::string("../../x@y"), std::string("a@x..y"), std::string("a@-x"), std::string("a\0@x", 4),
                                   std::string(".a@x"), std::string(200, 'a') + "@x", std::string("a@") + std::string(300, 'x'), std::string("a\xff@x")})
        CHECK(refusedWrite(office, create(bad)) == Kind::badName);
    CHECK(refusedWrite(office, create("ALICE@Example.ORG")) == Kind::alreadyExists);
    office.write([](WriteTx& tx) { tx.putAlias("sales@example.org", {"alice@example.org"}); });
    CHECK(refusedWrite(office, create("sales@example.org")) == Kind::alreadyExists);
    CHECK(refusedWrite(office, [](WriteTx& tx) { tx.putAlias("alice@example.org", {"x@y"}); }) == Kind::alreadyExists);
    CHECK(refusedWrite(office, [](WriteTx& tx) { tx.removeDomain("example.org"); }) == Kind::notEmpty);
    CHECK(refusedWrite(office, [](WriteTx& tx) { tx.createDomain("EXAMPLE.org"); }) == Kind::alreadyExists);
    CHECK(refusedWrite(office, [](WriteTx& tx) { tx.removeDomain("nowhere"); }) == Kind::noSuchEntry);
    office.write(create("root@localhost")); // a single label is a name like any other
    CHECK(office.store->read()->findDomain("localhost")->accounts == 1);
}

TEST_CASE("who gets mail for an address", "[store][accounts]")
{
    Office office;
    AccountId bob;
    office.write([&](WriteTx& tx) {
        bob = tx.createAccount({"bob@example.org", "", {}, 0});
        tx.putAlias("all@example.org", {"sales@example.org", "bob@example.org", "BOB@example.org"});
        tx.putAlias("sales@example.org", {"alice+sales@example.org", "gone@example.org"});
        tx.putAlias("circle@example.org", {"circle@example.org", "circle2@example.org"});
        tx.putAlias("circle2@example.org", {"circle@example.org", "alice@example.org"});
        for (int i = 0; i < 12; ++i)
            tx.putAlias("deep" + std::to_string(i) + "@example.org", {"deep" + std::to_string(i + 1) + "@example.org"});
        tx.putAlias("deep12@example.org", {"alice@example.org"});
    });
    using Ids = std::vector<AccountId>;
    const auto resolve = [&](const std::string& address) { return office.store->read()->resolve(address); };
    CHECK(resolve("nobody@example.org").empty());
    CHECK(resolve("").empty());
    CHECK(resolve("@").empty());
    CHECK(resolve("+x@example.org").empty());
    CHECK(resolve("Alice@EXAMPLE.org") == Ids{office.alice});
    CHECK(resolve("alice+anything+more@example.org") == Ids{office.alice});
    CHECK(resolve("all@example.org") == Ids{bob, office.alice});
    CHECK(resolve("all+x@example.org") == Ids{bob, office.alice});
    CHECK(resolve("circle@example.org") == Ids{office.alice});
    CHECK(resolve("deep0@example.org").empty()); // past depth 10
    CHECK(resolve("deep4@example.org") == Ids{office.alice});
}

TEST_CASE("an alias for a whole domain takes what the domain has no name for", "[store][accounts]")
{
    Office office;
    const auto put = [](const std::string& alias) { return [alias](WriteTx& tx) { tx.putAlias(alias, {"alice@example.org"}); }; };
    for (const std::string bad : {"@", "@-x", "@a@b.example", "@a..b"})
        CHECK(refusedWrite(office, put(bad)) == Kind::badName);
    AccountId bob;
    office.write([&](WriteTx& tx) {
        bob = tx.createAccount({"bob@example.org", "", {}, 0});
        tx.putAlias("@Example.org", {"alice@example.org"});
        tx.putAlias("@circle.example", {"nobody@circle.example"});
        tx.putAlias("sales@example.org", {"bob@example.org"});
    });
    using Ids = std::vector<AccountId>;
    const auto resolve = [&](const std::string& address) { return office.store->read()->resolve(address); };
    CHECK(resolve("anything@EXAMPLE.org") == Ids{office.alice});
    CHECK(resolve("any+thing@example.org") == Ids{office.alice});
    CHECK(resolve("bob@example.org") == Ids{bob});            // a name goes first
    CHECK(resolve("bob+x@example.org") == Ids{bob});
    CHECK(resolve("sales@example.org") == Ids{bob});
    CHECK(resolve("x@sub.example.org").empty());
    CHECK(resolve("x@other.example").empty());
    CHECK(resolve("@example.org").empty());                   // no address
    CHECK(resolve("x@circle.example").empty());               // leads to itself, and ends
    CHECK(office.store->read()->findAlias("@EXAMPLE.ORG")->targets == std::vector<std::string>{"alice@example.org"});
    CHECK(office.store->check(false).empty());
    office.write([](WriteTx& tx) { tx.removeAlias("@example.org"); });
    CHECK(resolve("anything@example.org").empty());
}

TEST_CASE("an account's changes make a new version, a login does not, removing it leaves nothing", "[store][accounts]")
{
    Office office;
    const Uid uid = office.deliver("mail");
    const auto view = office.store->view(office.inbox);
    (void)uid;
    const std::uint64_t version = office.account().version;
    office.write([&](WriteTx& tx) { tx.recordLogin(office.alice, office.clock.now()); });
    CHECK(office.account().version == version);
    CHECK(office.account().last_login == office.clock.now());
    office.write([&](WriteTx& tx) {
        AccountPatch patch;
        patch.name = "Alice A.";
        patch.enabled = false;
        patch.quota = 5;
        patch.services = {"imap"};
        patch.credentials = Credentials{"argon", std::string("s\0t", 3), "k", "v", 4096};
        tx.changeAccount(office.alice, patch);
    });
    const Account a = office.account();
    CHECK(a.version == version + 1);
    CHECK(a.name == "Alice A.");
    CHECK_FALSE(a.enabled);
    CHECK(a.quota == 5);
    CHECK(a.services == std::vector<std::string>{"imap"});
    CHECK(office.store->read()->credentials(office.alice)->scram_salt == std::string("s\0t", 3));
    CHECK(office.store->read()->accounts({"", 10}).size() == 1);
    CHECK(office.store->read()->accounts({"alice@example.org", 10}).empty());

    office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
    CHECK(view->isGone());
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.removeAccount(office.alice); }) == Kind::noSuchAccount);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.recordLogin(office.alice, {}); }) == Kind::noSuchAccount);
    const auto totals = office.store->read()->totals();
    CHECK(totals.accounts == 0);
    CHECK(totals.mailboxes == 0);
    CHECK(totals.messages == 0);
    CHECK(totals.bodies == 0);
    office.write([](WriteTx& tx) { tx.removeDomain("example.org"); });
    CHECK(office.store->check(false).empty());
}

TEST_CASE("tokens and settings", "[store][accounts]")
{
    Office office;
    const Token token{"ci", "abc", {"accounts:read", "scan"}, office.clock.now(), office.clock.now(), {}};
    office.write([&](WriteTx& tx) { tx.putToken(token); });
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.putToken(token); }) == Kind::alreadyExists);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.removeToken("other"); }) == Kind::noSuchEntry);
    office.write([&](WriteTx& tx) { tx.touchToken("abc", office.clock.now()); });
    const auto found = office.store->read()->findToken("abc");
    REQUIRE(found);
    CHECK(found->scopes == token.scopes);
    CHECK(found->expires == office.clock.now());
    CHECK(found->last_used == office.clock.now());
    CHECK_FALSE(office.store->read()->findToken("abd"));
    CHECK(office.store->read()->setting("x").empty());
    office.write([](WriteTx& tx) { tx.putSetting("x", "1"); tx.putSetting("x", "2"); });
    CHECK(office.store->read()->setting("x") == "2");
}

TEST_CASE("a browser's session ends with the password that opened it, and with the account", "[store][accounts]")
{
    Office office;
    const auto now = office.clock.now();
    const auto add = [&](const std::string& id, AccountId account) {
        office.write([&](WriteTx& tx) { tx.addWebSession({id, account, "hash of " + id, now, now, "192.0.2.1", "Browser"}); });
    };
    const auto there = [&] { return office.store->read()->webSessions(office.alice).size(); };
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.addWebSession({"1", AccountId{99}, "h", now, now, "", ""}); }) == Error::Kind::noSuchAccount);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.addWebSession({"", office.alice, "h", now, now, "", ""}); }) == Error::Kind::badName);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.removeWebSession(office.alice, "1"); }) == Error::Kind::noSuchEntry);

    AccountId bob;
    office.write([&](WriteTx& tx) { bob = tx.createAccount({"bob@example.org", "Bob", {}, 0}); });
    add("1", office.alice), add("2", office.alice), add("3", bob);
    const auto found = office.store->read()->findWebSession("hash of 1");
    REQUIRE(found);
    CHECK(found->client == "Browser");
    CHECK_FALSE(office.store->read()->findWebSession("hash of nothing"));
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.removeWebSession(bob, "1"); }) == Error::Kind::noSuchEntry); // another's
    office.write([&](WriteTx& tx) { tx.touchWebSession("hash of 1", now + std::chrono::hours(1)); });
    office.write([&](WriteTx& tx) { tx.forgetWebSessions({}, now + std::chrono::minutes(1)); });
    CHECK(there() == 1);
    const auto change = [&](const auto& how) {
        AccountPatch patch;
        how(patch);
        office.write([&](WriteTx& tx) { tx.changeAccount(office.alice, patch); });
    };
    change([](AccountPatch& patch) { patch.name = "Alice B."; });
    change([](AccountPatch& patch) { patch.enabled = true; });
    CHECK(there() == 1);
    change([](AccountPatch& patch) { patch.credentials = Credentials{}; });
    CHECK(there() == 0);
    add("4", office.alice);
    change([](AccountPatch& patch) { patch.enabled = false; });
    CHECK(there() == 0);
    for (int i = 0; i < 30; ++i)
        add("many" + std::to_string(100 + i), office.alice);
    CHECK(there() == 20);
    office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
    CHECK(there() == 0);
    CHECK(office.store->check(false).empty());
}

TEST_CASE("a second factor counts when it is confirmed, and each of its codes once", "[store][accounts][totp]")
{
    Office office;
    const auto now = office.clock.now();
    const auto account = [&] { return office.store->read()->account(office.alice).value(); };
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.beginTotp(AccountId{99}, "secret"); }) == Error::Kind::noSuchAccount);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.confirmTotp(office.alice, 1, {}); }) == Error::Kind::noSuchEntry);
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.removeTotp(office.alice); }) == Error::Kind::noSuchEntry);
    office.write([&](WriteTx& tx) {
        tx.addWebSession({"1", office.alice, "h", now, now, "", ""});
        tx.beginTotp(office.alice, "first");
        tx.beginTotp(office.alice, std::string("sec\0nd", 6));
    });
    CHECK_FALSE(account().totp);
    CHECK(office.store->read()->webSessions(office.alice).size() == 1);
    const auto version = account().version, logins = office.store->accountsVersion();
    office.write([&](WriteTx& tx) { tx.confirmTotp(office.alice, 7, {"one", "two"}); });
    CHECK(account().totp);
    CHECK(account().version > version);
    CHECK(office.store->accountsVersion() > logins);
    CHECK(office.store->read()->webSessions(office.alice).empty());
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.beginTotp(office.alice, "third"); }) == Error::Kind::alreadyExists);
    office.close();
    office.open();
    const auto kept = office.store->read()->totp(office.alice).value();
    CHECK(kept.secret == std::string("sec\0nd", 6));
    CHECK(kept.last_step == 7);
    CHECK(kept.recovery_codes == 2);
    office.write([&](WriteTx& tx) {
        CHECK_FALSE(tx.useTotpStep(office.alice, 7));
        CHECK_FALSE(tx.useTotpStep(office.alice, 6));
        CHECK(tx.useTotpStep(office.alice, 9));
        CHECK_FALSE(tx.useTotpStep(office.alice, 8));
        CHECK(tx.useRecoveryCode(office.alice, "one"));
        CHECK_FALSE(tx.useRecoveryCode(office.alice, "one"));
        CHECK_FALSE(tx.useRecoveryCode(AccountId{99}, "two"));
    });
    AccountPatch scopes;
    scopes.scopes = std::vector<std::string>{"read", "scan"};
    office.write([&](WriteTx& tx) {
        tx.changeAccount(office.alice, scopes);
        tx.addWebSession({"2", office.alice, "h2", now, now, "", ""});
        tx.changeAccount(office.alice, scopes); // the same
    });
    CHECK(account().scopes == *scopes.scopes);
    CHECK(office.store->read()->webSessions(office.alice).size() == 1);
    scopes.scopes->clear();
    office.write([&](WriteTx& tx) { tx.changeAccount(office.alice, scopes); });
    CHECK(office.store->read()->webSessions(office.alice).empty());
    CHECK(office.store->check(false).empty());
    office.write([&](WriteTx& tx) { tx.removeTotp(office.alice); });
    CHECK_FALSE(account().totp);
    office.write([&](WriteTx& tx) { tx.removeAccount(office.alice); });
    CHECK(office.store->check(false).empty());
}
