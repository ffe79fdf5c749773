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
    wire::AnswerKind kind = wire::AnswerKind::error; // clean, infected, unscannable, error
    std::string name;
    std::string layers; // wire.h; empty when there are none, or too many
    ScanResult(wire::AnswerKind k, std::string n) : kind(k), name(std::move(n)) {}
};

class Findings;

class Scanner {
public:
    Scanner(cl_engine* engine, const Limits& limits); // borrows the engine; sets its callbacks

    // The first piece is a mail with wire::kReceived in front. Must be called with the temporary folder as working directory.
    ScanResult scan(const std::vector<std::string_view>& pieces);

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
