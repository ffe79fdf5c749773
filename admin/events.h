#pragma once
// The journal of events (server/store/journal.h) for whoever asks: as JSON, and as a stream (text/event-stream, WHATWG HTML 9.2) that
// goes on for as long as its reader stays. A stream holds no thread: it is woken by commits, reads what is new, and sleeps.
#include "server/net/stream.h"
#include "server/store/store.h"

#include <Poco/JSON/Object.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace postfach::admin {

struct Following { // what an answer goes on with
    store::EventFilter filter;
    std::optional<std::int64_t> after; // the last event its reader has (Last-Event-ID); absent: from now on
    std::shared_ptr<void> seat;        // of EventSeats, while it lasts
    std::function<bool()> may;         // whether its reader may still see it: asked now and then, blocks; empty: for ever
    Following() = default;
};

class EventSeats { // how many streams there may be; any thread
public:
    explicit EventSeats(int most) : left_(std::make_shared<std::atomic<int>>(most)) {}
    std::shared_ptr<void> take(); // null: all are taken
    int left() const { return *left_; }

private:
    const std::shared_ptr<std::atomic<int>> left_;
};

// Writes events until the reader goes, or a SessionOver passes. `store` outlives it.
net::Task<> followEvents(net::Strand& strand, net::Stream& stream, store::Store& store, Following following, std::chrono::milliseconds heartbeat);

Poco::JSON::Object::Ptr toJson(const store::Event& event);
std::string eventText(const store::Event& event); // the same, on one line

} // namespace postfach::admin
