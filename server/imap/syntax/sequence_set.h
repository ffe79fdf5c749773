#pragma once
// Sets of numbers as the wire has them ("1:5,9,12:*"), kept as sorted, merged ranges: 20,000 overlapping ranges cost no more
// than one. RFC 9051 section 9 sequence-set. Whether they are sequence numbers or UIDs is the caller's to know.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::imap {

class SequenceSet {
public:
    static constexpr std::uint32_t kStar = 0xffffffff; // "*" until resolved
    struct Range { std::uint32_t first, last; };

    static std::optional<SequenceSet> parse(std::string_view text); // nullopt: 0, overflow, bad syntax
    static SequenceSet ofSaved();                                   // "$", RFC 5182; whoever resolves it puts the messages in its place
    bool isSaved() const { return saved_; }
    void add(std::uint32_t first, std::uint32_t last);
    // With "*" meaning `largest` (0: an empty mailbox; then "*" matches nothing): sorted, merged, as plain numbers.
    std::vector<Range> resolved(std::uint32_t largest) const;
    bool contains(std::uint32_t number, std::uint32_t largest) const;
    bool empty() const { return ranges_.empty(); }

private:
    struct Raw { std::uint32_t first, last; bool first_star, last_star; };
    static void insertPlain(std::vector<Raw>& ranges, std::uint32_t first, std::uint32_t last);
    void addStar(std::uint32_t from, bool only_star);

    bool saved_ = false;
    std::vector<Raw> ranges_; // plain ranges, sorted and merged; behind them at most one that ends in "*"
};

// Ascending numbers as a set: {1,2,3,7} -> "1:3,7".
std::string formatSet(const std::vector<std::uint32_t>& ascending);

} // namespace postfach::imap
