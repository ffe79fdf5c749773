#pragma once
// One command as it was read: the whole line with its literals in place, bounded before memory is taken. What APPEND and REPLACE
// bring is the exception: their first literal behind the mailbox's name is announced here, and they read on by themselves, piece
// by piece: the literal's bytes (into a spool), then readOn() for the line behind it, which may announce the next.
#include "server/imap/syntax/parser.h"
#include "server/net/stream.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postfach::imap {

struct Literal { // "{5}" or, sent without waiting, "{5+}" (RFC 7888)
    std::uint64_t size = 0;
    bool waits = true;       // the client waits for "+" before it sends
    bool binary = false;     // "~{5}": it may hold NUL (RFC 3516)
    std::size_t begin = 0;   // where the marker stands in its line
};

// The literal a line ends with. A number past 64 bits counts as the largest: too large for everybody.
std::optional<Literal> literalAtEnd(std::string_view line);

struct Limits { // of one command; tighter before login
    std::size_t line, literal, command;
    bool messages;           // APPEND's messages may be announced
};

struct Request {
    Request() = default;
    Request(const Request&) = delete; // args looks into text
    Request& operator=(const Request&) = delete;

    std::string text;
    std::string tag;         // valid for an answer; empty while it is not known to be
    std::string name;        // in capitals: "FETCH", "UID FETCH"
    bool by_uid = false;     // came with UID
    Parser args{std::string_view()}; // behind the name
    std::optional<Literal> message;  // announced, not read: whoever reads it resets it
    std::size_t line_limit = 0, text_left = 0; // of what readOn() still may read
};

// Reads the next command's text into `request`; tag, name and args are for the parser (parseName). Answers "+" to literals
// that wait. Throws Bad [TOOBIG] for one that is too large and not yet sent, Bye where the bytes are already on their way.
net::Task<> readRequest(net::Stream& stream, const Limits& limits, Request& request);

// Behind a literal that was read: the command goes on with the next line. `text` and `args` are that line's, `message` is what it
// announces. Bye where all lines together are too long.
net::Task<> readOn(net::Stream& stream, Request& request);

// Tag and name off the text; args stands behind them. BadSyntax, with `tag` set as soon as it is good.
void parseName(Request& request);

} // namespace postfach::imap
