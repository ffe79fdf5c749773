// postfach-scanner: started by the server (scanner/generation.cpp), never by hand. It alone links libclamav.
#include "scanner/process/options.h"
#include "scanner/process/parent.h"
#include "server/base/text.h"

#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using postfach::scanner::ProcessOptions;

bool parse(int argc, char** argv, ProcessOptions& into)
{
    const auto number = [](auto& target) {
        return [&target](std::string_view text) {
            const auto value = postfach::base::parseU64(text);
            if (value)
                target = static_cast<std::remove_reference_t<decltype(target)>>(*value);
            return value.has_value();
        };
    };
    const auto text = [](std::string& target) {
        return [&target](std::string_view value) {
            target = value;
            return true;
        };
    };
    const auto mode = [&into](std::string_view value) {
        into.mode = value == "strict" ? ProcessOptions::Mode::strict : ProcessOptions::Mode::lenient;
        return value == "strict" || value == "lenient";
    };
    const auto flag = [](bool& target) {
        return [&target](std::string_view value) {
            target = value == "yes";
            return value == "yes" || value == "no";
        };
    };
    const std::map<std::string_view, std::function<bool(std::string_view)>> known{
        {"--control", number(into.control)},       {"--server", number(into.server)},
        {"--signatures", text(into.signatures)},   {"--folder", text(into.folder)},
        {"--workers", number(into.workers)},       {"--deadline", number(into.deadline)},
        {"--temp-bytes", number(into.temp_bytes)}, {"--mode", mode},
        {"--serving", number(into.serving)},       {"--least", number(into.least)},
        {"--background", flag(into.background)},   {"--temp-in-memory", flag(into.temp_in_memory)},
    };
    for (int i = 1; i + 1 < argc; i += 2) {
        const auto option = known.find(argv[i]);
        if (option == known.end() || !option->second(argv[i + 1]))
            return false;
    }
    return argc % 2 == 1 && into.control >= 0 && !into.folder.empty() && into.workers > 0 && into.workers <= 256;
}

} // namespace

int main(int argc, char** argv)
{
    ProcessOptions options;
    if (!parse(argc, argv, options)) {
        std::fputs("postfach-scanner scans mail for viruses. The server `postfach` starts it; there is nothing to do by hand.\n", stderr);
        return 2;
    }
    // The death signal reaches us even while signatures load and nobody reads the control socket.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != options.server)
        return 0;
    ::setsid(); // Ctrl-C is for the server: it still needs verdicts while it drains
    ::umask(0077);
    ::fcntl(options.control, F_SETFD, FD_CLOEXEC);
    sigset_t children;
    ::sigemptyset(&children);
    ::sigaddset(&children, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &children, nullptr);
    return postfach::scanner::runParent(options);
}
