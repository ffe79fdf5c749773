#include "server/store/sqlite/sqlite_store.h"

namespace postfach::store::sqlite {

std::vector<Finding> SqliteStore::check(bool)
{
    std::vector<Finding> findings;
    ReadTransaction transaction(readers_, files_);
    Statement row = transaction.db().query("PRAGMA integrity_check");
    while (row.step())
        if (row.bytes(0) != "ok")
            findings.push_back({row.text(0), "postfach.db", false});
    return findings;
}

} // namespace postfach::store::sqlite
