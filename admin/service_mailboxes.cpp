// Service: the mailboxes of an account.
#include "admin/answering.h"
#include "admin/api/conditions.h"
#include "admin/api/json.h"
#include "admin/service.h"
#include "server/base/log.h"
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
    const std::string& address, const std::string& name, bool only_new, std::optional<bool> subscribed)
{
    Put<store::Mailbox> result;
    answering(subject(name), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            const auto owner = require(tx, address);
            result.created = !tx.findMailbox(owner.id, name);
            if (!result.created && only_new)
                throw Problem(412, "already_exists", "The " + subject(name) + " exists already.");
            if (result.created)
                tx.createMailbox(owner.id, name);
            if (result.created || subscribed) // a mail program shows what is subscribed
                tx.subscribe(owner.id, name, subscribed.value_or(true));
            result.value = found(tx, owner, name);
        });
    });
    if (result.created)
        base::logInfo("admin", "mailbox created", {{"account", address}, {"mailbox", result.value.name}});
    return result;
}

store::Mailbox Service::changeMailbox(
    const std::string& address, const std::string& name, const MailboxChange& change, const std::optional<std::string>& expected)
{
    store::Mailbox after;
    const bool renamed = change.name && *change.name != name;
    answering(subject(change.name.value_or(name)), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            const auto owner = require(tx, address);
            const auto before = found(tx, owner, name);
            requireMatch(expected, entityTag(toJson(before)), "mailbox");
            if (renamed && before.name == "INBOX") // IMAP moves its messages then; an administrator hardly means that
                throw Problem(409, "reserved", "INBOX cannot be renamed.");
            if (renamed)
                tx.renameMailbox(owner.id, name, *change.name);
            if (change.subscribed)
                tx.subscribe(owner.id, change.name.value_or(name), *change.subscribed);
            after = found(tx, owner, change.name.value_or(name));
        });
    });
    if (renamed)
        base::logInfo("admin", "mailbox renamed", {{"account", address}, {"mailbox", name}, {"to", after.name}});
    return after;
}

void Service::removeMailbox(const std::string& address, const std::string& name, const std::optional<std::string>& expected)
{
    std::uint32_t messages = 0;
    answering(subject(name), [&] {
        context_.store.writeAndWait([&](store::WriteTx& tx) {
            const auto owner = require(tx, address);
            const auto before = found(tx, owner, name);
            requireMatch(expected, entityTag(toJson(before)), "mailbox");
            messages = before.exists;
            tx.deleteMailbox(owner.id, name);
        });
    });
    base::logInfo("admin", "mailbox removed", {{"account", address}, {"mailbox", name}, {"messages", messages}});
}

} // namespace postfach::admin
