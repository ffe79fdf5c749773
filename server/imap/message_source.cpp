#include "server/imap/message_source.h"

#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/imap/object_id.h"
#include "server/imap/work.h"
#include "server/net/handover.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

namespace postfach::imap {
namespace {

base::Counter g_read{"postfach_imap_messages_read_total", "Messages read for SEARCH, SORT and THREAD"};

} // namespace

mail::Summary readSummary(store::ReadTx& tx, store::BodyId body, RemadeSummaries& remade, std::string* bytes)
{
    if (auto summary = mail::deserialize(tx.summary(body)))
        return std::move(*summary);
    std::string message = tx.body(body);
    mail::Summary summary = mail::summarize(message);
    remade.emplace_back(body, mail::serialize(summary));
    if (bytes != nullptr)
        *bytes = std::move(message);
    return summary;
}

net::Task<> putBack(Session& session, RemadeSummaries remade)
{
    if (remade.empty())
        co_return;
    auto work = [&remade](store::WriteTx& tx) {
        for (const auto& [body, summary] : remade)
            tx.putSummary(body, summary);
    };
    try {
        co_await commit(session.strand(), session.store(), std::move(work));
    } catch (const store::Error& error) {
        base::logWarning("imap", "summary not put back", {{"reason", error.what()}});
    }
}

net::Task<> readEach(Session& session, std::size_t from, std::size_t to, std::size_t at_a_time, ReadEach each)
{
    constexpr std::size_t kHelpers = 4;
    const std::size_t parts = std::clamp<std::size_t>((to - from) / at_a_time, 1, kHelpers);
    std::vector<RemadeSummaries> remade(parts);
    std::atomic<std::size_t> next = from;
    std::function<void(store::ReadTx&, std::size_t)> read = [&, to, at_a_time](store::ReadTx& tx, std::size_t part) {
        for (std::size_t at = next.fetch_add(at_a_time); at < to; at = next.fetch_add(at_a_time))
            for (std::size_t place = at; place < std::min(to, at + at_a_time); ++place)
                each(tx, place, remade[part]);
    };
    co_await readingTogether(session.strand(), session.store(), parts, std::move(read));
    g_read.add(to - from);
    for (RemadeSummaries& some : remade)
        co_await putBack(session, std::move(some));
}

bool isUnreadable(const store::Error& error)
{
    using enum store::Error::Kind;
    return error.kind == noSuchMessage || error.kind == noSuchEntry || error.kind == damaged;
}

std::optional<Content::State> stateAfter(const std::exception& trouble, store::BodyId body)
{
    const auto* const error = dynamic_cast<const store::Error*>(&trouble);
    if (error == nullptr || !isUnreadable(*error))
        return std::nullopt;
    if (error->kind != store::Error::Kind::damaged)
        return Content::State::gone;
    base::logError("imap", "damaged message", {{"body", body.value}, {"reason", error->what()}});
    return Content::State::damaged;
}

namespace {

Content readOne(store::ReadTx& tx, const Wish& wish, RemadeSummaries& remade, store::RecentBodies& recent)
{
    Content content;
    try {
        std::string bytes;
        if (wish.summary)
            content.summary = readSummary(tx, wish.body, remade, &bytes);
        if (wish.bytes || (wish.bytes_if && wish.bytes_if(*content.summary)))
            content.bytes = bytes.empty() ? recent.read(tx, wish.body) : recent.keep(wish.body, std::move(bytes));
    } catch (const store::Error& error) {
        const auto state = stateAfter(error, wish.body);
        if (!state)
            throw;
        content.state = *state;
    }
    return content;
}

} // namespace

net::Task<std::vector<Content>> readContents(Session& session, std::vector<Wish> wishes)
{
    RemadeSummaries remade;
    auto job = [&wishes, &remade, &recent = *session.context().recent](store::ReadTx& tx) {
        std::vector<Content> contents;
        contents.reserve(wishes.size());
        for (const Wish& wish : wishes)
            contents.push_back(readOne(tx, wish, remade, recent));
        return contents;
    };
    std::vector<Content> contents = co_await reading(session.strand(), session.store(), std::move(job));
    co_await putBack(session, std::move(remade));
    co_return contents;
}

std::optional<std::vector<Content>> recallContents(Session& session, const std::vector<store::BodyId>& bodies)
{
    std::vector<Content> contents(bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        contents[i].bytes = session.context().recent->find(bodies[i]);
        if (!contents[i].bytes)
            return std::nullopt;
    }
    return contents;
}

struct ReadingAhead::Reading {
    net::Handover handover;
    std::vector<Content> contents; // the helper's until it has given them, as is the error
    std::exception_ptr error;
};

// The session may end meanwhile: nothing of it is touched but the reading, and the strand, which outlives it.
void ReadingAhead::start(Session& session, std::vector<store::BodyId> bodies)
{
    reading_ = std::make_shared<Reading>();
    net::Strand& strand = session.strand();
    strand.scheduler().help(
        [reading = reading_, self = strand.shared_from_this(), &store = session.store(), recent = session.context().recent,
         bodies = std::move(bodies)] {
            try {
                const auto tx = store.read();
                RemadeSummaries none;
                for (const store::BodyId body : bodies) {
                    Wish wish(body);
                    wish.summary = false;
                    wish.bytes = true;
                    reading->contents.push_back(readOne(*tx, wish, none, *recent));
                }
            } catch (...) {
                reading->error = std::current_exception();
            }
            reading->handover.give(*self);
        });
}

net::Task<std::vector<Content>> ReadingAhead::take(Session& session)
{
    const std::shared_ptr<Reading> reading = std::exchange(reading_, nullptr);
    co_await reading->handover.wait(session.strand());
    if (reading->error)
        std::rethrow_exception(reading->error);
    co_return std::move(reading->contents);
}

net::Task<std::vector<std::optional<RowFacts>>> readRowFacts(Session& session, std::vector<store::Message> messages)
{
    const store::MailboxId id = session.view().id();
    auto job = [&messages, id](store::ReadTx& tx) {
        std::vector<std::optional<RowFacts>> facts(messages.size());
        if (messages.empty())
            return facts;
        const auto saved = tx.saveDates(id, messages.front().uid, messages.back().uid);
        auto row = saved.begin();
        for (std::size_t i = 0; i < messages.size(); ++i) {
            row = std::find_if(row, saved.end(), [&](const auto& r) { return r.first >= messages[i].uid; });
            if (row != saved.end() && row->first == messages[i].uid)
                facts[i] = RowFacts{emailId(tx.bodyHash(messages[i].body)), row->second};
        }
        return facts;
    };
    co_return co_await reading(session.strand(), session.store(), std::move(job));
}

} // namespace postfach::imap
