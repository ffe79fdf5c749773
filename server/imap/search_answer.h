#pragma once
// What SEARCH, SORT and THREAD share before and after the search: RETURN and CHARSET, what the keys turn on, the answer.
#include "server/imap/search_run.h"
#include "server/imap/syntax/search_return.h"

namespace postfach::imap {

// RETURN (...) where it is said, with its space. Without it, IMAP4rev2 answers as to RETURN (ALL): RFC 9051 6.4.4.
SearchReturn searchReturn(Parser& args, const Enabled& enabled);

// The keys to the end of the line. A NO takes what "$" named; MODSEQ turns CONDSTORE on (RFC 7162 3.1).
SearchKey searchKey(Session& session, Parser& args, const SearchReturn& wanted);
void noteKeys(Session& session, const SearchKey& key, const SearchReturn& wanted); // the same for keys that were read elsewhere

// Saves what SAVE asks for, and tells the rest as "* SEARCH" or "* ESEARCH".
net::Task<> answerSearch(Session& session, const Request& request, const MessageSearch& search, const SearchReturn& wanted);

// The numbers of places of the numbering, in their order, with modseq and relevancies as far as they are wanted.
SearchResult resultOf(
    const MessageSearch& search, const std::vector<std::uint32_t>& places, const SearchReturn& wanted, bool by_uid);

} // namespace postfach::imap
