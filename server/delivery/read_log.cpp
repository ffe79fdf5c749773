#include "server/delivery/read_log.h"
#include "server/base/log.h"
#include "server/base/metrics.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <unordered_set>
#include <utility>

namespace postfach::delivery {
namespace {
constexpr std::size_t kAtOnce = 2'000; // records in one transaction: a few milliseconds of the writer
constexpr std::int64_t kDay = 86'400;

base::Counter lost_count{"postfach_reads_not_recorded_total", "Contents that were handed out and not recorded, because too many waited"};

std::vector<store::Fetched> summed(const std::vector<ReadLog::Note>& notes)
{
    std::map<std::pair<std::int64_t, std::int64_t>, store::Fetched> by_day; // day and content
    for (const ReadLog::Note& note : notes) {
        const auto when = base::fromMillis(note.seconds * 1000);
        const auto [at, is_new] = by_day.try_emplace({note.seconds / kDay, note.body.value}, store::Fetched{note.body, when, when, 1});
        if (is_new)
            continue;
        at->second.first = std::min(at->second.first, when);
        at->second.last = std::max(at->second.last, when);
        ++at->second.times;
    }
    std::vector<store::Fetched> all;
    for (const auto& [key, fetched] : by_day)
        all.push_back(fetched);
    return all;
}
} // namespace

struct ReadLog::Shared {
    using Batch = std::pair<std::shared_ptr<const store::Reader>, std::vector<Note>>;

    explicit Shared(const base::Clock& cl) : clock(cl) {}
    const base::Clock& clock;
    std::atomic<bool> on{true};
    std::mutex mutex; // guards what follows; taken before a session's
    std::unordered_set<Session*> sessions;
    std::vector<Batch> pending;
    std::size_t notes = 0; // in these

    void take(const std::shared_ptr<const store::Reader>& reader, std::vector<Note> more) // with mutex held
    {
        if (more.empty())
            return;
        if (notes + more.size() > kMostPending) {
            lost_count.add(more.size());
            return;
        }
        notes += more.size();
        pending.emplace_back(reader, std::move(more));
    }
};

ReadLog::Session::Session(ReadLog& log, store::Reader reader)
    : log_(log.shared_), reader_(std::make_shared<const store::Reader>(std::move(reader)))
{
    const std::lock_guard lock(log_->mutex);
    log_->sessions.insert(this);
}

ReadLog::Session::~Session()
{
    const std::lock_guard lock(log_->mutex);
    log_->sessions.erase(this);
    log_->take(reader_, std::move(notes_));
}

void ReadLog::Session::note(store::BodyId body)
{
    if (!log_->on)
        return;
    std::vector<Note> full;
    {
        const std::lock_guard lock(mutex_);
        notes_.push_back({body, base::toMillis(log_->clock.now()) / 1000});
        if (notes_.size() < kFull)
            return;
        full.swap(notes_);
    }
    const std::lock_guard lock(log_->mutex);
    log_->take(reader_, std::move(full));
}

ReadLog::ReadLog(store::Store& store, const base::Clock& clock) : store_(store), shared_(std::make_shared<Shared>(clock)) {}

ReadLog::~ReadLog()
{
    try {
        flush();
    } catch (const std::exception& error) {
        base::logWarning("delivery", "who has read what was not recorded", {{"reason", error.what()}});
    }
    record(false);
}

void ReadLog::record(bool on) { shared_->on = on; }

void ReadLog::flush()
{
    std::vector<Shared::Batch> batches;
    {
        const std::lock_guard lock(shared_->mutex);
        for (Session* session : shared_->sessions) {
            const std::lock_guard own(session->mutex_);
            shared_->take(session->reader_, std::exchange(session->notes_, {}));
        }
        batches.swap(shared_->pending);
        shared_->notes = 0;
    }
    std::map<const store::Reader*, std::pair<std::shared_ptr<const store::Reader>, std::vector<Note>>> by_reader;
    for (Shared::Batch& batch : batches) {
        auto& [reader, notes] = by_reader[batch.first.get()];
        reader = batch.first;
        notes.insert(notes.end(), batch.second.begin(), batch.second.end());
    }
    for (auto& [key, batch] : by_reader) {
        const auto fetched = summed(batch.second);
        for (std::size_t at = 0; at < fetched.size(); at += kAtOnce) {
            std::vector<store::Fetched> some(fetched.begin() + static_cast<std::ptrdiff_t>(at),
                                             fetched.begin() + static_cast<std::ptrdiff_t>(std::min(at + kAtOnce, fetched.size())));
            store_.writeLater([reader = batch.first, some = std::move(some)](store::WriteTx& tx) { tx.recordFetched(*reader, some); });
        }
    }
}

} // namespace postfach::delivery
