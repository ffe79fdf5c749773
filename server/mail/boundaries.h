#pragma once
// The boundaries that are open while a message is scanned, and which of them a line names. RFC 2046 5.1.1.
// Private to server/mail.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::mail {

// A boundary needs only to stand at the front of its line; the rest of the line does not matter. So one boundary may be
// the prefix of another that is open too ("abc" and "abcdef"): the longest match is meant, and of equal ones the
// innermost. The boundaries are kept sorted: a line is compared with log n of them, not with all, so a message of
// nothing but near misses under a hundred open multiparts costs no more than its bytes.
class Boundaries {
public:
    void open(std::string boundary, std::size_t level); // level: the multipart's place among the open parts
    void closeFrom(std::size_t level);                  // forgets this level and all deeper ones
    bool empty() const { return open_.empty(); }

    struct Match {
        std::size_t level;
        bool is_end; // "--boundary--"
    };
    std::optional<Match> find(std::string_view behind_dashes) const; // the line without its "--" and without its line end

private:
    struct Open {
        std::string text;
        std::size_t level;
    };
    struct Sorted {
        std::string_view text;
        std::size_t level;
        std::int32_t shorter; // index of the longest other boundary that is a prefix of this one, or -1
    };
    void sort() const;

    std::vector<Open> open_; // by level, growing
    mutable std::vector<Sorted> sorted_;
    mutable bool stale_ = false;
};

} // namespace postfach::mail
