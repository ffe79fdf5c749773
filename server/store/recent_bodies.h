#pragma once
// Bodies that were handed out lately, whole and as they were sent: a mail is fetched by each of its owner's devices, soon after one
// another, and by each person who got it. Only small ones; of a large one its pieces are read.
#include "server/store/body_cache.h"
#include "server/store/store.h"

#include <string>

namespace postfach::store {

class RecentBodies { // any thread
public:
    using Body = BodyCache<std::string>::Kept;
    static constexpr std::size_t kLargest = 64 * 1024;

    explicit RecentBodies(std::size_t bytes) : bodies_(bytes, kLargest) {} // 0: none is kept

    Body find(BodyId body) { return bodies_.find(body); } // null: it must be read
    Body keep(BodyId body, std::string&& bytes)
    {
        const auto kept = std::make_shared<const std::string>(std::move(bytes));
        bodies_.keep(body, kept, kept->size());
        return kept;
    }
    Body read(ReadTx& tx, BodyId body) // from where it is; throws as ReadTx::body()
    {
        Body found = find(body);
        return found ? found : keep(body, tx.body(body));
    }

private:
    BodyCache<std::string> bodies_;
};

} // namespace postfach::store
