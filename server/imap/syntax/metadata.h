#pragma once
// The words of METADATA: names of entries, options, values. RFC 5464 3.2, 4.2, 5.
#include "server/imap/syntax/parser.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::imap {

enum class EntryDepth { none, one, all }; // DEPTH 0, 1, infinity: what is asked for beside the entry itself

struct GetMetadata {
    std::string mailbox;              // as the wire has it; empty: the server
    std::vector<std::string> entries; // each may also be the beginning of names: "/private"
    std::optional<std::uint64_t> max_size;
    EntryDepth depth = EntryDepth::none;
};
GetMetadata parseGetMetadata(Parser& args); // behind the command's name; the options before or behind the mailbox

using EntryValue = std::pair<std::string, std::optional<std::string>>; // nothing: NIL
std::vector<EntryValue> parseEntryValues(Parser& args);                // "(/private/comment "text" /shared/comment NIL)"
std::vector<std::string> parseEntries(Parser& args);                   // one or "(/private/comment /shared/comment)"

// Is `name` asked for with `entry` and `depth`? Case does not matter.
bool isAsked(std::string_view name, std::string_view entry, EntryDepth depth);

} // namespace postfach::imap
