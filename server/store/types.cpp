#include "server/store/scans.h"
#include "server/store/types.h"
#include "server/base/text.h"

#include <algorithm>
#include <iterator>

namespace postfach::store {

bool Flags::hasKeyword(unsigned index) const
{
    if (index < kKeywordBits)
        return (bits >> (kFirstKeywordBit + index) & 1) != 0;
    return index <= 0xFFFF && std::binary_search(more.begin(), more.end(), static_cast<std::uint16_t>(index));
}

void Flags::addKeyword(unsigned index)
{
    if (index < kKeywordBits) {
        bits |= std::uint64_t{1} << (kFirstKeywordBit + index);
        return;
    }
    const auto value = static_cast<std::uint16_t>(index);
    const auto at = std::lower_bound(more.begin(), more.end(), value);
    if (at == more.end() || *at != value)
        more.insert(at, value);
}

void Flags::add(const Flags& other)
{
    bits |= other.bits;
    if (other.more.empty())
        return;
    std::vector<std::uint16_t> both;
    std::set_union(more.begin(), more.end(), other.more.begin(), other.more.end(), std::back_inserter(both));
    more = std::move(both);
}

void Flags::remove(const Flags& other)
{
    bits &= ~other.bits;
    if (more.empty() || other.more.empty())
        return;
    std::vector<std::uint16_t> rest;
    std::set_difference(more.begin(), more.end(), other.more.begin(), other.more.end(), std::back_inserter(rest));
    more = std::move(rest);
}

Flags Flags::keeping(const Flags& which, const Flags& as_in) const
{
    Flags others = as_in;
    others.remove(which);
    Flags kept = as_in;
    kept.remove(others);
    Flags all = *this;
    all.remove(which);
    all.add(kept);
    return all;
}

Pop3Policy Pop3Policy::over(const Pop3Policy& inherited) const
{
    const auto first = [](const auto& mine, const auto& theirs) { return mine ? mine : theirs; };
    return {first(retention, inherited.retention), first(seen, inherited.seen), first(hide, inherited.hide), first(exclusive, inherited.exclusive)};
}

TrashPolicy TrashPolicy::over(const TrashPolicy& inherited) const
{
    const auto first = [](const auto& mine, const auto& theirs) { return mine ? mine : theirs; };
    return {first(expunge, inherited.expunge), first(trash_days, inherited.trash_days), first(junk_days, inherited.junk_days),
            first(recovery_days, inherited.recovery_days)};
}

std::vector<InnerHash> unpackInnerHashes(std::string_view packed)
{
    std::vector<InnerHash> all;
    const auto take = [&packed](std::size_t bytes) {
        std::uint64_t number = 0;
        for (std::size_t i = 0; i < bytes; ++i)
            number |= std::uint64_t{static_cast<unsigned char>(packed[i])} << (8 * i);
        packed.remove_prefix(bytes);
        return number;
    };
    while (packed.size() >= InnerHash::kPacked) {
        InnerHash hash;
        hash.size = static_cast<std::uint32_t>(take(sizeof hash.size));
        hash.md5 = take(InnerHash::kKept);
        hash.sha1 = take(InnerHash::kKept);
        hash.sha256 = take(InnerHash::kKept);
        all.push_back(hash);
    }
    return all;
}

bool ScanPolicy::allows(Line line, ScanAction action)
{
    if (line == infected)
        return action >= ScanAction::quarantine;
    return line != unscannable || action != ScanAction::deliver;
}

ScanPolicy ScanPolicy::over(const ScanPolicy& inherited) const
{
    ScanPolicy both = *this;
    for (std::size_t line = 0; line < kLines.size(); ++line)
        if (!both.actions[line])
            both.actions[line] = inherited.actions[line];
    return both;
}

bool isServerKeyword(std::string_view name)
{
    return std::any_of(kServerKeywords.begin(), kServerKeywords.end(), [&](std::string_view own) { return base::iequals(own, name); });
}

} // namespace postfach::store
