#pragma once
// What SEARCH, SORT, THREAD and ESEARCH share before and after the search: RETURN and CHARSET, what the keys turn on, the answer.
#include "server/imap/search_run.h"
#include "server/imap/syntax/search_return.h"

namespace postfach::imap {

// Behind "RETURN", with the spaces on both sides.
SearchReturn searchReturn(Parser& args);

// The keys to the end of the line. A NO takes what "$" named; MODSEQ turns CONDSTORE on (RFC 7162 3.1).
SearchKey searchKey(Session& session, Parser& args, const SearchReturn& wanted);
SearchKey searchKeyWithCharset(
    Session& session, Parser& args, const SearchReturn& wanted); // SORT, THREAD: the charset's name first
void noteKeys(Session& session, const SearchKey& key, const SearchReturn& wanted);
void requireFuzzy(const SearchKey& key); // for RELEVANCY, RFC 6203 4

// Tells "* ESEARCH" or, without RETURN, `word` and the numbers; and saves what SAVE asks for. `places` are found ones of the
// numbering, in the order to tell them: search.found(), or sorted.
net::Task<> answerSearch(Session& session, const Request& request, const MessageSearch& search,
    const std::vector<std::uint32_t>& places, const SearchReturn& wanted, std::string_view word);

// --- the pieces of it
// The numbers of places of the numbering, in their order, with modseq and relevancies as far as they are wanted.
SearchResult resultOf(
    const MessageSearch& search, const std::vector<std::uint32_t>& places, const SearchReturn& wanted, bool by_uid);
// What "$" names from now on; false: SAVE is all that was asked for, and nothing is answered (RFC 5182 2.3).
bool saveResult(Session& session, const std::vector<std::uint32_t>& places, const SearchReturn& wanted);

} // namespace postfach::imap
