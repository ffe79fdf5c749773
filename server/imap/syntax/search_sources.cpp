#include "server/imap/syntax/search_sources.h"

#include "server/base/limits.h"
#include "server/base/text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace postfach::imap {
namespace {

namespace limits = base::limits;
using Filter = SearchSource::Filter;

constexpr auto kFilters = std::to_array<std::pair<std::string_view, Filter>>({
    {"selected", Filter::selected},
    {"inboxes", Filter::inboxes},
    {"personal", Filter::personal},
    {"subscribed", Filter::subscribed},
    {"subtree", Filter::subtree},
    {"subtree-one", Filter::subtreeOne},
    {"mailboxes", Filter::mailboxes},
});

void parseNames(Parser& args, std::vector<std::string>& names, std::size_t& count)
{
    const bool several = args.tryChar('(');
    do {
        if (++count > limits::kSearchMailboxes)
            throw BadSyntax("Too many mailboxes");
        names.push_back(args.mailbox());
    } while (several && args.trySpace());
    if (several)
        args.expect(')');
}

} // namespace

std::vector<SearchSource> parseSearchSources(Parser& args)
{
    std::vector<SearchSource> sources;
    std::size_t names = 0;
    args.expect('(');
    do {
        const std::string name = base::lower(args.atom());
        const auto* known =
            std::find_if(kFilters.begin(), kFilters.end(), [&](const auto& filter) { return filter.first == name; });
        if (known == kFilters.end()) // "selected-delayed" is NOTIFY's alone
            throw BadSyntax("Unknown mailbox filter");
        if (sources.size() == limits::kSearchSources)
            throw BadSyntax("Too many mailbox filters");
        SearchSource source;
        source.filter = known->second;
        if (source.filter >= Filter::subtree) {
            args.space();
            parseNames(args, source.names, names);
        }
        sources.push_back(std::move(source));
    } while (args.trySpace());
    args.expect(')');
    return sources;
}

} // namespace postfach::imap
