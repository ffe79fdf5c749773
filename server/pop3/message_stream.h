#pragma once
// Sending a message as a multi-line answer (RFC 1939 3): dots stuffed, ended by "." on a line of its own.
#include "server/pop3/session.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postfach::pop3 {

// Stuffs dots at line starts, across pieces. A bare LF counts as a line end too: clients split there, and would take a lone dot
// behind it for the end of the message.
class DotStuffer {
public:
    // Gives what is to be sent to `out(std::string_view)`: views of the piece, uncopied, wherever no line begins with a dot.
    template <class Out>
    void feed(std::string_view piece, Out&& out);
    std::string_view finish() const; // the line end a message may lack, and the closing dot

private:
    static std::size_t findDotLine(std::string_view piece, std::size_t from); // where "\n." is; npos
    bool line_start_ = true;
    char before_last_ = '\r', last_ = '\n';
};

template <class Out>
void DotStuffer::feed(std::string_view piece, Out&& out)
{
    if (piece.empty())
        return;
    if (line_start_ && piece.front() == '.')
        out(std::string_view("."));
    std::size_t begin = 0;
    for (std::size_t at = findDotLine(piece, 0); at != std::string_view::npos; at = findDotLine(piece, at + 1)) {
        out(piece.substr(begin, at + 2 - begin)); // with the dot, which comes again
        begin = at + 1;
    }
    out(piece.substr(begin));
    before_last_ = piece.size() >= 2 ? piece[piece.size() - 2] : last_;
    last_ = piece.back();
    line_start_ = last_ == '\n';
}

// The first bytes of a message up to `lines` lines of its body; feed pieces until it says it has enough. RFC 1939 7, TOP.
class TopCutter {
public:
    explicit TopCutter(std::uint32_t lines) : left_(lines) {}
    std::string_view feed(std::string_view piece); // what of it belongs to the answer
    bool enough() const { return done_; }

private:
    std::uint32_t left_;
    bool in_header_ = true, line_empty_ = true, done_ = false;
};

// Whole (no limit) or TOP; reads in pieces on a helper, never the whole in memory.
net::Task<> sendMessage(Session& session, std::uint32_t number, std::optional<std::uint32_t> body_lines);

} // namespace postfach::pop3
