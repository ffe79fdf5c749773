// Peers that harm, and the canary that tells whether they do.
#include "tests/bench/load/crowd.h"
#include "tests/bench/load/modes.h"

namespace postfach::load {
namespace {

void holdUntilTold(Loop& loop, double ready)
{
    Figures().set("ready", ready).print();
    loop.command();
}

} // namespace

// One session asks NOOP after NOOP, --every microseconds (0), for --seconds or until standard input ends.
void canary(Loop& loop, const Options& options)
{
    Client client(loop, endpoint(options));
    const std::chrono::microseconds gap(options.number("every", 0));
    Samples times;
    bool begun = false;
    Clock::time_point asked;
    std::function<void()> ping = [&] {
        asked = Clock::now();
        client.ask("t NOOP\r\n", Answer::tagged(), [&] {
            times.add(Clock::now() - asked);
            if (gap.count() != 0)
                loop.after(gap, ping);
            else
                ping();
        });
    };
    imapLogin(client, accounts(options).front(), [&] {
        client.ask("t SELECT INBOX\r\n", Answer::tagged(), [&] { begun = true; });
    });
    client.open();
    loop.until([&begun] { return begun; }, std::chrono::seconds(60));
    const Clock::time_point began = Clock::now();
    ping();
    if (options.is("seconds")) {
        const std::chrono::seconds time(options.number("seconds", 1));
        loop.until([&] { return Clock::now() >= began + time; }, time + std::chrono::seconds(60));
    } else {
        holdUntilTold(loop, 1);
    }
    Figures().rate("rate", static_cast<double>(times.size()), Clock::now() - began).times("noop", times).print();
}

// Readers who ask for all there is and take nothing.
void stall(Loop& loop, const Options& options)
{
    const std::vector<Account> users = accounts(options);
    Endpoint to = endpoint(options);
    to.receive_buffer = 4096;
    Crowd crowd(loop, options, to, [&users](Client& client, std::size_t at, std::function<void()> begun) {
        imapLogin(client, users[at % users.size()], [&client, begun = std::move(begun)] {
            client.ask("t SELECT INBOX\r\n", Answer::tagged(), [&client, begun] {
                client.reading(false);
                client.send("t FETCH 1:* BODY.PEEK[]\r\n");
                begun();
            });
        });
    });
    crowd.gather();
    holdUntilTold(loop, static_cast<double>(crowd.size()));
}

// Writers who announce a megabyte and bring a byte a second.
void trickle(Loop& loop, const Options& options)
{
    const std::vector<Account> users = accounts(options);
    Crowd crowd(loop, options, endpoint(options), [&users](Client& client, std::size_t at, std::function<void()> begun) {
        imapLogin(client, users[at % users.size()], [&client, begun = std::move(begun)] {
            client.ask("t APPEND INBOX {1000000}\r\n", Answer::goAhead(), begun);
        });
    });
    crowd.gather();
    std::size_t next = 0;
    std::function<void()> feed = [&] { // a hundredth of the crowd every ten milliseconds
        for (std::size_t count = (crowd.size() + 99) / 100; count > 0; --count)
            crowd[next++ % crowd.size()].send("x");
        loop.after(std::chrono::milliseconds(10), feed);
    };
    feed();
    holdUntilTold(loop, static_cast<double>(crowd.size()));
}

// Connections that send the beginning of a TLS record (--tls) or of a command, and nothing more. "count" says how many are left.
void halfOpen(Loop& loop, const Options& options)
{
    Endpoint to = endpoint(options);
    const bool tls = to.tls;
    to.tls = false; // no handshake of ours
    std::size_t ended = 0;
    Crowd crowd(loop, options, to, [&ended, tls](Client& client, std::size_t, std::function<void()> begun) {
        client.on_end = [&ended](const std::string&) { ++ended; };
        client.on_sent = [begun = std::move(begun)] { begun(); };
        client.send(tls ? std::string_view("\x16\x03\x01\x02", 4) : std::string_view("t LO", 4));
    });
    crowd.gather();
    Figures().set("ready", static_cast<double>(crowd.size())).print();
    while (loop.command() == "count")
        Figures().set("open", static_cast<double>(crowd.size() - ended)).print();
}

// --count clients that each have --window (1000) NOOPs on their way, until standard input ends.
void flood(Loop& loop, const Options& options)
{
    const std::vector<Account> users = accounts(options);
    const unsigned window = static_cast<unsigned>(options.number("window", 1000));
    std::string commands;
    for (unsigned at = 0; at < window; ++at)
        commands += "t NOOP\r\n";
    double answered = 0;
    std::function<void(Client&)> pour = [&](Client& client) {
        client.ask(commands, Answer::tagged(window), [&answered, &pour, &client, window] {
            answered += window;
            pour(client);
        });
    };
    Crowd crowd(loop, options, endpoint(options), [&users, &pour](Client& client, std::size_t at, std::function<void()> begun) {
        imapLogin(client, users[at % users.size()], [&pour, &client, begun = std::move(begun)] {
            pour(client);
            begun();
        });
    });
    crowd.gather();
    const Clock::time_point began = Clock::now();
    const double before = answered;
    holdUntilTold(loop, static_cast<double>(crowd.size()));
    Figures().rate("rate", answered - before, Clock::now() - began).print();
}

} // namespace postfach::load
