#include "server/store/view.h"
#include "server/store/view_root.h"

#include <algorithm>

namespace postfach::store {
namespace {

Message messageAt(const ChunkNode& node, std::uint32_t slot)
{
    Message m;
    m.uid = Uid{node.cold->uid[slot]};
    m.modseq = node.hot->modseq[slot];
    m.body = BodyId{node.cold->body[slot]};
    m.size = node.cold->size[slot];
    m.bits = node.hot->bits[slot];
    m.internal_date = base::fromMillis(node.cold->date[slot] * 1000);
    return m;
}

bool flagsDiffer(const ChunkNode& a, std::uint32_t i, const ChunkNode& b, std::uint32_t j)
{
    return a.hot->bits[i] != b.hot->bits[j] || a.hot->modseq[i] != b.hot->modseq[j];
}

// A place in a root, from message to message.
struct Position {
    const Snapshot::Root& root;
    std::size_t node = 0;
    std::uint32_t slot = 0;

    bool atEnd() const { return node == root.nodes(); }
    const ChunkNode& here() const { return root.node(node); }
    std::uint32_t uid() const { return here().cold->uid[slot]; }
    void skip(std::uint32_t messages)
    {
        slot += messages;
        settle();
    }
    void settle()
    {
        while (!atEnd() && slot >= here().count) {
            ++node;
            slot = 0;
        }
    }
};

} // namespace

Snapshot::Snapshot() : root_(Root::empty()) {}
Snapshot::Snapshot(std::shared_ptr<const Root> root) : root_(std::move(root)) {}

std::uint32_t Snapshot::count() const { return root_->count; }
Uid Snapshot::uidNext() const { return root_->uid_next; }
ModSeq Snapshot::highestModseq() const { return root_->modseq; }
std::uint32_t Snapshot::unseen() const { return root_->unseen; }
std::uint64_t Snapshot::size() const { return root_->size; }

Message Snapshot::at(std::uint32_t index) const
{
    const ChunkNode& node = root_->node(root_->nodeOfIndex(index));
    return messageAt(node, index - node.before);
}

Uid Snapshot::uidAt(std::uint32_t index) const
{
    const ChunkNode& node = root_->node(root_->nodeOfIndex(index));
    return Uid{node.cold->uid[index - node.before]};
}

Flags Snapshot::flags(std::uint32_t index) const
{
    const ChunkNode& node = root_->node(root_->nodeOfIndex(index));
    const std::uint32_t slot = index - node.before;
    Flags flags;
    flags.bits = node.hot->bits[slot];
    if (const auto* more = node.hot->moreOf(slot))
        flags.more = *more;
    return flags;
}

std::uint32_t Snapshot::lowerBound(Uid uid) const
{
    const ChunkNode& node = root_->node(root_->nodeOfUid(uid.value));
    const auto first = node.cold->uid.begin();
    return node.before + static_cast<std::uint32_t>(std::lower_bound(first, first + node.count, uid.value) - first);
}

std::optional<std::uint32_t> Snapshot::find(Uid uid) const { return UidFinder(*this).find(uid); }

std::optional<std::uint32_t> UidFinder::find(Uid uid)
{
    for (std::uint32_t slot = slot_; slot < std::min(count_, slot_ + 2); ++slot)
        if (uids_[slot] == uid.value) {
            slot_ = slot;
            return before_ + slot;
        }
    const ChunkNode& node = in_.root()->node(in_.root()->nodeOfUid(uid.value));
    uids_ = node.cold->uid.data();
    const auto* const found = std::lower_bound(uids_, uids_ + node.count, uid.value);
    count_ = node.count;
    before_ = node.before;
    slot_ = static_cast<std::uint32_t>(found - uids_);
    return slot_ < count_ && *found == uid.value ? std::optional(before_ + slot_) : std::nullopt;
}

std::optional<std::uint32_t> Snapshot::firstUnseen() const
{
    for (std::size_t i = 0; i < root_->nodes(); ++i) {
        const ChunkNode& node = root_->node(i);
        if (node.unseen == 0)
            continue;
        for (std::uint32_t slot = 0; slot < node.count; ++slot)
            if ((node.hot->bits[slot] & Flags::kSeen) == 0)
                return node.before + slot;
    }
    return std::nullopt;
}

void Snapshot::each(std::uint32_t from, std::uint32_t to, const std::function<bool(std::uint32_t, const Message&)>& visit) const
{
    to = std::min(to, count());
    if (from >= to)
        return;
    for (std::size_t i = root_->nodeOfIndex(from); i < root_->nodes(); ++i) {
        const ChunkNode& node = root_->node(i);
        for (std::uint32_t slot = from - node.before; slot < node.count; ++slot, ++from)
            if (from == to || !visit(from, messageAt(node, slot)))
                return;
    }
}

Snapshot::Difference Snapshot::since(const Snapshot& older) const
{
    Difference d;
    if (root_ == older.root_)
        return d;
    Position was{*older.root_}, is{*root_};
    was.settle();
    is.settle();
    while (!was.atEnd() && !is.atEnd()) {
        const ChunkNode& a = was.here();
        const ChunkNode& b = is.here();
        if (a.cold == b.cold && was.slot == is.slot) { // the same messages in the same slots, as far as both go
            const std::uint32_t both = std::min(a.count, b.count);
            if (a.hot != b.hot)
                for (std::uint32_t slot = was.slot; slot < both; ++slot)
                    if (flagsDiffer(a, slot, b, slot))
                        d.changed.push_back(Uid{b.cold->uid[slot]});
            if (both > was.slot) {
                const std::uint32_t step = both - was.slot;
                was.skip(step);
                is.skip(step);
                continue;
            }
        }
        if (was.uid() < is.uid()) {
            d.expunged.push_back(Uid{was.uid()});
            was.skip(1);
        } else if (was.uid() > is.uid()) {
            d.added.push_back(Uid{is.uid()});
            is.skip(1);
        } else {
            if (flagsDiffer(a, was.slot, b, is.slot))
                d.changed.push_back(Uid{is.uid()});
            was.skip(1);
            is.skip(1);
        }
    }
    for (; !was.atEnd(); was.skip(1))
        d.expunged.push_back(Uid{was.uid()});
    for (; !is.atEnd(); is.skip(1))
        d.added.push_back(Uid{is.uid()});
    return d;
}

Snapshot earlier(const Snapshot& newest, const std::vector<Uid>& expunged, Uid uid_next, ModSeq modseq)
{
    RootBuilder builder(*Snapshot::Root::empty());
    auto gone = expunged.begin();
    const auto standAgain = [&](Uid below) {
        for (; gone != expunged.end() && *gone < below; ++gone) {
            Message message;
            message.uid = *gone;
            message.modseq = modseq;
            builder.append(message, {});
        }
    };
    newest.each(0, newest.lowerBound(uid_next), [&](std::uint32_t index, const Message& message) {
        standAgain(message.uid);
        if (gone != expunged.end() && *gone == message.uid)
            ++gone;
        builder.append(message, newest.flags(index).more);
        return true;
    });
    standAgain(uid_next);
    return Snapshot(builder.finish(uid_next, modseq));
}

} // namespace postfach::store
