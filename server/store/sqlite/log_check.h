#pragma once
// The write-ahead log before it is recovered. SQLite takes the first frame that does not fit for the log's end, as after a power
// cut; where whole commits stand behind it, that is no such end: the log is damaged in its midst, and what was acknowledged
// behind the damage would be gone without a word.
#include <string>

namespace postfach::store::sqlite {

// What is wrong, for people; empty: the log is whole, or ends as a crash may end it.
std::string damageInLog(const std::string& path);

// A durable copy of the log for whoever salvages, beside it. Refused where there is no room for it: what is in it would be gone.
void setLogAside(const std::string& folder);
bool logWasSetAside(const std::string& folder); // and the copy is still there

} // namespace postfach::store::sqlite
