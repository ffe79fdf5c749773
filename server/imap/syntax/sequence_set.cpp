#include "server/imap/syntax/sequence_set.h"

#include "server/base/text.h"

#include <algorithm>

// ranges_ is always sorted and merged: plain ranges first, and behind them at most one that ends in "*". "n:*" means from n
// (or the largest, when that is smaller: RFC 9051 section 9, seq-range) to the largest, so of several the smallest n says all.

namespace postfach::imap {

namespace {

struct End {
    std::uint32_t number = 0;
    bool star = false;
};

std::optional<End> parseEnd(std::string_view text)
{
    if (text == "*")
        return End{SequenceSet::kStar, true};
    if (text.empty() || text.front() == '0')
        return std::nullopt; // nz-number
    const auto number = base::parseU32(text);
    if (!number)
        return std::nullopt;
    return End{*number, false};
}

} // namespace

std::optional<SequenceSet> SequenceSet::parse(std::string_view text)
{
    SequenceSet set;
    std::vector<Raw> plain;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        const std::string_view item = text.substr(at, comma - at);
        at = comma + 1;

        const std::size_t colon = item.find(':');
        const auto first = parseEnd(item.substr(0, colon));
        const auto last = colon == std::string_view::npos ? first : parseEnd(item.substr(colon + 1));
        if (!first || !last)
            return std::nullopt;
        if (first->star || last->star) {
            set.addStar(std::min(first->number, last->number), first->star && last->star);
        } else {
            plain.push_back({std::min(first->number, last->number), std::max(first->number, last->number), false, false});
        }
    }

    std::sort(plain.begin(), plain.end(), [](const Raw& a, const Raw& b) { return a.first < b.first; });
    std::vector<Raw> merged;
    for (const Raw& range : plain) {
        if (!merged.empty() && range.first <= std::uint64_t{merged.back().last} + 1)
            merged.back().last = std::max(merged.back().last, range.last);
        else
            merged.push_back(range);
    }
    set.ranges_.insert(set.ranges_.begin(), merged.begin(), merged.end());
    return set;
}

SequenceSet SequenceSet::ofSaved()
{
    SequenceSet set;
    set.saved_ = true;
    return set;
}

void SequenceSet::add(std::uint32_t first, std::uint32_t last)
{
    if (first == kStar || last == kStar) {
        addStar(std::min(first, last), first == last);
        return;
    }
    std::optional<Raw> star;
    if (!ranges_.empty() && ranges_.back().last_star) {
        star = ranges_.back();
        ranges_.pop_back();
    }
    insertPlain(ranges_, std::min(first, last), std::max(first, last));
    if (star)
        ranges_.push_back(*star);
}

void SequenceSet::addStar(std::uint32_t from, bool only_star)
{
    if (ranges_.empty() || !ranges_.back().last_star)
        ranges_.push_back({from, kStar, only_star, true});
    else if (!only_star && (ranges_.back().first_star || from < ranges_.back().first))
        ranges_.back() = {from, kStar, false, true};
}

void SequenceSet::insertPlain(std::vector<Raw>& ranges, std::uint32_t first, std::uint32_t last)
{
    // The first range that touches [first, last], and the first behind those that do.
    const auto from = std::lower_bound(ranges.begin(), ranges.end(), first,
                                       [](const Raw& range, std::uint32_t n) { return std::uint64_t{range.last} + 1 < n; });
    auto to = from;
    while (to != ranges.end() && to->first <= std::uint64_t{last} + 1) {
        first = std::min(first, to->first);
        last = std::max(last, to->last);
        ++to;
    }
    const auto gap = ranges.erase(from, to);
    ranges.insert(gap, {first, last, false, false});
}

std::vector<SequenceSet::Range> SequenceSet::resolved(std::uint32_t largest) const
{
    std::vector<Raw> plain = ranges_;
    if (!plain.empty() && plain.back().last_star) {
        const Raw star = plain.back();
        plain.pop_back();
        if (largest != 0)
            insertPlain(plain, star.first_star ? largest : std::min(star.first, largest), largest);
    }
    std::vector<Range> out;
    out.reserve(plain.size());
    for (const Raw& range : plain)
        out.push_back({range.first, range.last});
    return out;
}

bool SequenceSet::contains(std::uint32_t number, std::uint32_t largest) const
{
    if (number == 0 || ranges_.empty())
        return false;
    auto end = ranges_.end();
    if (ranges_.back().last_star) {
        --end;
        if (largest != 0 && number <= largest && number >= (end->first_star ? largest : std::min(end->first, largest)))
            return true;
    }
    const auto at = std::lower_bound(ranges_.begin(), end, number,
                                     [](const Raw& range, std::uint32_t n) { return range.last < n; });
    return at != end && at->first <= number;
}

std::string formatSet(const std::vector<std::uint32_t>& ascending)
{
    std::string out;
    for (std::size_t i = 0; i < ascending.size();) {
        std::size_t j = i;
        while (j + 1 < ascending.size() && ascending[j + 1] == ascending[j] + 1)
            ++j;
        if (!out.empty())
            out += ',';
        out += std::to_string(ascending[i]);
        if (j > i)
            out.append(":").append(std::to_string(ascending[j]));
        i = j + 1;
    }
    return out;
}

} // namespace postfach::imap
