#pragma once
// Which mailboxes a LIST or LSUB names, how each is described, and the line that says it. Pure: no store.
// RFC 9051 6.3.9 and 7.3.1, RFC 5258 (LIST-EXTENDED), RFC 6154 (SPECIAL-USE), RFC 3501 6.3.9 (LSUB).
#include "server/imap/enabled.h"
#include "server/store/types.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::imap {

struct ListOptions {
    std::vector<std::string> patterns;       // UTF-8, the reference put before them
    bool only_subscribed = false, only_special_use = false, recursive_match = false; // selection
    bool tell_subscribed = false;            // return; children and special use are always told
};

struct Listed {
    std::string name;
    std::vector<std::string> attributes;     // "\HasChildren" …, in the order to print
    const store::Mailbox* mailbox = nullptr; // none: it does not exist
    std::string old_name;                    // what it was called before, where that is said: ("OLDNAME" ("old"))
    bool child_info = false;                 // a mailbox below it is subscribed: ("CHILDINFO" ("SUBSCRIBED"))
};

// "* LIST (\\HasNoChildren) "/" Trash" and its line end; `command` is LIST or LSUB.
void putListed(std::string& out, std::string_view command, const Listed& one, char delimiter, const Enabled& enabled);

// RFC 9051 6.3.9.7, for IMAP4rev2: the line that tells a client what a mailbox is called that it gave another name. Empty where the
// names are the same, and for who knows no OLDNAME. `attribute` may be empty.
std::string renamedLine(std::string_view given, std::string_view kept, std::string_view attribute, char delimiter, const Enabled& enabled);

// `mailboxes` by name as the store gives them, `subscriptions` may name what is gone.
std::vector<Listed> listMailboxes(const std::vector<store::Mailbox>& mailboxes, const std::vector<std::string>& subscriptions,
                                  const ListOptions& options, char delimiter);

// LSUB: subscribed names that match; where "%" stops short of one, its parent with \Noselect (RFC 3501 6.3.9).
std::vector<Listed> listSubscribed(const std::vector<std::string>& subscriptions, const std::string& pattern, char delimiter);

} // namespace postfach::imap
