#pragma once
// One content, all its pieces, one verdict: libclamav with every option that makes it look harder, and our own rules on what
// it tells while it looks, because its "clean" also means "did not look" (README.md lists each case).
#include "scanner/process/engine.h"
#include "scanner/process/temp_space.h"
#include "scanner/wire.h"

#include <string>
#include <string_view>
#include <vector>

namespace postfach::scanner {

struct ScanResult {
    std::string trouble;           // why there is no verdict; empty: there is one
    std::vector<Finding> findings;
    std::string layers;            // wire.h; empty when there are none, or too many
    ScanResult(std::string why, std::vector<Finding> found) : trouble(std::move(why)), findings(std::move(found)) {}
    bool clean() const { return trouble.empty() && findings.empty(); }
    Verdict::Kind kind() const { return trouble.empty() ? kindOf(findings) : Verdict::Kind::error; }
};

class Findings;

class Scanner {
public:
    Scanner(cl_engine* engine, const Limits& limits); // borrows the engine; sets its callbacks

    // The first piece is a mail with wire::kReceived in front. Must be called with the temporary folder as working directory.
    // `refused`: Content::refused.
    ScanResult scan(const std::vector<std::string_view>& pieces, const std::string& refused = {});

    // The test file plain and wrapped, an encrypted archive, clean mail. Empty, or what went wrong.
    std::string selfTest();
    std::string canary(); // the one sample that needs the temporary folder

private:
    ScanResult scan(const std::vector<std::string_view>& pieces, Findings& found);

    cl_engine* engine_;
    Limits limits_;
    TempSpace space_;
};

} // namespace postfach::scanner
