#pragma once
// A scanner that answers at once, for tests that are not about scanning: EICAR in any piece is infected, everything else
// clean. Can be told to have no verdict.
#include "scanner/client.h"

#include <atomic>

namespace postfach::test {

class FakeScanner final : public scanner::Client {
public:
    void scan(scanner::Content content, std::function<void(scanner::Verdict)> answer) override;
    scanner::Status status() const override;
    void reload() override { ++reloads; }

    std::atomic<bool> available{true};
    std::atomic<bool> everything_encrypted{false};
    std::atomic<int> scans{0}, reloads{0};
};

// Put together at run time, so that no scanner takes the test program for a virus.
std::string eicar();

} // namespace postfach::test
