// Scans of what is stored: the reading side. There is no index for any of it, because each would cost every delivery a page; a pass
// over all mail asks a few times, and a million rows are looked at in a second.
#include "server/base/text.h"
#include "server/store/sqlite/reading.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

namespace postfach::store::sqlite {
namespace {

// b: a row of body. Our own notices are as good as scanned.
#define IS_BEHIND "(b.verdict = 0 OR b.verdict_signatures NOT IN (?1, 'own'))"
static_assert(std::string_view(kOwnSignatures) == "own");


} // namespace

Coverage Reading::coverage(std::string_view signatures)
{
    Coverage coverage;
    Statement row = db_.query("SELECT count(*), coalesce(sum(size), 0), coalesce(sum(" IS_BEHIND "), 0),"
                              " coalesce(sum(size) FILTER (WHERE " IS_BEHIND "), 0) FROM body b", signatures);
    row.step();
    coverage.contents = static_cast<std::uint64_t>(row.integer(0));
    coverage.bytes = static_cast<std::uint64_t>(row.integer(1));
    coverage.checked = coverage.contents - static_cast<std::uint64_t>(row.integer(2));
    coverage.checked_bytes = coverage.bytes - static_cast<std::uint64_t>(row.integer(3));
    return coverage;
}

std::vector<Behind> Reading::behind(std::string_view signatures, BehindOrder order, BodyId before, std::size_t limit)
{
    const auto below = before ? before.value : std::numeric_limits<std::int64_t>::max();
    const auto most = std::min<std::size_t>(limit, 1U << 30);
    std::vector<Behind> all;
    const auto take = [&all](Statement row) {
        while (row.step())
            all.push_back({BodyId{row.integer(0)}, static_cast<std::uint64_t>(row.integer(1)),
                           static_cast<ScanRecord::Verdict>(row.integer(2))});
    };
    switch (order) {
    case BehindOrder::unscanned:
        take(db_.query("SELECT id, size, verdict FROM body WHERE verdict = 0 AND verdict_signatures <> 'own' AND id < ? ORDER BY id DESC LIMIT ?",
                       below, most));
        break;
    case BehindOrder::unread:
        take(db_.query("SELECT DISTINCT b.id, b.size, b.verdict FROM message m JOIN body b ON b.id = m.body_id"
                       " WHERE m.flags & 1 = 0 AND " IS_BEHIND " AND b.id < ?2 ORDER BY b.id DESC LIMIT ?3", signatures, below, most));
        break;
    case BehindOrder::all:
        take(db_.query("SELECT id, size, verdict FROM body b WHERE " IS_BEHIND " AND id < ?2 ORDER BY id DESC LIMIT ?3", signatures, below, most));
        break;
    }
    return all;
}

namespace {
std::unordered_set<std::int64_t> valuesOf(const std::vector<BodyId>& bodies)
{
    std::unordered_set<std::int64_t> values;
    for (const BodyId body : bodies)
        values.insert(body.value);
    return values;
}
} // namespace

std::vector<Place> Reading::places(const std::vector<BodyId>& bodies)
{
    std::vector<Place> all;
    if (bodies.empty())
        return all;
    const auto wanted = valuesOf(bodies);
    const auto [least, greatest] = std::minmax_element(bodies.begin(), bodies.end());
    Statement row = db_.query("SELECT m.body_id, b.account_id, m.mailbox_id, m.uid, m.date FROM message m JOIN mailbox b ON b.id = m.mailbox_id"
                              " WHERE m.body_id BETWEEN ? AND ? ORDER BY m.mailbox_id, m.uid", *least, *greatest);
    while (row.step()) {
        if (!wanted.contains(row.integer(0)))
            continue;
        const Uid uid{static_cast<std::uint32_t>(row.integer(3))};
        all.push_back({BodyId{row.integer(0)}, AccountId{row.integer(1)}, MailboxId{row.integer(2)}, uid, base::fromMillis(row.integer(4) * 1000)});
    }
    return all;
}

std::vector<Outbreak> Reading::outbreaks()
{
    std::vector<Outbreak> all;
    Statement row = db_.query("SELECT o.signature, o.signatures, o.state, o.hits, o.since, o.decided,"
                              " (SELECT count(*) FROM waiting w WHERE w.signature = o.signature) FROM outbreak o ORDER BY o.signature");
    while (row.step()) {
        Outbreak outbreak;
        outbreak.signature = row.text(0);
        outbreak.signatures = row.text(1);
        outbreak.state = static_cast<Outbreak::State>(row.integer(2));
        outbreak.hits = static_cast<std::uint64_t>(row.integer(3));
        outbreak.since = base::fromMillis(row.integer(4));
        outbreak.decided = base::fromMillis(row.integer(5));
        outbreak.waiting = static_cast<std::uint64_t>(row.integer(6));
        all.push_back(std::move(outbreak));
    }
    return all;
}

std::vector<BodyId> Reading::waiting(std::string_view signature, std::size_t limit)
{
    std::vector<BodyId> all;
    Statement row = db_.query("SELECT body_id FROM waiting WHERE signature = ? ORDER BY body_id DESC LIMIT ?", signature,
                              std::min<std::size_t>(limit, 1U << 30));
    while (row.step())
        all.push_back(BodyId{row.integer(0)});
    return all;
}

std::vector<Exposure> Reading::exposure(const std::vector<BodyId>& bodies, std::size_t limit)
{
    std::vector<Exposure> all;
    if (bodies.empty())
        return all;
    const auto wanted = valuesOf(bodies);
    const auto [least, greatest] = std::minmax_element(bodies.begin(), bodies.end());
    Statement row = db_.query("SELECT r.account_id, r.protocol, r.address, r.client, coalesce(a.address, ''), f.day, f.first, f.last, f.times,"
                              " f.body_id FROM fetched f JOIN reader r ON r.id = f.reader_id LEFT JOIN account a ON a.id = r.account_id"
                              " WHERE f.body_id BETWEEN ? AND ? ORDER BY f.day, f.first, r.account_id, r.id", *least, *greatest);
    while (all.size() < limit && row.step()) {
        if (!wanted.contains(row.integer(9)))
            continue;
        Exposure one;
        one.reader = {AccountId{row.integer(0)}, static_cast<Reader::Protocol>(row.integer(1)), row.text(2), row.text(3)};
        one.account = row.text(4);
        const std::int64_t midnight = row.integer(5) * kSecondsOfDay;
        one.first = base::fromMillis((midnight + row.integer(6)) * 1000);
        one.last = base::fromMillis((midnight + row.integer(7)) * 1000);
        one.times = static_cast<std::uint64_t>(row.integer(8));
        all.push_back(std::move(one));
    }
    return all;
}

void Reading::eachInnerHashes(const std::function<void(BodyId, std::string_view)>& visit)
{
    Statement row = db_.query("SELECT body_id, hashes FROM inner_hash ORDER BY body_id");
    while (row.step())
        visit(BodyId{row.integer(0)}, row.bytes(1));
}

} // namespace postfach::store::sqlite
