#pragma once
// What a SEARCH, SORT or ESEARCH gives back: RETURN (...) and the ESEARCH answer. RFC 4731, RFC 5182 (SAVE), RFC 9394 (PARTIAL),
// RFC 6203 (RELEVANCY), RFC 5267 (UPDATE, CONTEXT).
#include "server/imap/syntax/fetch.h"
#include "server/imap/syntax/parser.h"
#include "server/imap/syntax/partial_range.h"
#include "server/store/types.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::imap {

struct SearchReturn {
    bool given = false; // RETURN was said: the answer is ESEARCH
    bool min = false, max = false, all = false, count = false, save = false, relevancy = false, update = false;
    std::optional<PartialRange> partial;
    std::optional<FetchItems> of_new; // UPDATE's: what is fetched of new messages that match (RFC 5465 7)

    // Something that is answered with messages or their number.
    bool asksForResult() const { return min || max || all || count || partial || relevancy; }
    bool needsAll() const { return all || count || relevancy; } // not only its ends and pieces
};

// Behind "RETURN" and its space: "(MIN MAX)". Nothing between the parentheses means ALL.
SearchReturn parseSearchReturn(Parser& args);

// The places that RETURN's ends and pieces name, ascending, each once; all where it asks for the whole.
// RFC 4731 3.1, RFC 5182 2.4, RFC 9394 3.3.
std::vector<std::size_t> placesOf(const SearchReturn& wanted, std::size_t count);

struct SearchResult {
    std::vector<std::uint32_t> numbers;    // sequence numbers or UIDs, in the result's order
    std::vector<std::uint8_t> relevancies; // 1 to 100, one a number, where they are wanted
    std::optional<store::ModSeq> modseq;   // of what is told, where MODSEQ was a key
};

// " MIN 2 COUNT 3": the result's part of an ESEARCH answer, without its line end.
void putSearchResult(std::string& out, const SearchReturn& wanted, const SearchResult& result);
void putSearchTag(std::string& out, std::string_view tag); // "(TAG "a1")"

} // namespace postfach::imap
