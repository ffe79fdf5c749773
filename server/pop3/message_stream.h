#pragma once
// Sending a message as a multi-line answer (RFC 1939 3): dots stuffed, ended by "." on a line of its own.
#include "server/mail/surrogate.h"
#include "server/pop3/session.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// A message in pieces with some of its bytes replaced.
class Replacer {
public:
    explicit Replacer(std::vector<mail::Replacement> replacements) : left_(std::move(replacements)) {}
    // Gives what the piece has become to `out(std::string_view)`; the views last as long as the piece and this.
    template <class Out>
    void feed(std::string_view piece, Out&& out);

private:
    std::vector<mail::Replacement> left_;
    std::size_t next_ = 0;
    std::uint64_t at_ = 0; // of the message: where the next piece begins
};

template <class Out>
void Replacer::feed(std::string_view piece, Out&& out)
{
    const std::uint64_t end = at_ + piece.size();
    while (at_ < end) {
        const bool any = next_ < left_.size();
        const std::uint64_t kept = std::min(end, any ? left_[next_].begin : end);
        if (at_ < kept) {
            out(piece.substr(0, kept - at_));
            piece.remove_prefix(kept - at_);
            at_ = kept;
            continue;
        }
        const mail::Replacement& now = left_[next_];
        if (at_ == now.begin)
            out(std::string_view(now.bytes));
        const std::uint64_t passed = std::min(end, now.end);
        piece.remove_prefix(passed - at_);
        at_ = passed;
        if (at_ == now.end)
            ++next_;
    }
}

// Whole (no limit) or TOP; reads in pieces on a helper, never the whole in memory.
net::Task<> sendMessage(Session& session, std::uint32_t number, std::optional<std::uint32_t> body_lines);

} // namespace postfach::pop3
