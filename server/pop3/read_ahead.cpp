#include "server/pop3/read_ahead.h"
#include "server/base/limits.h"

#include <atomic>

namespace postfach::pop3 {
namespace {

std::atomic<std::size_t> held_in_all{0};

} // namespace

void ReadAhead::clear()
{
    held_.clear();
    held_in_all -= bytes_;
    bytes_ = 0;
}

std::optional<std::string> ReadAhead::take(std::uint32_t number)
{
    const std::int64_t step = number - last_;
    step_ = step == 1 || step == -1 ? step : 0;
    last_ = number;
    while (!held_.empty()) {
        auto [held_number, body] = std::move(held_.front());
        held_.pop_front();
        bytes_ -= body.size();
        held_in_all -= body.size();
        if (held_number == number)
            return std::move(body);
    }
    return std::nullopt;
}

std::vector<std::uint32_t> ReadAhead::plan(const Maildrop& maildrop, std::uint32_t number, bool pipelined)
{
    using namespace base::limits;
    std::vector<std::uint32_t> numbers{number};
    const std::int64_t step = step_ != 0 ? step_ : 1;
    std::size_t bytes = maildrop.at(number).size;
    if ((step_ == 0 && !pipelined) || held_in_all.load() > kPop3ReadAheadInAll)
        return numbers;
    for (std::int64_t next = number + step; next >= 1 && next <= maildrop.count() && numbers.size() < kPop3ReadAheadMessages; next += step) {
        const auto candidate = static_cast<std::uint32_t>(next);
        if (maildrop.isDeleted(candidate))
            continue;
        bytes += maildrop.at(candidate).size;
        if (bytes > kPop3ReadAhead)
            break;
        numbers.push_back(candidate);
    }
    return numbers;
}

void ReadAhead::keep(const std::vector<std::uint32_t>& numbers, std::vector<std::string>& bodies)
{
    clear();
    for (std::size_t i = 1; i < numbers.size() && i < bodies.size(); ++i) {
        bytes_ += bodies[i].size();
        held_.emplace_back(numbers[i], std::move(bodies[i]));
    }
    held_in_all += bytes_;
}

} // namespace postfach::pop3
