#pragma once
// The write-ahead log before it is recovered. SQLite takes the first frame that does not fit for the log's end, as after a power
// cut; where whole commits stand behind it, that is no such end: the log is damaged in its midst, and what was acknowledged
// behind the damage would be gone without a word.
#include <cstdint>
#include <string>
#include <vector>

namespace postfach::store::sqlite {

// What is wrong, for people; empty: the log is whole, or ends as a crash may end it.
std::string damageInLog(const std::string& path);

struct LogFrame {
    std::uint32_t page = 0, pages_after = 0; // pages_after: of the database, where a commit ends; else 0
    std::uint64_t offset = 0;                // of the page's bytes in the log
};
// The log's frames up to the first that does not fit. Of one whose header is damaged, none.
std::vector<LogFrame> framesOfLog(const std::string& path);
// Of a log with damage in its midst: those behind it that are as they were written, up to the last commit's end.
std::vector<LogFrame> framesBehindDamage(const std::string& path);

// A durable copy of the log for whoever salvages, beside it. Refused where there is no room for it: what is in it would be gone.
void setLogAside(const std::string& folder);
bool logWasSetAside(const std::string& folder); // and the copy is still there
std::vector<std::string> damagedLogs(const std::string& folder); // those that were put aside, oldest first, and the log itself if it is damaged

} // namespace postfach::store::sqlite
