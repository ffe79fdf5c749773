#include "server/imap/header_cache.h"

#include <utility>

namespace postfach::imap {
namespace {

constexpr std::size_t kNode = 64;           // what the map itself takes for one
constexpr std::size_t kLargest = 16 * 1024; // a header that is larger is read again: one must not push out a hundred others

} // namespace

HeaderCache::HeaderCache(std::size_t bytes) : half_(bytes / kShards / 2) {}

HeaderCache::Keys HeaderCache::find(store::BodyId body)
{
    Shard& shard = shardOf(body);
    const std::lock_guard lock(shard.mutex);
    if (const auto found = shard.young.find(body.value); found != shard.young.end())
        return found->second;
    const auto found = shard.old.find(body.value);
    if (found == shard.old.end())
        return nullptr;
    Keys keys = std::move(found->second);
    shard.old.erase(found);
    keep(shard, body, keys);
    return keys;
}

HeaderCache::Keys HeaderCache::make(store::BodyId body, std::string_view header)
{
    Keys keys = std::make_shared<mail::HeaderKeys>(mail::readHeaderKeys(header));
    if (keys->size() > kLargest)
        return keys;
    Shard& shard = shardOf(body);
    const std::lock_guard lock(shard.mutex);
    keep(shard, body, keys);
    return keys;
}

void HeaderCache::keep(Shard& shard, store::BodyId body, Keys keys) const
{
    const std::size_t size = keys->size() + kNode;
    if (shard.bytes + size > half_) {
        shard.old = std::exchange(shard.young, {});
        shard.bytes = 0;
    }
    if (shard.young.emplace(body.value, std::move(keys)).second)
        shard.bytes += size;
}

} // namespace postfach::imap
