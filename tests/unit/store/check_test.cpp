// Every invariant of FORMAT.md, broken by hand: check() names it, and repairs what is derived; nothing else is touched.
#include "tests/unit/store/store_fixture.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <set>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;

namespace {

// Something of everything: three mails (one deleted), a message with a UIDL of its own, one that POP3 had, one in quarantine, one
// recoverable, keywords, a mailbox below another.
class FullOffice : public Office {
public:
    FullOffice()
    {
        Flags with;
        write([&](WriteTx& tx) {
            for (unsigned i = 0; i < 61; ++i)
                tx.keyword(alice, "word" + std::to_string(i));
            tx.createMailbox(alice, "Projects/2026", "");
            tx.putAlias("office@example.org", {"alice@example.org"});
            tx.putSetting("auth.secret", "x");
            tx.setAnnotation(alice, {}, "/private/comment", "hers");
            tx.setAnnotation(alice, inbox, "/private/comment", "of the INBOX");
            AppPassword phone;
            phone.label = "phone";
            phone.hash = std::string(32, 'h');
            tx.putAppPassword(alice, phone);
        });
        with.addKeyword(59);
        with.addKeyword(60);
        with.addKeyword(3);
        deliver("one", with);
        deliver("two");
        deliver("three");
        deliver("four");
        const auto prepared = store->prepareBody("five");
        write([&](WriteTx& tx) {
            tx.append(inbox, {tx.addBody(*prepared, ""), {}, clock.now(), "uidl-of-old"});
            tx.recordPop3Download(inbox, uids({2}));
            tx.remove(inbox, uids({3}), Removal::recoverable, "test");
            NewQuarantine entry;
            entry.account = alice;
            entry.body = tx.addBody(*prepared, "");
            tx.addQuarantine(entry);
        });
    }
    void breakBy(const char* statement) // while it is closed
    {
        close();
        sql(data, statement);
        open();
    }
    std::set<std::string> check(bool repair)
    {
        std::set<std::string> found;
        for (const Finding& finding : store->check(repair))
            found.insert((finding.repairable ? "repairable: " : finding.harmless ? "harmless: " : "lost: ") + finding.what);
        return found;
    }
    std::string mail() // all that may never change
    {
        std::string all;
        const auto tx = store->read();
        for (const Uid uid : uids({1, 2, 4, 5}))
            all += bodyOf(uid) + " " + tx->uidl(inbox, uid) + "\n";
        for (const Recoverable& entry : tx->recoverable(alice, {}, {"", 10}))
            all += "recoverable " + tx->body(entry.body) + "\n";
        return all + std::to_string(tx->quarantine({"", 10}).size()) + " in quarantine";
    }
};

struct Breakage {
    const char* sql;
    const char* what;
};

} // namespace

TEST_CASE("a store with something of everything is sound", "[store][check]")
{
    FullOffice office;
    CHECK(office.check(false).empty());
    CHECK(office.check(true).empty());
}

TEST_CASE("what is derived is found wrong by name, and repaired without touching mail", "[store][check]")
{
    const auto breakage = GENERATE(values<Breakage>({
        {"INSERT INTO expunged VALUES (99, 1, 1, 1)", "a history of expunged messages belongs to no mailbox"},
        {"INSERT INTO fixed_uidl VALUES (1, 77, 'x')", "a UIDL belongs to no message"},
        {"INSERT INTO fixed_uidl VALUES (99, 1, 'x')", "a UIDL belongs to no message"},
        {"INSERT INTO login VALUES (77, 1, 'imap', '192.0.2.1', 'password', 1, 0, '', 1, 1, 1)", "a login belongs to no account"},
        {"INSERT INTO login VALUES (1, 1, 'imap', '192.0.2.1', 'password', 1, 4, '', 1, 1, 1)", "a login came out in no way"},
        {"INSERT INTO pop3_message VALUES (1, 77, NULL, 1)", "what POP3 knows of a message that is gone"},
        {"INSERT INTO subscription VALUES (99, 'INBOX')", "a subscription belongs to no account"},
        {"INSERT INTO keyword VALUES (99, 0, 'x')", "a keyword belongs to no account"},
        {"INSERT INTO annotation VALUES (99, 0, '/private/a', x'')", "an annotation belongs to no mailbox or account"},
        {"INSERT INTO annotation VALUES (1, 99, '/private/a', x'')", "an annotation belongs to no mailbox or account"},
        {"INSERT INTO app_password SELECT 99, label, hash, scram_salt, scram_stored_key, scram_server_key, scram_iterations, "
         "scopes, created,"
         " expires, last_used FROM app_password",
            "an app password belongs to no account"},
        {"INSERT INTO webhook_attempt VALUES (1, 'gone', 0, 1, 'x', 1, 0, '', 0)", "the delivery log of a webhook that is gone"},
        {"INSERT INTO totp VALUES (99, x'00', 0, 0)", "a second factor belongs to no account"},
        {"INSERT INTO recovery_code VALUES (1, x'00')", "a recovery code belongs to no second factor"},
        {"INSERT INTO web_session VALUES ('1', 99, 'h', 0, 0, '', '')", "a browser's session belongs to no account"},
        {"INSERT INTO usage (account_id, quota, used, messages) VALUES (99, 0, 0, 0)", "a use belongs to no account"},
        {"DELETE FROM usage", "an account has no row of its use"},
        {"INSERT INTO replaced VALUES (99, 1, NULL, 0)", "what a message was that is in quarantine belongs to no entry"},
        {"INSERT INTO outbreak VALUES ('X', '', 1, 1, 1, 1); INSERT INTO waiting VALUES (99, 'X')", "a content that is gone waits for an answer"},
        {"INSERT INTO waiting VALUES (1, 'X')", "a content waits for an answer that nobody asks"},
        {"INSERT INTO outbreak VALUES ('X', '', 9, 1, 1, 1)", "what was found in delivered mail is neither counted nor asked nor answered"},
        {"INSERT INTO reader VALUES (7, 99, 0, '', '', 1)", "a reader belongs to no account"},
        {"INSERT INTO fetched VALUES (1, 99, 1, 1, 1, 1)", "what was fetched has no reader"},
        {"INSERT INTO inner_hash VALUES (99, x'')", "hashes of the inside belong to no body"},
        {"INSERT INTO content VALUES (99, x'', x'')", "content belongs to no body"},
        {"UPDATE account SET domain = 'example.com'", "an account's domain is not that of its address"},
        {"UPDATE alias SET domain = 'example.com'", "an alias's domain is not that of its address"},
        {"DELETE FROM domain", "a domain with addresses is not there"},
        {"UPDATE mailbox SET special_use = '\\Sent,\\Trash' WHERE name = 'Projects'", "a special use is none"},
        {"UPDATE mailbox SET special_use = '\\Trash' WHERE name = 'Projects'", "a mailbox has the special use of another"},
        {"UPDATE mailbox SET object_id = (SELECT object_id FROM mailbox WHERE id = 1) WHERE id = 2",
            "a mailbox has the object id of another"},
        {"UPDATE tally SET value = 1 WHERE name = 'uid_validity'", "a UIDVALIDITY would be given again"},
        {"DELETE FROM tally WHERE name = 'uid_validity'", "a UIDVALIDITY would be given again"},
        {"UPDATE sqlite_sequence SET seq = 1 WHERE name = 'mailbox'", "an id would be given again"},
        {"UPDATE recoverable SET mailbox_id = 50", "an id would be given again"},
        {"DELETE FROM sqlite_sequence WHERE name = 'body'", "nobody knows which ids were given"},
        {"UPDATE mailbox SET uid_next = 5 WHERE id = 1", "a mailbox would give a UID or MODSEQ that is in use"},
        {"UPDATE mailbox SET highest_modseq = 5 WHERE id = 1", "a mailbox would give a UID or MODSEQ that is in use"},
        {"INSERT INTO expunged VALUES (1, 5, 80, 90)", "a mailbox would give a UID or MODSEQ that is in use"},
        {"INSERT INTO expunged VALUES (1, 70, 3, 3)", "a mailbox would give a UID or MODSEQ that is in use"},
        {"UPDATE recoverable SET uid = 44", "a mailbox would give a UID or MODSEQ that is in use"},
        {"UPDATE mailbox SET recent_from = 50 WHERE id = 2", "what is recent begins where no UID can be"},
        {"INSERT INTO expunged VALUES (1, 5, 3, 2)", "a history of expunged messages names none"},
        {"UPDATE recoverable SET size = 77", "a recoverable message has another size than its body"},
        {"UPDATE recoverable SET flags = flags | 8", "a recoverable message is marked as deleted"},
        {"UPDATE pop3_message SET hidden = 3", "POP3 hides a message neither way"},
        {"UPDATE mailbox SET messages = 9 WHERE id = 1", "the counters of a mailbox differ from its messages"},
        {"UPDATE mailbox SET unseen = 0 WHERE id = 1", "the counters of a mailbox differ from its messages"},
        {"UPDATE mailbox SET deleted = 1 WHERE id = 2", "the counters of a mailbox differ from its messages"},
        {"UPDATE mailbox SET size = 1 WHERE id = 1", "the counters of a mailbox differ from its messages"},
        {"UPDATE usage SET used = 1", "the use of an account differs from its mailboxes"},
        {"UPDATE usage SET messages = 1", "the use of an account differs from its mailboxes"},
        {"UPDATE usage SET recoverable = 1", "what an account has recoverable differs from its entries"},
        {"UPDATE tally SET value = 1 WHERE name = 'bodies'", "the number of bodies differs from its tally"},
        {"DELETE FROM tally WHERE name = 'bodies'", "the number of bodies differs from its tally"},
        {"UPDATE body SET refs = 7 WHERE id = 2", "the references to a body are miscounted"},
        {"INSERT INTO body (hash, size, refs, encoding) VALUES (zeroblob(32), 0, 1, 0); INSERT INTO content VALUES "
         "(last_insert_rowid(), x'', x'')",
            "the references to a body are miscounted"},
        {"DELETE FROM mailbox WHERE name = 'Projects'", "a mailbox has no parent"},
        {"UPDATE mailbox SET name = 'A/B/C' WHERE name = 'Projects/2026'", "a mailbox has no parent"},
    }));
    CAPTURE(breakage.sql);
    FullOffice office;
    const std::string mail = office.mail();
    office.breakBy(breakage.sql);
    const std::string expected = std::string("repairable: ") + breakage.what;
    CHECK(office.check(false).count(expected) == 1);
    CHECK(office.check(true).count(expected) == 1); // looking alone has repaired nothing
    CHECK(office.check(false) == std::set<std::string>());
    CHECK(office.store->problem() == "");
    CHECK(office.mail() == mail);
    CHECK(office.deliver("six").value >= 6);
    CHECK(office.check(false) == std::set<std::string>());
}

TEST_CASE("an account that has lost its INBOX has an empty one after a repair, and takes mail", "[store][check]")
{
    FullOffice office;
    office.close();
    sql(office.data, "UPDATE mailbox SET name = 'Found' WHERE name = 'INBOX'");
    office.open();
    CHECK(office.check(true) == std::set<std::string>{"repairable: an account has no INBOX"});
    CHECK(office.check(false) == std::set<std::string>());
    const auto inbox = office.store->read()->findMailbox(office.alice, "inbox");
    REQUIRE(inbox);
    CHECK(inbox->exists == 0);
    CHECK(office.bodyOf(Uid{1}) == "one"); // where it was, under its other name
    CHECK(office.deliver("new", {}, inbox->id) == Uid{1});
    CHECK(refusedWrite(office, [&](WriteTx& tx) { tx.deleteMailbox(office.alice, "INBOX"); }) == Error::Kind::reserved);
}

TEST_CASE("what is lost is found by name, is left as it is, and raises the alarm", "[store][check]")
{
    const auto breakage = GENERATE(values<Breakage>({
        {"UPDATE mailbox SET account_id = 99 WHERE name = 'Projects'", "a mailbox belongs to no account"},
        {"UPDATE message SET mailbox_id = 99 WHERE uid = 1", "a message belongs to no mailbox"},
        {"UPDATE quarantine SET account_id = 99", "a quarantine entry belongs to no account"},
        {"UPDATE recoverable SET account_id = 99", "a recoverable message belongs to no account"},
        {"UPDATE mailbox SET uid_validity = (SELECT uid_validity FROM mailbox WHERE id = 1) WHERE id = 2",
            "a UIDVALIDITY was given twice"},
        {"UPDATE mailbox SET uid_next = 4294967296 WHERE id = 1", "a number is none that IMAP has"},
        {"UPDATE message SET modseq = 0 WHERE uid = 1", "a number is none that IMAP has"},
        {"INSERT INTO expunged VALUES (1, 5, 2, 4)", "a message stands where history says that it is gone"},
        {"UPDATE message SET body_id = 99 WHERE uid = 1", "a message names a body that is gone"},
        {"UPDATE quarantine SET body_id = 99", "a quarantine entry names a body that is gone"},
        {"UPDATE recoverable SET body_id = 99", "a recoverable message names a body that is gone"},
        {"UPDATE message SET size = 99 WHERE uid = 1", "a message has another size than its body"},
        {"UPDATE fixed_uidl SET uidl = 'two words'", "a UIDL is none"},
        {"UPDATE fixed_uidl SET uidl = ''", "a UIDL is none"},
        {"UPDATE fixed_uidl SET uidl = printf('%08x%08x', (SELECT uid_validity FROM mailbox WHERE id = 1), 2)",
            "two messages of a maildrop have one UIDL"},
        {"UPDATE mailbox SET name = 'inbox/x' WHERE name = 'Projects'", "the name of a mailbox is none"},
        {"UPDATE mailbox SET name = 'a//b' WHERE name = 'Projects'", "the name of a mailbox is none"},
        {"UPDATE body SET encoding = 7 WHERE id = 1", "unknown encoding 7"},
        {"UPDATE body SET hash = zeroblob(32) WHERE id = 1", "is not what its row says"},
        {"DELETE FROM content WHERE body_id = 1", "body 1 has no content"},
    }));
    CAPTURE(breakage.sql);
    FullOffice office;
    office.breakBy(breakage.sql);
    const auto isFound = [&](bool repair) {
        const auto found = office.check(repair);
        return std::any_of(found.begin(), found.end(),
            [&](const std::string& one) { return one.starts_with("lost: ") && one.find(breakage.what) != std::string::npos; });
    };
    CHECK(isFound(true));
    CHECK(isFound(true));
    CHECK(office.store->problem() != "");
    CHECK(office.store->warning() == "");
    office.close();
    office.open();
    CHECK(isFound(false));
}

TEST_CASE("what nobody can repair and endangers no mail is found by name, warned of, and no alarm", "[store][check]")
{
    const auto breakage = GENERATE(values<Breakage>({
        {"INSERT INTO alias VALUES ('alice@example.org', 'example.org', 'x@example.org', 0)",
            "an address is an account and an alias"},
        {"UPDATE account SET pop3_retention = -2", "a POP3 policy is none"},
        {"UPDATE domain SET pop3_hide = 2", "a POP3 policy is none"},
        {"UPDATE account SET scan_infected = 1", "a scanning policy is none"},
        {"UPDATE domain SET scan_unscannable = 0", "a scanning policy is none"},
        {"UPDATE account SET trash_days = -1", "a trash policy is none"},
        {"UPDATE account SET expunge_to_trash = 3", "a trash policy is none"},
        {"UPDATE domain SET recovery_days = 36501", "a trash policy is none"},
        {"DELETE FROM setting", "app passwords are there, and their key is not"},
        {"DELETE FROM keyword WHERE position = 30", "the keywords of an account are not numbered from 0"},
        {"DELETE FROM keyword WHERE position >= 3", "a message has a keyword without a name"},
        {"DELETE FROM keyword WHERE position = 60", "a message has a keyword without a name"},
        {"UPDATE recoverable SET keywords = x'FF00'", "a message has a keyword without a name"},
        {"UPDATE message SET keywords = x'3C003B00' WHERE uid = 1", "the keywords of a message are not in order"},
        {"UPDATE message SET keywords = x'3B003B00' WHERE uid = 1", "the keywords of a message are not in order"},
        {"UPDATE message SET keywords = x'3B' WHERE uid = 1", "the keywords of a message are not in order"},
        {"UPDATE message SET keywords = x'0100' WHERE uid = 1", "the keywords of a message are not in order"},
    }));
    CAPTURE(breakage.sql);
    FullOffice office;
    const std::string mail = office.mail();
    office.breakBy(breakage.sql);
    CHECK(office.store->warning() == ""); // nobody has looked
    for (const bool repair : {false, true, false}) {
        CHECK(office.check(repair).contains(std::string("harmless: ") + breakage.what));
        CHECK_THAT(office.store->warning(), Catch::ContainsSubstring("endanger no mail"));
        CHECK(office.store->problem() == "");
    }
    CHECK(office.mail() == mail);
}

TEST_CASE("a warning ends with what it warned of, and hides no alarm", "[store][check]")
{
    FullOffice office;
    sql(office.data, "UPDATE account SET pop3_retention = -2");
    office.store->check(false);
    CHECK(office.store->warning() != "");
    sql(office.data, "UPDATE message SET modseq = 0 WHERE uid = 1");
    CHECK(office.check(false) == std::set<std::string>{"harmless: a POP3 policy is none", "lost: a number is none that IMAP has"});
    CHECK(office.store->warning() != "");
    CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("a number is none that IMAP has"));
    sql(office.data, "UPDATE message SET modseq = 1 WHERE uid = 1");
    office.store->check(false);
    CHECK(office.store->problem() == "");
    CHECK(office.store->warning() != "");
    sql(office.data, "UPDATE account SET pop3_retention = NULL");
    CHECK(office.check(false).empty());
    CHECK(office.store->warning() == "");
}

// --- the alarm ends with the damage

TEST_CASE("the alarm ends when a whole check finds nothing lost, and not before", "[store][check][damage]")
{
    Office office;
    const std::string large = noise(200'000);
    const Uid one = office.deliver(large);
    const std::string path = [&] {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(office.data + "/bodies"))
            if (entry.is_regular_file())
                return entry.path().string();
        return std::string();
    }();
    const auto flip = [&] {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(100'000);
        file.put(static_cast<char>(large[100'000] ^ 1));
    };
    flip();
    CHECK(refusal([&] { office.bodyOf(one); }) == Error::Kind::damaged);
    CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("damage"));
    CHECK(office.store->check(true).size() == 1);
    CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("damage"));

    SECTION("the bytes are put back")
    {
        std::ofstream(path, std::ios::binary) << large;
        CHECK(office.bodyOf(one) == large);
        CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("damage")); // nobody has looked at the rest
        CHECK(office.store->check(false).empty());
        CHECK(office.store->problem() == "");
        flip(); // and rises again
        CHECK(refusal([&] { office.bodyOf(one); }) == Error::Kind::damaged);
        CHECK_THAT(office.store->problem(), Catch::ContainsSubstring("damage"));
    }
    SECTION("the message is given up for good")
    {
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, {one}); });
        CHECK(office.store->check(false).empty());
        CHECK(office.store->problem() == "");
    }
    SECTION("a log that was set aside is an alarm as long as it is there")
    {
        office.write([&](WriteTx& tx) { tx.expunge(office.inbox, {one}); });
        std::ofstream(office.data + "/postfach.db-wal.damaged") << "x";
        CHECK(office.store->check(false).empty());
        CHECK(office.store->problem() != "");
        std::filesystem::remove(office.data + "/postfach.db-wal.damaged");
        CHECK(office.store->check(false).empty());
        CHECK(office.store->problem() == "");
    }
}

TEST_CASE("a page that is damaged on disk is found, also where a connection remembers it whole", "[store][check][damage]")
{
    Office office;
    for (int i = 0; i < 40; ++i)
        office.deliver("Subject: x\r\n\r\n" + noise(3000, static_cast<std::uint64_t>(i)));
    office.close(); // into the database
    office.open();
    CHECK(office.store->check(false).empty()); // its connection has every page now
    std::fstream file(office.data + "/postfach.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(30 * 4096 + 77);
    const int was = file.peek();
    file.seekp(30 * 4096 + 77);
    file.put(static_cast<char>(was ^ 1));
    file.close();
    CHECK_FALSE(office.store->check(false).empty());
    CHECK(office.store->problem() != "");
}

// 100,000 messages of 100 accounts: `unit_store "[.check-bench]"`.
TEST_CASE("how long a check takes", "[.check-bench]")
{
    Office office;
    constexpr int kBatch = 1000, kMessages = 100'000;
    for (int from = 0; from < kMessages; from += kBatch) {
        std::vector<std::unique_ptr<PreparedBody>> bodies;
        for (int i = 0; i < kBatch; ++i)
            bodies.push_back(office.store->prepareBody(
                "Subject: " + std::to_string(from + i) + "\r\n\r\n" + noise(3000, static_cast<std::uint64_t>(from + i))));
        office.write([&](WriteTx& tx) {
            const AccountId id = tx.createAccount({"a" + std::to_string(from) + "@example.org", "", {}, 0});
            const MailboxId inbox = tx.findMailbox(id, "INBOX")->id;
            Flags flags;
            flags.addKeyword(tx.keyword(id, "word"));
            for (const auto& body : bodies)
                tx.append(inbox, {tx.addBody(*body, "summary"), flags, office.clock.now(), ""});
        });
    }
    const auto begin = std::chrono::steady_clock::now();
    CHECK(office.store->check(false).empty());
    std::cout << "check of 100,000 messages of 3 KB: "
              << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() << " s\n";
}

TEST_CASE("a check tells how far it is, and ends on request without having repaired anything", "[store][check]")
{
    FullOffice office;
    for (int i = 0; i < 300; ++i) // more than are read at once
        office.deliver("mail number " + std::to_string(i));
    office.breakBy("UPDATE mailbox SET unseen = 99 WHERE name = 'INBOX'");
    std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
    const auto found = office.store->check(false, [&](std::uint64_t done, std::uint64_t total) { told.emplace_back(done, total); }, {});
    CHECK(found.size() == 1);
    REQUIRE(told.size() >= 4); // the beginning, two parts, the end
    CHECK(told.front().first == 0);
    CHECK(told.back().first == told.back().second);
    CHECK(told.back().second > 300 * 13);
    CHECK(std::is_sorted(told.begin(), told.end()));

    std::stop_source stop;
    const auto when = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}); // before it, before the contents, among them
    if (when == 0)
        stop.request_stop();
    std::size_t times = 0;
    const auto end = [&](std::uint64_t, std::uint64_t) {
        if (++times == when)
            stop.request_stop();
    };
    CHECK_THROWS_AS(office.store->check(true, end, stop.get_token()), base::Refused);
    CHECK(times <= std::max<std::size_t>(when, 1));
    CHECK(office.mailbox(office.inbox).unseen == 99);
    CHECK(office.store->problem().empty());
    CHECK(office.store->check(true).size() == 1); // the connection it was stopped on works on
    CHECK(office.store->check(false).empty());
}
