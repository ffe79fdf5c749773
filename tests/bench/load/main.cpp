// bench_load MODE --option value …: load for a mail server on 127.0.0.1, and figures as one line of JSON. Exit status 1 and a
// line with "error" when the server does not do what it is asked.
#include "tests/bench/load/modes.h"

#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <string_view>

namespace {

using postfach::load::Loop;
using postfach::load::Options;

struct Mode {
    std::string_view name;
    void (*run)(Loop&, const Options&);
    const char* options;
};

constexpr Mode kModes[] = {
    {"idle", postfach::load::idle, "--count N --watchers N --user A,B… --password P --lmtp PORT"},
    {"login", postfach::load::login, "--clients N --count N --user A --password P"},
    {"canary", postfach::load::canary, "--seconds N --every MICROSECONDS --user A --password P"},
    {"stall", postfach::load::stall, "--count N --user A --password P"},
    {"trickle", postfach::load::trickle, "--count N --user A --password P"},
    {"half-open", postfach::load::halfOpen, "--count N --sources N"},
    {"flood", postfach::load::flood, "--count N --window N --user A --password P"},
    {"deliver", postfach::load::deliver, "--count SENDERS --mails N --user A,B… --size BYTES --recipients N --alike"},
    {"append", postfach::load::append, "--count SESSIONS --mails N --user A,B… --password P --size BYTES"},
    {"ask", postfach::load::ask, "--before C --command \"A|B\" --repeat N --pattern TEXT --expect N --user A --password P"},
    {"retr", postfach::load::retr, "--messages N --window N --dele --user A --password P"},
    {"maildrop", postfach::load::maildrop, "--repeat N --user A --password P"},
};

int usage()
{
    std::fprintf(stderr, "Usage: bench_load MODE --port PORT [--tls] [--at-once N] [--sources N] …\n");
    for (const Mode& mode : kModes)
        std::fprintf(stderr, "  %-10s %s\n", std::string(mode.name).c_str(), mode.options);
    return 2;
}

void raiseDescriptors()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace

int main(int count, char** words)
{
    if (count < 2)
        return usage();
    for (const Mode& mode : kModes) {
        if (mode.name != words[1])
            continue;
        try {
            raiseDescriptors();
            const Options options(count - 2, words + 2);
            Loop loop;
            mode.run(loop, options);
            return 0;
        } catch (const std::exception& error) {
            postfach::load::Figures().text("error", error.what()).print();
            return 1;
        }
    }
    return usage();
}
