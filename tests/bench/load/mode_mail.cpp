// Mail that comes in, by LMTP and by APPEND.
#include "tests/bench/load/crowd.h"
#include "tests/bench/load/mail.h"
#include "tests/bench/load/modes.h"

#include <ctime>

namespace postfach::load {
namespace {

// Texts that no earlier run has sent; made before the clock runs.
std::vector<std::string> mails(const Options& options, std::size_t count)
{
    const std::size_t size = static_cast<std::size_t>(options.number("size", 5120));
    const unsigned long first = static_cast<unsigned long>(options.number("first", static_cast<long>(std::time(nullptr)) * 100000));
    std::vector<std::string> made;
    made.reserve(count);
    for (std::size_t at = 0; at < count; ++at)
        made.push_back(mail(options.is("alike") ? first : first + at, size));
    return made;
}

// Hands out the numbers 0…total-1 to clients that each do one thing after the other.
struct Errands {
    const std::size_t total;
    std::size_t given = 0, done = 0;
    Samples times = {};
};

void run(Loop& loop, Crowd& crowd, Errands& errands, const std::function<void(Client&, std::size_t, std::size_t, std::function<void()>)>& errand)
{
    std::function<void(std::size_t)> next = [&](std::size_t client) {
        if (errands.given == errands.total)
            return;
        const std::size_t number = errands.given++;
        const Clock::time_point began = Clock::now();
        errand(crowd[client], client, number, [&errands, &next, client, began] {
            errands.times.add(Clock::now() - began);
            ++errands.done;
            next(client);
        });
    };
    const Clock::time_point began = Clock::now();
    for (std::size_t client = 0; client < crowd.size(); ++client)
        next(client);
    loop.until([&errands] { return errands.done == errands.total; }, std::chrono::seconds(600));
    Figures().rate("rate", static_cast<double>(errands.total), Clock::now() - began).times("each", errands.times).print();
}

} // namespace

// LMTP: --count senders, --mails in all, sender by sender to the next --user; with --recipients each mail to that many of them.
void deliver(Loop& loop, const Options& options)
{
    const std::vector<std::string> users = options.list("user");
    Errands errands{static_cast<std::size_t>(options.number("mails", 100))};
    std::vector<std::string> texts;
    for (const std::string& one : mails(options, errands.total))
        texts.push_back(stuffed(one));
    Crowd crowd(loop, options, endpoint(options), [](Client& client, std::size_t, std::function<void()> begun) { lmtpHello(client, std::move(begun)); });
    crowd.gather();
    const std::size_t recipients = static_cast<std::size_t>(options.number("recipients", 1));
    run(loop, crowd, errands, [&](Client& client, std::size_t at, std::size_t number, std::function<void()> then) {
        std::vector<std::string> to;
        for (std::size_t each = 0; each < recipients; ++each)
            to.push_back(users[(at + each) % users.size()]);
        lmtpDeliver(client, to, texts[number], nullptr, std::move(then));
    });
}

// IMAP APPEND in one piece (LITERAL+): --count sessions, --mails in all.
void append(Loop& loop, const Options& options)
{
    const std::vector<Account> users = accounts(options);
    Errands errands{static_cast<std::size_t>(options.number("mails", 100))};
    std::vector<std::string> commands;
    for (const std::string& one : mails(options, errands.total))
        commands.push_back("t APPEND INBOX {" + std::to_string(one.size()) + "+}\r\n" + one + "\r\n");
    Crowd crowd(loop, options, endpoint(options), [&users](Client& client, std::size_t at, std::function<void()> begun) {
        imapLogin(client, users[at % users.size()], std::move(begun));
    });
    crowd.gather();
    run(loop, crowd, errands, [&](Client& client, std::size_t, std::size_t number, std::function<void()> then) {
        client.ask(commands[number], Answer::tagged(), std::move(then));
    });
}

} // namespace postfach::load
