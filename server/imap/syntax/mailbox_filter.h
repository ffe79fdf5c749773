#pragma once
// Which mailboxes NOTIFY watches and ESEARCH looks into: "subtree (Lists Archive)", "personal". RFC 5465 6, RFC 7377 2.2.
#include "server/imap/syntax/parser.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace postfach::imap {

struct MailboxFilter {
    enum class Kind : std::uint8_t { selected, selectedDelayed, inboxes, personal, subscribed, subtree, subtreeOne, mailboxes };
    Kind kind = Kind::selected;
    std::vector<std::string> names; // of the last three: as the wire has them, until names.h makes them the store's

    // Is it meant? Which one is selected the session knows; no other kind speaks of that.
    bool means(const std::string& name, bool subscribed, char delimiter) const;
};

// `named` counts the mailboxes that a command names: past `most` it is BadSyntax. Which kinds there may be each command says.
MailboxFilter parseMailboxFilter(Parser& args, std::size_t& named, std::size_t most);
std::vector<MailboxFilter> parseSearchSources(Parser& args); // "(mailboxes (a b) subtree c)", behind ESEARCH's "IN" and its space

} // namespace postfach::imap
