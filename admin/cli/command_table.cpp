#include "admin/cli/command.h"

#include <cstdint>

namespace postfach::admin {

const std::vector<OptionName>& optionNames()
{
    static const std::vector<OptionName> table = {
        {"--data", "DIR", "the server's data folder (or POSTFACH_DATA)"},
        {"--json", "", "answers for machines: lists are JSON arrays of objects"},
        {"--help", "", "what a command takes and does"},
        {"--version", "", "which Postfach this is"},
        {"--password-stdin", "", "read the password from the first line of standard input; at a terminal it is asked for, twice and unseen"},
        {"--password-hash-stdin", "", "read a hash from another server there instead: {SHA512-CRYPT}$6$…, $2y$…, $argon2id$…"},
        {"--generate", "", "make up a password that can be typed on a phone, and print it; so it is without --password-stdin too"},
        {"--quota", "N", "bytes, or with a unit: 500MiB, 5GiB; 0 for none"},
        {"--quota-messages", "N", "messages an account may hold; 0 for any number"},
        {"--expunge-to-trash", "HOW", "what a mail program expunges goes into Trash: yes, no (then it can only be restored), inherit"},
        {"--trash-days", "N", "how long mail stays in Trash: days, 0 for ever, inherit"},
        {"--junk-days", "N", "how long mail stays in Junk: the same"},
        {"--recovery-days", "N", "how long what is gone can be restored: days, 0 for not at all, inherit"},
        {"--name", "NAME", "the person's name"},
        {"--services", "LIST", "what the account may log in to: imap,pop3,smtp; the rest is switched off"},
        {"--scope", "LIST", "of a token or an administrator's account: read, accounts, scan, mail, audit, admin; of an app password: imap, pop3, smtp; by commas or repeated"},
        {"--expires", "TIME", "when it ends: 30d, 12h or 2026-12-31T00:00:00Z"},
        {"--from", "NETWORKS", "whence a token may be used: 192.0.2.7,2001:db8::/32; from anywhere when left out"},
        {"--account", "ADDRESS", "whose mail"},
        {"--mailbox", "NAME", "the mailbox; when left out INBOX for import, else all"},
        {"--keep", "N", "the newest N backups stay; 0 for all"},
        {"--verify", "WHAT", "read again at the end: all, new or none"},
        {"--uid", "N", "one message: its UID in the backup"},
        {"--to", "PLACE", "where to put what comes back: a mailbox, its own place when left out; of quarantine an account that gets a copy"},
        {"--signature", "TEXT", "a part of what was found"},
        {"--reason", "WORD", "infected, encrypted, limit, timeout, broken, macros, phishing, attachment"},
        {"--way-in", "WORD", "lmtp, import, rescan"},
        {"--since", "TIME", "not before: 7d (ago), 12h or 2026-12-31T00:00:00Z"},
        {"--until", "TIME", "before that time"},
        {"--never-again", "KIND", "allow it from now on: content (this message) or signature (what was found)"},
        {"--snapshot", "ID", "which backup; the newest when left out"},
        {"--retention", "HOW", "downloaded mail stays: keep (for ever), delete (not at all), 14d (days after the first download), inherit"},
        {"--seen", "HOW", "a POP3 download marks as read: yes, no, inherit"},
        {"--delete", "HOW", "what leaves the POP3 maildrop: remove (it is gone), hide (it stays for IMAP), inherit"},
        {"--exclusive", "HOW", "one POP3 session at a time: yes, no, inherit"},
        {"--infected", "HOW", "infected mail: quarantine, reject, inherit"},
        {"--encrypted", "HOW", "mail with something under a password: deliver, mark, quarantine, reject, inherit"},
        {"--macros", "HOW", "mail with macros in a document: the same"},
        {"--phishing", "HOW", "mail whose links show another address than they lead to: the same"},
        {"--limits", "HOW", "mail past the limits of scanning: the same"},
        {"--attachments", "HOW", "mail with an attachment of scanner.attachment_types: the same"},
        {"--unscannable", "HOW", "mail that cannot be scanned whole for another reason: mark, quarantine, reject, inherit"},
        {"--service", "NAME", "of sessions imap, imaps, pop3, pop3s or lmtp; of logins imap, pop3, smtp, me (the API) or web"},
        {"--address", "ADDRESS", "from this network address"},
        {"--search", "TEXT", "only what has this in its name, address, subject …"},
        {"--sort", "FIELD", "the order; with - before it the other way: --sort=-created"},
        {"--domain", "NAME", "of this domain alone"},
        {"--state", "WORD", "of bans slowed or banned; of tasks waiting, running, done, failed, cancelled or interrupted"},
        {"--cause", "WORD", "who removed it: imap, pop3, pop3-retention, mailbox, trash"},
        {"--outcome", "WORD", "ok, wrong, disabled or refused (too many wrong ones came before)"},
        {"--check", "", "ask DNS what is there"},
        {"--dry-run", "", "only say what would change"},
        {"--everywhere", "", "of every mail in which the same was found"},
        {"--asked", "", "only what its recipient wants released"},
        {"--prune", "", "aliases and empty domains that are not in the document go too"},
        {"--actor", "WHO", "token:NAME, local:UID, account:ADDRESS or server; token alone stands for every token"},
        {"--action", "WHAT", "account.change, account …"},
        {"--target", "NAME", "to what it was done: an address, and what belongs to it; of aliases: to whom they lead"},
        {"--head", "ID:HASH", "what an earlier audit verify said: must still be in the chain"},
        {"--kind", "LIST", "mail, login.failed …; by commas"},
        {"--repair", "", "repair what can be repaired"},
    };
    return table;
}

const std::vector<Command>& commands()
{
    static const std::vector<Command> table = {
        {{"domain", "add"}, "NAME", 1, 1, {}, "make a domain", "Example: postfach domain add example.org", run::domainAdd},
        {{"domain", "list"}, "", 0, 0, {"--search", "--sort"}, "list the domains", "Example: postfach domain list --json", run::domainList},
        {{"domain", "remove"}, "NAME", 1, 1, {}, "remove a domain that has no accounts and no aliases", "Example: postfach domain remove old.example", run::domainRemove},
        {{"domain", "policy"}, "NAME", 1, 1, {"--retention", "--seen", "--delete", "--exclusive", "--infected", "--encrypted", "--macros", "--phishing",
          "--limits", "--attachments", "--unscannable", "--expunge-to-trash", "--trash-days", "--junk-days", "--recovery-days"},
         "show or change what POP3 does with downloaded mail, what becomes of mail that is not clean, and of what is deleted",
         "For all of the domain's accounts that do not say otherwise.\n\nExample: postfach domain policy example.org --retention 30d --macros quarantine", run::domainPolicy},

        {{"dns"}, "NAME", 1, 1, {"--check"}, "the DNS records that a domain needs, as lines of a zone file",
         "With --check each says whether it is there; exit status 1 when one is missing or different (TLSA is left to you).\n\n"
         "Examples:\n  postfach dns example.org >> example.org.zone\n  postfach dns example.org --check", run::dns},

        {{"account", "add"}, "ADDRESS", 1, 1, {"--password-stdin", "--password-hash-stdin", "--generate", "--quota", "--quota-messages", "--expunge-to-trash", "--name", "--services", "--scope"}, "create an account, and its domain when that is new",
         "Without --password-stdin a password is made up and printed, once.\n\n"
         "Examples:\n  postfach account add alice@example.org --name 'Alice Doe' --quota 5GiB\n"
         "  printf '%s\\n' \"$PASSWORD\" | postfach account add alice@example.org --password-stdin", run::accountAdd},
        {{"account", "list"}, "", 0, 0, {"--domain", "--search", "--sort"}, "list the accounts", "Examples:\n  postfach account list\n  postfach account list --domain example.org --sort -used", run::accountList},
        {{"account", "show"}, "ADDRESS", 1, 1, {}, "show an account and its mailboxes", "Example: postfach account show alice@example.org", run::accountShow},
        {{"account", "remove"}, "ADDRESS", 1, 1, {}, "remove an account with all its mail", "There is no way back but a backup.\n\nExample: postfach account remove alice@example.org", run::accountRemove},
        {{"account", "password"}, "ADDRESS", 1, 1, {"--password-stdin", "--password-hash-stdin", "--generate"}, "set a new password",
         "Without --password-stdin a password is made up and printed, once.\n\nExample: postfach account password alice@example.org --generate", run::accountPassword},
        {{"account", "enable"}, "ADDRESS", 1, 1, {}, "let the account log in again", "Example: postfach account enable alice@example.org", run::accountEnable},
        {{"account", "disable"}, "ADDRESS", 1, 1, {}, "keep the account from logging in; its mail still comes in", "Example: postfach account disable alice@example.org", run::accountDisable},
        {{"account", "change"}, "ADDRESS", 1, 1, {"--quota", "--quota-messages", "--expunge-to-trash", "--name", "--services", "--scope"}, "change quotas, name, services, what EXPUNGE does, or make an administrator",
         "--scope gives the account the rights of a token in a browser; --scope none takes them.\n\n"
         "Examples:\n  postfach account change alice@example.org --quota 10GiB --services imap\n"
         "  postfach account change alice@example.org --quota-messages 100000 --expunge-to-trash no\n"
         "  postfach account change alice@example.org --scope admin", run::accountChange},
        {{"account", "reset-totp"}, "ADDRESS", 1, 1, {}, "take a second factor away whose owner has lost it",
         "He signs in with the password alone then, and sets up another.\n\nExample: postfach account reset-totp alice@example.org", run::accountResetTotp},
        {{"account", "policy"}, "ADDRESS", 1, 1, {"--retention", "--seen", "--delete", "--exclusive", "--infected", "--encrypted", "--macros", "--phishing",
          "--limits", "--attachments", "--unscannable", "--expunge-to-trash", "--trash-days", "--junk-days", "--recovery-days"},
         "show or change what POP3 does with downloaded mail, what becomes of mail that is not clean, and of what is deleted",
         "What is `inherit`ed is the domain's. CAPA tells clients as EXPIRE.\n\n"
         "Examples:\n  postfach account policy alice@example.org\n  postfach account policy alice@example.org --retention 14d --delete hide", run::accountPolicy},

        {{"account", "logins"}, "ADDRESS", 1, 1, {"--service", "--address", "--outcome", "--since", "--until"},
         "who logged in to an account, and who tried; newest first",
         "What is alike within an hour is one line. The last 100 are kept of each, for logins.days.\n\n"
         "Examples:\n  postfach account logins alice@example.org\n  postfach account logins alice@example.org --outcome wrong --since 7d", run::accountLogins},

        {{"app-password", "create"}, "ADDRESS LABEL", 2, 2, {"--scope", "--expires"}, "make a password of its own for one program or device; printed once",
         "It can be taken back without changing the others.\n\n"
         "Example: postfach app-password create alice@example.org phone --scope imap --scope pop3 --expires 365d", run::appPasswordCreate},
        {{"app-password", "list"}, "ADDRESS", 1, 1, {}, "list an account's app passwords, without their secrets", "Example: postfach app-password list alice@example.org", run::appPasswordList},
        {{"app-password", "remove"}, "ADDRESS LABEL", 2, 2, {}, "take an app password back: it ends at once", "Example: postfach app-password remove alice@example.org phone", run::appPasswordRemove},
        {{"ban", "list"}, "", 0, 0, {"--account", "--address", "--state", "--sort"}, "who is slowed or banned for failed logins", "Example: postfach ban list", run::banList},
        {{"ban", "remove"}, "ADDRESS|ACCOUNT…", 1, 1000, {}, "lift what stands against an address or an account",
         "Examples:\n  postfach ban remove 192.0.2.7\n  postfach ban remove alice@example.org", run::banRemove},

        {{"alias", "add"}, "ADDRESS TARGET…", 2, 1000, {}, "mail for ADDRESS goes to every TARGET", "Example: postfach alias add info@example.org alice@example.org bob@example.org", run::aliasAdd},
        {{"alias", "list"}, "", 0, 0, {"--search", "--domain", "--target", "--sort"}, "list the aliases", "Examples:\n  postfach alias list\n  postfach alias list --target alice@example.org", run::aliasList},
        {{"alias", "remove"}, "ADDRESS", 1, 1, {}, "remove an alias", "Example: postfach alias remove info@example.org", run::aliasRemove},

        {{"mailbox", "list"}, "ADDRESS", 1, 1, {}, "list the mailboxes of an account, with their sizes", "Example: postfach mailbox list alice@example.org", run::mailboxList},
        {{"mailbox", "create"}, "ADDRESS NAME…", 2, 1000, {}, "make mailboxes, with those above them", "Example: postfach mailbox create alice@example.org Projects/2026", run::mailboxCreate},
        {{"mailbox", "rename"}, "ADDRESS NAME NEW-NAME", 3, 3, {}, "rename a mailbox, with all below it", "Example: postfach mailbox rename alice@example.org Projects Work", run::mailboxRename},
        {{"mailbox", "remove"}, "ADDRESS NAME…", 2, 1000, {}, "remove mailboxes that have none below them",
         "What was in them can be restored for recovery.days: `postfach deleted list`.\n\nExample: postfach mailbox remove alice@example.org Projects/2026", run::mailboxRemove},
        {{"config", "snapshot"}, "", 0, 0, {}, "write domains, accounts, aliases and their policies as one JSON document",
         "Without passwords. It can be kept under version control and put into force again.\n\nExample: postfach config snapshot > office.json", run::configSnapshot},
        {{"config", "apply"}, "FILE", 1, 1, {"--dry-run", "--prune"}, "make the office what the document says",
         "What is missing is made, what differs is changed; what is not in the document stays. --prune removes aliases and empty domains that are\n"
         "not in it, never an account. An account that is new may bring \"password\" or \"password_hash\"; who is there keeps what he has.\n\n"
         "Examples:\n  postfach config apply office.json --dry-run\n  postfach config apply office.json", run::configApply},

        {{"token", "create"}, "NAME", 1, 1, {"--scope", "--expires", "--from"}, "create a token for the HTTP API; printed once",
         "The scope admin is every scope but mail, which reads other people's mail.\n\nExample: postfach token create monitoring --scope read --expires 365d", run::tokenCreate},
        {{"token", "rotate"}, "NAME", 1, 1, {}, "another secret for a token; printed once, and the old one ends at once", "Example: postfach token rotate monitoring", run::tokenRotate},
        {{"token", "list"}, "", 0, 0, {"--search", "--scope", "--sort"}, "list the tokens, without their secrets", "Example: postfach token list", run::tokenList},
        {{"token", "remove"}, "NAME", 1, 1, {}, "remove a token: it ends at once", "Example: postfach token remove monitoring", run::tokenRemove},

        {{"session", "list"}, "", 0, 0, {"--account", "--service", "--address", "--search", "--since", "--until", "--sort"}, "list who is connected, and to what", "Example: postfach session list --account alice@example.org", run::sessionList},
        {{"session", "end"}, "ID…", 1, 1000, {}, "end sessions: each says goodbye and goes",
         "`postfach account disable` ends every session of an account and keeps it out.\n\nExample: postfach session end 1f3a", run::sessionEnd},

        {{"import"}, "FILE.mbox|MAILDIR|FILE.eml…", 1, SIZE_MAX, {"--account", "--mailbox"}, "take mail into an account, through the scanner",
         "Flags and dates are kept. Folders of a Maildir become mailboxes. Infected mail goes to quarantine.\n\n"
         "Examples:\n  postfach import --account alice@example.org ~/Maildir\n  postfach import --account alice@example.org --mailbox Archive/2020 old.mbox", run::importMail},
        {{"export"}, "DIR", 1, 1, {"--account", "--mailbox"}, "write an account's mail into DIR, a Maildir for each mailbox",
         "`postfach import` reads it back. DIR must be empty or new.\n\nExample: postfach export --account alice@example.org /tmp/alice", run::exportMail},

        {{"scan", "status"}, "", 0, 0, {}, "the scanner's state and counts, and how much of the stored mail is checked with its signatures", "Example: postfach scan status", run::scanStatus},
        {{"scan", "run"}, "", 0, 0, {}, "read the signatures again, put them to use, and scan the stored mail they have not looked at", "Example: postfach scan run", run::scanRun},
        {{"scan", "cancel"}, "", 0, 0, {}, "end the pass over stored mail until there are other signatures", "Example: postfach scan cancel", run::scanCancel},
        {{"scan", "confirm"}, "SIGNATURE", 1, 1, {}, "quarantine what was found in stored mail and waits for an answer",
         "A signature that is found in much stored mail at once may be a bad one: past scanner.brake_hits and\n"
         "scanner.brake_percent nothing more is quarantined until you say what it is.\n\nExample: postfach scan confirm Win.Test.EICAR_HDB-1", run::scanConfirm},
        {{"scan", "dismiss"}, "SIGNATURE", 1, 1, {}, "leave it where it is: a false alarm", "What was quarantined before you were asked goes back to its mailboxes.\n\nExample: postfach scan dismiss Win.Test.EICAR_HDB-1", run::scanDismiss},
        {{"quarantine", "list"}, "", 0, 0, {"--account", "--signature", "--reason", "--way-in", "--search", "--since", "--until", "--sort", "--asked"}, "list the quarantined messages",
         "With --asked only those that their recipients want released.\n\nExample: postfach quarantine list --account alice@example.org --reason macros --since 7d", run::quarantineList},
        {{"quarantine", "show"}, "ID", 1, 1, {"--everywhere"}, "show one of them: headers and parts, who has it and who fetched it, not the content",
         "With --everywhere who has or fetched any mail in which the same was found.\n\nExample: postfach quarantine show 17 --everywhere", run::quarantineShow},
        {{"quarantine", "release"}, "ID…", 1, 1000, {"--to", "--never-again", "--expires"}, "put it into the mailbox it was meant for",
         "Only what was surely found by mistake. With --to another account gets a copy, and the message stays in quarantine.\n\n"
         "Example: postfach quarantine release 17 --never-again signature --expires 30d", run::quarantineRelease},
        {{"quarantine", "delete"}, "ID…", 1, 1000, {}, "delete it for good", "Example: postfach quarantine delete 17 18", run::quarantineDelete},
        {{"quarantine", "download"}, "ID FILE.zip", 2, 2, {}, "save it in a zip under the password `infected`", "Example: postfach quarantine download 17 17.zip", run::quarantineDownload},
        {{"allowance", "list"}, "", 0, 0, {}, "list what is not to be found again", "Example: postfach allowance list", run::allowanceList},
        {{"allowance", "add"}, "KIND WHAT", 2, 2, {"--expires"}, "allow a signature by its name, or a content by its SHA-256",
         "The SHA-256 is the one that `postfach quarantine show --json` calls `content`.\n\n"
         "Example: postfach allowance add signature Heuristics.OLE2.ContainsMacros.VBA --expires 30d", run::allowanceAdd},
        {{"allowance", "remove"}, "KIND WHAT", 2, 2, {}, "let it be found again", "Example: postfach allowance remove signature Heuristics.OLE2.ContainsMacros.VBA", run::allowanceRemove},
        {{"signatures", "list"}, "", 0, 0, {}, "list the signature files and what is in use", "Example: postfach signatures list", run::signaturesList},
        {{"signatures", "add"}, "FILE…", 1, 100, {}, "add or replace signature files; each is proved first",
         "Without a way to the mirrors too.\n\nExample: postfach signatures add main.cvd daily.cvd", run::signaturesAdd},
        {{"signatures", "remove"}, "NAME…", 1, 100, {}, "remove signature files", "Example: postfach signatures remove office.ndb", run::signaturesRemove},
        {{"deleted", "list"}, "", 0, 0, {"--account", "--mailbox", "--cause", "--since", "--until", "--sort"}, "list what an account's owner deleted and can be restored",
         "It can be for recovery.days after it left Trash, or was deleted by POP3 or with its mailbox.\n\nExample: postfach deleted list --account alice@example.org", run::deletedList},
        {{"deleted", "restore"}, "ID…", 1, 1000, {"--account"}, "put it back into its mailbox, with flags and dates",
         "The mailbox is made again when it is gone.\n\nExample: postfach deleted restore --account alice@example.org 17 18", run::deletedRestore},

        {{"backup", "create"}, "[DIR]", 0, 1, {"--keep", "--verify"}, "write a backup into DIR while mail flows",
         "DIR holds any number of backups, each complete; what an earlier one has is not written again. Without DIR: backup.folder.\n"
         "At the end every byte of it is read again: --verify new reads only what was written, --verify none nothing.\n"
         "--keep 7 removes all but the newest 7.\n\nExample: postfach backup create /mnt/backup --keep 7", run::backupCreate},
        {{"backup", "list"}, "DIR", 1, 1, {}, "list the backups in a folder; needs no server", "NEW is what a backup added to those before it.\n\nExample: postfach backup list /mnt/backup", run::backupList},
        {{"backup", "verify"}, "DIR", 1, 1, {"--snapshot"}, "read all backups in DIR and check every byte; needs no server",
         "Exit status 1 and a list where something is wrong: which file, and which backups need it.\n\nExample: postfach backup verify /mnt/backup", run::backupVerify},
        {{"backup", "restore"}, "DIR", 1, 1, {"--snapshot", "--account", "--mailbox", "--uid", "--to"},
         "restore a backup into the empty folder --data names; or a part of it into the running server",
         "The newest, or the one that --snapshot names. UIDs, flags and UIDLs are those of the backup. What is damaged in it is listed, the rest restored.\n\n"
         "With --account, that account's mail comes back into the server that runs: all of it, one mailbox, or one message (--uid, its UID in the\n"
         "backup). Nothing there is overwritten, and what is there already does not come twice. --to puts it into another mailbox.\n\n"
         "Examples:\n  postfach backup restore /mnt/backup --data /srv/postfach\n"
         "  postfach backup restore /mnt/backup --account alice@example.org --mailbox Projects", run::backupRestore},
        {{"audit", "list"}, "", 0, 0, {"--since", "--until", "--actor", "--action", "--target", "--address", "--sort"}, "what was done here, by whom and from where; newest first",
         "Examples:\n  postfach audit list --target alice@example.org\n  postfach audit list --actor token:office --since 2026-03-01T00:00:00Z", run::auditList},
        {{"audit", "verify"}, "", 0, 0, {"--head"}, "read the whole audit and say whether it is as it was written",
         "Each entry carries the hash of the one before it. Exit status 1 and a list where entries were changed, taken out or put in.\n"
         "Note the head that it prints elsewhere: with --head, a later one proves that nothing up to there was rewritten.\n\n"
         "Example: postfach audit verify --head 17:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", run::auditVerify},
        {{"event", "list"}, "", 0, 0, {"--since", "--until", "--kind", "--account", "--sort"}, "what happened lately: mail, verdicts, logins, backups …; newest first",
         "The journal is bounded (events.days, events.keep). GET /api/v1/events is a stream of it.\n\n"
         "Example: postfach event list --kind login.failed,ban", run::eventList},
        {{"task", "list"}, "", 0, 0, {"--kind", "--state", "--since", "--until", "--sort"}, "long work that waits, runs or is over", "Example: postfach task list", run::taskList},
        {{"task", "cancel"}, "ID", 1, 1, {}, "end a long work", "Example: postfach task cancel 5961289c6c516998", run::taskCancel},
        {{"check"}, "", 0, 0, {"--repair"}, "check the store's consistency, with or without a running server", "Exit status 1 and a list where something is wrong.\n\nExample: postfach check --repair", run::check},
        {{"salvage"}, "NEW-DIR", 1, 1, {}, "save what can be read of a damaged data folder into a new one; while no server runs on it",
         "The damaged folder is only read. NEW-DIR can be served: postfach serve --data NEW-DIR. Contents that belong to nobody any more are files\n"
         "below NEW-DIR/lost+found. Exit status 1 and a list where something is lost. A whole backup is the better way, where there is one.\n\n"
         "Example: postfach salvage /srv/postfach-new --data /srv/postfach", run::salvage},
        {{"completion"}, "bash|zsh", 1, 1, {}, "write what makes the shell complete these commands",
         "Examples:\n  postfach completion bash > /etc/bash_completion.d/postfach\n  postfach completion zsh > /usr/share/zsh/vendor-completions/_postfach", run::completion},
        {{"healthcheck"}, "", 0, 0, {}, "exit status 0 while the server is ready", "Example: postfach healthcheck && echo ready", run::healthcheck},
    };
    return table;
}

} // namespace postfach::admin
