#include "admin/events.h"
#include "admin/api/json.h"
#include "server/base/json_text.h"

#include <utility>

namespace postfach::admin {
namespace {
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kPiece = 500;                    // rows that are looked at in one go
constexpr auto kPace = std::chrono::milliseconds(50);  // between two looks: a flood of deliveries is not read one by one
constexpr auto kMayAgain = std::chrono::seconds(1);    // between two looks whether its reader may still see it
constexpr auto kSlowReader = std::chrono::seconds(30); // who takes nothing for so long is gone

std::string lines(const store::Event& event)
{
    return "id: " + std::to_string(event.id) + "\nevent: " + event.kind + "\ndata: " + eventText(event) + "\n\n";
}

struct Read {
    std::vector<store::Event> events;
    std::int64_t looked = 0;
    std::string gap; // what of it is not in the journal any more
    bool over = false; // its reader may not see it any more
    Read() = default;
};

// Who was away for longer than the journal lasts is told so: what he missed must be asked for by other means.
Read readFirst(store::Store& store, const Following& following)
{
    Read read;
    const auto tx = store.read();
    const auto range = tx->eventRange();
    read.looked = following.after.value_or(range.newest);
    const auto oldest = range.oldest == 0 ? range.newest + 1 : range.oldest;
    if (following.after && *following.after + 1 < oldest)
        read.gap = "event: gap\ndata: " + base::jsonObject({{"from", *following.after + 1}, {"to", oldest - 1}}) + "\n\n";
    return read;
}

Read readNext(store::Store& store, const Following& following, std::int64_t after, bool ask)
{
    Read read;
    read.over = ask && following.may && !following.may();
    if (!read.over)
        read.events = store.read()->eventsSince(following.filter, after, kPiece, read.looked);
    return read;
}

} // namespace

std::shared_ptr<void> EventSeats::take()
{
    if (left_->fetch_sub(1) > 0)
        return {left_.get(), [left = left_](void*) { ++*left; }}; // not null: a seat
    ++*left_;
    return nullptr;
}

net::Task<> followEvents(
    net::Strand& strand, net::Stream& stream, store::Store& store, Following following, std::chrono::milliseconds heartbeat)
{
    // Before the first look: what is committed after it wakes us.
    const store::Subscription watching = store.watchEvents([&strand] { strand.wake(net::kNews); });
    auto first = [&store, &following] { return readFirst(store, following); };
    Read read = co_await strand.offload(std::move(first));
    std::int64_t after = read.looked;
    strand.deadline(SteadyClock::now() + kSlowReader);
    stream.write("retry: 2000\n\n" + read.gap);
    co_await stream.flush();
    auto asked = SteadyClock::now();
    for (;;) {
        const auto begun = SteadyClock::now();
        const bool ask = begun - asked >= kMayAgain;
        asked = ask ? begun : asked;
        auto next = [&store, &following, after, ask] { return readNext(store, following, after, ask); };
        read = co_await strand.offload(std::move(next));
        if (read.over)
            co_return;
        const bool all = read.looked == after;
        after = read.looked;
        for (const store::Event& event : read.events) {
            stream.write(lines(event));
            strand.deadline(SteadyClock::now() + kSlowReader);
            co_await stream.drain();
        }
        strand.deadline(SteadyClock::now() + kSlowReader);
        co_await stream.flush();
        if (!all)
            continue; // perhaps there is more

        std::uint32_t came = 0;
        strand.deadline(SteadyClock::now() + heartbeat);
        try {
            came = co_await stream.input(net::kNews);
        } catch (const net::DeadlinePassed&) {
            came = 0;
        }
        if ((came & net::kReadable) != 0)
            co_return; // he is gone, or asks something else: there is nothing to say behind a stream
        if (came == 0) {
            strand.deadline(SteadyClock::now() + kSlowReader);
            stream.write(": still here\n\n");
            co_await stream.flush();
        } else if (const auto due = begun + kPace; due > SteadyClock::now()) {
            co_await strand.sleep(due);
        }
    }
}

std::string eventText(const store::Event& event)
{
    std::string data = base::jsonObject({{"id", event.id}, {"time", base::rfc3339(event.time)}, {"kind", event.kind}});
    data.pop_back();
    data += ",\"account\":" + (event.account.empty() ? std::string("null") : base::JsonField("", event.account).value);
    return data + ",\"data\":" + (event.data.empty() ? std::string("{}") : event.data) + "}";
}

Poco::JSON::Object::Ptr toJson(const store::Event& event)
{
    auto out = object();
    out->set("id", event.id);
    out->set("time", base::rfc3339(event.time));
    out->set("kind", event.kind);
    out->set("account", event.account.empty() ? Poco::Dynamic::Var() : Poco::Dynamic::Var(event.account));
    out->set("data", event.data.empty() ? Poco::Dynamic::Var(object()) : storedObject(event.data));
    return out;
}

} // namespace postfach::admin
