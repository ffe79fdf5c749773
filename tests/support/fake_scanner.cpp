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
    verdict.engine = "0";
    verdict.name = "no scanner";
    {
        const std::lock_guard lock(mutex_);
        if (!content.pieces.empty())
            looked_.push_back(content.pieces.front());
        keys_.push_back(content.key);
    }
    if (!available)
        return answer(verdict);
    verdict.kind = scanner::Verdict::Kind::clean;
    if (everything_encrypted)
        verdict.add({{scanner::Class::encrypted, "Fake"}});
    for (const auto& piece : content.pieces) {
        if (piece.find(eicar()) != std::string::npos)
            verdict.add({{scanner::Class::infected, "Eicar-Test-Signature"}});
        for (std::size_t at = 0; (at = piece.find("FOUND: ", at)) != std::string::npos; ++at) {
            const auto word = piece.substr(at + 7, piece.find_first_of("\r\n ", at + 7) - at - 7);
            if (const auto what = scanner::classOf(word))
                verdict.add({{*what, "Fake." + word}});
        }
        const std::lock_guard lock(mutex_);
        for (const auto& [word, name] : names_)
            if (piece.find(word) != std::string::npos)
                verdict.add({{scanner::Class::infected, name}});
    }
    verdict.add({});
    {
        const std::lock_guard lock(mutex_);
        if (holds_) {
            held_.push_back([answer = std::move(answer), verdict] { answer(verdict); });
            return;
        }
    }
    answer(verdict);
}

void FakeScanner::hold()
{
    const std::lock_guard lock(mutex_);
    holds_ = true;
}

std::size_t FakeScanner::held()
{
    const std::lock_guard lock(mutex_);
    return held_.size();
}

void FakeScanner::letGo()
{
    std::vector<std::function<void()>> held;
    {
        const std::lock_guard lock(mutex_);
        holds_ = false;
        held = std::exchange(held_, {});
    }
    for (auto each = held.rbegin(); each != held.rend(); ++each)
        (*each)();
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

std::vector<std::string> FakeScanner::keys()
{
    const std::lock_guard lock(mutex_);
    return std::exchange(keys_, {});
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
    status.workers = workers;
    status.scans = static_cast<std::uint64_t>(scans.load());
    if (!available)
        status.problem = "switched off by a test";
    return status;
}

} // namespace postfach::test
