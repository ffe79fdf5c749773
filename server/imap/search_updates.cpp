#include "server/imap/search_updates.h"

#include "server/base/limits.h"
#include "server/imap/fetching.h"
#include "server/imap/search_run.h"
#include "server/imap/syntax/search_return.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>

namespace postfach::imap {
namespace {

namespace limits = base::limits;
using Kind = SearchKey::Kind;

bool changesByItself(const SearchKey& key)
{
    return key.kind == Kind::sequence || key.set.isSaved() || key.kind == Kind::older || key.kind == Kind::younger;
}

std::string line(const std::string& tag, bool by_uid)
{
    std::string out = "* ESEARCH ";
    putSearchTag(out, tag);
    return out + (by_uid ? " UID" : "");
}

// " ADDTO (0 1:3)": 0, because a result of SEARCH has no order.
void putNumbers(
    std::string& out, const char* what, const std::vector<store::Uid>& uids, const store::Snapshot& numbered, bool by_uid)
{
    std::vector<std::uint32_t> numbers;
    for (const store::Uid uid : uids)
        if (by_uid)
            numbers.push_back(uid.value);
        else if (const auto index = numbered.find(uid))
            numbers.push_back(*index + 1);
    if (!numbers.empty())
        out.append(" ").append(what).append(" (0 ").append(formatSet(numbers)).append(")");
}

// Places of messages that changed or came since.
std::vector<std::uint32_t> changedSince(const SearchScope& scope, store::ModSeq seen)
{
    std::vector<std::uint32_t> places;
    scope.newest.each(0, scope.newest.count(), [&](std::uint32_t, const store::Message& message) {
        if (message.modseq > seen)
            if (const auto index = scope.numbered.find(message.uid))
                places.push_back(*index);
        return true;
    });
    return places;
}

} // namespace

bool SearchUpdates::has(std::string_view tag) const
{
    return std::any_of(kept_.begin(), kept_.end(), [tag](const Kept& one) { return one.tag == tag; });
}

bool SearchUpdates::add(std::string tag, bool by_uid, SearchKey key, std::optional<FetchItems> of_new,
    const store::Snapshot& numbered, const std::vector<std::uint32_t>& found)
{
    const std::size_t messages = std::accumulate(
        kept_.begin(), kept_.end(), found.size(), [](std::size_t sum, const Kept& one) { return sum + one.messages.size(); });
    if (kept_.size() == limits::kSearchUpdates || messages > limits::kSearchUpdateMessages || key.has(changesByItself))
        return false;
    Kept one{std::move(tag), by_uid, std::move(key), numbered.highestModseq(), {}, std::move(of_new)};
    one.messages.reserve(found.size());
    for (const std::uint32_t index : found)
        one.messages.push_back(numbered.uidAt(index));
    kept_.push_back(std::move(one));
    return true;
}

bool SearchUpdates::cancel(std::string_view tag)
{
    return std::erase_if(kept_, [tag](const Kept& one) { return one.tag == tag; }) != 0;
}

std::string SearchUpdates::gone(const store::Snapshot& before, const store::Snapshot& now)
{
    std::string out;
    for (Kept& one : kept_) {
        std::vector<store::Uid> left, stay;
        for (const store::Uid uid : one.messages)
            (now.find(uid) ? stay : left).push_back(uid);
        if (left.empty())
            continue;
        one.messages = std::move(stay);
        out += line(one.tag, one.by_uid);
        putNumbers(out, "REMOVEFROM", left, before, one.by_uid);
        out += "\r\n";
    }
    return out;
}

net::Task<std::vector<std::uint32_t>> SearchUpdates::tell(Session& session, IndexRange fresh, const FetchItems* of_new)
{
    std::string lines;
    std::map<std::uint32_t, std::uint32_t> wanted; // of new messages, by place: which searches want to see them, a bit each
    static_assert(limits::kSearchUpdates <= 32);
    for (std::size_t at = 0; at < kept_.size(); ++at) { // nothing is added or cancelled meanwhile: no other command runs
        const Difference difference = co_await look(session, kept_[at]);
        lines += difference.line;
        if (kept_[at].of_new)
            for (const std::uint32_t place : difference.added)
                if (place >= fresh.first && place < fresh.last)
                    wanted[place] |= 1U << at;
    }
    std::map<std::uint32_t, std::vector<IndexRange>> alike; // by the searches that want them
    std::vector<std::uint32_t> places;
    for (const auto& [place, searches] : wanted) {
        alike[searches].push_back({place, place + 1});
        places.push_back(place);
    }
    for (auto& [searches, ranges] : alike) {
        FetchItems items = of_new != nullptr ? *of_new : FetchItems();
        for (std::size_t at = 0; at < kept_.size(); ++at)
            if ((searches >> at & 1U) != 0)
                items = merged(std::move(items), *kept_[at].of_new);
        co_await fetchNew(session, std::move(items), std::move(ranges));
    }
    co_await session.send(std::move(lines));
    co_return places;
}

net::Task<SearchUpdates::Difference> SearchUpdates::look(Session& session, Kept& kept)
{
    Difference difference;
    const SearchScope scope(session.view());
    if (scope.newest.highestModseq() <= kept.seen)
        co_return difference;
    std::vector<std::uint32_t> changed = changedSince(scope, kept.seen);
    const store::ModSeq seen = scope.numbered.highestModseq(); // what waits to be numbered is looked at once it is
    if (changed.empty()) {
        kept.seen = seen;
        co_return difference;
    }
    MessageSearch search(session, kept.key, scope);
    co_await search.runOver(changed);

    std::vector<store::Uid> matching, others, added, removed, messages;
    for (const std::uint32_t index : changed) {
        const bool matches = std::binary_search(search.found().begin(), search.found().end(), index);
        (matches ? matching : others).push_back(scope.numbered.uidAt(index));
    }
    const auto& before = kept.messages;
    std::set_difference(matching.begin(), matching.end(), before.begin(), before.end(), std::back_inserter(added));
    std::set_intersection(others.begin(), others.end(), before.begin(), before.end(), std::back_inserter(removed));
    std::set_difference(before.begin(), before.end(), removed.begin(), removed.end(), std::back_inserter(messages));
    const auto middle = static_cast<std::ptrdiff_t>(messages.size());
    messages.insert(messages.end(), added.begin(), added.end());
    std::inplace_merge(messages.begin(), messages.begin() + middle, messages.end());
    kept.messages = std::move(messages);
    kept.seen = seen;
    if (added.empty() && removed.empty())
        co_return difference;
    difference.line = line(kept.tag, kept.by_uid);
    putNumbers(difference.line, "REMOVEFROM", removed, scope.numbered, kept.by_uid);
    putNumbers(difference.line, "ADDTO", added, scope.numbered, kept.by_uid);
    difference.line += "\r\n";
    for (const store::Uid uid : added)
        if (const auto place = scope.numbered.find(uid))
            difference.added.push_back(*place);
    co_return difference;
}

} // namespace postfach::imap
