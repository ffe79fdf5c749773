// POP3.
#include "tests/bench/load/modes.h"

#include <algorithm>

namespace postfach::load {

// RETR of --messages, --window (1) of them on their way at a time; with --dele each is deleted, and QUIT counts too.
void retr(Loop& loop, const Options& options)
{
    Client client(loop, endpoint(options));
    bool begun = false, ended = false;
    pop3Login(client, accounts(options).front(), [&begun] { begun = true; });
    client.open();
    loop.until([&begun] { return begun; }, std::chrono::seconds(60));
    const long messages = options.number("messages", 1), window = options.number("window", 1);
    const bool dele = options.is("dele");
    long sent = 0, answered = 0;
    std::function<void()> more = [&] { // a window is sent whole, and the next when half of it is answered
        std::string commands;
        for (; sent < messages && sent - answered < window; ++sent) {
            const std::string number = std::to_string(sent + 1) + "\r\n";
            commands += "RETR " + number;
            client.await(Answer::dotted(), dele ? std::function<void()>() : [&] {
                ++answered;
                if (sent - answered <= window / 2)
                    more();
            });
            if (!dele)
                continue;
            commands += "DELE " + number;
            client.await(Answer::told(), [&] {
                ++answered;
                if (sent - answered <= window / 2)
                    more();
            });
        }
        if (!commands.empty())
            client.send(commands);
    };
    const std::size_t before = client.bytes();
    const Clock::time_point began = Clock::now();
    more();
    loop.until([&] { return answered == messages; }, std::chrono::seconds(600));
    if (dele) {
        client.on_end = [&ended](const std::string&) { ended = true; };
        bool quit = false;
        client.ask("QUIT\r\n", Answer::told(), [&quit] { quit = true; });
        loop.until([&] { return quit || ended; }, std::chrono::seconds(300));
    }
    const Clock::duration time = Clock::now() - began;
    Figures().rate("rate", static_cast<double>(messages), time).rate("bytes_per_s", static_cast<double>(client.bytes() - before), time).print();
}

// A client that looks what is there: login, STAT, UIDL, LIST, QUIT, --repeat times.
void maildrop(Loop& loop, const Options& options)
{
    Client client(loop, endpoint(options));
    const Account account = accounts(options).front();
    Samples times;
    const long repeat = options.number("repeat", 1);
    const Clock::time_point all = Clock::now();
    for (long turn = 0; turn < repeat; ++turn) {
        bool ended = false;
        client.on_end = [&ended](const std::string&) { ended = true; };
        const Clock::time_point began = Clock::now();
        client.again();
        pop3Login(client, account, [&client] {
            client.ask("STAT\r\n", Answer::told(), [&client] {
                client.ask("UIDL\r\n", Answer::dotted(), [&client] {
                    client.ask("LIST\r\n", Answer::dotted(), [&client] { client.send("QUIT\r\n"); });
                });
            });
        });
        loop.until([&ended] { return ended; }, std::chrono::seconds(300));
        times.add(Clock::now() - began);
    }
    Figures().rate("rate", static_cast<double>(repeat), Clock::now() - all).set("bytes", static_cast<double>(client.bytes()))
        .times("session", times).print();
}

} // namespace postfach::load
