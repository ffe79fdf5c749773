#pragma once
// What becomes of a mail: its verdict and somebody's policy, put together. The strictest line wins, and real malware
// is judged by its own line alone, whatever heuristics say besides.
#include "scanner/client.h"
#include "server/store/store.h"

#include <string>
#include <string_view>
#include <vector>

namespace postfach::delivery {

// What holds where nobody says anything; nothing in it is unset. Macros and phishing are marked: half an office's spreadsheets have
// macros, and libclamav takes newsletters, whose links lead over a counting page, for phishing; a mark keeps neither from anybody.
store::ScanPolicy defaultScanPolicy();

store::ScanPolicy::Line lineFor(scanner::Class what);

struct Judgement {
    store::ScanAction action = store::ScanAction::deliver;
    scanner::Finding decisive;          // the finding that asked for it; of a clean content nothing
    std::vector<std::string_view> marks; // store::kServerKeywords that it bears, also when it comes out of quarantine
};
// `policy` has nothing unset. Of an error only the marks: whether such a mail is taken is not this function's business.
Judgement judge(const scanner::Verdict& verdict, const store::ScanPolicy& policy);

// Takes out of a verdict what the administrator does not want to see found again, by the content or by what was found. `as_came`: the
// message without what delivery put before it.
void dropAllowed(store::ReadTx& tx, scanner::Verdict& verdict, std::string_view as_came, store::Time now);

// What the store keeps of it.
store::ScanRecord recordOf(const scanner::Verdict& verdict, store::Time now);

} // namespace postfach::delivery
