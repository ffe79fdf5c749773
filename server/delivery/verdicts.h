#pragma once
// Contents that were scanned clean a while ago, so that a mail which comes thirty times, once for each of its readers, is
// scanned once. What was said counts only as long as the signatures that said it are in use.
#include "scanner/client.h"
#include "server/base/hash.h"
#include "server/delivery/understand.h"

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace postfach::delivery {

// The scanner's word on what it was given, and ours on what it could not be given.
scanner::Verdict judged(scanner::Verdict verdict, const Understood& understood);

class Verdicts {
public:
    static constexpr std::size_t kUsual = 10'000; // some 2 MB

    explicit Verdicts(std::size_t most = kUsual) : most_(most) {}

    // Any thread. `now`: nothing is known while the scanner is not ready.
    std::optional<scanner::Verdict> find(const base::Sha256& message, const scanner::Status& now) const;
    void remember(const base::Sha256& message, const scanner::Verdict& verdict); // clean ones; others are scanned each time

private:
    const std::size_t most_;
    mutable std::mutex mutex_; // guards what follows
    std::string signatures_;   // what said all of these
    std::map<base::Sha256, scanner::Verdict> clean_;
    std::deque<base::Sha256> order_; // oldest first
};

} // namespace postfach::delivery
