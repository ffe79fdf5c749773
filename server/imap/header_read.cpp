#include "server/imap/header_read.h"

#include "server/imap/message_source.h"
#include "server/imap/work.h"

#include <algorithm>
#include <atomic>
#include <memory>

namespace postfach::imap {
namespace {

constexpr std::size_t kBatch = 2'000; // before the session is looked after: some hundredths of a second of the helpers
constexpr std::size_t kAtATime = 64, kHelpers = 4;

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
        auto keys = std::make_shared<mail::HeaderKeys>(
            mail::readHeaderKeys(summary.top_header ? std::string_view(*summary.top_header) : std::string_view(bytes)));
        cache.put(body, keys);
        return keys;
    } catch (const store::Error& error) {
        using enum store::Error::Kind;
        if (error.kind != noSuchMessage && error.kind != noSuchEntry && error.kind != damaged)
            throw;
        return kEmpty;
    }
}

} // namespace

net::Task<> eachHeader(
    Session& session, const store::Snapshot& numbered, const std::vector<std::uint32_t>& places, TakeHeader take)
{
    HeaderCache& cache = *session.context().headers;
    for (std::size_t from = 0; from < places.size(); from += kBatch) {
        const std::size_t to = std::min(places.size(), from + kBatch);
        const std::size_t parts = std::clamp<std::size_t>((to - from) / kAtATime, 1, kHelpers);
        std::vector<RemadeSummaries> remade(parts);
        std::atomic<std::size_t> next = from;
        std::function<void(store::ReadTx&, std::size_t)> read = [&, to](store::ReadTx& tx, std::size_t part) {
            for (std::size_t at = next.fetch_add(kAtATime); at < to; at = next.fetch_add(kAtATime))
                for (std::size_t i = at; i < std::min(to, at + kAtATime); ++i) {
                    const store::Message message = numbered.at(places[i]);
                    take(i, message, readOne(tx, cache, message.body, remade[part]));
                }
        };
        co_await readingTogether(session.strand(), session.store(), parts, std::move(read));
        for (RemadeSummaries& some : remade)
            co_await putBack(session, std::move(some));
        session.stillAlive();
    }
}

} // namespace postfach::imap
