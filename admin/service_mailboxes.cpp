// Service: the mailboxes of an account.
#include "admin/answering.h"
#include "admin/api/conditions.h"
#include "admin/api/json.h"
#include "admin/service.h"
#include "server/base/text.h"

namespace postfach::admin {
namespace {
store::Mailbox found(store::ReadTx& tx, const store::Account& account, const std::string& name)
{
    auto mailbox = tx.findMailbox(account.id, name);
    if (!mailbox)
        throw Problem(404, "not_found", "The account " + account.address + " has no mailbox " + base::printable(name) + ".");
    return *std::move(mailbox);
}

// What mail does to it is nobody's change.
void noteMailbox(Notes& notes, const store::Account& owner, const std::optional<store::Mailbox>& before, const store::Mailbox& after)
{
    const std::vector<std::string> passing{"messages", "unseen", "size"};
    const std::string target = owner.address + "/" + (before ? before->name : after.name);
    if (!before)
        return notes.add("mailbox.create", target, nullptr, without(toJson(after), passing));
    const auto changed = differences(toJson(*before), toJson(after), passing);
    notes.add("mailbox.change", target, changed.first, changed.second);
}

std::string subject(const std::string& name) { return "mailbox " + base::printable(name); }
} // namespace

std::vector<store::Mailbox> Service::mailboxes(const std::string& address)
{
    return answering("account " + address, [&] {
        const auto tx = context_.store.read();
        return tx->mailboxes(require(*tx, address).id);
    });
}

store::Mailbox Service::mailbox(const std::string& address, const std::string& name)
{
    return answering(subject(name), [&] {
        const auto tx = context_.store.read();
        return found(*tx, require(*tx, address), name);
    });
}

Put<store::Mailbox> Service::putMailbox(
    const By& by, const std::string& address, const std::string& name, bool only_new, std::optional<bool> subscribed,
    const std::optional<std::string>& expected)
{
    Put<store::Mailbox> result;
    change(subject(name), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        const auto before = tx.findMailbox(owner.id, name);
        result.created = !before;
        if (before && only_new)
            throw Problem(412, "already_exists", "The " + subject(name) + " exists already.");
        requireMatch(expected, before ? entityTag(toJson(*before)) : std::string(), "mailbox");
        if (result.created)
            tx.createMailbox(owner.id, name);
        if (result.created || subscribed) // a mail program shows what is subscribed
            tx.subscribe(owner.id, name, subscribed.value_or(true));
        result.value = found(tx, owner, name);
        noteMailbox(notes, owner, before, result.value);
    });
    return result;
}

store::Mailbox Service::changeMailbox(const By& by, const std::string& address, const std::string& name, const MailboxChange& wanted,
    const std::optional<std::string>& expected)
{
    store::Mailbox after;
    const bool renamed = wanted.name && *wanted.name != name;
    change(subject(wanted.name.value_or(name)), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        const auto before = found(tx, owner, name);
        requireMatch(expected, entityTag(toJson(before)), "mailbox");
        if (renamed && before.name == "INBOX") // IMAP moves its messages then; an administrator hardly means that
            throw Problem(409, "reserved", "INBOX cannot be renamed.");
        if (renamed)
            tx.renameMailbox(owner.id, name, *wanted.name);
        if (wanted.subscribed)
            tx.subscribe(owner.id, wanted.name.value_or(name), *wanted.subscribed);
        after = found(tx, owner, wanted.name.value_or(name));
        noteMailbox(notes, owner, before, after);
    });
    return after;
}

void Service::removeMailbox(const By& by, const std::string& address, const std::string& name, const std::optional<std::string>& expected)
{
    change(subject(name), by, [&](store::WriteTx& tx, Notes& notes) {
        const auto owner = require(tx, address);
        const auto before = found(tx, owner, name);
        requireMatch(expected, entityTag(toJson(before)), "mailbox");
        tx.deleteMailbox(owner.id, name);
        notes.add("mailbox.remove", owner.address + "/" + before.name, toJson(before));
    });
}

} // namespace postfach::admin
