#include "server/imap/notifier.h"

#include "server/imap/names.h"
#include "server/imap/status.h"
#include "server/imap/syntax/writer.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace postfach::imap {

namespace {

template <class Names>
bool holds(const Names& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

bool isSubscribed(const Notifier::Account& account, const std::string& name) // the store gives them in order
{
    return std::binary_search(account.subscriptions.begin(), account.subscriptions.end(), name);
}

// RFC 5465 5.1, 5.2 and 5.3 say what has to be in it.
std::vector<StatusItem> itemsFor(const NotifyEvents& events, const Enabled& enabled)
{
    std::vector<StatusItem> items{StatusItem::messages, StatusItem::uidNext, StatusItem::uidValidity};
    if (events.flags)
        items.push_back(StatusItem::unseen);
    if (events.flags || enabled.condstore)
        items.push_back(StatusItem::highestModseq);
    return items;
}

} // namespace

void Notifier::watch(store::Store& store, store::AccountId account, std::function<void()> wake)
{
    watching_ = store.watchAccount(account, [due = due_, wake = std::move(wake)] {
        due->store(true);
        wake();
    });
}

// Several groups may speak of one mailbox (6).
NotifyEvents Notifier::eventsFor(const std::string& name, bool subscribed, const Telling& telling) const
{
    NotifyEvents all;
    for (const NotifyGroup& group : wish_.groups) {
        if (!group.filter.means(name, subscribed, telling.store.delimiter()))
            continue;
        all.messages = all.messages || group.events.messages;
        all.flags = all.flags || group.events.flags;
        all.names = all.names || group.events.names;
        all.subscriptions = all.subscriptions || group.events.subscriptions;
        all.metadata = all.metadata || group.events.metadata;
    }
    return all;
}

bool Notifier::isNews(const Known& before, const store::Mailbox& now, const NotifyEvents& events, const Enabled& enabled) const
{
    if (events.messages && (before.exists != now.exists || before.uid_next != now.uid_next))
        return true;
    return events.flags
        && (before.uid_validity != now.uid_validity || before.unseen != now.unseen
            || (enabled.condstore && before.modseq != now.highest_modseq));
}

void Notifier::know(const Account& now)
{
    known_.clear();
    for (const store::Mailbox& mailbox : now.mailboxes) {
        const bool subscribed = isSubscribed(now, mailbox.name);
        known_[mailbox.id.value] = {mailbox.name, mailbox.uid_validity, mailbox.exists, mailbox.unseen, mailbox.uid_next,
            mailbox.highest_modseq, subscribed};
    }
    known_subscriptions_ = now.subscriptions;
    known_annotations_ = now.annotations;
    own_.clear();
}

std::string Notifier::begin(const Account& now, const Telling& telling)
{
    know(now);
    std::string out;
    if (!wish_.status)
        return out;
    for (const store::Mailbox& mailbox : now.mailboxes) {
        const NotifyEvents events = eventsFor(mailbox.name, known_[mailbox.id.value].subscribed, telling);
        if ((events.messages || events.flags) && mailbox.id != telling.selected)
            putStatus(out, telling.store, telling.enabled, mailbox, itemsFor(events, telling.enabled));
    }
    return out;
}

// Names and subscriptions that changed, each with what is true of it now (5.4, 5.5).
void Notifier::putNames(std::string& out, const Account& now, const Telling& telling)
{
    std::map<std::string, std::string> affected; // name, and what it was called before
    std::set<std::string> changed_subscriptions;
    std::set<std::uint64_t> there;
    std::set<std::string_view> names;
    for (const store::Mailbox& mailbox : now.mailboxes)
        names.insert(mailbox.name);
    const auto withParent = [&](const std::string& name) {
        affected.emplace(name, "");
        if (const auto at = name.rfind(telling.store.delimiter()); at != std::string::npos)
            affected.emplace(name.substr(0, at), "");
    };
    for (const store::Mailbox& mailbox : now.mailboxes) {
        there.insert(mailbox.id.value);
        const auto before = known_.find(mailbox.id.value);
        if (before == known_.end()) {
            withParent(mailbox.name);
        } else if (before->second.name != mailbox.name) {
            // Children that were renamed with their parent are no events of their own.
            const std::string &from = before->second.name, &to = mailbox.name;
            const auto from_at = from.rfind(telling.store.delimiter()), to_at = to.rfind(telling.store.delimiter());
            const bool with_parent = from_at != std::string::npos && to_at != std::string::npos
                && from.substr(from_at) == to.substr(to_at) && from.substr(0, from_at) != to.substr(0, to_at)
                && !names.contains(std::string_view(from).substr(0, from_at));
            if (!with_parent)
                affected[to] = from;
        }
    }
    for (const auto& [id, before] : known_)
        if (there.count(id) == 0)
            withParent(before.name);
    std::set_symmetric_difference(known_subscriptions_.begin(), known_subscriptions_.end(), now.subscriptions.begin(),
        now.subscriptions.end(), std::inserter(changed_subscriptions, changed_subscriptions.end()));
    if (affected.empty() && changed_subscriptions.empty())
        return;

    ListOptions options;
    options.patterns = {"*"};
    options.tell_subscribed = true;
    const std::vector<Listed> all = listMailboxes(now.mailboxes, now.subscriptions, options, telling.store.delimiter());
    std::map<std::string_view, const Listed*> by_name;
    for (const Listed& one : all)
        by_name.emplace(one.name, &one);
    const auto put = [&](const std::string& name, const std::string& old) {
        const auto known = by_name.find(name);
        Listed gone;
        gone.name = name;
        gone.attributes = {"\\NonExistent"};
        if (isSubscribed(now, name))
            gone.attributes.emplace_back("\\Subscribed");
        Listed one = known == by_name.end() ? gone : *known->second;
        one.old_name = old;
        putListed(out, "LIST", one, telling.store.delimiter(), telling.enabled);
    };
    for (const auto& [name, old] : affected) {
        const bool subscribed = isSubscribed(now, name);
        const bool wanted = eventsFor(name, subscribed, telling).names || (!old.empty() && eventsFor(old, subscribed, telling).names);
        if (wanted && !holds(own_, name) && (old.empty() || !holds(own_, old)))
            put(name, old);
    }
    for (const std::string& name : changed_subscriptions)
        // Whoever watches what is subscribed hears of what leaves it too.
        if (affected.count(name) == 0 && eventsFor(name, true, telling).subscriptions && !holds(own_, name))
            put(name, "");
}

bool Notifier::watchesMetadata() const
{
    return std::any_of(wish_.groups.begin(), wish_.groups.end(),
        [](const NotifyGroup& group) { return group.events.metadata || group.events.server_metadata; });
}

// "* METADATA INBOX /private/comment": the names of what changed or went (5.6, 5.7; RFC 5464 4.4.2).
void Notifier::putMetadata(std::string& out, const Account& now, const Telling& telling) const
{
    if (!watchesMetadata())
        return;
    const auto put = [&](std::uint64_t id, const std::string& name, const auto& isWanted) { // that is asked only of what changed
        using Entries = std::set<std::pair<std::string, std::string>>;
        const auto entriesOf = [id](const auto& annotations) {
            Entries entries;
            if (const auto at = annotations.find(id); at != annotations.end())
                for (const store::Annotation& one : at->second)
                    entries.emplace(one.name, one.value);
            return entries;
        };
        const Entries before = entriesOf(known_annotations_), after = entriesOf(now.annotations);
        Entries differ;
        std::set_symmetric_difference(
            before.begin(), before.end(), after.begin(), after.end(), std::inserter(differ, differ.end()));
        std::set<std::string> changed;
        for (const auto& [entry, value] : differ)
            changed.insert(entry);
        if (changed.empty() || !isWanted())
            return;
        out += "* METADATA ";
        if (name.empty())
            out += "\"\"";
        else
            putMailbox(out, name, telling.enabled);
        for (const std::string& entry : changed) {
            out += ' ';
            putAstring(out, entry);
        }
        out += "\r\n";
    };
    put(0, "", [this] {
        return std::any_of(wish_.groups.begin(), wish_.groups.end(), [](const NotifyGroup& group) { return group.events.server_metadata; });
    });
    for (const store::Mailbox& mailbox : now.mailboxes)
        put(mailbox.id.value, mailbox.name,
            [&] { return eventsFor(mailbox.name, isSubscribed(now, mailbox.name), telling).metadata; });
}

std::string Notifier::news(const Account& now, const Telling& telling)
{
    std::string out;
    putNames(out, now, telling);
    putMetadata(out, now, telling);
    NotifyEvents any;
    any.messages = any.flags = true;
    for (const store::Mailbox& mailbox : now.mailboxes) {
        if (mailbox.id == telling.selected)
            continue;
        const auto known = known_.find(mailbox.id.value);
        const Known fresh{"", mailbox.uid_validity, 0, 0, store::Uid{1}, 1, false};
        const Known& before = known == known_.end() ? fresh : known->second;
        if (!isNews(before, mailbox, any, telling.enabled)) // the groups' names are many
            continue;
        const NotifyEvents events = eventsFor(mailbox.name, isSubscribed(now, mailbox.name), telling);
        if (isNews(before, mailbox, events, telling.enabled))
            putStatus(out, telling.store, telling.enabled, mailbox, itemsFor(events, telling.enabled));
    }
    know(now);
    return out;
}

} // namespace postfach::imap
