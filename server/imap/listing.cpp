#include "server/imap/listing.h"

#include "server/imap/names.h"
#include "server/imap/syntax/mailbox_name.h"
#include "server/imap/syntax/writer.h"

#include <algorithm>
#include <map>
#include <set>

namespace postfach::imap {
namespace {

// Every level above `name`, the nearest last: "a/b/c" -> "a", "a/b".
template <class F>
void eachParent(const std::string& name, char delimiter, F visit)
{
    for (std::size_t at = name.find(delimiter); at != std::string::npos; at = name.find(delimiter, at + 1))
        visit(name.substr(0, at));
}

bool matchesAny(const std::string& name, const std::vector<std::string>& patterns, char delimiter)
{
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return matchesPattern(name, p, delimiter); });
}

struct Known {
    const store::Mailbox* mailbox = nullptr;
    bool subscribed = false, has_children = false, subscribed_below = false;
};

} // namespace

void putListed(std::string& out, std::string_view command, const Listed& one, char delimiter, const Enabled& enabled)
{
    out.append("* ").append(command).append(" (");
    for (const std::string& attribute : one.attributes) {
        if (out.back() != '(')
            out += ' ';
        out += attribute;
    }
    out += ") ";
    putString(out, std::string(1, delimiter));
    out += ' ';
    putMailbox(out, one.name, enabled);
    if (one.child_info || !one.old_name.empty()) {
        out += " (";
        if (one.child_info)
            out += "\"CHILDINFO\" (\"SUBSCRIBED\")";
        if (!one.old_name.empty()) { // RFC 9051 6.3.9.7, RFC 5465 5.4
            out += one.child_info ? " \"OLDNAME\" (" : "\"OLDNAME\" (";
            putMailbox(out, one.old_name, enabled);
            out += ')';
        }
        out += ')';
    }
    out += "\r\n";
}

std::string renamedLine(std::string_view given, std::string_view kept, std::string_view attribute, char delimiter, const Enabled& enabled)
{
    std::string line;
    if (!enabled.rev2 || !isOtherName(given, kept))
        return line;
    Listed one;
    one.name = kept;
    one.old_name = given;
    if (!attribute.empty())
        one.attributes.emplace_back(attribute);
    putListed(line, "LIST", one, delimiter, enabled);
    return line;
}

std::vector<Listed> listMailboxes(const std::vector<store::Mailbox>& mailboxes, const std::vector<std::string>& subscriptions,
                                  const ListOptions& options, char delimiter)
{
    std::map<std::string, Known> all;
    for (const store::Mailbox& mailbox : mailboxes) {
        all[mailbox.name].mailbox = &mailbox;
        eachParent(mailbox.name, delimiter, [&](const std::string& parent) { all[parent].has_children = true; });
    }
    // Names that are subscribed and gone are told only to those who ask for subscriptions.
    for (const std::string& name : subscriptions) {
        const auto known = all.find(name);
        if (known == all.end() && !options.only_subscribed)
            continue;
        all[name].subscribed = true;
        eachParent(name, delimiter, [&](const std::string& parent) {
            if (options.recursive_match || all.count(parent) != 0)
                all[parent].subscribed_below = true;
        });
    }

    std::vector<Listed> listed;
    for (const auto& [name, known] : all) {
        const bool below = options.recursive_match && known.subscribed_below;
        if (options.only_subscribed && !known.subscribed && !below)
            continue;
        if (options.only_special_use && (known.mailbox == nullptr || known.mailbox->special_use.empty()))
            continue;
        if (!matchesAny(name, options.patterns, delimiter))
            continue;
        Listed one;
        one.name = name;
        one.mailbox = known.mailbox;
        one.child_info = below;
        if (known.mailbox == nullptr)
            one.attributes.emplace_back("\\NonExistent");
        one.attributes.emplace_back(known.has_children ? "\\HasChildren" : "\\HasNoChildren");
        if (known.subscribed && (options.only_subscribed || options.tell_subscribed))
            one.attributes.emplace_back("\\Subscribed");
        if (known.mailbox != nullptr && !known.mailbox->special_use.empty())
            one.attributes.push_back(known.mailbox->special_use);
        listed.push_back(std::move(one));
    }
    // INBOX first: people look for it first, and simple clients show the order they get.
    std::stable_partition(listed.begin(), listed.end(), [](const Listed& one) { return one.name == "INBOX"; });
    return listed;
}

std::vector<Listed> listSubscribed(const std::vector<std::string>& subscriptions, const std::string& pattern, char delimiter)
{
    std::map<std::string, bool> names; // true: subscribed itself
    for (const std::string& name : subscriptions) {
        if (matchesPattern(name, pattern, delimiter)) {
            names[name] = true;
        } else if (!pattern.empty() && pattern.back() == '%') {
            eachParent(name, delimiter, [&](const std::string& parent) {
                if (matchesPattern(parent, pattern, delimiter))
                    names.emplace(parent, false);
            });
        }
    }
    std::vector<Listed> listed;
    for (const auto& [name, subscribed] : names) {
        Listed one;
        one.name = name;
        if (!subscribed)
            one.attributes.emplace_back("\\Noselect");
        listed.push_back(std::move(one));
    }
    return listed;
}

} // namespace postfach::imap
