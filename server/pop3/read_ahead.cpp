#include "server/pop3/read_ahead.h"
#include "server/base/limits.h"

#include <algorithm>

namespace postfach::pop3 {
namespace {

constexpr std::size_t kBatch = base::limits::kPop3ReadAhead / 2; // one is here while the next is on its way
std::atomic<std::size_t> held_in_all{0};

} // namespace

void ReadAhead::clear()
{
    held_.clear();
    coming_.reset();
    held_in_all -= bytes_;
    bytes_ = 0;
}

ReadAhead::Body ReadAhead::find(std::uint32_t number)
{
    while (!held_.empty()) {
        auto [held_number, body] = std::move(held_.front());
        held_.pop_front();
        bytes_ -= body->size();
        held_in_all -= body->size();
        if (held_number == number)
            return std::move(body);
    }
    return nullptr;
}

ReadAhead::Batch::Batch(std::vector<std::uint32_t> of, std::size_t size) : numbers(std::move(of)), bytes(size) { held_in_all += bytes; }
ReadAhead::Batch::~Batch() { held_in_all -= bytes; }

// What has come is here from now on.
void ReadAhead::land()
{
    for (std::size_t i = 0; i < coming_->bodies.size(); ++i) {
        bytes_ += coming_->bodies[i]->size();
        held_in_all += coming_->bodies[i]->size();
        held_.emplace_back(coming_->numbers[i], std::move(coming_->bodies[i]));
    }
    coming_.reset();
}

void ReadAhead::note(std::uint32_t number)
{
    const std::int64_t step = number - last_;
    step_ = step == 1 || step == -1 ? step : 0;
    last_ = number;
}

net::Task<ReadAhead::Body> ReadAhead::take(net::Strand& strand, std::uint32_t number)
{
    if (coming_ && coming_->handover.isThere())
        land();
    Body body = find(number);
    if (body || !coming_)
        co_return std::move(body);
    if (std::find(coming_->numbers.begin(), coming_->numbers.end(), number) == coming_->numbers.end()) {
        clear(); // the client has gone elsewhere
        co_return nullptr;
    }
    co_await coming_->handover.wait(strand);
    land();
    body = find(number);
    co_return std::move(body);
}

std::vector<std::uint32_t> ReadAhead::plan(const Maildrop& maildrop, bool pipelined) const
{
    using namespace base::limits;
    std::vector<std::uint32_t> numbers;
    if (coming_ || bytes_ > kBatch || (step_ == 0 && !pipelined) || held_in_all.load() > kPop3ReadAheadInAll)
        return numbers;
    const std::int64_t step = step_ != 0 ? step_ : 1;
    std::size_t bytes = 0;
    std::int64_t next = (held_.empty() ? last_ : held_.back().first) + step;
    for (; next >= 1 && next <= maildrop.count() && numbers.size() < kPop3ReadAheadMessages; next += step) {
        const auto candidate = static_cast<std::uint32_t>(next);
        if (maildrop.isDeleted(candidate))
            continue;
        bytes += maildrop.at(candidate).size;
        if (bytes > kBatch)
            break;
        numbers.push_back(candidate);
    }
    return numbers;
}

void ReadAhead::goOn(net::Strand& strand, const Maildrop& maildrop, bool pipelined, Read read)
{
    std::vector<std::uint32_t> numbers = plan(maildrop, pipelined);
    if (numbers.empty())
        return;
    std::vector<store::BodyId> ids;
    std::size_t bytes = 0;
    for (const std::uint32_t number : numbers) {
        ids.push_back(maildrop.at(number).body);
        bytes += maildrop.at(number).size;
    }
    coming_ = std::make_shared<Batch>(std::move(numbers), bytes);
    // The session may end meanwhile: nothing of it is touched but the batch, and the strand, which outlives it.
    strand.scheduler().help([batch = coming_, self = strand.shared_from_this(), ids = std::move(ids), read = std::move(read)] {
        try {
            batch->bodies = read(ids);
        } catch (...) { // then nothing was fetched, and whoever asks for one of them hears why
            batch->bodies.clear();
        }
        batch->handover.give(*self);
    });
}

} // namespace postfach::pop3
