#pragma once
// Many clients that begin alike, some at once and the rest as these are through.
#include "tests/bench/load/speak.h"

#include <functional>
#include <memory>
#include <vector>

namespace postfach::load {

class Crowd {
public:
    // begin(client, number, begun): asks what there is to ask and calls begun() when that client is where it should be.
    using Begin = std::function<void(Client&, std::size_t, std::function<void()>)>;

    // --count clients, --at-once (50) at a time, from --sources addresses (0: the kernel's choice).
    Crowd(Loop& loop, const Options& options, Endpoint endpoint, Begin begin);
    void gather(std::chrono::seconds patience = std::chrono::seconds(300)); // returns when all have begun
    std::size_t size() const { return clients_.size(); }
    Client& operator[](std::size_t at) { return *clients_[at]; }

private:
    void startNext();

    Loop& loop_;
    const Begin begin_;
    const std::size_t at_once_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t started_ = 0, begun_ = 0;
};

} // namespace postfach::load
