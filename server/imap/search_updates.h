#pragma once
// Results of searches that are kept up to date: SEARCH RETURN (UPDATE), RFC 5267 4.3. They belong to the selected mailbox, and
// are told with its news: what is expunged before its EXPUNGE, by the old numbers; what begins or ceases to match behind the news.
#include "server/imap/syntax/search.h"
#include "server/net/task.h"
#include "server/store/view.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::imap {

class Session;

class SearchUpdates {
public:
    bool has(std::string_view tag) const;
    // False: not this one; the bounds are reached, or its result would change without any news.
    bool add(
        std::string tag, bool by_uid, SearchKey key, const store::Snapshot& numbered, const std::vector<std::uint32_t>& found);
    bool cancel(std::string_view tag); // false: there is none

    // "* ESEARCH ... REMOVEFROM" for what stood in `before` and is gone in `now`.
    std::string gone(const store::Snapshot& before, const store::Snapshot& now);
    net::Task<> tell(Session& session);

private:
    struct Kept {
        std::string tag;
        bool by_uid = false;
        SearchKey key;
        store::ModSeq seen = 0;           // what is not newer was looked at
        std::vector<store::Uid> messages; // that match; ascending
    };
    net::Task<> look(Session& session, Kept& kept);

    std::vector<Kept> kept_;
};

} // namespace postfach::imap
