#include "server/imap/syntax/sort.h"

#include "server/imap/command/all.h"
#include "server/imap/header_read.h"
#include "server/imap/search_answer.h"
#include "server/imap/search_run.h"

#include <algorithm>
#include <cstring>
#include <string>

// SORT and UID SORT: RFC 5256 3, RFC 5267 3 (ESORT), RFC 5957 (SORT=DISPLAY).

namespace postfach::imap {
namespace {

class Sorting {
public:
    Sorting(Session& session, const MessageSearch& search, std::vector<SortKey> keys) :
        session_(session), search_(search), keys_(std::move(keys))
    {
    }

    net::Task<std::vector<std::uint32_t>> run(); // places of the numbering, in order

private:
    net::Task<std::vector<std::uint32_t>> sort();
    void remember(const std::vector<std::uint32_t>& order) const;
    std::string program() const;
    std::vector<store::Uid> uids() const; // of what was found
    struct Row {
        std::uint64_t begin = 0; // the first eight bytes decide most comparisons
        std::string bytes;
        std::uint32_t index = 0;
        bool operator<(const Row& other) const
        {
            if (begin != other.begin)
                return begin < other.begin;
            const int order = bytes.compare(other.bytes);
            return order != 0 ? order < 0 : index < other.index; // RFC 5256 3: then by sequence number
        }
    };
    void fill(std::size_t at, const store::Message& message, const mail::HeaderKeys& header);

    Session& session_;
    const MessageSearch& search_;
    const std::vector<SortKey> keys_;
    std::vector<Row> rows_;
};

void Sorting::fill(std::size_t at, const store::Message& message, const mail::HeaderKeys& header)
{
    Row& row = rows_[at];
    row.index = search_.found()[at];
    row.bytes = sortBytes(keys_, message, header, search_.relevancies()[at]);
    for (std::size_t i = 0; i < 8; ++i)
        row.begin = row.begin << 8 | (i < row.bytes.size() ? static_cast<unsigned char>(row.bytes[i]) : 0U);
}

std::string Sorting::program() const
{
    std::string text;
    for (const SortKey& key : keys_) {
        text += static_cast<char>('a' + static_cast<int>(key.kind));
        text += key.reverse ? '-' : '+';
    }
    return text;
}

std::vector<store::Uid> Sorting::uids() const
{
    std::vector<store::Uid> all;
    all.reserve(search_.found().size());
    for (const std::uint32_t index : search_.found())
        all.push_back(search_.scope().numbered.uidAt(index));
    return all;
}

void Sorting::remember(const std::vector<std::uint32_t>& order) const
{
    SortOrder kept;
    kept.uids = uids();
    kept.ranks.resize(order.size());
    for (std::size_t rank = 0; rank < order.size(); ++rank)
        kept.ranks[order[rank]] = static_cast<std::uint32_t>(rank); // all were found: a place is its position, too
    session_.context().sort_orders->keep(search_.scope().mailbox, program(), std::make_shared<const SortOrder>(std::move(kept)));
}

net::Task<std::vector<std::uint32_t>> Sorting::run()
{
    const auto& found = search_.found();
    const bool by_relevancy =
        std::any_of(keys_.begin(), keys_.end(), [](const SortKey& key) { return key.kind == SortKey::Kind::relevancy; });
    if (by_relevancy || found.empty())
        co_return co_await sort();
    if (const auto known = session_.context().sort_orders->find(search_.scope().mailbox, program())) {
        std::vector<std::uint32_t> order = arranged(*known, found, uids());
        if (!order.empty())
            co_return order;
    }
    std::vector<std::uint32_t> order = co_await sort();
    if (found.size() == search_.scope().numbered.count())
        remember(order);
    co_return order;
}

net::Task<std::vector<std::uint32_t>> Sorting::sort()
{
    const auto& found = search_.found();
    const store::Snapshot& numbered = search_.scope().numbered;
    rows_.resize(found.size());
    if (std::any_of(keys_.begin(), keys_.end(), [](const SortKey& key) { return key.needsHeader(); })) {
        TakeHeader take = [this](std::size_t at, const store::Message& message, const HeaderCache::Keys& header) {
            fill(at, message, *header);
        };
        co_await eachHeader(session_, numbered, found, std::move(take));
    }
    auto sort = [this, &found, &numbered] {
        const mail::HeaderKeys none;
        for (std::size_t at = 0; at < found.size(); ++at)
            if (rows_[at].bytes.empty())
                fill(at, numbered.at(found[at]), none);
        std::sort(rows_.begin(), rows_.end());
        std::vector<std::uint32_t> order;
        order.reserve(rows_.size());
        for (const Row& row : rows_)
            order.push_back(row.index);
        return order;
    };
    co_return co_await session_.strand().offload(std::move(sort));
}

} // namespace

net::Task<Tagged> cmdSort(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    session.requireUids(request.by_uid);
    SearchReturn wanted;
    if (args.tryWord("RETURN"))
        wanted = searchReturn(args);
    if (wanted.update) // that would be CONTEXT=SORT
        throw BadSyntax("A sorted result cannot be updated");
    std::vector<SortKey> keys = parseSortKeys(args);
    args.space();
    SearchKey key = searchKeyWithCharset(session, args, wanted);
    const bool by_relevancy =
        std::any_of(keys.begin(), keys.end(), [](const SortKey& k) { return k.kind == SortKey::Kind::relevancy; });
    if (by_relevancy)
        requireFuzzy(key);

    MessageSearch search(session, std::move(key), SearchScope(session.view()));
    if (wanted.save)
        session.view().save({});
    session.beginRound(0, 2); // finding, then reading the headers of what was found
    co_await search.run();
    session.beginRound(1, 2);
    Sorting sorting(session, search, std::move(keys));
    const std::vector<std::uint32_t> order = co_await sorting.run();
    co_await answerSearch(session, request, search, order, wanted, "SORT");
    co_return Tagged::ok(request.name + " completed");
}

} // namespace postfach::imap
