#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/status.h"
#include "server/imap/work.h"

#include <algorithm>
#include <array>
#include <utility>

namespace postfach::imap {
namespace {

struct Named {
    std::string_view name;
    StatusItem item;
};
constexpr std::array<Named, 10> kItems{{{"MESSAGES", StatusItem::messages},
                                       {"RECENT", StatusItem::recent},
                                       {"UIDNEXT", StatusItem::uidNext},
                                       {"UIDVALIDITY", StatusItem::uidValidity},
                                       {"UNSEEN", StatusItem::unseen},
                                       {"DELETED", StatusItem::deleted},
                                       {"SIZE", StatusItem::size},
                                       {"DELETED-STORAGE", StatusItem::deletedStorage},
                                       {"HIGHESTMODSEQ", StatusItem::highestModseq},
                                       {"MAILBOXID", StatusItem::mailboxId}}};

// What an EXPUNGE would give back.
std::uint64_t deletedStorage(store::Store& store, const store::Mailbox& mailbox)
{
    std::uint64_t bytes = 0;
    if (mailbox.deleted == 0)
        return bytes;
    const store::Snapshot now = store.view(mailbox.id)->now();
    now.each(0, now.count(), [&bytes](std::uint32_t, const store::Message& message) {
        if ((message.bits & store::Flags::kDeleted) != 0)
            bytes += message.size;
        return true;
    });
    return bytes;
}

std::uint64_t value(StatusItem item, store::Store& store, const store::Mailbox& mailbox)
{
    switch (item) {
    case StatusItem::messages: return mailbox.exists;
    case StatusItem::recent: {
        if (mailbox.recent_from >= mailbox.uid_next)
            return 0;
        const auto view = store.view(mailbox.id);
        const store::Snapshot now = view->now();
        return now.count() - now.lowerBound(view->recentFrom(mailbox.recent_from));
    }
    case StatusItem::uidNext: return mailbox.uid_next.value;
    case StatusItem::uidValidity: return mailbox.uid_validity;
    case StatusItem::unseen: return mailbox.unseen;
    case StatusItem::deleted: return mailbox.deleted;
    case StatusItem::size: return mailbox.size;
    case StatusItem::deletedStorage: return deletedStorage(store, mailbox);
    case StatusItem::highestModseq: return mailbox.highest_modseq;
    case StatusItem::mailboxId: break; // no number
    }
    return 0;
}

} // namespace

std::vector<StatusItem> parseStatusItems(Parser& args)
{
    std::vector<StatusItem> items;
    args.expect('(');
    do {
        const std::string name = base::upper(args.atom());
        const Named* found = nullptr;
        for (const Named& named : kItems)
            if (named.name == name)
                found = &named;
        if (found == nullptr || items.size() >= kItems.size())
            throw BadSyntax("Unknown STATUS item");
        items.push_back(found->item);
    } while (args.trySpace());
    args.expect(')');
    return items;
}

void noteUse(Session& session, const std::vector<StatusItem>& items)
{
    if (std::find(items.begin(), items.end(), StatusItem::highestModseq) != items.end())
        session.enableCondstore();
}

void putStatus(std::string& out, store::Store& store, const Enabled& enabled, const store::Mailbox& mailbox,
    const std::vector<StatusItem>& items)
{
    out += "* STATUS ";
    putMailbox(out, mailbox.name, enabled);
    char before = '(';
    out += ' ';
    for (const StatusItem item : items) {
        out += before;
        out += kItems[static_cast<std::size_t>(item)].name;
        out += ' ';
        if (item == StatusItem::mailboxId)
            out.append("(").append(mailbox.object_id).append(")");
        else
            out += std::to_string(value(item, store, mailbox));
        before = ' ';
    }
    out += ")\r\n";
}

// RFC 9051 6.3.11, RFC 3501 6.3.10 (RECENT).
net::Task<Tagged> cmdStatus(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    const std::string name = mailboxArgument(args, session.enabled());
    args.space();
    const std::vector<StatusItem> items = parseStatusItems(args);
    args.end();
    noteUse(session, items);

    const store::AccountId account = session.account().id;
    auto look = [&](store::ReadTx& tx) {
        const auto mailbox = tx.findMailbox(account, name);
        if (!mailbox)
            throw No("NONEXISTENT", "There is no such mailbox");
        std::string line;
        putStatus(line, session.store(), session.enabled(), *mailbox, items);
        return line;
    };
    const std::string line = co_await reading(session.strand(), session.store(), std::move(look));
    session.stream().write(line);
    co_return Tagged::ok("STATUS completed");
}

} // namespace postfach::imap
