#include "tests/support/fake_scanner.h"

namespace postfach::test {

std::string eicar()
{
    return std::string("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR") + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
}

void FakeScanner::scan(scanner::Content content, std::function<void(scanner::Verdict)> answer)
{
    ++scans;
    scanner::Verdict verdict;
    verdict.signatures = "fake";
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
    if (verdict.kind == scanner::Verdict::Kind::error)
        verdict.name = "no scanner";
    answer(verdict);
}

scanner::Status FakeScanner::status() const
{
    scanner::Status status;
    status.ready = available;
    status.signatures = "fake";
    status.signature_count = 1;
    status.scans = static_cast<std::uint64_t>(scans.load());
    if (!available)
        status.problem = "switched off by a test";
    return status;
}

} // namespace postfach::test
