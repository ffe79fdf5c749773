// Commands of one IMAP session, timed: --before ONE, then --command "A|B|…" in a row, --repeat times. What stands after the
// last | is timed. --pattern counts that text in the answers, and --expect how often it must stand in each.
#include "tests/bench/load/modes.h"

namespace postfach::load {
namespace {

std::vector<std::string> parts(const std::string& text)
{
    std::vector<std::string> found{""};
    for (const char c : text) {
        if (c == '|')
            found.emplace_back();
        else
            found.back() += c;
    }
    return found;
}

} // namespace

void ask(Loop& loop, const Options& options)
{
    Client client(loop, endpoint(options));
    bool answered = false;
    const auto wait = [&] {
        answered = false;
        loop.until([&answered] { return answered; }, std::chrono::seconds(300));
    };
    const auto then = [&answered] { answered = true; };
    imapLogin(client, accounts(options).front(), then);
    client.open();
    wait();
    for (const std::string& command : options.is("before") ? parts(options.text("before")) : std::vector<std::string>()) {
        client.ask("t " + command + "\r\n", Answer::tagged(), then);
        wait();
    }
    if (options.is("pattern"))
        client.count(options.text("pattern"));
    const std::vector<std::string> commands = parts(options.require("command"));
    Samples times;
    Clock::duration all{};
    std::size_t bytes = 0;
    const long repeat = options.number("repeat", 1);
    for (long turn = 0; turn < repeat; ++turn) {
        const std::size_t counted = client.counted();
        for (std::size_t at = 0; at < commands.size(); ++at) {
            const std::size_t before = client.bytes();
            const Clock::time_point began = Clock::now();
            client.ask("t " + commands[at] + "\r\n", Answer::tagged(), then);
            wait();
            if (at + 1 < commands.size())
                continue;
            times.add(Clock::now() - began);
            all += Clock::now() - began;
            bytes += client.bytes() - before;
        }
        if (options.is("expect") && client.counted() - counted != static_cast<std::size_t>(options.number("expect", 0)))
            throw Failed("counted " + std::to_string(client.counted() - counted) + ", expected " + options.text("expect"));
    }
    Figures().rate("rate", static_cast<double>(repeat), all).rate("bytes_per_s", static_cast<double>(bytes), all)
        .rate("counted_per_s", static_cast<double>(client.counted()), all).set("counted", static_cast<double>(client.counted()))
        .times("answer", times).print();
}

} // namespace postfach::load
