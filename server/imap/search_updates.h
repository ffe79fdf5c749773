#pragma once
// Results of searches that are kept up to date: SEARCH RETURN (UPDATE), RFC 5267 4.3. They belong to the selected mailbox, and
// are told with its news: what is expunged before its EXPUNGE, by the old numbers; what begins or ceases to match behind the news.
#include "server/imap/syntax/fetch.h"
#include "server/imap/syntax/search.h"
#include "server/imap/view.h"
#include "server/net/task.h"
#include "server/store/view.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::imap {

class Session;

class SearchUpdates {
public:
    bool has(std::string_view tag) const;
    // False: not this one; the bounds are reached, or its result would change without any news.
    bool add(std::string tag, bool by_uid, SearchKey key, std::optional<FetchItems> of_new, const store::Snapshot& numbered,
        const std::vector<std::uint32_t>& found);
    bool cancel(std::string_view tag); // false: there is none

    // "* ESEARCH ... REMOVEFROM" for what stood in `before` and is gone in `now`.
    std::string gone(const store::Snapshot& before, const store::Snapshot& now);
    // What began and what ceased to match. Of the messages that are new (`fresh`) and match a search that asked for it, FETCH comes before
    // that (RFC 5465 7), with what is fetched of every new message (`of_new`, may be null) in the same answer. Their places are given back.
    net::Task<std::vector<std::uint32_t>> tell(Session& session, IndexRange fresh, const FetchItems* of_new);

private:
    struct Kept {
        std::string tag;
        bool by_uid = false;
        SearchKey key;
        store::ModSeq seen = 0;           // what is not newer was looked at
        std::vector<store::Uid> messages; // that match; ascending
        std::optional<FetchItems> of_new; // asked for of new messages
    };
    struct Difference {
        std::string line;                 // empty: none
        std::vector<std::uint32_t> added; // places
    };
    net::Task<Difference> look(Session& session, Kept& kept);

    std::vector<Kept> kept_;
};

} // namespace postfach::imap
