#pragma once
// SORT's program and the order it makes. RFC 5256 3 and 5, RFC 5957 (DISPLAYFROM, DISPLAYTO), RFC 6203 4 (RELEVANCY).
#include "server/imap/syntax/parser.h"
#include "server/mail/header_keys.h"
#include "server/store/types.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postfach::imap {

struct SortKey {
    enum class Kind : std::uint8_t { arrival, cc, date, displayFrom, displayTo, from, relevancy, size, subject, to };
    Kind kind = Kind::arrival;
    bool reverse = false;
    bool needsHeader() const { return kind != Kind::arrival && kind != Kind::size && kind != Kind::relevancy; }
};

std::vector<SortKey> parseSortKeys(Parser& args); // "(REVERSE DATE SUBJECT)"

// One message's place as bytes: whoever has the smaller ones comes first, by the comparator i;unicode-casemap (RFC 5051) for
// texts. `header` may be empty where no key needs it.
std::string sortBytes(
    const std::vector<SortKey>& keys, const store::Message& message, const mail::HeaderKeys& header, std::uint8_t relevancy);

} // namespace postfach::imap
