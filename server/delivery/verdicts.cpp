#include "server/delivery/verdicts.h"

namespace postfach::delivery {
using scanner::Verdict;

namespace {
constexpr std::size_t kMostInner = 300; // bytes, ten layers: ten thousand verdicts are remembered
}

Verdict judged(Verdict verdict, const Understood& understood)
{
    verdict.add(understood.findings);
    return verdict;
}

std::optional<scanner::Verdict> Verdicts::find(const base::Sha256& message, const scanner::Status& now) const
{
    const std::lock_guard lock(mutex_);
    if (!now.ready || signatures_.empty() || now.signatures != signatures_)
        return std::nullopt;
    const auto known = clean_.find(message);
    if (known == clean_.end())
        return std::nullopt;
    return known->second;
}

void Verdicts::remember(const base::Sha256& message, const scanner::Verdict& verdict)
{
    if (verdict.kind != scanner::Verdict::Kind::clean || verdict.signatures.empty())
        return;
    const std::lock_guard lock(mutex_);
    if (verdict.signatures != signatures_) {
        clean_.clear();
        order_.clear();
        signatures_ = verdict.signatures;
    }
    const auto [known, is_new] = clean_.emplace(message, verdict);
    if (!is_new)
        return;
    if (known->second.inner.size() > kMostInner)
        known->second.inner.clear(); // the next pass knows it again
    order_.push_back(message);
    if (order_.size() > most_) {
        clean_.erase(order_.front());
        order_.pop_front();
    }
}

} // namespace postfach::delivery
