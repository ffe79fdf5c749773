#include "server/store/view_root.h"

#include <algorithm>

namespace postfach::store {
namespace {

using More = std::vector<std::uint16_t>;

void setMore(HotChunk& hot, std::uint32_t slot, const More& more)
{
    const auto at = std::lower_bound(hot.more.begin(), hot.more.end(), slot,
                                     [](const auto& entry, std::uint32_t wanted) { return entry.first < wanted; });
    const bool there = at != hot.more.end() && at->first == slot;
    if (more.empty()) {
        if (there)
            hot.more.erase(at);
    } else if (there)
        at->second = more;
    else
        hot.more.insert(at, {static_cast<std::uint16_t>(slot), more});
}

bool unseenBits(std::uint64_t bits) { return (bits & Flags::kSeen) == 0; }

// Copies slot `from` of `source` behind the last message of `target`, whose chunks are new and large enough.
void copySlot(const ChunkNode& source, std::uint32_t from, ChunkNode& target)
{
    const std::uint32_t to = target.count++;
    target.cold->uid[to] = source.cold->uid[from];
    target.cold->size[to] = source.cold->size[from];
    target.cold->date[to] = source.cold->date[from];
    target.cold->body[to] = source.cold->body[from];
    target.hot->bits[to] = source.hot->bits[from];
    target.hot->modseq[to] = source.hot->modseq[from];
    if (const More* more = source.hot->moreOf(from))
        target.hot->more.emplace_back(static_cast<std::uint16_t>(to), *more);
    target.bytes += source.cold->size[from];
    target.unseen += unseenBits(source.hot->bits[from]) ? 1 : 0;
}

ChunkNode newNode(std::uint32_t capacity, std::unordered_set<const void*>& fresh)
{
    ChunkNode node;
    node.cold = std::make_shared<ColdChunk>(capacity);
    node.hot = std::make_shared<HotChunk>(capacity);
    fresh.insert(node.cold.get());
    fresh.insert(node.hot.get());
    return node;
}

} // namespace

const std::vector<std::uint16_t>* HotChunk::moreOf(std::uint32_t slot) const
{
    const auto at = std::lower_bound(more.begin(), more.end(), slot,
                                     [](const auto& entry, std::uint32_t wanted) { return entry.first < wanted; });
    return at != more.end() && at->first == slot ? &at->second : nullptr;
}

std::shared_ptr<const Snapshot::Root> Snapshot::Root::empty()
{
    static const auto nothing = [] {
        auto root = std::make_shared<Root>();
        root->spine = std::make_shared<const std::vector<ChunkNode>>();
        root->tail.cold = std::make_shared<ColdChunk>(0);
        root->tail.hot = std::make_shared<HotChunk>(0);
        return root;
    }();
    return nothing;
}

std::size_t Snapshot::Root::nodeOfIndex(std::uint32_t index) const
{
    if (index >= tail.before)
        return spine->size();
    const auto behind = std::upper_bound(spine->begin(), spine->end(), index,
                                         [](std::uint32_t wanted, const ChunkNode& node) { return wanted < node.before; });
    return static_cast<std::size_t>(behind - spine->begin()) - 1;
}

std::size_t Snapshot::Root::nodeOfUid(std::uint32_t uid) const
{
    if (tail.count > 0 && tail.cold->uid[0] <= uid)
        return spine->size();
    const auto behind = std::upper_bound(spine->begin(), spine->end(), uid,
                                         [](std::uint32_t wanted, const ChunkNode& node) { return wanted < node.cold->uid[0]; });
    return behind == spine->begin() ? 0 : static_cast<std::size_t>(behind - spine->begin()) - 1;
}

RootBuilder::RootBuilder(const Snapshot::Root& newest) : root_(newest) {}

std::vector<ChunkNode>& RootBuilder::spine()
{
    if (!spine_) {
        spine_ = std::make_shared<std::vector<ChunkNode>>(*root_.spine);
        root_.spine = spine_;
    }
    return *spine_;
}

HotChunk& RootBuilder::ownHot(ChunkNode& node)
{
    if (!fresh_.contains(node.hot.get())) {
        node.hot = std::make_shared<HotChunk>(*node.hot);
        fresh_.insert(node.hot.get());
    }
    return *node.hot;
}

// Small mailboxes are many: a tail starts with room for 16 and grows fourfold, so an idle INBOX of ten mails costs 640 bytes.
void RootBuilder::growTail()
{
    ChunkNode& tail = root_.tail;
    if (tail.count == kChunk) {
        spine().push_back(tail);
        ChunkNode next = newNode(kChunk, fresh_);
        next.before = tail.before + tail.count;
        tail = std::move(next);
        return;
    }
    const auto capacity = static_cast<std::uint32_t>(tail.cold->uid.size());
    ChunkNode larger = newNode(std::min(kChunk, std::max<std::uint32_t>(16, capacity * 4)), fresh_);
    larger.before = tail.before;
    for (std::uint32_t slot = 0; slot < tail.count; ++slot)
        copySlot(tail, slot, larger);
    tail = std::move(larger);
}

void RootBuilder::append(const Message& message, const More& more)
{
    if (root_.tail.count == root_.tail.cold->uid.size())
        growTail();
    ChunkNode& tail = root_.tail;
    const std::uint32_t slot = tail.count;
    tail.cold->uid[slot] = message.uid.value;
    tail.cold->size[slot] = message.size;
    tail.cold->date[slot] = base::toMillis(message.internal_date) / 1000;
    tail.cold->body[slot] = message.body.value;
    HotChunk& hot = more.empty() ? *tail.hot : ownHot(tail); // the list of `more` has no free slots that nobody reads
    hot.bits[slot] = message.bits;
    hot.modseq[slot] = message.modseq;
    if (!more.empty())
        setMore(hot, slot, more);
    const std::uint32_t unseen = unseenBits(message.bits) ? 1 : 0;
    ++tail.count;
    tail.unseen += unseen;
    tail.bytes += message.size;
    ++root_.count;
    root_.unseen += unseen;
    root_.size += message.size;
}

void RootBuilder::changeFlags(Uid uid, ModSeq modseq, std::uint64_t bits, const More& more)
{
    const std::size_t index = root_.nodeOfUid(uid.value);
    const ChunkNode& old = root_.node(index);
    const auto first = old.cold->uid.begin();
    const auto at = std::lower_bound(first, first + old.count, uid.value);
    if (at == first + old.count || *at != uid.value)
        return;
    const auto slot = static_cast<std::uint32_t>(at - first);
    ChunkNode& node = index < root_.spine->size() ? spine()[index] : root_.tail;
    HotChunk& hot = ownHot(node);
    const int unseen = static_cast<int>(unseenBits(bits)) - static_cast<int>(unseenBits(hot.bits[slot]));
    node.unseen += static_cast<std::uint32_t>(unseen);
    root_.unseen += static_cast<std::uint32_t>(unseen);
    hot.bits[slot] = bits;
    hot.modseq[slot] = modseq;
    setMore(hot, slot, more);
}

void RootBuilder::expunge(const std::vector<Uid>& ascending)
{
    std::size_t next = 0;
    while (next < ascending.size()) {
        const std::size_t index = root_.nodeOfUid(ascending[next].value);
        ChunkNode& node = index < root_.spine->size() ? spine()[index] : root_.tail;
        ChunkNode rest = newNode(std::max<std::uint32_t>(1, node.count), fresh_);
        const std::uint32_t last = node.count > 0 ? node.cold->uid[node.count - 1] : 0;
        for (std::uint32_t slot = 0; slot < node.count; ++slot) {
            while (next < ascending.size() && ascending[next].value < node.cold->uid[slot])
                ++next;
            if (next < ascending.size() && ascending[next].value == node.cold->uid[slot])
                ++next;
            else
                copySlot(node, slot, rest);
        }
        while (next < ascending.size() && ascending[next].value <= last)
            ++next;
        // Numbers behind this node and before the next one name nothing.
        const std::uint32_t ahead = index + 1 < root_.nodes() && root_.node(index + 1).count > 0
                                        ? root_.node(index + 1).cold->uid[0] : 0;
        while (next < ascending.size() && (ahead == 0 || ascending[next].value < ahead))
            ++next;
        if (rest.count == node.count)
            continue;
        root_.count -= node.count - rest.count;
        root_.unseen -= node.unseen - rest.unseen;
        root_.size -= node.bytes - rest.bytes;
        node = std::move(rest);
        renumber_ = true;
    }
    if (renumber_)
        coalesce(); // at once: an empty node would mislead the search for a UID
}

void RootBuilder::coalesce()
{
    std::vector<ChunkNode>& nodes = spine();
    std::vector<ChunkNode> merged;
    for (ChunkNode& node : nodes) {
        if (node.count == 0)
            continue;
        if (!merged.empty() && merged.back().count + node.count <= kChunk / 2) {
            ChunkNode both = newNode(merged.back().count + node.count, fresh_);
            for (const ChunkNode* part : {&merged.back(), &node})
                for (std::uint32_t slot = 0; slot < part->count; ++slot)
                    copySlot(*part, slot, both);
            merged.back() = std::move(both);
        } else
            merged.push_back(std::move(node));
    }
    nodes = std::move(merged);
}

std::shared_ptr<const Snapshot::Root> RootBuilder::finish(Uid uid_next, ModSeq modseq)
{
    if (renumber_) {
        std::uint32_t before = 0;
        for (ChunkNode& node : spine()) {
            node.before = before;
            before += node.count;
        }
        root_.tail.before = before;
    }
    root_.uid_next = uid_next;
    root_.modseq = modseq;
    return std::make_shared<const Snapshot::Root>(root_);
}

} // namespace postfach::store
