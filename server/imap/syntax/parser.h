#pragma once
// Reads a command's arguments: the whole command with its literals in place ("{5}\r\nhello"), assembled and bounded by the
// session. Grammar names of RFC 9051 section 9. Two families: `try...` looks and takes or leaves, plain names take or throw
// BadSyntax. Iterative or depth-capped (limits::kParentheses).
#include "server/imap/syntax/sequence_set.h"
#include "server/store/types.h"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::imap {

struct BadSyntax : std::runtime_error { using runtime_error::runtime_error; }; // -> tagged BAD with this text

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    bool atEnd() const { return at_ == text_.size(); }
    void end();                              // BadSyntax on leftovers; trailing spaces are forgiven
    void space();                            // exactly one SP (more are forgiven as Dovecot does)
    bool trySpace();
    char peek() const;                       // '\0' at the end
    bool tryChar(char c);
    void expect(char c);
    bool tryWord(std::string_view word);     // case-insensitive atom equal to word, at an atom boundary

    std::string tag();
    std::string atom();
    std::string astring();                   // atom with ']' allowed, quoted or literal; NUL is BadSyntax
    std::optional<std::string> nstring();
    std::optional<std::string> nstring8();   // or a literal8, "~{5}", which may hold NUL
    std::string string();
    std::string listMailbox();               // with wildcards % *
    std::string mailbox();                   // astring as the wire has it, NOT decoded (mailbox_name.h does)
    std::uint32_t number();
    std::uint64_t number64();
    std::uint32_t nzNumber();
    SequenceSet sequenceSet();               // or "$", what a SEARCH saved (RFC 5182)
    SequenceSet numberSet();                 // "$" is BadSyntax: sets of what the client knows by itself
    store::Time dateTime();                  // "01-Mar-2026 09:30:00 +0100", APPEND's internal date
    std::string dateText();                  // date of SEARCH: 1-Mar-2026, quoted or not; raw text
    struct FlagNames { std::uint64_t system = 0; std::vector<std::string> keywords; }; // \Recent is refused, unknown \X too
    FlagNames flagList();                    // "(" ... ")"
    FlagNames flagsOfStore();                // with or without parentheses

    std::string_view rest() const { return text_.substr(at_); }
    std::size_t position() const { return at_; }

private:
    std::string literal();                   // with NUL, if it has any

    std::string_view text_;
    std::size_t at_ = 0;
};

// Days since 1970 of "1-Mar-2026"; nullopt when it is no date.
std::optional<std::int64_t> parseSearchDate(std::string_view text);

} // namespace postfach::imap
