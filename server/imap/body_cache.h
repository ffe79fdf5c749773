#pragma once
// What was made of bodies, shared by all sessions and bounded. A body's id is never given again, so nothing in here goes stale.
#include "server/store/types.h"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace postfach::imap {

template <class Value>
class BodyCache { // any thread
public:
    using Kept = std::shared_ptr<const Value>;

    explicit BodyCache(std::size_t bytes) : half_(bytes / kShards / 2) {}

    Kept find(store::BodyId body)
    {
        Shard& shard = shards_[static_cast<std::uint64_t>(body.value) % kShards];
        const std::lock_guard lock(shard.mutex);
        if (const auto found = shard.young.find(body.value); found != shard.young.end())
            return found->second.value;
        const auto found = shard.old.find(body.value);
        if (found == shard.old.end())
            return nullptr;
        Entry entry = std::move(found->second);
        shard.old.erase(found);
        Kept value = entry.value;
        put(shard, body, std::move(entry));
        return value;
    }

    // `bytes`: what it takes. One that is large is not kept: it must not push out a hundred others.
    void keep(store::BodyId body, Kept value, std::size_t bytes)
    {
        if (bytes > kLargest)
            return;
        Shard& shard = shards_[static_cast<std::uint64_t>(body.value) % kShards];
        const std::lock_guard lock(shard.mutex);
        put(shard, body, {std::move(value), bytes + kNode});
    }

private:
    static constexpr std::size_t kShards = 16;
    static constexpr std::size_t kNode = 64; // what the map itself takes for one
    static constexpr std::size_t kLargest = 16 * 1024;

    struct Entry {
        Kept value;
        std::size_t bytes;
    };
    // Two generations: what is asked for moves to the young one; when that is half of the room, it becomes the old one and the
    // old one goes.
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::int64_t, Entry> young, old; // guarded by mutex
        std::size_t bytes = 0;                              // of young; guarded by mutex
    };

    void put(Shard& shard, store::BodyId body, Entry entry) const
    {
        const std::size_t bytes = entry.bytes;
        if (shard.bytes + bytes > half_) {
            shard.old = std::exchange(shard.young, {});
            shard.bytes = 0;
        }
        if (shard.young.emplace(body.value, std::move(entry)).second)
            shard.bytes += bytes;
    }

    const std::size_t half_; // of one shard
    std::array<Shard, kShards> shards_;
};

} // namespace postfach::imap
