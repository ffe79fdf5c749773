#pragma once
// Header fields: finding, unfolding, decoding; addresses and dates. RFC 5322, 2047, 6532. Views into the caller's bytes.
#include "server/base/clock.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::mail {

struct Field {
    std::string_view name;  // as written, without the colon
    std::string_view value; // behind the colon, folded as written, without the final line end
    std::string_view whole; // all bytes of the field with its line end(s)
};

// Fields in order; stops at the empty line. A line that is no field ends up in no field. `header` may be a whole message.
// The callback returns false to stop. Bounded by limits::kHeaderFields.
void eachField(std::string_view header, const std::function<bool(const Field&)>& callback);
std::optional<Field> findField(std::string_view header, std::string_view name); // the first of that name, any case
// Value of the first such field: unfolded, trimmed, not decoded; empty when absent. At most limits::kHeaderField bytes.
std::string fieldText(std::string_view header, std::string_view name);

std::string unfold(std::string_view value); // line ends before white space go; bare CR, LF and NUL become spaces
// Encoded words (RFC 2047) to UTF-8; raw 8-bit bytes that are no UTF-8 are read as windows-1252. Unknown charsets stay as written.
std::string decodeWords(std::string_view unfolded);

// RFC 5322 3.4, lenient as mail is. IMAP's ENVELOPE shape (RFC 9051 7.5.2): a group's begin has a mailbox and no host, its
// end has neither. name: phrase or comment, as written but unquoted (still with encoded words); not decoded.
struct Address {
    std::optional<std::string> name, route, mailbox, host;
    bool isGroupStart() const { return mailbox && !host; }
    bool isGroupEnd() const { return !mailbox && !host; }
};
std::vector<Address> parseAddresses(std::string_view value); // at most limits::kAddresses

struct Date {
    base::Time time;       // the moment, UTC
    int offset_minutes;    // zone as written
};
std::optional<Date> parseDate(std::string_view value); // RFC 5322 3.3 and its obsolete forms
std::string formatDate(base::Time time, int offset_minutes = 0); // "Sun, 1 Mar 2026 09:30:00 +0000"

// Message-IDs of a References or In-Reply-To value, without angle brackets, in order.
std::vector<std::string> messageIds(std::string_view value);

} // namespace postfach::mail
