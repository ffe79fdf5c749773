// check(): every invariant of FORMAT.md, while the server works. What is derived (counters, references, files that nobody
// names) is repaired when asked; what is lost (bytes) is only reported. Bodies are read a few hundred at a time, so that no
// long read transaction holds up the write-ahead log.
#include "server/store/sqlite/sqlite_store.h"

#include <algorithm>
#include <set>
#include <string>

namespace postfach::store::sqlite {
namespace {

// Each says one row (where, what is, what should be) per fault.
struct Rule {
    const char* what;
    const char* sql;
    const char* repair; // run in the writer; null: nothing can repair it; empty: by other means
};

#define SUMS "SELECT mailbox_id, count(*) AS n, sum(flags & 1 = 0) AS unseen, sum(flags & 8 <> 0) AS deleted, sum(size) AS size," \
             " max(uid) AS uid, max(modseq) AS modseq FROM message GROUP BY mailbox_id"
#define USED "SELECT account_id, sum(messages) AS n, sum(size) AS size FROM mailbox GROUP BY account_id"

constexpr Rule kRules[] = {
    {"the counters of a mailbox differ from its messages",
     "SELECT 'mailbox ' || m.id FROM mailbox m LEFT JOIN (" SUMS ") s ON s.mailbox_id = m.id"
     " WHERE m.messages <> coalesce(s.n, 0) OR m.unseen <> coalesce(s.unseen, 0) OR m.deleted <> coalesce(s.deleted, 0)"
     " OR m.size <> coalesce(s.size, 0)",
     "UPDATE mailbox SET (messages, unseen, deleted, size) = (SELECT count(*), coalesce(sum(flags & 1 = 0), 0),"
     " coalesce(sum(flags & 8 <> 0), 0), coalesce(sum(size), 0) FROM message WHERE mailbox_id = mailbox.id)"},
    {"a mailbox would give a UID or MODSEQ that is in use",
     "SELECT 'mailbox ' || m.id FROM mailbox m JOIN (" SUMS ") s ON s.mailbox_id = m.id"
     " WHERE m.uid_next <= s.uid OR m.highest_modseq < s.modseq",
     "UPDATE mailbox SET uid_next = max(uid_next, (SELECT coalesce(max(uid), 0) + 1 FROM message WHERE mailbox_id = mailbox.id)),"
     " highest_modseq = max(highest_modseq, (SELECT coalesce(max(modseq), 1) FROM message WHERE mailbox_id = mailbox.id))"},
    {"the use of an account differs from its mailboxes", // after the mailboxes
     "SELECT 'account ' || u.account_id FROM usage u LEFT JOIN (" USED ") s ON s.account_id = u.account_id"
     " WHERE u.used <> coalesce(s.size, 0) OR u.messages <> coalesce(s.n, 0)",
     "UPDATE usage SET (used, messages) = (SELECT coalesce(sum(size), 0), coalesce(sum(messages), 0) FROM mailbox"
     " WHERE mailbox.account_id = usage.account_id)"},
    {"what an account has recoverable differs from its entries",
     "SELECT 'account ' || u.account_id FROM usage u WHERE u.recoverable <>"
     " (SELECT coalesce(sum(size), 0) FROM recoverable r WHERE r.account_id = u.account_id)",
     "UPDATE usage SET recoverable = (SELECT coalesce(sum(size), 0) FROM recoverable r WHERE r.account_id = usage.account_id)"},
    {"the number of bodies differs from its tally", // repaired apart
     "SELECT 'tally' WHERE (SELECT count(*) FROM body) <> (SELECT value FROM tally WHERE name = 'bodies')",
     ""},
    {"a mailbox belongs to no account", "SELECT 'mailbox ' || id FROM mailbox WHERE account_id NOT IN (SELECT id FROM account)", nullptr},
    {"an account has no row of its use", "SELECT address FROM account WHERE id NOT IN (SELECT account_id FROM usage)",
     "INSERT OR IGNORE INTO usage (account_id, quota, used, messages) SELECT id, 0, 0, 0 FROM account"},
    {"a message belongs to no mailbox",
     "SELECT 'mailbox ' || mailbox_id || ' uid ' || uid FROM message WHERE mailbox_id NOT IN (SELECT id FROM mailbox)", nullptr},
    {"a message names a body that is gone",
     "SELECT 'mailbox ' || mailbox_id || ' uid ' || uid FROM message WHERE body_id NOT IN (SELECT id FROM body)", nullptr},
    {"a message has another size than its body",
     "SELECT 'mailbox ' || m.mailbox_id || ' uid ' || m.uid FROM message m JOIN body b ON b.id = m.body_id WHERE b.size <> m.size", nullptr},
    {"a quarantine entry names a body that is gone",
     "SELECT 'quarantine ' || id FROM quarantine WHERE body_id NOT IN (SELECT id FROM body)", nullptr},
    {"a recoverable message names a body that is gone",
     "SELECT 'recoverable ' || id FROM recoverable WHERE body_id NOT IN (SELECT id FROM body)", nullptr},
    {"a recoverable message belongs to no account",
     "SELECT 'recoverable ' || id FROM recoverable WHERE account_id NOT IN (SELECT id FROM account)", nullptr},
    {"what POP3 knows of a message that is gone",
     "SELECT 'mailbox ' || p.mailbox_id || ' uid ' || p.uid FROM pop3_message p LEFT JOIN message m ON m.mailbox_id = p.mailbox_id"
     " AND m.uid = p.uid WHERE m.uid IS NULL",
     "DELETE FROM pop3_message WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.mailbox_id = pop3_message.mailbox_id AND m.uid = pop3_message.uid)"},
    {"content belongs to no body", "SELECT 'content ' || body_id FROM content WHERE body_id NOT IN (SELECT id FROM body)",
     "DELETE FROM content WHERE body_id NOT IN (SELECT id FROM body)"},
};

constexpr const char* kReferences =
    "SELECT b.id, coalesce(s.n, 0) - b.refs FROM body b LEFT JOIN (SELECT body_id, count(*) AS n FROM"
    " (SELECT body_id FROM message UNION ALL SELECT body_id FROM quarantine UNION ALL SELECT body_id FROM recoverable) GROUP BY body_id) s ON s.body_id = b.id"
    " WHERE b.refs <> coalesce(s.n, 0)";

constexpr std::size_t kMostOfAKind = 1000; // reported; the rest is counted

void applyRules(Connection& db, std::vector<Finding>& findings)
{
    for (const Rule& rule : kRules) {
        Statement row = db.query(rule.sql);
        std::size_t found = 0;
        while (row.step())
            if (++found <= kMostOfAKind)
                findings.push_back({rule.what, row.text(0), rule.repair != nullptr});
        if (found > kMostOfAKind)
            findings.push_back({rule.what, std::to_string(found - kMostOfAKind) + " more", rule.repair != nullptr});
    }
    Statement row = db.query(kReferences);
    while (row.step())
        findings.push_back({"the references to a body are miscounted", "body " + std::to_string(row.integer(0)), true});
}

void raiseAlarm(Alarm& alarm, const std::vector<Finding>& findings)
{
    for (const Finding& finding : findings)
        if (!finding.repairable)
            alarm.raise(finding.what + " (" + finding.where + ")");
}

} // namespace

std::vector<Finding> SqliteStore::check(bool repair)
{
    std::vector<Finding> findings;
    try {
        const auto transaction = readTransaction();
        Statement row = transaction->db().query("PRAGMA integrity_check");
        while (row.step())
            if (row.bytes(0) != "ok")
                findings.push_back({row.text(0), "postfach.db", false});
        if (!findings.empty()) { // what follows would trip over the same damage
            raiseAlarm(*files_->alarm, findings);
            return findings;
        }
        applyRules(transaction->db(), findings);
    } catch (const Error& error) {
        if (error.kind != Error::Kind::damaged)
            throw;
        findings.push_back({error.what(), "postfach.db", false});
        return findings;
    }

    std::int64_t after = 0;
    for (bool more = true; more;) {
        const auto transaction = readTransaction();
        Reading reading(transaction->db(), *files_, delimiter_);
        std::vector<BodyId> ids;
        {
            Statement row = transaction->db().query("SELECT id FROM body WHERE id > ? ORDER BY id LIMIT 256", after);
            while (row.step())
                ids.push_back(BodyId{row.integer(0)});
        }
        for (const BodyId id : ids) {
            try {
                if (base::sha256(reading.body(id)) != reading.bodyHash(id))
                    throw Error(Error::Kind::damaged, "its bytes are not those of its hash");
            } catch (const Error& e) {
                findings.push_back({e.what(), "body " + std::to_string(id.value), false});
            }
        }
        more = !ids.empty();
        if (more)
            after = ids.back().value;
    }

    const auto named = [this](const base::Sha256& hash) {
        const auto transaction = readTransaction();
        return transaction->db().query("SELECT 1 FROM body WHERE encoding = 2 AND hash = ?", Blob{asBytes(hash)}).step();
    };
    // Looked at twice: between a commit that drops a row and the writer's note of it, a file is nobody's for a moment.
    std::vector<base::Sha256> orphans;
    if (const std::vector<base::Sha256> once = files_->orphans(named); !once.empty()) {
        const std::vector<base::Sha256> twice = files_->orphans(named);
        for (const base::Sha256& hash : once)
            if (std::find(twice.begin(), twice.end(), hash) != twice.end())
                orphans.push_back(hash);
    }
    for (const base::Sha256& hash : orphans)
        findings.push_back({"a file that no body names", files_->path(hash), true});

    raiseAlarm(*files_->alarm, findings);
    if (!repair || findings.empty())
        return findings;
    writeAndWait([](WriteTx& tx) { // counted anew inside: mail may have come since
        auto& writing = dynamic_cast<Writing&>(tx);
        std::vector<std::pair<BodyId, std::int64_t>> wrong;
        {
            Statement row = writing.db().query(kReferences);
            while (row.step())
                wrong.emplace_back(BodyId{row.integer(0)}, row.integer(1));
        }
        for (const auto& [id, by] : wrong)
            writing.correctReferences(id, by);
        for (const Rule& rule : kRules)
            if (rule.repair && *rule.repair)
                writing.db().run(rule.repair);
        writing.correctTally();
    });
    files_->dropped(orphans); // the writer looks once more and removes them
    return findings;
}

} // namespace postfach::store::sqlite
