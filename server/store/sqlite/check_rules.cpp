// One query a rule, over whole tables: a million messages are looked at in seconds. What is derived is made anew from what it is
// derived from; mail is never removed and never changed.
#include "server/store/sqlite/check_rules.h"

namespace postfach::store::sqlite {
namespace {

#define SUMS                                                                                                            \
    "SELECT mailbox_id, count(*) AS n, sum(flags & 1 = 0) AS unseen, sum(flags & 8 <> 0) AS deleted, sum(size) AS size" \
    " FROM message GROUP BY mailbox_id"
#define USED "SELECT account_id, sum(messages) AS n, sum(size) AS size FROM mailbox GROUP BY account_id"
// UIDs and MODSEQs that were given, also to what is gone.
#define GIVEN                                                                                                                   \
    "SELECT mailbox_id, max(uid) AS uid, max(modseq) AS modseq FROM (SELECT mailbox_id, max(uid) AS uid, max(modseq) AS modseq" \
    " FROM message GROUP BY mailbox_id UNION ALL SELECT mailbox_id, max(last), max(modseq) FROM expunged GROUP BY mailbox_id"   \
    " UNION ALL SELECT mailbox_id, max(uid), 0 FROM recoverable GROUP BY mailbox_id) GROUP BY mailbox_id"
#define GIVEN_IDS                                                                                                            \
    "(SELECT 'account' AS name, max(id) AS id FROM account UNION ALL SELECT 'mailbox', max(id) FROM (SELECT id FROM mailbox" \
    " UNION ALL SELECT mailbox_id FROM recoverable UNION ALL SELECT home FROM quarantine)"                                   \
    " UNION ALL SELECT 'body', max(id) FROM body UNION ALL SELECT 'quarantine', max(id) FROM quarantine"                     \
    " UNION ALL SELECT 'recoverable', max(id) FROM recoverable UNION ALL SELECT 'audit', max(id) FROM audit"                 \
    " UNION ALL SELECT 'event', max(id) FROM event)"
#define GIVEN_VALIDITY                                                                                                  \
    "(SELECT coalesce(max(uid_validity), 0) FROM (SELECT uid_validity FROM mailbox UNION ALL SELECT uid_validity FROM " \
    "recoverable))"
// Everything that has flags, and whose keywords they are.
#define FLAGGED                                                                                                         \
    "(SELECT b.account_id, 'mailbox ' || m.mailbox_id || ' uid ' || m.uid AS place, m.flags, m.keywords FROM message m" \
    " JOIN mailbox b ON b.id = m.mailbox_id WHERE m.flags & ~63 <> 0 OR m.keywords IS NOT NULL UNION ALL"               \
    " SELECT account_id, 'recoverable ' || id, flags, keywords FROM recoverable UNION ALL"                              \
    " SELECT account_id, 'quarantine ' || id, flags, nullif(keywords, x'') FROM quarantine)"
// The two bytes at `at` as a number that can be compared: four hexadecimal digits, the high byte first.
#define POSITION(at) "hex(substr(f.keywords, (" at ") + 1, 1)) || hex(substr(f.keywords, " at ", 1))"
// The domain in an address; there is one @ in it.
#define DOMAIN "substr(address, instr(address, '@') + 1)"

constexpr bool kHarmless = true; // a login, a setting or a mark is wrong; every mail is there, and shown to whom it belongs to

constexpr Rule kRules[] = {
    // --- whose it is
    {"a mailbox belongs to no account", "SELECT 'mailbox ' || id FROM mailbox WHERE account_id NOT IN (SELECT id FROM account)",
        nullptr},
    {"a message belongs to no mailbox",
        "SELECT 'mailbox ' || mailbox_id || ' uid ' || uid FROM message WHERE mailbox_id NOT IN (SELECT id FROM mailbox)",
        nullptr},
    {"a quarantine entry belongs to no account",
        "SELECT 'quarantine ' || id FROM quarantine WHERE account_id NOT IN (SELECT id FROM account)", nullptr},
    {"a recoverable message belongs to no account",
        "SELECT 'recoverable ' || id FROM recoverable WHERE account_id NOT IN (SELECT id FROM account)", nullptr},
    {"a history of expunged messages belongs to no mailbox",
        "SELECT 'mailbox ' || mailbox_id FROM expunged WHERE mailbox_id NOT IN (SELECT id FROM mailbox) GROUP BY mailbox_id",
        "DELETE FROM expunged WHERE mailbox_id NOT IN (SELECT id FROM mailbox)"},
    {"a UIDL belongs to no message",
        "SELECT 'mailbox ' || f.mailbox_id || ' uid ' || f.uid FROM fixed_uidl f LEFT JOIN message m ON m.mailbox_id = "
        "f.mailbox_id"
        " AND m.uid = f.uid WHERE m.uid IS NULL",
        "DELETE FROM fixed_uidl WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.mailbox_id = fixed_uidl.mailbox_id AND m.uid = "
        "fixed_uidl.uid)"},
    {"what POP3 knows of a message that is gone",
        "SELECT 'mailbox ' || p.mailbox_id || ' uid ' || p.uid FROM pop3_message p LEFT JOIN message m ON m.mailbox_id = "
        "p.mailbox_id"
        " AND m.uid = p.uid WHERE m.uid IS NULL",
        "DELETE FROM pop3_message WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.mailbox_id = pop3_message.mailbox_id AND "
        "m.uid = pop3_message.uid)"},
    {"a subscription belongs to no account",
        "SELECT 'account ' || account_id FROM subscription WHERE account_id NOT IN (SELECT id FROM account) GROUP BY account_id",
        "DELETE FROM subscription WHERE account_id NOT IN (SELECT id FROM account)"},
    {"a keyword belongs to no account",
        "SELECT 'account ' || account_id FROM keyword WHERE account_id NOT IN (SELECT id FROM account) GROUP BY account_id",
        "DELETE FROM keyword WHERE account_id NOT IN (SELECT id FROM account)"},
    {"an annotation belongs to no mailbox or account",
        "SELECT 'account ' || n.account_id || ' mailbox ' || n.mailbox_id FROM annotation n WHERE n.account_id NOT IN (SELECT id "
        "FROM account)"
        " OR n.mailbox_id <> 0 AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.id = n.mailbox_id AND m.account_id = n.account_id)"
        " GROUP BY n.account_id, n.mailbox_id",
        "DELETE FROM annotation WHERE account_id NOT IN (SELECT id FROM account) OR mailbox_id <> 0 AND NOT EXISTS"
        " (SELECT 1 FROM mailbox m WHERE m.id = annotation.mailbox_id AND m.account_id = annotation.account_id)"},
    {"an app password belongs to no account",
        "SELECT 'account ' || account_id FROM app_password WHERE account_id NOT IN (SELECT id FROM account) GROUP BY account_id",
        "DELETE FROM app_password WHERE account_id NOT IN (SELECT id FROM account)"},
    {"a login belongs to no account", "SELECT 'account ' || account_id FROM login WHERE account_id NOT IN (SELECT id FROM account) GROUP BY account_id",
        "DELETE FROM login WHERE account_id NOT IN (SELECT id FROM account)"},
    {"a login came out in no way", "SELECT 'account ' || account_id FROM login WHERE outcome NOT BETWEEN 0 AND 3 GROUP BY account_id",
        "DELETE FROM login WHERE outcome NOT BETWEEN 0 AND 3"},
    {"a second factor belongs to no account",
        "SELECT 'account ' || account_id FROM totp WHERE account_id NOT IN (SELECT id FROM account)",
        "DELETE FROM totp WHERE account_id NOT IN (SELECT id FROM account)"},
    {"a recovery code belongs to no second factor",
        "SELECT 'account ' || account_id FROM recovery_code WHERE account_id NOT IN (SELECT account_id FROM totp) GROUP BY account_id",
        "DELETE FROM recovery_code WHERE account_id NOT IN (SELECT account_id FROM totp)"},
    {"a browser's session belongs to no account",
        "SELECT 'account ' || account_id FROM web_session WHERE account_id NOT IN (SELECT id FROM account) GROUP BY account_id",
        "DELETE FROM web_session WHERE account_id NOT IN (SELECT id FROM account)"},
    {"a use belongs to no account", "SELECT 'account ' || account_id FROM usage WHERE account_id NOT IN (SELECT id FROM account)",
        "DELETE FROM usage WHERE account_id NOT IN (SELECT id FROM account)"},
    {"an account has no row of its use", "SELECT address FROM account WHERE id NOT IN (SELECT account_id FROM usage)",
        "INSERT OR IGNORE INTO usage (account_id, quota, used, messages) SELECT id, 0, 0, 0 FROM account"},
    {"what a message was that is in quarantine belongs to no entry",
        "SELECT 'quarantine ' || quarantine_id FROM replaced WHERE quarantine_id NOT IN (SELECT id FROM quarantine)",
        "DELETE FROM replaced WHERE quarantine_id NOT IN (SELECT id FROM quarantine)"},
    {"a content that is gone waits for an answer", "SELECT 'body ' || body_id FROM waiting WHERE body_id NOT IN (SELECT id FROM body)",
        "DELETE FROM waiting WHERE body_id NOT IN (SELECT id FROM body)"},
    {"a content waits for an answer that nobody asks",
        "SELECT 'body ' || body_id FROM waiting WHERE signature NOT IN (SELECT signature FROM outbreak)",
        "INSERT INTO outbreak SELECT signature, '', 1, count(*), unixepoch() * 1000, unixepoch() * 1000 FROM waiting WHERE signature NOT IN"
        " (SELECT signature FROM outbreak) GROUP BY signature"},
    {"what was found in delivered mail is neither counted nor asked nor answered", "SELECT signature FROM outbreak WHERE state NOT BETWEEN 0 AND 3",
        "UPDATE outbreak SET state = 1 WHERE state NOT BETWEEN 0 AND 3"},
    {"a reader belongs to no account", "SELECT 'account ' || account_id FROM reader WHERE account_id NOT IN (SELECT id FROM account) GROUP BY account_id",
        "DELETE FROM reader WHERE account_id NOT IN (SELECT id FROM account)"},
    {"what was fetched has no reader", "SELECT 'reader ' || reader_id FROM fetched WHERE reader_id NOT IN (SELECT id FROM reader) GROUP BY reader_id",
        "DELETE FROM fetched WHERE reader_id NOT IN (SELECT id FROM reader)"},
    {"hashes of the inside belong to no body", "SELECT 'body ' || body_id FROM inner_hash WHERE body_id NOT IN (SELECT id FROM body)",
        "DELETE FROM inner_hash WHERE body_id NOT IN (SELECT id FROM body)"},
    {"content belongs to no body", "SELECT 'content ' || body_id FROM content WHERE body_id NOT IN (SELECT id FROM body)",
        "DELETE FROM content WHERE body_id NOT IN (SELECT id FROM body)"},

    // --- accounts and domains
    {"an account's domain is not that of its address", "SELECT address FROM account WHERE domain <> " DOMAIN,
        "UPDATE account SET domain = " DOMAIN " WHERE domain <> " DOMAIN},
    {"an alias's domain is not that of its address", "SELECT address FROM alias WHERE domain <> " DOMAIN,
        "UPDATE alias SET domain = " DOMAIN " WHERE domain <> " DOMAIN},
    {"a domain with addresses is not there",
        "SELECT domain FROM (SELECT domain FROM account UNION SELECT domain FROM alias) WHERE domain NOT IN (SELECT name FROM "
        "domain)",
        "INSERT OR IGNORE INTO domain (name, created) SELECT domain, min(created) FROM (SELECT domain, created FROM account "
        "UNION ALL"
        " SELECT domain, created FROM alias) GROUP BY domain"},
    {"an address is an account and an alias", "SELECT address FROM alias WHERE address IN (SELECT address FROM account)",
        nullptr, kHarmless},
    {"a POP3 policy is none",
        "SELECT place FROM (SELECT address AS place, pop3_retention, pop3_seen, pop3_hide, pop3_exclusive FROM account UNION ALL"
        " SELECT name, pop3_retention, pop3_seen, pop3_hide, pop3_exclusive FROM domain) WHERE pop3_retention NOT BETWEEN -1 AND "
        "36500"
        " OR pop3_seen NOT IN (0, 1) OR pop3_hide NOT IN (0, 1) OR pop3_exclusive NOT IN (0, 1)",
        nullptr, kHarmless},
    {"a scanning policy is none",
        "SELECT place FROM (SELECT address AS place, scan_infected, scan_encrypted, scan_macros"
        ", scan_phishing, scan_limits, scan_attachments, scan_unscannable"
        " FROM account UNION ALL SELECT name, scan_infected, scan_encrypted, scan_macros"
        ", scan_phishing, scan_limits, scan_attachments, scan_unscannable FROM domain)"
        " WHERE scan_infected NOT BETWEEN 2 AND 3 OR scan_encrypted NOT BETWEEN 0 AND 3 OR scan_macros NOT BETWEEN 0 AND 3"
        " OR scan_phishing NOT BETWEEN 0 AND 3 OR scan_limits NOT BETWEEN 0 AND 3 OR scan_attachments NOT BETWEEN 0 AND 3"
        " OR scan_unscannable NOT BETWEEN 1 AND 3",
        nullptr, kHarmless},
    {"a trash policy is none",
        "SELECT place FROM (SELECT address AS place, expunge_to_trash, trash_days, junk_days, recovery_days FROM account UNION ALL"
        " SELECT name, expunge_to_trash, trash_days, junk_days, recovery_days FROM domain) WHERE expunge_to_trash NOT BETWEEN 0 AND 2"
        " OR trash_days NOT BETWEEN 0 AND 36500 OR junk_days NOT BETWEEN 0 AND 36500 OR recovery_days NOT BETWEEN 0 AND 36500",
        nullptr, kHarmless},
    {"an allowance is of no kind", "SELECT kind FROM allowance WHERE kind NOT IN ('content', 'signature')",
        "DELETE FROM allowance WHERE kind NOT IN ('content', 'signature')"},
    {"app passwords are there, and their key is not",
        "SELECT 'setting auth.secret' WHERE EXISTS (SELECT 1 FROM app_password) AND NOT EXISTS (SELECT 1 FROM setting WHERE name "
        "= 'auth.secret')",
        nullptr, kHarmless},

    // --- mailboxes
    {"an account has no INBOX", // check() makes it
        "SELECT address FROM account WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE account_id = account.id AND name = 'INBOX')",
        ""},
    {"a special use is none",
        "SELECT 'mailbox ' || id FROM mailbox WHERE special_use NOT IN ('', '\\All', '\\Archive', '\\Drafts', '\\Flagged', "
        "'\\Important', '\\Junk',"
        " '\\Sent', '\\Trash')",
        "UPDATE mailbox SET special_use = '' WHERE special_use NOT IN ('', '\\All', '\\Archive', '\\Drafts', '\\Flagged', "
        "'\\Important', '\\Junk',"
        " '\\Sent', '\\Trash')"},
    {"a mailbox has the special use of another", // the one the account was made with keeps it, else the older
        "SELECT 'mailbox ' || m.id FROM mailbox m JOIN mailbox o ON o.account_id = m.account_id AND o.special_use = m.special_use"
        " WHERE m.special_use <> '' AND (o.reserved, -o.id) > (m.reserved, -m.id) GROUP BY m.id",
        "UPDATE mailbox SET special_use = '' WHERE special_use <> '' AND EXISTS (SELECT 1 FROM mailbox o WHERE o.account_id = "
        "mailbox.account_id"
        " AND o.special_use = mailbox.special_use AND (o.reserved, -o.id) > (mailbox.reserved, -mailbox.id))"},
    {"a mailbox has the object id of another", // the older keeps it
        "SELECT 'mailbox ' || id FROM (SELECT id, row_number() OVER (PARTITION BY object_id ORDER BY id) AS n FROM mailbox) "
        "WHERE n > 1",
        "UPDATE mailbox SET object_id = 'F' || lower(hex(randomblob(12))) WHERE id IN (SELECT id FROM (SELECT id,"
        " row_number() OVER (PARTITION BY object_id ORDER BY id) AS n FROM mailbox) WHERE n > 1)"},
    {"a UIDVALIDITY was given twice",
        "SELECT 'mailbox ' || id FROM (SELECT id, row_number() OVER (PARTITION BY uid_validity ORDER BY id) AS n FROM mailbox) "
        "WHERE n > 1",
        nullptr},
    {"a number is none that IMAP has",
        "SELECT 'mailbox ' || id FROM mailbox WHERE uid_validity NOT BETWEEN 1 AND 4294967295 OR uid_next NOT BETWEEN 1 AND "
        "4294967295"
        " OR highest_modseq < 1 UNION ALL SELECT 'mailbox ' || mailbox_id || ' uid ' || uid FROM message"
        " WHERE uid NOT BETWEEN 1 AND 4294967294 OR modseq < 1",
        nullptr},
    {"a UIDVALIDITY would be given again",
        "SELECT 'tally' WHERE coalesce((SELECT value FROM tally WHERE name = 'uid_validity'), -1) < " GIVEN_VALIDITY,
        "INSERT INTO tally VALUES ('uid_validity', " GIVEN_VALIDITY
        ") ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"},
    {"an id would be given again",
        "SELECT g.name FROM " GIVEN_IDS " g JOIN sqlite_sequence s ON s.name = g.name WHERE g.id > s.seq",
        "UPDATE sqlite_sequence SET seq = g.id FROM " GIVEN_IDS
        " g WHERE g.name = sqlite_sequence.name AND g.id > sqlite_sequence.seq"},
    {"nobody knows which ids were given",
        "SELECT g.name FROM " GIVEN_IDS " g WHERE g.id > 0 AND g.name NOT IN (SELECT name FROM sqlite_sequence)",
        "INSERT INTO sqlite_sequence (name, seq) SELECT g.name, g.id FROM " GIVEN_IDS " g WHERE g.id > 0 AND g.name NOT IN"
        " (SELECT name FROM sqlite_sequence)"},
    {"a mailbox would give a UID or MODSEQ that is in use",
        "SELECT 'mailbox ' || m.id FROM mailbox m JOIN (" GIVEN
        ") s ON s.mailbox_id = m.id WHERE m.uid_next <= s.uid OR m.highest_modseq < s.modseq",
        "UPDATE mailbox SET uid_next = max(uid_next, s.uid + 1), highest_modseq = max(highest_modseq, s.modseq) FROM (" GIVEN
        ") s"
        " WHERE s.mailbox_id = mailbox.id AND (uid_next <= s.uid OR highest_modseq < s.modseq)"},
    {"what is recent begins where no UID can be",
        "SELECT 'mailbox ' || id FROM mailbox WHERE recent_from NOT BETWEEN 1 AND uid_next",
        "UPDATE mailbox SET recent_from = max(1, min(recent_from, uid_next)) WHERE recent_from NOT BETWEEN 1 AND uid_next"},
    {"a history of expunged messages names none",
        "SELECT 'mailbox ' || mailbox_id || ' uid ' || first FROM expunged WHERE first < 1 OR first > last",
        "DELETE FROM expunged WHERE first < 1 OR first > last"},
    {"a message stands where history says that it is gone",
        "SELECT 'mailbox ' || e.mailbox_id || ' uid ' || e.first FROM expunged e WHERE EXISTS (SELECT 1 FROM message m"
        " WHERE m.mailbox_id = e.mailbox_id AND m.uid BETWEEN e.first AND e.last)",
        nullptr},

    // --- messages and what names a body
    {"a message names a body that is gone",
        "SELECT 'mailbox ' || mailbox_id || ' uid ' || uid FROM message WHERE body_id NOT IN (SELECT id FROM body)", nullptr},
    {"a quarantine entry names a body that is gone",
        "SELECT 'quarantine ' || id FROM quarantine WHERE body_id NOT IN (SELECT id FROM body)", nullptr},
    {"a recoverable message names a body that is gone",
        "SELECT 'recoverable ' || id FROM recoverable WHERE body_id NOT IN (SELECT id FROM body)", nullptr},
    {"a message has another size than its body",
        "SELECT 'mailbox ' || m.mailbox_id || ' uid ' || m.uid FROM message m JOIN body b ON b.id = m.body_id WHERE b.size <> "
        "m.size",
        nullptr},
    {"a recoverable message has another size than its body",
        "SELECT 'recoverable ' || r.id FROM recoverable r JOIN body b ON b.id = r.body_id WHERE b.size <> r.size",
        "UPDATE recoverable SET size = b.size FROM body b WHERE b.id = recoverable.body_id AND b.size <> recoverable.size"},
    {"a recoverable message is marked as deleted", "SELECT 'recoverable ' || id FROM recoverable WHERE flags & 8 <> 0",
        "UPDATE recoverable SET flags = flags & ~8 WHERE flags & 8 <> 0"},
    {"a UIDL is none",
        "SELECT 'mailbox ' || mailbox_id || ' uid ' || uid FROM fixed_uidl WHERE length(uidl) NOT BETWEEN 1 AND 70 OR uidl GLOB "
        "'*[^!-~]*'",
        nullptr},
    {"two messages of a maildrop have one UIDL", // two fixed ones cannot be the same: an index sees to it, and integrity_check to that
        "SELECT 'mailbox ' || m.mailbox_id || ' uid ' || m.uid FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
        " JOIN fixed_uidl f ON f.mailbox_id = m.mailbox_id AND f.uidl = printf('%08x%08x', b.uid_validity, m.uid) AND f.uid <> "
        "m.uid"
        " WHERE m.mailbox_id IN (SELECT mailbox_id FROM fixed_uidl) AND NOT EXISTS (SELECT 1 FROM fixed_uidl o"
        " WHERE o.mailbox_id = m.mailbox_id AND o.uid = m.uid)",
        nullptr},
    {"POP3 hides a message neither way",
        "SELECT 'mailbox ' || mailbox_id || ' uid ' || uid FROM pop3_message WHERE hidden NOT IN (0, 1)",
        "UPDATE pop3_message SET hidden = 1 WHERE hidden NOT IN (0, 1)"},
    {"the keywords of an account are not numbered from 0",
        "SELECT 'account ' || account_id FROM keyword GROUP BY account_id"
        " HAVING min(position) <> 0 OR max(position) <> count(*) - 1",
        nullptr, kHarmless},
    {"a message has a keyword without a name",
        "SELECT f.place FROM " FLAGGED
        " f LEFT JOIN (SELECT account_id, max(position) + 1 AS n FROM keyword GROUP BY account_id) k"
        " ON k.account_id = f.account_id WHERE (coalesce(k.n, 0) < 58 AND (f.flags >> 6) >> coalesce(k.n, 0) <> 0)"
        " OR (f.keywords IS NOT NULL AND " POSITION("length(f.keywords) - 1") " >= printf('%04X', coalesce(k.n, 0)))",
        nullptr, kHarmless},
    {"the keywords of a message are not in order",
        "SELECT f.place FROM " FLAGGED
        " f WHERE f.keywords IS NOT NULL AND (length(f.keywords) = 0 OR length(f.keywords) % 2 <> 0"
        " OR " POSITION("1") " < '003A' OR EXISTS (WITH RECURSIVE pair (at) AS (SELECT 3 UNION ALL SELECT at + 2 FROM pair WHERE "
                             "at + 2 < length(f.keywords))"
                             " SELECT 1 FROM pair WHERE at < length(f.keywords) AND " POSITION("at") " <= " POSITION(
                                 "at - 2") "))",
        nullptr, kHarmless},

    // --- what is counted, from the inside out
    {"the counters of a mailbox differ from its messages",
        "SELECT 'mailbox ' || m.id FROM mailbox m LEFT JOIN (" SUMS ") s ON s.mailbox_id = m.id"
        " WHERE m.messages <> coalesce(s.n, 0) OR m.unseen <> coalesce(s.unseen, 0) OR m.deleted <> coalesce(s.deleted, 0)"
        " OR m.size <> coalesce(s.size, 0)",
        "UPDATE mailbox SET (messages, unseen, deleted, size) = (SELECT count(*), coalesce(sum(flags & 1 = 0), 0),"
        " coalesce(sum(flags & 8 <> 0), 0), coalesce(sum(size), 0) FROM message WHERE mailbox_id = mailbox.id)"},
    {"the use of an account differs from its mailboxes",
        "SELECT 'account ' || u.account_id FROM usage u LEFT JOIN (" USED ") s ON s.account_id = u.account_id"
        " WHERE u.used <> coalesce(s.size, 0) OR u.messages <> coalesce(s.n, 0)",
        "UPDATE usage SET (used, messages) = (SELECT coalesce(sum(size), 0), coalesce(sum(messages), 0) FROM mailbox"
        " WHERE mailbox.account_id = usage.account_id)"},
    {"what an account has recoverable differs from its entries",
        "SELECT 'account ' || u.account_id FROM usage u LEFT JOIN (SELECT account_id, sum(size) AS size FROM recoverable GROUP "
        "BY account_id) r"
        " ON r.account_id = u.account_id WHERE u.recoverable <> coalesce(r.size, 0)",
        "UPDATE usage SET recoverable = (SELECT coalesce(sum(size), 0) FROM recoverable r WHERE r.account_id = "
        "usage.account_id)"},
    {"a webhook has no URL or no secret, or was told what did not happen",
        "SELECT 'webhook ' || name FROM webhook WHERE url = '' OR secret = '' OR told > coalesce((SELECT seq FROM sqlite_sequence WHERE name = "
        "'event'), 0)",
        nullptr, kHarmless},
    {"the delivery log of a webhook that is gone", "SELECT 'webhook ' || webhook FROM webhook_attempt WHERE webhook NOT IN (SELECT name FROM webhook) GROUP BY webhook",
        "DELETE FROM webhook_attempt WHERE webhook NOT IN (SELECT name FROM webhook)"},
    {"what was counted was not counted by the hour", "SELECT 'statistic ' || hour FROM statistic WHERE hour % 3600000 <> 0",
        "DELETE FROM statistic WHERE hour % 3600000 <> 0"},
    {"the number of bodies differs from its tally", // check() counts
        "SELECT 'tally' WHERE (SELECT count(*) FROM body) <> coalesce((SELECT value FROM tally WHERE name = 'bodies'), -1)",
        "INSERT OR IGNORE INTO tally VALUES ('bodies', 0)"},
};

} // namespace

std::span<const Rule> rules() { return kRules; }

const char* const kMiscounted = "SELECT b.id, coalesce(s.n, 0) - b.refs FROM body b LEFT JOIN (SELECT body_id, count(*) AS n FROM"
                                " (SELECT body_id FROM message UNION ALL SELECT body_id FROM quarantine UNION ALL SELECT body_id "
                                "FROM recoverable) GROUP BY body_id) s ON s.body_id = b.id"
                                " WHERE b.refs <> coalesce(s.n, 0)";

} // namespace postfach::store::sqlite
