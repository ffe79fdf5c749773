#pragma once
// SEARCH: the parsed program and its evaluation against one message. RFC 9051 6.4.4. Parsing is iterative or depth-capped
// (limits::kSearchKeys, kSearchDepth); evaluation asks for dearer things only when the cheap ones leave it open.
#include "server/imap/syntax/parser.h"
#include "server/mail/header_keys.h"
#include "server/mail/summary.h"
#include "server/store/types.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace postfach::imap {

struct BadCharset : std::runtime_error { BadCharset() : runtime_error("unknown charset") {} }; // -> NO [BADCHARSET (UTF-8)]

struct SearchKey {
    enum class Kind {
        all, notKey, orKeys, andKeys, sequence, uid,
        flagSet, flagClear, keyword, unkeyword, recent, newMessages, old,
        larger, smaller, before, on, since, sentBefore, sentOn, sentSince,
        header, body, text, // from, to, cc, bcc, subject are header
        modseq,
        older, younger,                      // RFC 5032
        savedBefore, savedOn, savedSince,    // RFC 8514
        emailId, nothing,                    // RFC 8474; THREADID is nobody's
    };
    Kind kind = Kind::all;
    std::vector<SearchKey> children;
    SequenceSet set;
    std::uint64_t number = 0;      // flag bit, size, modseq, seconds
    std::int64_t day = 0;          // days since 1970
    std::string name;              // header field, keyword or EMAILID
    std::optional<mail::HeaderKeys::Text> field; // the header field, where it is one of those
    std::string text;              // UTF-8, case folded (mail::foldCase); empty text matches any present field
    std::vector<std::string> words; // FUZZY (RFC 6203): of `text`, without accents; each may stand anywhere. Empty: exact
    bool needsSummary() const;     // header keys, sent dates, body, text, EMAILID: of itself and its children
    bool needsBytes() const;       // body, text
    bool has(bool (*is)(const SearchKey&)) const; // itself or a child
};

SearchKey parseSearch(Parser& args); // with optional CHARSET; the rest of the line
SearchKey parseSearchWith(Parser& args, std::string_view charset); // the charset was named already, and is known

struct SearchSubject {             // one message; the functions are called at most once each and may be dear
    std::uint32_t sequence_number = 0, largest_sequence_number = 0;
    store::Uid uid, largest_uid;
    const store::Flags* flags = nullptr;
    bool recent = false;
    std::uint32_t size = 0;
    store::Time internal_date{};
    store::ModSeq modseq = 0;
    store::Time now{};                         // for OLDER and YOUNGER
    store::Time saved{};
    const std::vector<std::string>* keyword_names = nullptr;
    std::function<std::string()> email_id;     // goes with allow_summary
    // Instead of the summary, for the fields and dates it has; null: not in memory, and `may_read` is false. May be empty.
    std::function<const mail::HeaderKeys*(bool may_read)> keys;
    std::function<const mail::Summary&()> summary;
    std::function<std::string_view()> bytes;   // whole message
};
enum class Match { no, yes, unknown };
// Header keys read the summary's top_header; where it is not kept (a large header) they need the bytes, and without allow_bytes
// the answer is `unknown`. With both allowed it never is.
// With allow_summary / allow_bytes false, what would need them is `unknown` (three-valued logic): a first pass over the view in memory.
// `relevancy`, of a message that matches: how well FUZZY keys do, 1 to 100.
Match evaluate(const SearchKey& key, const SearchSubject& subject, bool allow_summary, bool allow_bytes,
               std::uint8_t* relevancy = nullptr);

} // namespace postfach::imap
