#pragma once
// A scanner that answers at once, for tests that are not about scanning: EICAR in any piece is infected, "FOUND: macros" and the other
// words of scanner::wordFor() are that, everything else is clean. Can be told to have no verdict.
#include "scanner/client.h"

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace postfach::test {

class FakeScanner final : public scanner::Client {
public:
    void scan(scanner::Content content, std::function<void(scanner::Verdict)> answer) override;
    scanner::Status status() const override;
    void reload() override { ++reloads; }
    void withdraw() override { ++reloads; }

    std::atomic<bool> available{true};
    std::atomic<bool> everything_encrypted{false};
    std::atomic<int> scans{0}, reloads{0};
    std::atomic<unsigned> workers{1};

    // From now on answers wait; how many do; gives them, the last first, and then answers at once again.
    void hold();
    std::size_t held();
    void letGo();

    // Another set serves from now on: content with `word` in it is infected by that name; no name: it is clean again.
    void learn(const std::string& word, const std::string& name);
    std::vector<std::string> looked(); // at the first piece of each content, since the last time this was asked
    std::vector<std::string> keys();   // of each content, since then

private:
    mutable std::mutex mutex_; // guards what follows
    std::map<std::string, std::string> names_; // by word
    std::vector<std::string> looked_, keys_;
    bool holds_ = false;
    std::vector<std::function<void()>> held_;
    int set_ = 0;
};

// Put together at run time, so that no scanner takes the test program for a virus.
std::string eicar();

} // namespace postfach::test
