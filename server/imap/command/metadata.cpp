#include "server/imap/metadata.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/syntax/writer.h"
#include "server/imap/work.h"

#include <algorithm>

// GETMETADATA and SETMETADATA, RFC 5464.
//
// A mailbox is one account's, so its /private and /shared entries are both the owner's. What the server itself would share is shared by
// all accounts: only an administrator might write that, and nobody has. /private/specialuse is what LIST says (RFC 6154 4).

namespace postfach::imap {
namespace {

constexpr std::string_view kSpecialUse = "/private/specialuse";

std::optional<std::string> valueOf(
    store::ReadTx& tx, store::AccountId account, const store::Mailbox* mailbox, std::string_view entry)
{
    if (mailbox == nullptr || !base::iequals(entry, kSpecialUse))
        return tx.annotation(account, mailbox != nullptr ? mailbox->id : store::MailboxId{}, entry);
    return mailbox->special_use.empty() ? std::nullopt : std::optional(mailbox->special_use);
}

// What is asked for. Who asks for an entry by its name is told when there is none.
std::vector<EntryValue> find(
    store::ReadTx& tx, store::AccountId account, const store::Mailbox* mailbox, const GetMetadata& wanted)
{
    std::vector<EntryValue> found;
    if (wanted.depth == EntryDepth::none) {
        for (const std::string& entry : wanted.entries)
            found.emplace_back(entry, valueOf(tx, account, mailbox, entry));
        return found;
    }
    std::vector<store::Annotation> all = tx.annotations(account, mailbox != nullptr ? mailbox->id : store::MailboxId{});
    if (mailbox != nullptr && !mailbox->special_use.empty())
        all.push_back({std::string(kSpecialUse), mailbox->special_use});
    std::vector<bool> met(wanted.entries.size());
    for (const store::Annotation& one : all) { // each once, however often it is asked for
        bool asked = false;
        for (std::size_t i = 0; i < met.size(); ++i)
            if (isAsked(one.name, wanted.entries[i], wanted.depth))
                asked = met[i] = true;
        if (asked)
            found.emplace_back(one.name, one.value);
    }
    for (std::size_t i = 0; i < met.size(); ++i)
        if (!met[i])
            found.emplace_back(wanted.entries[i], std::nullopt);
    return found;
}

void putValue(std::string& out, std::string_view value, const Enabled& enabled)
{
    if (value.find('\0') != std::string_view::npos) {
        out += '~'; // RFC 3516: a literal8
        putLiteral(out, value);
    } else if (enabled.utf8Strings()) {
        putUtf8String(out, value);
    } else {
        putString(out, value);
    }
}

} // namespace

void putMetadata(std::string& out, Session& session, store::ReadTx& tx, const store::Mailbox* mailbox, const GetMetadata& wanted,
    std::uint64_t& longest)
{
    std::string list;
    for (const auto& [entry, value] : find(tx, session.account().id, mailbox, wanted)) {
        if (value && wanted.max_size && value->size() > *wanted.max_size) {
            longest = std::max<std::uint64_t>(longest, value->size());
            continue;
        }
        list += list.empty() ? '(' : ' ';
        putAstring(list, entry);
        list += ' ';
        if (value)
            putValue(list, *value, session.enabled());
        else
            list += "NIL";
    }
    if (list.empty())
        return;
    out += "* METADATA ";
    if (mailbox != nullptr)
        putMailbox(out, mailbox->name, session.enabled());
    else
        out += "\"\"";
    out += ' ';
    out += list;
    out += ")\r\n";
}

net::Task<Tagged> cmdGetMetadata(Session& session, Request& request)
{
    const GetMetadata wanted = parseGetMetadata(request.args);
    const std::string name = wanted.mailbox.empty() ? std::string() : mailboxFromWire(wanted.mailbox, session.enabled());
    const store::AccountId account = session.account().id;
    std::uint64_t longest = 0;
    auto look = [&](store::ReadTx& tx) {
        std::optional<store::Mailbox> mailbox;
        if (!name.empty())
            mailbox = tx.findMailbox(account, name);
        if (!name.empty() && !mailbox)
            throw No("NONEXISTENT", "There is no such mailbox");
        std::string out;
        putMetadata(out, session, tx, mailbox ? &*mailbox : nullptr, wanted, longest);
        return out;
    };
    std::string out = co_await reading(session.strand(), session.store(), std::move(look));
    co_await session.send(std::move(out));
    if (longest > 0)
        co_return Tagged::ok("METADATA LONGENTRIES " + std::to_string(longest), "GETMETADATA completed");
    co_return Tagged::ok("GETMETADATA completed");
}

net::Task<Tagged> cmdSetMetadata(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    const std::string wire = args.mailbox();
    args.space();
    const std::vector<EntryValue> values = parseEntryValues(args);
    args.end();
    const std::string name = wire.empty() ? std::string() : mailboxFromWire(wire, session.enabled());
    for (const auto& [entry, value] : values) {
        if (name.empty() && base::istartsWith(entry, "/shared/"))
            throw No("NOPERM", "What the server shares is its administrator's");
        if (!name.empty() && base::iequals(entry, kSpecialUse))
            throw No("NOPERM", "A use is given by CREATE");
        if (value && value->size() > base::limits::kAnnotationValue)
            throw No("METADATA MAXSIZE " + std::to_string(base::limits::kAnnotationValue), "The value is too long");
    }

    const store::AccountId account = session.account().id;
    auto work = [&values, &name, account](store::WriteTx& tx) {
        store::MailboxId id;
        if (!name.empty()) {
            const auto mailbox = tx.findMailbox(account, name);
            if (!mailbox)
                throw No("NONEXISTENT", "There is no such mailbox");
            id = mailbox->id;
        }
        try {
            for (const auto& [entry, value] : values)
                tx.setAnnotation(account, id, entry, value);
        } catch (const store::Error& error) {
            if (error.kind == store::Error::Kind::limit)
                throw No("METADATA TOOMANY", "There is no room for more; remove some");
            throw;
        }
    };
    co_await commit(session.strand(), session.store(), std::move(work));
    co_return Tagged::ok("SETMETADATA completed");
}

} // namespace postfach::imap
