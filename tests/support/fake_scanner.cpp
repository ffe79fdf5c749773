#include "tests/support/fake_scanner.h"

#include <utility>

namespace postfach::test {

std::string eicar()
{
    return std::string("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR") + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
}

void FakeScanner::scan(scanner::Content content, std::function<void(scanner::Verdict)> answer)
{
    ++scans;
    scanner::Verdict verdict;
    verdict.signatures = status().signatures;
    verdict.kind = available ? scanner::Verdict::Kind::clean : scanner::Verdict::Kind::error;
    if (available && everything_encrypted) {
        verdict.kind = scanner::Verdict::Kind::unscannable;
        verdict.name = "encrypted";
    }
    for (const auto& piece : content.pieces)
        if (available && piece.find(eicar()) != std::string::npos) {
            verdict.kind = scanner::Verdict::Kind::infected;
            verdict.name = "Eicar-Test-Signature";
        }
    {
        const std::lock_guard lock(mutex_);
        if (!content.pieces.empty())
            looked_.push_back(content.pieces.front());
        for (const auto& piece : content.pieces)
            for (const auto& [word, name] : names_)
                if (available && piece.find(word) != std::string::npos) {
                    verdict.kind = scanner::Verdict::Kind::infected;
                    verdict.name = name;
                }
    }
    if (verdict.kind == scanner::Verdict::Kind::error)
        verdict.name = "no scanner";
    answer(verdict);
}

void FakeScanner::learn(const std::string& word, const std::string& name)
{
    const std::lock_guard lock(mutex_);
    if (name.empty())
        names_.erase(word);
    else
        names_[word] = name;
    ++set_;
}

std::vector<std::string> FakeScanner::looked()
{
    const std::lock_guard lock(mutex_);
    return std::exchange(looked_, {});
}

scanner::Status FakeScanner::status() const
{
    scanner::Status status;
    status.ready = available;
    {
        const std::lock_guard lock(mutex_);
        status.signatures = set_ == 0 ? "fake" : "fake-" + std::to_string(set_);
    }
    status.signature_count = 1;
    status.scans = static_cast<std::uint64_t>(scans.load());
    if (!available)
        status.problem = "switched off by a test";
    return status;
}

} // namespace postfach::test
