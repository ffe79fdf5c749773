// Mailboxes, subscriptions, keywords, annotations: the writing side.
#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/store/names.h"
#include "server/store/sqlite/writing.h"

#include <algorithm>

namespace postfach::store::sqlite {

using Kind = Error::Kind;

// Grows for ever, also when the clock goes back: a mailbox made anew under an old name is never taken for the old one.
std::uint32_t Writing::nextUidValidity()
{
    Statement row = db_.query("UPDATE tally SET value = max(value + 1, ?) WHERE name = 'uid_validity' RETURNING value",
                              base::toMillis(now_) / 1000);
    row.step();
    const auto value = static_cast<std::uint32_t>(row.integer(0));
    row.step();
    return value;
}

MailboxId Writing::insertMailbox(AccountId account, std::string_view name, std::string_view special_use, bool reserved)
{
    db_.run("INSERT INTO mailbox (account_id, name, object_id, uid_validity, uid_next, highest_modseq, messages, unseen,"
            " deleted, size, recent_from, special_use, reserved) VALUES (?, ?, ?, ?, 1, 1, 0, 0, 0, 0, 1, ?, ?)",
            account, name, "F" + base::randomHex(12), nextUidValidity(), special_use, reserved);
    changes_.touch(account);
    return MailboxId{db_.lastId()};
}

void Writing::requireRoomForMailboxes(AccountId account, std::size_t more)
{
    Statement row = db_.query("SELECT count(*) FROM mailbox WHERE account_id = ?", account);
    row.step();
    if (row.integer(0) + static_cast<std::int64_t>(more) > base::limits::kMailboxesPerAccount)
        throw Error(Kind::limit, "an account has at most " + std::to_string(base::limits::kMailboxesPerAccount) + " mailboxes");
}

std::vector<std::string> Writing::missingParents(AccountId account, std::string_view name)
{
    std::vector<std::string> missing;
    for (std::string& parent : parentsOf(name, reading_.delimiter()))
        if (!findMailbox(account, parent))
            missing.push_back(std::move(parent));
    return missing;
}

MailboxId Writing::createMailbox(AccountId account, std::string_view name, std::string_view special_use)
{
    requireAccount(account);
    const std::string kept = mailboxName(name, reading_.delimiter());
    if (findMailbox(account, kept))
        throw Error(Kind::alreadyExists, "mailbox " + base::printable(kept) + " exists");
    const auto parents = missingParents(account, kept);
    requireRoomForMailboxes(account, parents.size() + 1);
    for (const std::string& parent : parents)
        insertMailbox(account, parent, "", false);
    return insertMailbox(account, kept, special_use, false);
}

void Writing::renameMailbox(AccountId account, std::string_view from, std::string_view to)
{
    const char delimiter = reading_.delimiter();
    const auto source = findMailbox(account, from);
    if (!source)
        throw Error(Kind::noSuchMailbox, "no mailbox " + base::printable(from));
    const std::string target = mailboxName(to, delimiter);
    if (findMailbox(account, target))
        throw Error(Kind::alreadyExists, "mailbox " + base::printable(target) + " exists");
    if (source->name != "INBOX" && isBelow(target, source->name, delimiter))
        throw Error(Kind::badName, "a mailbox cannot go below itself");
    const auto parents = missingParents(account, target);

    if (source->name == "INBOX") { // RFC 9051 6.3.6: INBOX stays, its messages go, what is below it stays where it is
        requireRoomForMailboxes(account, parents.size() + 1);
        const MailboxId made = createMailbox(account, target, "");
        move(source->id, allUids(source->id), made);
        db_.run("INSERT INTO annotation SELECT account_id, ?, name, value FROM annotation WHERE account_id = ? AND mailbox_id = ?", made,
                account, source->id); // RFC 5464 4.1
        return;
    }
    std::vector<std::pair<MailboxId, std::string>> renamed{{source->id, target}};
    for (const Mailbox& mailbox : mailboxes(account))
        if (isBelow(mailbox.name, source->name, delimiter))
            renamed.emplace_back(mailbox.id, mailboxName(target + mailbox.name.substr(source->name.size()), delimiter));
    requireRoomForMailboxes(account, parents.size());
    for (const std::string& parent : parents)
        insertMailbox(account, parent, "", false);
    for (const auto& [id, name] : renamed)
        db_.run("UPDATE mailbox SET name = ? WHERE id = ?", name, id);
    changes_.touch(account);
}

void Writing::deleteMailbox(AccountId account, std::string_view name)
{
    const auto mailbox = findMailbox(account, name);
    if (!mailbox)
        throw Error(Kind::noSuchMailbox, "no mailbox " + base::printable(name));
    if (db_.query("SELECT 1 FROM mailbox WHERE id = ? AND reserved = 1", mailbox->id).step())
        throw Error(Kind::reserved, mailbox->name + " cannot be deleted");
    for (const Mailbox& other : mailboxes(account))
        if (isBelow(other.name, mailbox->name, reading_.delimiter()))
            throw Error(Kind::notEmpty, "mailbox " + base::printable(mailbox->name) + " has mailboxes below it");
    charge(account, -static_cast<std::int64_t>(mailbox->size), -static_cast<std::int64_t>(mailbox->exists), false);
    const bool keeps = mailbox->exists > 0 && keepsRecoverable(account);
    if (keeps)
        keepAllRecoverable(*mailbox, "mailbox");
    dropMessages(mailbox->id, keeps ? Bodies::kept : Bodies::released);
    if (keeps)
        boundRecoverable(account, static_cast<std::int64_t>(mailbox->size));
    db_.run("DELETE FROM annotation WHERE account_id = ? AND mailbox_id = ?", account, mailbox->id);
    db_.run("DELETE FROM mailbox WHERE id = ?", mailbox->id);
    changes_.of(mailbox->id, account).gone = true;
    changes_.touch(account);
}

void Writing::makeMissingMailboxes()
{
    std::vector<AccountId> without_inbox;
    {
        Statement row = db_.query("SELECT id FROM account WHERE NOT EXISTS (SELECT 1 FROM mailbox WHERE account_id = account.id AND name = 'INBOX')");
        while (row.step())
            without_inbox.push_back(AccountId{row.integer(0)});
    }
    for (const AccountId account : without_inbox)
        insertMailbox(account, "INBOX", "", true);

    std::vector<std::pair<AccountId, std::string>> below;
    {
        const std::string delimiter(1, reading_.delimiter()); // a statement looks at what is bound until its last step
        Statement row = db_.query("SELECT account_id, name FROM mailbox WHERE instr(name, ?) > 0 AND account_id IN (SELECT id FROM account)",
                                  delimiter);
        while (row.step())
            if (isMailboxName(row.bytes(1), reading_.delimiter()))
                below.emplace_back(AccountId{row.integer(0)}, row.text(1));
    }
    for (const auto& [account, name] : below)
        for (const std::string& parent : missingParents(account, name))
            insertMailbox(account, parent, "", false);
}

void Writing::subscribe(AccountId account, std::string_view name, bool on)
{
    requireAccount(account);
    const auto there = findMailbox(account, name);
    const std::string kept = there ? there->name : mailboxName(name, reading_.delimiter());
    if (!on) {
        db_.run("DELETE FROM subscription WHERE account_id = ? AND name = ?", account, kept);
        changes_.touch(account);
        return;
    }
    Statement row = db_.query("SELECT count(*) FROM subscription WHERE account_id = ?", account);
    row.step();
    if (row.integer(0) >= 2 * base::limits::kMailboxesPerAccount) // some may name what is gone
        throw Error(Kind::limit, "too many subscriptions");
    db_.run("INSERT OR IGNORE INTO subscription VALUES (?, ?)", account, kept);
    changes_.touch(account);
}

unsigned Writing::keyword(AccountId account, std::string_view name)
{
    if (const auto known = reading_.findKeyword(account, name))
        return *known;
    requireAccount(account);
    requireKeyword(name);
    Statement row = db_.query("SELECT coalesce(max(position) + 1, 0) FROM keyword WHERE account_id = ?", account);
    row.step();
    const std::int64_t position = row.integer(0);
    if (position >= base::limits::kKeywordsPerAccount && !isServerKeyword(name)) // those few are no client's to use up
        throw Error(Kind::limit, "an account has at most " + std::to_string(base::limits::kKeywordsPerAccount) + " keywords");
    db_.run("INSERT INTO keyword VALUES (?, ?, ?)", account, position, name);
    return static_cast<unsigned>(position);
}

void Writing::setAnnotation(AccountId account, MailboxId mailbox, std::string_view name, std::optional<std::string_view> value)
{
    namespace limits = base::limits;
    requireAccount(account);
    if (mailbox && reading_.requireMailbox(mailbox).account != account)
        throw Error(Kind::noSuchMailbox, "the mailbox is another account's");
    changes_.touch(account);
    if (mailbox)
        step(mailbox, {}); // RFC 7162 3.2: its HIGHESTMODSEQ moves
    if (!value) {
        db_.run("DELETE FROM annotation WHERE account_id = ? AND mailbox_id = ? AND name = ?", account, mailbox, name);
        return;
    }
    if (name.empty() || name.size() > limits::kAnnotationName || value->size() > limits::kAnnotationValue)
        throw Error(Kind::limit, "the name or value of an annotation is too long");
    db_.run("INSERT INTO annotation VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", account, mailbox, name,
            Blob{*value});
    Statement row = db_.query("SELECT count(*) FILTER (WHERE mailbox_id = ?), sum(length(name) + length(value)) FROM annotation"
                              " WHERE account_id = ?", mailbox, account);
    row.step();
    if (row.integer(0) > limits::kAnnotationsPerMailbox || row.integer(1) > static_cast<std::int64_t>(limits::kAnnotationsInAll))
        throw Error(Kind::limit, "too many annotations");
}

} // namespace postfach::store::sqlite
