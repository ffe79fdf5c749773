#pragma once
// Bodies fetched before they are asked for. Reading one costs a trip to a helper thread whatever its size; a client that takes its mails
// one after the other, pipelined or not, has the next ones fetched with the same trip. Small ones only, bounded for a session and for all.
#include "server/pop3/maildrop.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postfach::pop3 {

class ReadAhead {
public:
    ReadAhead() = default;
    ~ReadAhead() { clear(); }
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;

    // The body, when it was fetched; what was fetched and passed over is dropped.
    std::optional<std::string> take(std::uint32_t number);

    // What to fetch now that `number` is not here: itself first, then those that are likely to follow, in their order. Alone when it is
    // large, or when the client goes neither up nor down and nothing waits in the pipeline.
    std::vector<std::uint32_t> plan(const Maildrop& maildrop, std::uint32_t number, bool pipelined);

    // Keeps what was fetched behind the first.
    void keep(const std::vector<std::uint32_t>& numbers, std::vector<std::string>& bodies);

private:
    void clear();
    std::deque<std::pair<std::uint32_t, std::string>> held_;
    std::size_t bytes_ = 0;       // in held_, counted in all sessions' sum
    std::int64_t last_ = 0;       // the number asked for before
    std::int64_t step_ = 0;       // +1 or -1 while the client goes that way
};

} // namespace postfach::pop3
