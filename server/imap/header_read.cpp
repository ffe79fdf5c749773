#include "server/imap/header_read.h"

#include "server/imap/message_source.h"

#include <algorithm>
#include <memory>

namespace postfach::imap {
namespace {

constexpr std::size_t kBatch = 2'000; // before the session is looked after: some hundredths of a second of the helpers
constexpr std::size_t kAtATime = 64;

HeaderCache::Keys readOne(store::ReadTx& tx, HeaderCache& cache, store::BodyId body, RemadeSummaries& remade)
{
    static const auto kEmpty = std::make_shared<const mail::HeaderKeys>();
    if (auto known = cache.find(body))
        return known;
    try {
        std::string bytes;
        const mail::Summary summary = readSummary(tx, body, remade, &bytes);
        if (!summary.top_header && bytes.empty())
            bytes = tx.bodyRange(body, 0, summary.header_size);
        return cache.make(body, summary.top_header ? std::string_view(*summary.top_header) : std::string_view(bytes));
    } catch (const store::Error& error) {
        if (!isUnreadable(error))
            throw;
        return kEmpty;
    }
}

} // namespace

net::Task<> eachHeader(
    Session& session, const store::Snapshot& numbered, const std::vector<std::uint32_t>& places, TakeHeader take)
{
    HeaderCache& cache = *session.context().headers;
    std::vector<std::size_t> unknown; // positions in `places`
    for (std::size_t at = 0; at < places.size(); ++at) {
        const store::Message message = numbered.at(places[at]);
        if (const HeaderCache::Keys keys = cache.find(message.body))
            take(at, message, keys);
        else
            unknown.push_back(at);
        if (session.strand().turnDue())
            co_await session.strand().turn();
    }
    for (std::size_t from = 0; from < unknown.size(); from += kBatch) {
        const std::size_t to = std::min(unknown.size(), from + kBatch);
        ReadEach read = [&](store::ReadTx& tx, std::size_t i, RemadeSummaries& remade) {
            const std::size_t at = unknown[i];
            const store::Message message = numbered.at(places[at]);
            take(at, message, readOne(tx, cache, message.body, remade));
        };
        co_await readEach(session, from, to, kAtATime, std::move(read));
        co_await session.lookAround(to, unknown.size());
    }
}

} // namespace postfach::imap
