#pragma once
// What was made of bodies, or they themselves, shared by all sessions and bounded: what was asked for least lately goes first. A body's
// id is never given again, so nothing in here goes stale.
#include "server/store/types.h"

#include <array>
#include <cstdint>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace postfach::store {

template <class Value>
class BodyCache { // any thread
public:
    using Kept = std::shared_ptr<const Value>;

    // `bytes`: what all of it may take. `largest`: what takes more is not kept, it would push out a hundred others.
    explicit BodyCache(std::size_t bytes, std::size_t largest = 16 * 1024) : room_(bytes / kShards), largest_(largest) {}

    Kept find(BodyId body)
    {
        Shard& shard = shardOf(body);
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.places.find(body.value);
        if (found == shard.places.end())
            return nullptr;
        shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
        return found->second->value;
    }

    // `bytes`: what it takes.
    void keep(BodyId body, Kept value, std::size_t bytes)
    {
        if (bytes > largest_ || bytes + kNode > room_)
            return;
        bytes += kNode;
        Entries gone; // they are freed when others may go on
        Shard& shard = shardOf(body);
        const std::lock_guard lock(shard.mutex);
        if (shard.places.contains(body.value))
            return;
        shard.entries.push_front({body.value, std::move(value), bytes});
        shard.places.emplace(body.value, shard.entries.begin());
        shard.bytes += bytes;
        while (shard.bytes > room_) {
            const auto last = std::prev(shard.entries.end());
            shard.bytes -= last->bytes;
            shard.places.erase(last->body);
            gone.splice(gone.begin(), shard.entries, last);
        }
    }

private:
    static constexpr std::size_t kShards = 16;
    static constexpr std::size_t kNode = 128; // what the list and the map take for one

    struct Entry {
        std::int64_t body;
        Kept value;
        std::size_t bytes;
    };
    using Entries = std::list<Entry>; // the latest first
    struct Shard {
        std::mutex mutex;
        Entries entries;                                                    // guarded by mutex, as is the rest
        std::unordered_map<std::int64_t, typename Entries::iterator> places; // of them
        std::size_t bytes = 0;
    };

    Shard& shardOf(BodyId body) { return shards_[static_cast<std::uint64_t>(body.value) % kShards]; }

    const std::size_t room_; // of one shard
    const std::size_t largest_;
    std::array<Shard, kShards> shards_;
};

} // namespace postfach::store
