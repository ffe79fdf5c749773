#pragma once
// The schema as numbered migrations, forward only; PRAGMA user_version says how far a database is (FORMAT.md).
#include "server/store/sqlite/database.h"

namespace postfach::store::sqlite {

inline constexpr int kApplicationId = 0x50466368; // "PFch": file(1) and we know our own

int newestVersion();
// Brings the database to newestVersion(); each migration is one transaction. Refused when it is newer, or nobody's of ours.
// `to`: an earlier one, for the tests that open what earlier versions made.
void migrate(Connection& writer, int to = newestVersion());
// Throws Refused as migrate() does, changes nothing.
int requireKnownVersion(Connection& connection);
// After commits were lost (a restore of something older, a damaged log): UIDs, MODSEQs, UIDVALIDITYs and ids that clients may
// remember from them are not given again.
void skipNumbers(Connection& writer);

} // namespace postfach::store::sqlite
