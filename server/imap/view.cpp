#include "server/imap/view.h"

#include "server/imap/syntax/parser.h"

#include <algorithm>
#include <utility>

namespace postfach::imap {

View::View(store::Mailbox mailbox, std::shared_ptr<store::MailboxView> shared, bool read_only)
    : View(std::move(mailbox), shared, read_only, shared->now())
{
}

View::View(store::Mailbox mailbox, std::shared_ptr<store::MailboxView> shared, bool read_only, store::Snapshot told) :
    mailbox_(std::move(mailbox)), shared_(std::move(shared)), read_only_(read_only), numbered_(std::move(told)), told_(numbered_)
{
}

std::vector<IndexRange> View::resolve(const SequenceSet& set, bool by_uid) const
{
    const std::uint32_t count = numbered_.count();
    const std::uint32_t largest = by_uid ? (count == 0 ? 0 : numbered_.uidAt(count - 1).value) : count;
    std::vector<IndexRange> found;
    if (set.isSaved())
        for (const auto& [first, last] : saved_) {
            const std::uint32_t end = numbered_.lowerBound(last);
            const IndexRange indices{numbered_.lowerBound(first), end + (end < count && numbered_.uidAt(end) == last ? 1 : 0)};
            if (indices.first < indices.last)
                found.push_back(indices);
        }
    for (const SequenceSet::Range& range : set.resolved(largest)) {
        IndexRange indices;
        if (by_uid) {
            indices.first = numbered_.lowerBound(store::Uid{range.first});
            // 2^32-1 is no upper bound one can add one to.
            indices.last = range.last >= largest ? count : numbered_.lowerBound(store::Uid{range.last + 1});
        } else {
            if (range.first > count)
                throw BadSyntax("there is no message with that number");
            indices.first = range.first - 1;
            indices.last = std::min(range.last, count);
        }
        if (indices.first < indices.last)
            found.push_back(indices);
    }
    return found;
}

std::vector<store::Uid> View::uids(const std::vector<IndexRange>& ranges) const
{
    std::vector<store::Uid> all;
    for (const IndexRange& range : ranges)
        numbered_.each(range.first, range.last, [&all](std::uint32_t, const store::Message& message) {
            all.push_back(message.uid);
            return true;
        });
    return all;
}

void View::save(const std::vector<std::uint32_t>& indices)
{
    saved_.clear();
    for (std::size_t i = 0; i < indices.size();) {
        std::size_t j = i;
        while (j + 1 < indices.size() && indices[j + 1] == indices[j] + 1)
            ++j;
        saved_.emplace_back(numbered_.uidAt(indices[i]), numbered_.uidAt(indices[j]));
        i = j + 1;
    }
}

void View::addRecent(store::Uid from, store::Uid to)
{
    if (from >= to)
        return;
    if (!recent_.empty() && recent_.back().second >= from)
        recent_.back().second = std::max(recent_.back().second, to);
    else
        recent_.emplace_back(from, to);
}

bool View::isRecent(store::Uid uid) const
{
    return std::any_of(
        recent_.begin(), recent_.end(), [uid](const auto& range) { return range.first <= uid && uid < range.second; });
}

std::uint32_t View::recent() const
{
    std::uint32_t all = 0;
    for (const auto& [from, to] : recent_)
        all += numbered_.lowerBound(to) - numbered_.lowerBound(from);
    return all;
}

void View::told(store::Uid uid, store::Flags flags, store::ModSeq modseq)
{
    known_.push_back({uid, std::move(flags), modseq});
}

std::optional<store::Flags> View::believed(store::Uid uid) const
{
    if (const auto index = told_.find(uid))
        return told_.flags(*index);
    if (const auto index = numbered_.find(uid))
        return numbered_.flags(*index);
    return std::nullopt;
}

bool View::hasArrivals() const { return shared_->now().uidNext() > numbered_.uidNext(); }

News View::takeNews(bool numbers_may_move, bool modseqs)
{
    News news;
    const store::Snapshot newest = shared_->now();
    auto known = std::exchange(known_, {});
    if (newest.root() == told_.root() && newest.root() == numbered_.root())
        return news;

    const store::Snapshot before = numbered_;
    store::Snapshot::Difference moved = newest.since(before);
    if (numbers_may_move || moved.expunged.empty()) {
        for (auto uid = moved.expunged.rbegin(); uid != moved.expunged.rend(); ++uid)
            if (const auto index = before.find(*uid))
                news.expunged.push_back({*index + 1, *uid});
        if (!moved.added.empty()) {
            news.exists = newest.count();
            news.first_new = newest.lowerBound(moved.added.front());
        }
        numbered_ = newest;
    }

    std::stable_sort(known.begin(), known.end(), [](const Known& a, const Known& b) { return a.uid < b.uid; });
    const auto changed = told_.root() == before.root() ? std::move(moved.changed) : newest.since(told_).changed;
    store::UidFinder in_numbered(numbered_), in_newest(newest), in_before(before), in_told(told_);
    for (const store::Uid uid : changed) {
        const auto index = in_numbered.find(uid);
        const auto now = in_newest.find(uid);
        // What the client was never told of it will ask for; what it was told is told again only when it differs.
        if (!index || !now || !in_before.find(uid))
            continue;
        const auto behind =
            std::upper_bound(known.begin(), known.end(), uid, [](store::Uid u, const Known& k) { return u < k.uid; });
        News::Changed change{*index + 1, uid, newest.flags(*now), newest.at(*now).modseq};
        const auto same = [&change, modseqs](const store::Flags& flags, store::ModSeq modseq) {
            return flags == change.flags && (!modseqs || modseq == change.modseq);
        };
        const auto old = in_told.find(uid);
        if (behind != known.begin() && std::prev(behind)->uid == uid) {
            if (same(std::prev(behind)->flags, std::prev(behind)->modseq))
                continue;
        } else if (old && same(told_.flags(*old), told_.at(*old).modseq)) {
            continue;
        }
        news.changed.push_back(std::move(change));
    }
    told_ = newest;
    return news;
}

} // namespace postfach::imap
