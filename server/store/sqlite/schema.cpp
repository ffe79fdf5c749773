#include "server/store/sqlite/schema.h"
#include "server/base/error.h"
#include "server/base/log.h"

#include <Poco/Data/Statement.h>
#include <Poco/Exception.h>

#include <string>
#include <vector>

namespace postfach::store::sqlite {
namespace {

using Migration = std::vector<const char*>;

// Times are milliseconds since 1970 UTC, message dates whole seconds. What is counted up per delivery (usage, mailbox) stands
// in narrow rows, apart from what is not. Ids are AUTOINCREMENT: one that was given is never given again.
const std::vector<Migration>& migrations()
{
    static const std::vector<Migration> all = {
        {
            "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
            // bodies: rows of body. uid_validity: the last one given; it never goes back, whatever the clock says.
            "CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            "INSERT INTO tally VALUES ('bodies', 0), ('uid_validity', 0)",

            "CREATE TABLE domain (name TEXT PRIMARY KEY, created INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, address TEXT NOT NULL UNIQUE, domain TEXT NOT NULL,"
            " name TEXT NOT NULL, enabled INTEGER NOT NULL, services TEXT NOT NULL, created INTEGER NOT NULL,"
            " last_login INTEGER, version INTEGER NOT NULL, argon2 TEXT NOT NULL, scram_salt BLOB NOT NULL,"
            " scram_stored_key BLOB NOT NULL, scram_server_key BLOB NOT NULL, scram_iterations INTEGER NOT NULL) STRICT",
            "CREATE INDEX account_domain ON account (domain)",
            "CREATE TABLE usage (account_id INTEGER PRIMARY KEY, quota INTEGER NOT NULL, used INTEGER NOT NULL,"
            " messages INTEGER NOT NULL) STRICT",
            "CREATE TABLE alias (address TEXT PRIMARY KEY, domain TEXT NOT NULL, targets TEXT NOT NULL,"
            " created INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE INDEX alias_domain ON alias (domain)",
            "CREATE TABLE token (name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL,"
            " created INTEGER NOT NULL, expires INTEGER, last_used INTEGER) STRICT, WITHOUT ROWID",

            "CREATE TABLE mailbox (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, name TEXT NOT NULL,"
            " object_id TEXT NOT NULL, uid_validity INTEGER NOT NULL, uid_next INTEGER NOT NULL,"
            " highest_modseq INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL, deleted INTEGER NOT NULL,"
            " size INTEGER NOT NULL, recent_from INTEGER NOT NULL, special_use TEXT NOT NULL, reserved INTEGER NOT NULL) STRICT",
            "CREATE UNIQUE INDEX mailbox_name ON mailbox (account_id, name)",
            "CREATE TABLE subscription (account_id INTEGER NOT NULL, name TEXT NOT NULL,"
            " PRIMARY KEY (account_id, name)) STRICT, WITHOUT ROWID",
            "CREATE TABLE keyword (account_id INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE,"
            " PRIMARY KEY (account_id, position)) STRICT, WITHOUT ROWID",
            "CREATE UNIQUE INDEX keyword_name ON keyword (account_id, name)",

            // keywords: positions past 58, sorted, two bytes each, little-endian; NULL for none.
            "CREATE TABLE message (mailbox_id INTEGER NOT NULL, uid INTEGER NOT NULL, modseq INTEGER NOT NULL,"
            " body_id INTEGER NOT NULL, size INTEGER NOT NULL, flags INTEGER NOT NULL, date INTEGER NOT NULL, keywords BLOB,"
            " PRIMARY KEY (mailbox_id, uid)) STRICT, WITHOUT ROWID",
            "CREATE TABLE expunged (mailbox_id INTEGER NOT NULL, modseq INTEGER NOT NULL, first INTEGER NOT NULL,"
            " last INTEGER NOT NULL, PRIMARY KEY (mailbox_id, modseq, first)) STRICT, WITHOUT ROWID",
            "CREATE TABLE fixed_uidl (mailbox_id INTEGER NOT NULL, uid INTEGER NOT NULL, uidl TEXT NOT NULL,"
            " PRIMARY KEY (mailbox_id, uid)) STRICT, WITHOUT ROWID",
            "CREATE UNIQUE INDEX fixed_uidl_text ON fixed_uidl (mailbox_id, uidl)",

            // encoding: 0 as it is, 1 zstd, 2 a file. refs: how many rows of other tables name it; never 0.
            "CREATE TABLE body (id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL, size INTEGER NOT NULL,"
            " refs INTEGER NOT NULL, encoding INTEGER NOT NULL, verdict INTEGER NOT NULL DEFAULT 0,"
            " verdict_name TEXT NOT NULL DEFAULT '', verdict_signatures TEXT NOT NULL DEFAULT '',"
            " verdict_time INTEGER NOT NULL DEFAULT 0) STRICT",
            // Large bodies only: on all it would dirty a random page a delivery (FACTS-store 1).
            "CREATE UNIQUE INDEX body_file ON body (hash) WHERE encoding = 2",
            "CREATE TABLE content (body_id INTEGER PRIMARY KEY, summary BLOB NOT NULL, data BLOB NOT NULL) STRICT",

            // home, notice_home: mailbox ids, so that a renamed mailbox is found and a new one of the old name is not.
            "CREATE TABLE quarantine (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, mailbox TEXT NOT NULL,"
            " home INTEGER NOT NULL, body_id INTEGER NOT NULL, signature TEXT NOT NULL, sender TEXT NOT NULL,"
            " recipient TEXT NOT NULL, subject TEXT NOT NULL, way_in TEXT NOT NULL, flags INTEGER NOT NULL, keywords BLOB,"
            " date INTEGER NOT NULL, uidl TEXT NOT NULL, notice INTEGER, created INTEGER NOT NULL) STRICT",
            "CREATE INDEX quarantine_account ON quarantine (account_id)",
        },
        {   // POP3 policies. NULL: inherited; retention in days, -1 for ever.
            "ALTER TABLE account ADD COLUMN pop3_retention INTEGER",
            "ALTER TABLE account ADD COLUMN pop3_seen INTEGER",
            "ALTER TABLE account ADD COLUMN pop3_hide INTEGER",
            "ALTER TABLE account ADD COLUMN pop3_exclusive INTEGER",
            "ALTER TABLE domain ADD COLUMN pop3_retention INTEGER",
            "ALTER TABLE domain ADD COLUMN pop3_seen INTEGER",
            "ALTER TABLE domain ADD COLUMN pop3_hide INTEGER",
            "ALTER TABLE domain ADD COLUMN pop3_exclusive INTEGER",
            "CREATE INDEX account_pop3_retention ON account (pop3_retention) WHERE pop3_retention IS NOT NULL",
            // Messages a POP3 client has downloaded (when first; NULL: never) or that are hidden from POP3. The rest has no row.
            "CREATE TABLE pop3_message (mailbox_id INTEGER NOT NULL, uid INTEGER NOT NULL, downloaded INTEGER,"
            " hidden INTEGER NOT NULL, PRIMARY KEY (mailbox_id, uid)) STRICT, WITHOUT ROWID",
            "CREATE INDEX pop3_message_due ON pop3_message (mailbox_id, downloaded) WHERE hidden = 0 AND downloaded IS NOT NULL",
        },
        {
            // hash: keyed by the setting auth.secret, so that a login compares one short hash, not one argon2id each.
            "CREATE TABLE app_password (account_id INTEGER NOT NULL, label TEXT NOT NULL, hash BLOB NOT NULL, scram_salt BLOB NOT NULL,"
            " scram_stored_key BLOB NOT NULL, scram_server_key BLOB NOT NULL, scram_iterations INTEGER NOT NULL, scopes TEXT NOT NULL,"
            " created INTEGER NOT NULL, expires INTEGER, last_used INTEGER, PRIMARY KEY (account_id, label)) STRICT, WITHOUT ROWID",
        },
        {   // Whether an account may send became a switch: who had all there was has it on.
            "UPDATE account SET services = services || ',smtp' WHERE services IN ('pop3,imap', 'imap,pop3')",
        },
        {   // What is deleted can be restored; save dates; quotas of messages.
            "ALTER TABLE account ADD COLUMN expunge_to_trash INTEGER NOT NULL DEFAULT 1",
            // warned: the percentage of the quota that the owner was last told of. recoverable: bytes, see that table.
            "ALTER TABLE usage ADD COLUMN quota_messages INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE usage ADD COLUMN warned INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE usage ADD COLUMN recoverable INTEGER NOT NULL DEFAULT 0",
            // saved: when it came into this mailbox, whole seconds. Nobody knows it of what was there: its date is the best guess,
            // but Trash and Junk must not be emptied by a guess.
            "ALTER TABLE message ADD COLUMN saved INTEGER NOT NULL DEFAULT 0",
            "UPDATE message SET saved = min(date, unixepoch())",
            "UPDATE message SET saved = unixepoch() WHERE mailbox_id IN (SELECT id FROM mailbox WHERE special_use IN ('\\Trash', '\\Junk'))",
            // mailbox_id: as quarantine's home. uidl: NULL where the rule gives it from uid_validity and uid.
            "CREATE TABLE recoverable (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, mailbox_id INTEGER NOT NULL,"
            " mailbox TEXT NOT NULL, uid_validity INTEGER NOT NULL, uid INTEGER NOT NULL, uidl TEXT, body_id INTEGER NOT NULL,"
            " size INTEGER NOT NULL, flags INTEGER NOT NULL, keywords BLOB, date INTEGER NOT NULL, saved INTEGER NOT NULL,"
            " removed INTEGER NOT NULL, cause TEXT NOT NULL) STRICT",
            "CREATE INDEX recoverable_account ON recoverable (account_id)",
        },
        {   // mailbox_id: 0 for what is the account's own. Whose mailbox it is stands in account_id too: a private one is one person's.
            "CREATE TABLE annotation (account_id INTEGER NOT NULL, mailbox_id INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE,"
            " value BLOB NOT NULL, PRIMARY KEY (account_id, mailbox_id, name)) STRICT, WITHOUT ROWID",
        },
        {   // What is found in mail that was delivered. replaced: what the message of a quarantine entry was besides; downloaded, hidden as
            // in pop3_message. outbreak: state as in store/scans.h; waiting: contents that are infected and left alone until somebody answers.
            // Without ids: its rows must not look like those of usage (salvage.cpp).
            "CREATE TABLE replaced (quarantine_id INTEGER PRIMARY KEY, saved INTEGER NOT NULL, downloaded INTEGER, hidden INTEGER NOT NULL)"
            " STRICT, WITHOUT ROWID",
            "CREATE TABLE outbreak (signature TEXT PRIMARY KEY, signatures TEXT NOT NULL, state INTEGER NOT NULL, hits INTEGER NOT NULL,"
            " since INTEGER NOT NULL, decided INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE TABLE waiting (body_id INTEGER PRIMARY KEY, signature TEXT NOT NULL) STRICT",
            // Who had a content handed out. protocol as in store/scans.h; days since 1970 UTC, first and last seconds of that day. In the
            // order of days, so that what is new is written in one place, and what is old goes in one piece.
            "CREATE TABLE reader (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, protocol INTEGER NOT NULL,"
            " address TEXT NOT NULL, client TEXT NOT NULL, last_day INTEGER NOT NULL) STRICT",
            "CREATE UNIQUE INDEX reader_place ON reader (account_id, protocol, address, client)",
            "CREATE TABLE fetched (day INTEGER NOT NULL, reader_id INTEGER NOT NULL, body_id INTEGER NOT NULL, first INTEGER NOT NULL,"
            " last INTEGER NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (day, reader_id, body_id)) STRICT, WITHOUT ROWID",
            // hashes: 28 bytes a layer: size, then the first 8 of MD5, SHA-1 and SHA-256; numbers little-endian.
            "CREATE TABLE inner_hash (body_id INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT",
        },
        {   // What was done, chained by hashes and never shortened; and what happened, which is bounded (server/store/journal.h).
            "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, actor TEXT NOT NULL, address TEXT NOT NULL,"
            " action TEXT NOT NULL, target TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, previous BLOB NOT NULL,"
            " hash BLOB NOT NULL) STRICT",
            "CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL,"
            " data TEXT NOT NULL) STRICT",
        },
        {   // Who is told of events, and what was counted by the hour. networks: in CIDR form, each on a line; none: from anywhere.
            "CREATE TABLE webhook (name TEXT PRIMARY KEY, url TEXT NOT NULL, kinds TEXT NOT NULL, account TEXT NOT NULL, secret TEXT NOT NULL,"
            " created INTEGER NOT NULL, changed INTEGER NOT NULL, told INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE TABLE statistic (hour INTEGER NOT NULL, series TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (hour, series)) STRICT, WITHOUT ROWID",
            "ALTER TABLE token ADD COLUMN networks TEXT NOT NULL DEFAULT ''",
        },
        {   // Scanning policies. NULL: inherited; 0 deliver, 1 mark, 2 quarantine, 3 reject.
            "ALTER TABLE account ADD COLUMN scan_infected INTEGER",
            "ALTER TABLE account ADD COLUMN scan_encrypted INTEGER",
            "ALTER TABLE account ADD COLUMN scan_macros INTEGER",
            "ALTER TABLE account ADD COLUMN scan_phishing INTEGER",
            "ALTER TABLE account ADD COLUMN scan_limits INTEGER",
            "ALTER TABLE account ADD COLUMN scan_attachments INTEGER",
            "ALTER TABLE account ADD COLUMN scan_unscannable INTEGER",
            "ALTER TABLE domain ADD COLUMN scan_infected INTEGER",
            "ALTER TABLE domain ADD COLUMN scan_encrypted INTEGER",
            "ALTER TABLE domain ADD COLUMN scan_macros INTEGER",
            "ALTER TABLE domain ADD COLUMN scan_phishing INTEGER",
            "ALTER TABLE domain ADD COLUMN scan_limits INTEGER",
            "ALTER TABLE domain ADD COLUMN scan_attachments INTEGER",
            "ALTER TABLE domain ADD COLUMN scan_unscannable INTEGER",
            // verdict_reason: a word, empty for what is clean. verdict_ms: how long the scan took.
            "ALTER TABLE body ADD COLUMN verdict_reason TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE body ADD COLUMN verdict_engine TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE body ADD COLUMN verdict_ms INTEGER NOT NULL DEFAULT 0",
            "UPDATE body SET verdict_reason = 'infected' WHERE verdict = 2",
            "UPDATE body SET verdict_reason = substr(verdict_name, 1, instr(verdict_name, ':') - 1) WHERE verdict = 3 AND"
            " substr(verdict_name, 1, instr(verdict_name, ':') - 1) IN ('encrypted', 'limit', 'timeout', 'broken')",
            "ALTER TABLE quarantine ADD COLUMN reason TEXT NOT NULL DEFAULT 'infected'",
            "UPDATE quarantine SET reason = substr(signature, 1, instr(signature, ':') - 1) WHERE"
            " substr(signature, 1, instr(signature, ':') - 1) IN ('encrypted', 'limit', 'timeout', 'broken')",
            // What is not to be found again: kind 'signature' by its name, 'content' by the SHA-256 of a message as it came.
            "CREATE TABLE allowance (kind TEXT NOT NULL, what TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER,"
            " author TEXT NOT NULL, PRIMARY KEY (kind, what)) STRICT, WITHOUT ROWID",
        },
        {   // Browsers that have signed in. hash: SHA-256 in hex of what their cookie holds.
            "CREATE TABLE web_session (id TEXT PRIMARY KEY, account_id INTEGER NOT NULL, hash TEXT NOT NULL UNIQUE, created INTEGER NOT NULL,"
            " seen INTEGER NOT NULL, address TEXT NOT NULL, client TEXT NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE INDEX web_session_account ON web_session (account_id)",
        },
        {   // Administrators: scopes, by commas. Second factors; confirmed NULL: being set up.
            "ALTER TABLE account ADD COLUMN scopes TEXT NOT NULL DEFAULT ''",
            "CREATE TABLE totp (account_id INTEGER PRIMARY KEY, secret BLOB NOT NULL, confirmed INTEGER, last_step INTEGER NOT NULL) STRICT",
            "CREATE TABLE recovery_code (account_id INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (account_id, hash)) STRICT, WITHOUT ROWID",
        },
        {   // What a restart must not forget: how often the next event of a webhook has failed, the log of its deliveries, long work.
            "ALTER TABLE webhook ADD COLUMN failures INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE webhook ADD COLUMN failing_since INTEGER",
            "ALTER TABLE webhook ADD COLUMN next_try INTEGER",
            "CREATE TABLE webhook_attempt (id INTEGER PRIMARY KEY, webhook TEXT NOT NULL, time INTEGER NOT NULL, event INTEGER NOT NULL,"
            " kind TEXT NOT NULL, attempt INTEGER NOT NULL, status INTEGER NOT NULL, error TEXT NOT NULL, milliseconds INTEGER NOT NULL) STRICT",
            "CREATE INDEX webhook_attempt_of ON webhook_attempt (webhook, id)",
            "CREATE TABLE task (id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, progress INTEGER NOT NULL, total INTEGER NOT NULL,"
            " error TEXT NOT NULL, result TEXT NOT NULL, findings TEXT NOT NULL, created INTEGER NOT NULL, finished INTEGER) STRICT, WITHOUT ROWID",
        },
        {   // Trash policies. expunge_to_trash: 0 no, 1 inherited (as every account that had it on), 2 yes. Days, 0 never; NULL: inherited.
            "ALTER TABLE account ADD COLUMN trash_days INTEGER",
            "ALTER TABLE account ADD COLUMN junk_days INTEGER",
            "ALTER TABLE account ADD COLUMN recovery_days INTEGER",
            "ALTER TABLE domain ADD COLUMN expunge_to_trash INTEGER NOT NULL DEFAULT 1",
            "ALTER TABLE domain ADD COLUMN trash_days INTEGER",
            "ALTER TABLE domain ADD COLUMN junk_days INTEGER",
            "ALTER TABLE domain ADD COLUMN recovery_days INTEGER",
        },
        {   // Logins. hour: since 1970, of `last`; outcome as LoginRecord::Outcome; app_password: its label, or empty.
            "CREATE TABLE login (account_id INTEGER NOT NULL, hour INTEGER NOT NULL, service TEXT NOT NULL, address TEXT NOT NULL,"
            " mechanism TEXT NOT NULL, tls INTEGER NOT NULL, outcome INTEGER NOT NULL, app_password TEXT NOT NULL, first INTEGER NOT NULL,"
            " last INTEGER NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (account_id, hour, service, address, mechanism, tls, outcome,"
            " app_password)) STRICT, WITHOUT ROWID",
        },
        {   // Who wants what is in quarantine released. token: an answer to the notice names it; asked: when its recipient first did.
            "ALTER TABLE quarantine ADD COLUMN token TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE quarantine ADD COLUMN asked INTEGER",
            "ALTER TABLE quarantine ADD COLUMN asked_words TEXT NOT NULL DEFAULT ''",
            "CREATE INDEX quarantine_token ON quarantine (token) WHERE token <> ''",
        },
    };
    return all;
}

void apply(Connection& writer, const Migration& migration, int version)
{
    using Poco::Data::Keywords::now;
    Poco::Data::Session& session = writer.session();
    try {
        session << "BEGIN IMMEDIATE", now;
        for (const char* sql : migration)
            session << sql, now;
        session << "PRAGMA application_id=" + std::to_string(kApplicationId), now;
        session << "PRAGMA user_version=" + std::to_string(version), now;
        session << "COMMIT", now;
    } catch (const Poco::Exception& e) {
        try {
            session << "ROLLBACK", now;
        } catch (const Poco::Exception&) { // it had rolled back by itself
        }
        throw Error(Error::Kind::unavailable, "migration to version " + std::to_string(version) + ": " + e.displayText());
    }
}

} // namespace

int newestVersion() { return static_cast<int>(migrations().size()); }

int requireKnownVersion(Connection& connection)
{
    const int version = std::stoi(connection.pragma("user_version"));
    const int application = std::stoi(connection.pragma("application_id"));
    if (application != 0 && application != kApplicationId)
        throw base::Refused("the database was made by another program; give an empty data directory");
    if (version > newestVersion())
        throw base::Refused("the data directory was written by a newer Postfach (format " + std::to_string(version)
                            + ", this one knows " + std::to_string(newestVersion()) + "); run that version or a later one");
    if (version == 0 && connection.query("SELECT 1 FROM sqlite_schema").step())
        throw base::Refused("the database was made by another program; give an empty data directory");
    return version;
}

void skipNumbers(Connection& writer)
{
    constexpr int kGap = 1'000'000;
    writer.run("UPDATE mailbox SET uid_next = min(uid_next + ?1, 4294967295), highest_modseq = highest_modseq + ?1", kGap);
    writer.run("UPDATE tally SET value = value + ? WHERE name = 'uid_validity'", kGap);
    writer.run("UPDATE sqlite_sequence SET seq = seq + ?", kGap); // ids of rows: object ids are made of some
    writer.run("DELETE FROM web_session"); // one that was ended since does not come back
}

void migrate(Connection& writer, int to)
{
    const int have = requireKnownVersion(writer);
    for (int version = have + 1; version <= to; ++version) {
        apply(writer, migrations()[static_cast<std::size_t>(version) - 1], version);
        if (have > 0)
            base::logInfo("store", "migrated", {{"version", version}});
    }
}

} // namespace postfach::store::sqlite
