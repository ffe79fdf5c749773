// Trash policies of domains and accounts: how they are kept, and what is in force. `expunge_to_trash` is 0 no, 1 inherited, 2 yes;
// days that are NULL are inherited.
#include "server/store/sqlite/writing.h"

namespace postfach::store::sqlite {
namespace {

#define SET_TRASH " SET expunge_to_trash = ?, trash_days = ?, junk_days = ?, recovery_days = ? WHERE "

enum Expunge : std::int64_t { kNo = 0, kInherited = 1, kYes = 2 };

std::int64_t expungeColumn(const TrashPolicy& policy) { return !policy.expunge ? kInherited : *policy.expunge ? kYes : kNo; }

std::optional<std::int64_t> daysColumn(const std::optional<std::uint32_t>& days)
{
    return days ? std::optional<std::int64_t>(*days) : std::nullopt;
}

std::optional<std::uint32_t> daysOf(const Statement& row, int column)
{
    if (row.isNull(column) || row.integer(column) < 0 || row.integer(column) > TrashPolicy::kMostDays)
        return std::nullopt; // what is no number of days is taken for unset; check() names it
    return static_cast<std::uint32_t>(row.integer(column));
}

} // namespace

TrashPolicy trashPolicyOf(const Statement& row, int first)
{
    TrashPolicy policy;
    if (!row.isNull(first) && row.integer(first) != kInherited)
        policy.expunge = row.integer(first) != kNo;
    policy.trash_days = daysOf(row, first + 1);
    policy.junk_days = daysOf(row, first + 2);
    policy.recovery_days = daysOf(row, first + 3);
    return policy;
}

TrashPolicy trashPolicyOf(Connection& db, AccountId account)
{
    Statement row = db.query("SELECT" TRASH_COLUMNS("a") "," TRASH_COLUMNS("d") " FROM account a LEFT JOIN domain d ON d.name = a.domain"
                             " WHERE a.id = ?", account);
    return row.step() ? trashPolicyOf(row, 0).over(trashPolicyOf(row, 4)) : TrashPolicy{};
}

void Writing::putTrashPolicy(AccountId id, const TrashPolicy& policy)
{
    db_.run("UPDATE account" SET_TRASH "id = ?", expungeColumn(policy), daysColumn(policy.trash_days), daysColumn(policy.junk_days),
            daysColumn(policy.recovery_days), id);
}

void Writing::putTrashPolicy(const std::string& domain, const TrashPolicy& policy)
{
    db_.run("UPDATE domain" SET_TRASH "name = ?", expungeColumn(policy), daysColumn(policy.trash_days), daysColumn(policy.junk_days),
            daysColumn(policy.recovery_days), domain);
}

} // namespace postfach::store::sqlite
