#pragma once
// What stands behind a Snapshot, and the one way to make a newer one. Private to the store.
//
// Invariants. A published chunk never changes in the slots below a published count; the tail's slots past every published
// count belong to the one builder that runs at a time (a delivery writes there). Chunks are replaced, never edited:
// equal pointers mean equal content. UIDs ascend through all nodes. Only the tail may be empty.
#include "server/store/view.h"

#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

namespace postfach::store {

inline constexpr std::uint32_t kChunk = 2048; // messages; measured best between copy of a chunk and copy of the spine

struct ColdChunk { // never changes for a message
    explicit ColdChunk(std::uint32_t capacity) : uid(capacity), size(capacity), date(capacity), body(capacity) {}
    std::vector<std::uint32_t> uid, size;
    std::vector<std::int64_t> date, body; // seconds; BodyId
};

struct HotChunk { // changes with flags
    explicit HotChunk(std::uint32_t capacity) : bits(capacity), modseq(capacity) {}
    std::vector<std::uint64_t> bits, modseq;
    std::vector<std::pair<std::uint16_t, std::vector<std::uint16_t>>> more; // slot, its keywords past 58; by slot
    const std::vector<std::uint16_t>* moreOf(std::uint32_t slot) const;
};

struct ChunkNode {
    std::shared_ptr<ColdChunk> cold;
    std::shared_ptr<HotChunk> hot;
    std::uint32_t count = 0, unseen = 0, before = 0; // before: messages in earlier nodes
    std::uint64_t bytes = 0;
};

struct Snapshot::Root {
    std::shared_ptr<const std::vector<ChunkNode>> spine; // all nodes but the last
    ChunkNode tail;
    std::uint32_t count = 0, unseen = 0;
    std::uint64_t size = 0;
    Uid uid_next{1};
    ModSeq modseq = 1;

    std::size_t nodes() const { return spine->size() + 1; }
    const ChunkNode& node(std::size_t index) const { return index < spine->size() ? (*spine)[index] : tail; }
    std::size_t nodeOfIndex(std::uint32_t index) const;
    std::size_t nodeOfUid(std::uint32_t uid) const; // the last whose first UID is not above; 0 when all are
    static std::shared_ptr<const Root> empty();
};

// One builder at a time for a view, always started from the newest root. Each chunk is copied at most once per builder.
class RootBuilder {
public:
    explicit RootBuilder(const Snapshot::Root& newest);
    void append(const Message& message, const std::vector<std::uint16_t>& more);
    void changeFlags(Uid uid, ModSeq modseq, std::uint64_t bits, const std::vector<std::uint16_t>& more);
    void expunge(const std::vector<Uid>& ascending);
    std::shared_ptr<const Snapshot::Root> finish(Uid uid_next, ModSeq modseq);

private:
    std::vector<ChunkNode>& spine();
    HotChunk& ownHot(ChunkNode& node);
    void growTail();
    void coalesce();

    Snapshot::Root root_;
    std::shared_ptr<std::vector<ChunkNode>> spine_; // null until it must be changed
    std::unordered_set<const void*> fresh_;         // chunks made here, still ours to edit
    bool renumber_ = false;
};

} // namespace postfach::store
