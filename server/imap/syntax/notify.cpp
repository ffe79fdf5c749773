#include "server/imap/syntax/notify.h"

#include "server/base/limits.h"
#include "server/base/text.h"

#include <utility>

namespace postfach::imap {
namespace {

using FilterKind = MailboxFilter::Kind;

// One event and, behind MessageNew, what is to be fetched.
void parseEvent(Parser& args, NotifyEvents& events, bool& appears, bool& goes)
{
    const std::string name = base::lower(args.atom());
    if (name == "messagenew") {
        appears = true;
        if (args.peek() == ' ' && args.rest().starts_with(" (")) {
            args.space();
            events.of_new = parseFetchItems(args);
        }
    } else if (name == "messageexpunge") {
        goes = true;
    } else if (name == "flagchange") {
        events.flags = true;
    } else if (name == "mailboxname") {
        events.names = true;
    } else if (name == "subscriptionchange") {
        events.subscriptions = true;
    } else if (name == "mailboxmetadatachange") {
        events.metadata = true;
    } else if (name == "servermetadatachange") {
        events.server_metadata = true;
    } else {
        throw BadEvent();
    }
}

// The RFC's grammar has parentheses around the events, some of its examples have none.
NotifyEvents parseEvents(Parser& args)
{
    NotifyEvents events;
    if (args.tryWord("NONE"))
        return events;
    const bool enclosed = args.tryChar('(');
    bool appears = false, goes = false;
    do
        parseEvent(args, events, appears, goes);
    while (args.trySpace() && args.peek() != ')');
    if (enclosed)
        args.expect(')');
    if (appears != goes)
        throw BadSyntax("MessageNew and MessageExpunge go together");
    if (events.flags && !appears)
        throw BadSyntax("FlagChange needs MessageNew and MessageExpunge");
    events.messages = appears;
    return events;
}

// `named` counts the mailboxes of all groups.
void parseGroup(Parser& args, NotifyWish& wish, bool& has_selected, std::size_t& named)
{
    args.expect('(');
    NotifyGroup group;
    group.filter = parseMailboxFilter(args, named, base::limits::kNotifyMailboxes);
    args.space();
    const FilterKind kind = group.filter.kind;
    if (kind == FilterKind::subtreeOne) // ESEARCH's alone
        throw BadSyntax("Unknown mailbox filter");
    if (kind == FilterKind::selected || kind == FilterKind::selectedDelayed) {
        if (std::exchange(has_selected, true))
            throw BadSyntax("The selected mailbox may be named once");
        wish.delayed = kind == FilterKind::selectedDelayed;
        wish.selected = parseEvents(args);
        const NotifyEvents& events = wish.selected;
        if (events.names || events.subscriptions || events.metadata || events.server_metadata)
            throw BadSyntax("Of the selected mailbox there are events of messages only");
    } else {
        group.events = parseEvents(args);
        if (group.events.of_new)
            throw BadSyntax("Only of the selected mailbox new messages can be fetched");
        wish.groups.push_back(std::move(group));
    }
    args.expect(')');
}

} // namespace

NotifyWish parseNotify(Parser& args)
{
    NotifyWish wish;
    args.space();
    if (args.tryWord("NONE")) {
        args.end();
        return wish;
    }
    if (!args.tryWord("SET"))
        throw BadSyntax("SET or NONE expected");
    args.space();
    if (args.tryWord("STATUS")) {
        wish.status = true;
        args.space();
    }
    bool has_selected = false;
    std::size_t named = 0;
    do {
        if (wish.groups.size() == base::limits::kNotifyGroups)
            throw BadSyntax("Too many groups of events");
        parseGroup(args, wish, has_selected, named);
    } while (args.trySpace() && !args.atEnd());
    args.end();
    return wish;
}

} // namespace postfach::imap
