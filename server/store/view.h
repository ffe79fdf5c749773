#pragma once
// MailboxView: a mailbox's messages in memory, shared by all sessions that look at it and advanced by each commit.
// Snapshot: an immutable picture of it; taking one costs a mutexed shared_ptr copy, keeping one costs only what changed
// since. Sequence numbers here are positions, 0-based; a session's numbering is the session's (server/imap/view).
//
// Chunks of 2,048 messages, hot columns (flags, modseq) apart from cold ones. A delivery writes past every published count;
// a flag change copies one hot chunk; an expunge copies one chunk: equal chunk pointers mean equal content, so
// differences are found without looking at every message.
#include "server/store/types.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace postfach::store {

class Snapshot { // value; any thread
public:
    Snapshot();
    std::uint32_t count() const;
    Uid uidNext() const;
    ModSeq highestModseq() const;
    std::uint32_t unseen() const;
    std::uint64_t size() const; // bytes in all

    Message at(std::uint32_t index) const; // index < count()
    Uid uidAt(std::uint32_t index) const;
    Flags flags(std::uint32_t index) const;           // with keywords past 58
    std::optional<std::uint32_t> find(Uid uid) const; // index of exactly this UID
    std::uint32_t lowerBound(Uid uid) const;          // first index whose UID is not below; count() when none
    std::optional<std::uint32_t> firstUnseen() const; // index

    // In ascending order of index, all in [from, to): cheaper than at() one by one. Return false to stop.
    void each(std::uint32_t from, std::uint32_t to, const std::function<bool(std::uint32_t, const Message&)>& visit) const;

    // What happened between `older` and this newer picture of the same mailbox.
    struct Difference {
        std::vector<Uid> expunged; // ascending
        std::vector<Uid> changed;  // flags or modseq differ; ascending; in both
        std::vector<Uid> added;    // ascending
    };
    Difference since(const Snapshot& older) const;

    struct Root; // the store's own (server/store/view.cpp)
    explicit Snapshot(std::shared_ptr<const Root> root);
    const std::shared_ptr<const Root>& root() const { return root_; }

private:
    std::shared_ptr<const Root> root_;
};

// Snapshot::find() for many UIDs that mostly ascend: the next neighbour is found without a search. Must not outlive the Snapshot.
class UidFinder {
public:
    explicit UidFinder(const Snapshot& in) : in_(in) {}
    std::optional<std::uint32_t> find(Uid uid);

private:
    const Snapshot& in_;
    const std::uint32_t* uids_ = nullptr; // of the chunk it was in last
    std::uint32_t count_ = 0, slot_ = 0;  // of them; where in them
    std::uint32_t before_ = 0;            // messages in front of the chunk
};

// Ends with its owner: a callback never runs after the destructor has returned.
class Subscription {
public:
    Subscription() = default;
    explicit Subscription(std::shared_ptr<void> held) : held_(std::move(held)) {}
    void reset() { held_.reset(); }

private:
    std::shared_ptr<void> held_;
};

// The picture before `newest` in which `expunged` (ascending) still stood and nothing from `uid_next` on had come. Flags are
// those of `newest`; what was expunged since is there by its UID alone, without size and body.
Snapshot earlier(const Snapshot& newest, const std::vector<Uid>& expunged, Uid uid_next, ModSeq modseq);

class MailboxView {
public:
    virtual ~MailboxView() = default;
    virtual Snapshot now() const = 0; // any thread, never waits for the writer
    virtual bool isGone() const = 0;  // the mailbox was deleted
    // `news` is called on the writer's thread after each commit that touched the mailbox, in commit order; it must not block
    // (it wakes a strand). Keep the Subscription shorter-lived than what `news` refers to.
    virtual Subscription watch(std::function<void()> news) = 0;

    // \Recent goes to one session only, the first to take it: UIDs from `first` up to, not including, `second`, none below
    // `from`; first == second where nothing is left. Memory alone: who takes them has it written (WriteTx::recentTaken).
    virtual std::pair<Uid, Uid> takeRecent(Uid from) = 0;
    virtual Uid recentFrom(Uid stored) const = 0; // the first UID nobody took, where the store's row may lag behind
};

} // namespace postfach::store
