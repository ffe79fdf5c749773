#pragma once
// From what a command threw to its tagged answer: the one place that knows which error is which word of RFC 9051 7.1 and
// RFC 5530. What ends the session (peer gone, deadline, shutdown, BYE) is thrown on.
#include <exception>
#include <string>
#include <string_view>

namespace postfach::imap {

struct Refusal {
    std::string text;        // "NO [NONEXISTENT] ..." or "BAD ..."
    bool bad = false;        // the client's syntax: counts against its patience
};

// `command` is for the log.
Refusal refusalOf(const std::exception_ptr& error, std::string_view command);

} // namespace postfach::imap
