#include "tests/bench/load/crowd.h"

#include <algorithm>

namespace postfach::load {

Crowd::Crowd(Loop& loop, const Options& options, Endpoint endpoint, Begin begin)
    : loop_(loop), begin_(std::move(begin)), at_once_(static_cast<std::size_t>(options.number("at-once", 50)))
{
    const long sources = options.number("sources", 0);
    for (long at = 0; at < options.number("count", 1); ++at) {
        endpoint.source = sources == 0 ? 0 : static_cast<unsigned>(1 + at % sources);
        clients_.push_back(std::make_unique<Client>(loop, endpoint));
    }
}

void Crowd::startNext()
{
    const std::size_t number = started_++;
    Client& client = *clients_[number];
    client.open(); // nothing is heard before the loop runs
    begin_(client, number, [this] {
        ++begun_;
        loop_.post([this] {
            if (started_ < clients_.size())
                startNext();
        });
    });
}

void Crowd::gather(std::chrono::seconds patience)
{
    while (started_ < std::min(at_once_, clients_.size()))
        startNext();
    loop_.until([this] { return begun_ == clients_.size(); }, patience);
}

} // namespace postfach::load
