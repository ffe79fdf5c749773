#pragma once
// The invariants of FORMAT.md that one query each can tell. check() adds what needs more than SQL.
#include <span>

namespace postfach::store::sqlite {

struct Rule {
    const char* what; // one sentence, the same for ever: tests and administrators look for it
    const char* find; // one row for each fault: where it is
    const char*
        repair; // run in the writer, in the order of the rules; null: nothing can repair it; empty: check() does, by other means
    bool harmless = false; // where nothing can repair it: Finding::harmless
};

std::span<const Rule> rules();

// Bodies (id, by how much the count is wrong) whose references are miscounted.
extern const char* const kMiscounted;

} // namespace postfach::store::sqlite
