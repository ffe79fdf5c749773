// What every earlier version made is opened by this one, with all that was in it.
#include "server/base/hash.h"
#include "server/store/sqlite/bodies.h"
#include "server/store/sqlite/schema.h"
#include "tests/unit/store/store_fixture.h"

#include <tuple>

using namespace postfach;
using namespace postfach::store;
using namespace postfach::store::test;
using namespace std::chrono_literals;

namespace {

const std::string kBody = "Subject: old\r\n\r\nfrom before\r\n";

// Only what the first version had: a later one must give the rest its value.
void fill(sqlite::Connection& db)
{
    const auto hash = base::sha256(kBody);
    db.run("INSERT INTO domain (name, created) VALUES ('example.org', 1)");
    db.run("INSERT INTO account (id, address, domain, name, enabled, services, created, version, argon2, scram_salt, scram_stored_key,"
           " scram_server_key, scram_iterations) VALUES (1, 'alice@example.org', 'example.org', 'Alice', 1, 'imap', 1, 3, 'x', x'', x'', x'', 0)");
    db.run("INSERT INTO usage (account_id, quota, used, messages) VALUES (1, 1000, ?, 2)", std::int64_t(2 * kBody.size()));
    db.run("INSERT INTO body (id, hash, size, refs, encoding) VALUES (1, ?, ?, 2, 0)", sqlite::Blob{sqlite::asBytes(hash)},
           std::int64_t(kBody.size()));
    db.run("UPDATE body SET verdict = 3, verdict_name = 'encrypted: member of CL_TYPE_ZIP'");
    db.run("INSERT INTO content (body_id, summary, data) VALUES (1, x'', ?)", sqlite::Blob{kBody});
    db.run("UPDATE tally SET value = 1 WHERE name = 'bodies'");
    db.run("UPDATE tally SET value = 70 WHERE name = 'uid_validity'");
    db.run("INSERT INTO keyword (account_id, position, name) VALUES (1, 0, 'important')");
    for (const auto& [id, name, use] : {std::tuple{1, "INBOX", ""}, std::tuple{2, "Trash", "\\Trash"}}) {
        db.run("INSERT INTO mailbox (id, account_id, name, object_id, uid_validity, uid_next, highest_modseq, messages, unseen, deleted, size,"
               " recent_from, special_use, reserved) VALUES (?, 1, ?, 'M' || ?, 60 + ?, 9, 5, 1, 0, 0, ?, 9, ?, 1)",
               id, name, id, id, std::int64_t(kBody.size()), use);
        db.run("INSERT INTO message (mailbox_id, uid, modseq, body_id, size, flags, date) VALUES (?, 7, 4, 1, ?, 65, 86400)", id,
               std::int64_t(kBody.size()));
    }
    db.run("INSERT INTO fixed_uidl (mailbox_id, uid, uidl) VALUES (1, 7, 'kept')");
    db.run("INSERT INTO subscription (account_id, name) VALUES (1, 'INBOX')");
    db.run("INSERT INTO token (name, hash, scopes, created) VALUES ('office', 'x', 'read', 1)");
}

} // namespace

TEST_CASE("what an earlier version stored is all there, whichever it was", "[store][migration]")
{
    for (int version = 1; version <= sqlite::newestVersion(); ++version) {
        CAPTURE(version);
        TempFolder folder;
        {
            sqlite::Connection db(folder.path + "/postfach.db", sqlite::Connection::Role::writer);
            sqlite::migrate(db, version);
            CHECK(db.pragma("user_version") == std::to_string(version));
            fill(db);
        }
        base::SystemClock clock;
        const auto store = openSqliteStore({folder.path, '/', false}, clock);
        for (const Finding& finding : store->check(false))
            FAIL_CHECK(finding.where << ": " << finding.what);

        const auto account = store->read()->findAccount("alice@example.org");
        REQUIRE(account);
        CHECK(account->quota == 1000);
        CHECK(account->used == 2 * kBody.size());
        CHECK(account->messages == 2);
        CHECK(account->version == 3);
        CHECK(account->quota_messages == 0);
        CHECK(account->recoverable == 0);
        CHECK(account->trash == TrashPolicy{});
        CHECK(account->trash_of_domain == TrashPolicy{});
        CHECK_FALSE(account->pop3.retention);
        CHECK(account->scan == ScanPolicy{});
        CHECK(account->scan_of_domain == ScanPolicy{});
        const auto inbox = store->read()->findMailbox(account->id, "INBOX");
        REQUIRE(inbox);
        CHECK(inbox->uid_validity == 61);
        CHECK(inbox->uid_next == Uid{9});
        CHECK(inbox->object_id == "M1");
        CHECK(inbox->subscribed);
        const Snapshot now = store->view(inbox->id)->now();
        REQUIRE(now.count() == 1);
        CHECK(now.uidAt(0) == Uid{7});
        CHECK(now.flags(0).bits == 65);
        CHECK(store->read()->body(now.at(0).body) == kBody);
        CHECK(store->read()->uidl(inbox->id, Uid{7}) == "kept");
        if (version < 5) { // save dates are new: a date, but in Trash nothing that would empty it by a guess
            CHECK(store->read()->saveDates(inbox->id, Uid{7}, Uid{7}).at(0).second == base::fromMillis(86'400'000));
            store->configureTrash({true, 1, 1, 7});
            CHECK(store->emptyTrash({}) == 0);
        }

        CHECK(store->read()->scanRecord(now.at(0).body).reason == (version < 10 ? "encrypted" : ""));
        CHECK(store->read()->allowances().empty());
        CHECK(store->read()->annotations(account->id, inbox->id).empty());
        store->writeAndWait([&](WriteTx& tx) { tx.setAnnotation(account->id, inbox->id, "/private/comment", "new"); });
        CHECK(store->read()->annotation(account->id, inbox->id, "/private/comment") == "new");

        CHECK(store->read()->auditHead().id == 0); // what came before the audit stands in none
        CHECK(store->read()->eventRange().newest == 0);
        store->writeAndWait([&](WriteTx& tx) {
            CHECK(tx.addAudit({"server", "", "test", "", "", ""}).id == 1);
            CHECK(tx.addEvent({"test.done", "", "{}"}) == 2);
        });

        REQUIRE(store->read()->tokens().size() == 1);
        CHECK(store->read()->tokens().front().networks.empty()); // from anywhere, as it was
        CHECK(store->read()->webhooks().empty());

        // And it works on as any other: the body is in Trash already, so this one is simply gone, and its UID is not given again.
        store->writeAndWait([&](WriteTx& tx) {
            CHECK(tx.remove(inbox->id, {Uid{7}}, Removal::toTrash, "test").size() == 1);
            CHECK(tx.append(inbox->id, {now.at(0).body, {}, clock.now(), ""}).uid == Uid{9});
        });
        for (const Finding& finding : store->check(false))
            FAIL_CHECK(finding.where << ": " << finding.what);
    }
}

TEST_CASE("an account whose EXPUNGE went past Trash keeps that as its own policy", "[store][migration]")
{
    TempFolder folder;
    {
        sqlite::Connection db(folder.path + "/postfach.db", sqlite::Connection::Role::writer);
        sqlite::migrate(db, 10);
        fill(db);
        db.run("UPDATE account SET expunge_to_trash = 0");
    }
    base::SystemClock clock;
    const auto store = openSqliteStore({folder.path, '/', false}, clock);
    CHECK(store->read()->findAccount("alice@example.org")->trash == TrashPolicy{.expunge = false});
}
