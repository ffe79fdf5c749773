#include "server/imap/syntax/mailbox_filter.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/store/names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace postfach::imap {
namespace {

namespace limits = base::limits;
using FilterKind = MailboxFilter::Kind;

constexpr auto kKinds = std::to_array<std::pair<std::string_view, FilterKind>>({
    {"selected", FilterKind::selected},
    {"selected-delayed", FilterKind::selectedDelayed},
    {"inboxes", FilterKind::inboxes},
    {"personal", FilterKind::personal},
    {"subscribed", FilterKind::subscribed},
    {"subtree", FilterKind::subtree},
    {"subtree-one", FilterKind::subtreeOne},
    {"mailboxes", FilterKind::mailboxes},
});

} // namespace

bool MailboxFilter::means(const std::string& name, bool subscribed, char delimiter) const
{
    const auto isNamed = [&](const std::string& top) {
        if (name == top)
            return true;
        if (kind == FilterKind::mailboxes || !store::isBelow(name, top, delimiter))
            return false;
        return kind == FilterKind::subtree || name.find(delimiter, top.size() + 1) == std::string::npos;
    };
    switch (kind) {
    case FilterKind::selected:
    case FilterKind::selectedDelayed: return false;
    case FilterKind::inboxes: return name == "INBOX"; // nothing is delivered elsewhere
    case FilterKind::personal: return true;
    case FilterKind::subscribed: return subscribed;
    case FilterKind::subtree:
    case FilterKind::subtreeOne:
    case FilterKind::mailboxes: return std::any_of(names.begin(), names.end(), isNamed);
    }
    return false;
}

MailboxFilter parseMailboxFilter(Parser& args, std::size_t& named, std::size_t most)
{
    const std::string name = base::lower(args.atom());
    const auto* known = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& kind) { return kind.first == name; });
    if (known == kKinds.end())
        throw BadSyntax("Unknown mailbox filter");
    MailboxFilter filter;
    filter.kind = known->second;
    if (filter.kind < FilterKind::subtree)
        return filter;
    args.space();
    const bool several = args.tryChar('(');
    do {
        if (++named > most)
            throw BadSyntax("Too many mailboxes");
        filter.names.push_back(args.mailbox());
    } while (several && args.trySpace());
    if (several)
        args.expect(')');
    return filter;
}

std::vector<MailboxFilter> parseSearchSources(Parser& args)
{
    std::vector<MailboxFilter> sources;
    std::size_t named = 0;
    args.expect('(');
    do {
        if (sources.size() == limits::kSearchSources)
            throw BadSyntax("Too many mailbox filters");
        sources.push_back(parseMailboxFilter(args, named, limits::kSearchMailboxes));
        if (sources.back().kind == FilterKind::selectedDelayed) // NOTIFY's alone
            throw BadSyntax("Unknown mailbox filter");
    } while (args.trySpace());
    args.expect(')');
    return sources;
}

} // namespace postfach::imap
