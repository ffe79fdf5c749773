#pragma once
// Bodies fetched before they are asked for. Reading one costs a trip to a helper thread whatever its size; of a client that takes its
// mails one after the other, pipelined or not, the next ones are fetched while it is sent those before. Small ones only, bounded for a
// session and for all.
#include "server/net/handover.h"
#include "server/pop3/maildrop.h"
#include "server/store/recent_bodies.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postfach::pop3 {

class ReadAhead {
public:
    // Gives the bodies of these, in their order; fewer when one cannot be read: its own turn will tell. Runs on a helper, perhaps after
    // the session has ended.
    using Body = store::RecentBodies::Body;
    using Read = std::function<std::vector<Body>(const std::vector<store::BodyId>& bodies)>;

    ReadAhead() = default;
    ~ReadAhead() { clear(); }
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;

    // The client asks for this one, wherever it comes from.
    void note(std::uint32_t number);

    // Its body, when it was fetched or is being fetched, or null; what was passed over is dropped.
    net::Task<Body> take(net::Strand& strand, std::uint32_t number);

    // To be called when a body was taken: begins to fetch what plan() says.
    void goOn(net::Strand& strand, const Maildrop& maildrop, bool pipelined, Read read);

    // What is likely to be asked for next and neither here nor on its way. Nothing while a batch is on its way, or enough is here, or
    // the client goes neither up nor down and nothing waits in the pipeline.
    std::vector<std::uint32_t> plan(const Maildrop& maildrop, bool pipelined) const;

private:
    struct Batch { // counted in all sessions' sum from when it is asked for until it has landed, or is let go
        Batch(std::vector<std::uint32_t> numbers, std::size_t bytes);
        ~Batch();
        Batch(const Batch&) = delete;
        Batch& operator=(const Batch&) = delete;
        const std::vector<std::uint32_t> numbers;
        const std::size_t bytes;
        net::Handover handover;
        std::vector<Body> bodies; // the helper's until it has given them
    };
    Body find(std::uint32_t number);
    void land();
    void clear();

    std::deque<std::pair<std::uint32_t, Body>> held_;
    std::shared_ptr<Batch> coming_;
    std::size_t bytes_ = 0; // in held_, counted in all sessions' sum
    std::int64_t last_ = 0; // the number asked for before
    std::int64_t step_ = 0; // +1 or -1 while the client goes that way
};

} // namespace postfach::pop3
