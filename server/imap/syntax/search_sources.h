#pragma once
// Where an ESEARCH looks: "IN (mailboxes (a b) subtree c personal)". RFC 7377 2.2, RFC 5465 6 (the filters' names).
#include "server/imap/syntax/parser.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postfach::imap {

struct SearchSource {
    enum class Filter : std::uint8_t { selected, inboxes, personal, subscribed, subtree, subtreeOne, mailboxes };
    Filter filter = Filter::selected;
    std::vector<std::string> names; // of the last three, as the wire has them
};

std::vector<SearchSource> parseSearchSources(Parser& args); // behind "IN" and its space

} // namespace postfach::imap
