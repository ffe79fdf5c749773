#pragma once
// HeaderKeys of bodies, shared by all sessions and bounded: a second SORT, THREAD or SEARCH SUBJECT reads nothing. A body's id is
// never given again, so nothing in here goes stale. Any thread.
#include "server/mail/header_keys.h"
#include "server/store/types.h"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace postfach::imap {

class HeaderCache {
public:
    using Keys = std::shared_ptr<const mail::HeaderKeys>;

    explicit HeaderCache(std::size_t bytes);
    Keys find(store::BodyId body);
    Keys make(store::BodyId body, std::string_view header); // `header` may be a whole message

private:
    // Two generations: what is asked for moves to the young one; when that is half of the room, it becomes the old one and the
    // old one goes.
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::uint64_t, Keys> young, old; // guarded by mutex
        std::size_t bytes = 0;                              // of young; guarded by mutex
    };
    static constexpr std::size_t kShards = 16;

    Shard& shardOf(store::BodyId body) { return shards_[body.value % kShards]; }
    void keep(Shard& shard, store::BodyId body, Keys keys) const;

    const std::size_t half_; // of one shard
    std::array<Shard, kShards> shards_;
};

} // namespace postfach::imap
