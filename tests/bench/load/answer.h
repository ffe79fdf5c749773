#pragma once
// Where an answer ends. Answers are counted, not parsed: the client must cost less than the server it measures.
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace postfach::load {

// A server did not do what it was asked, or a connection ended; the text says so.
struct Failed : std::runtime_error { using runtime_error::runtime_error; };

// An answer ends with the line in which `pattern` stands for the count-th time. A pattern that begins with a line feed
// stands at the beginning of a line; one that ends with a line feed ends the answer itself.
struct Answer {
    std::string pattern;
    unsigned count = 1;
    std::string good = {}; // the byte after the pattern must be one of these; empty: any will do

    static Answer greeting() { return {"\n* OK", 1, {}}; }
    static Answer tagged(unsigned count = 1) { return {"\nt ", count, "O"}; } // IMAP: every command's tag is t
    static Answer goAhead() { return {"\n+", 1, {}}; }                         // IMAP: a command continuation request
    static Answer exists() { return {" EXISTS\r\n", 1, {}}; }
    static Answer told(unsigned lines = 1) { return {"\n", lines, "+23"}; }   // POP3, LMTP: lines that do not refuse
    static Answer hello() { return {"\n250 ", 1, {}}; }                        // LMTP: the last line of the answer to LHLO
    static Answer dotted(unsigned count = 1) { return {"\n.\r\n", count, {}}; } // POP3: multi-line answers
};

class Matcher {
public:
    void begin(Answer answer);
    // Looks at the next bytes; once the answer is complete, how many of them were part of it. Throws Failed on a refusal.
    std::optional<std::size_t> feed(std::string_view piece);

private:
    bool found(std::string_view text, std::size_t at); // true with the last one

    Answer answer_;
    unsigned left_ = 0;
    bool in_last_line_ = false;
    std::string carry_; // the end of what was seen: where a pattern may have begun
};

// Counts a pattern in everything that passes.
class Tally {
public:
    explicit Tally(std::string pattern) : pattern_(std::move(pattern)) {}
    void feed(std::string_view piece);
    std::size_t count() const { return count_; }

private:
    const std::string pattern_;
    std::string carry_;
    std::size_t count_ = 0;
};

} // namespace postfach::load
