#include "server/mail/boundaries.h"

#include <algorithm>
#include <utility>

namespace postfach::mail {

void Boundaries::open(std::string boundary, std::size_t level)
{
    open_.push_back({std::move(boundary), level});
    stale_ = true;
}

void Boundaries::closeFrom(std::size_t level)
{
    while (!open_.empty() && open_.back().level >= level) {
        open_.pop_back();
        stale_ = true;
    }
}

void Boundaries::sort() const
{
    sorted_.clear();
    for (const Open& entry : open_)
        sorted_.push_back({entry.text, entry.level, -1});
    std::sort(sorted_.begin(), sorted_.end(), [](const Sorted& a, const Sorted& b) {
        return a.text != b.text ? a.text < b.text : a.level > b.level;
    });
    sorted_.erase(std::unique(sorted_.begin(), sorted_.end(), [](const Sorted& a, const Sorted& b) { return a.text == b.text; }),
                  sorted_.end());

    // In sorted order a text's prefixes all stand on the path of prefixes that led to its predecessor.
    std::int32_t path = -1;
    for (std::size_t i = 0; i < sorted_.size(); ++i) {
        while (path >= 0 && !sorted_[i].text.starts_with(sorted_[static_cast<std::size_t>(path)].text))
            path = sorted_[static_cast<std::size_t>(path)].shorter;
        sorted_[i].shorter = path;
        path = static_cast<std::int32_t>(i);
    }
    stale_ = false;
}

std::optional<Boundaries::Match> Boundaries::find(std::string_view behind_dashes) const
{
    if (stale_)
        sort();
    // Every boundary that is a prefix of the line sorts before it or equals it, and is a prefix of the last such one too.
    const auto behind = std::upper_bound(sorted_.begin(), sorted_.end(), behind_dashes,
                                         [](std::string_view line, const Sorted& entry) { return line < entry.text; });
    if (behind == sorted_.begin())
        return std::nullopt;
    const std::string_view last = std::prev(behind)->text;
    const auto in_common = static_cast<std::size_t>(
        std::mismatch(last.begin(), last.end(), behind_dashes.begin(), behind_dashes.end()).first - last.begin());

    auto at = static_cast<std::int32_t>(behind - sorted_.begin()) - 1;
    while (at >= 0 && sorted_[static_cast<std::size_t>(at)].text.size() > in_common)
        at = sorted_[static_cast<std::size_t>(at)].shorter;
    if (at < 0)
        return std::nullopt;
    const Sorted& found = sorted_[static_cast<std::size_t>(at)];
    return Match{found.level, behind_dashes.substr(found.text.size()).starts_with("--")};
}

} // namespace postfach::mail
