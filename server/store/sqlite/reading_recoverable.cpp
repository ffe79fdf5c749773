// Save dates, and what was deleted and can be restored: the reading side.
#include "server/base/text.h"
#include "server/store/sqlite/reading.h"

#include <algorithm>
#include <limits>

namespace postfach::store::sqlite {
namespace {

#define RECOVERABLE_COLUMNS \
    "SELECT id, account_id, mailbox, uid_validity, uid, uidl, body_id, size, flags, keywords, date, saved, removed, cause FROM recoverable "

Recoverable recoverableOf(const Statement& row)
{
    Recoverable r;
    r.id = RecoverableId{row.integer(0)};
    r.account = AccountId{row.integer(1)};
    r.mailbox = row.text(2);
    r.uidl = row.isNull(5) ? ruledUidl(static_cast<std::uint32_t>(row.integer(3)), Uid{static_cast<std::uint32_t>(row.integer(4))}) : row.text(5);
    r.body = BodyId{row.integer(6)};
    r.size = static_cast<std::uint64_t>(row.integer(7));
    r.flags.bits = static_cast<std::uint64_t>(row.integer(8));
    r.flags.more = unpackKeywords(row.bytes(9));
    r.internal_date = base::fromMillis(row.integer(10) * 1000);
    r.saved = base::fromMillis(row.integer(11) * 1000);
    r.removed = base::fromMillis(row.integer(12));
    r.cause = row.text(13);
    return r;
}

} // namespace

std::vector<std::pair<Uid, Time>> Reading::saveDates(MailboxId mailbox, Uid first, Uid last)
{
    std::vector<std::pair<Uid, Time>> all;
    Statement row = db_.query("SELECT uid, saved FROM message WHERE mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid", mailbox, first, last);
    while (row.step())
        all.emplace_back(Uid{static_cast<std::uint32_t>(row.integer(0))}, base::fromMillis(row.integer(1) * 1000));
    return all;
}

std::vector<Recoverable> Reading::recoverable(AccountId account, const RecoverableFilter& filter, const Page& page)
{
    std::vector<Recoverable> all;
    const auto after = page.after.empty() ? 0 : base::parseU64(page.after).value_or(0);
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    Statement row = db_.query(RECOVERABLE_COLUMNS "WHERE account_id = ?1 AND id > ?2 AND (?3 = '' OR mailbox = ?3) AND removed >= ?4"
                                                  " AND removed < ?5 ORDER BY id LIMIT ?6",
                              account, std::min<std::uint64_t>(after, kMost), filter.mailbox,
                              filter.since ? base::toMillis(*filter.since) : std::numeric_limits<std::int64_t>::min(),
                              filter.until ? base::toMillis(*filter.until) : kMost, std::min<std::size_t>(page.limit, 1U << 30));
    while (row.step())
        all.push_back(recoverableOf(row));
    return all;
}

std::optional<Recoverable> Reading::recoverable(RecoverableId id)
{
    Statement row = db_.query(RECOVERABLE_COLUMNS "WHERE id = ?", id);
    if (!row.step())
        return std::nullopt;
    return recoverableOf(row);
}

} // namespace postfach::store::sqlite
