#include "server/appliance/serve.h"
#include "server/appliance/appliance.h"
#include "server/appliance/live_config.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pthread.h>
#include <unistd.h>

namespace postfach::appliance {
namespace {

struct Given {
    std::string data, file;
    std::vector<std::pair<std::string, std::string>> settings; // -D
    bool demo = false, help = false;
};

void printHelp()
{
    std::cout << "postfach serve --data DIR [--config FILE] [-D KEY=VALUE]… [--demo]\n\n"
                 "Serves in the foreground until SIGTERM or Ctrl-C; logs to standard output. SIGHUP reads certificates and configuration again.\n"
                 "--demo makes, on an empty data directory, example.org with alice and bob and prints their passwords.\n"
                 "A key may also be set in the file (KEY = VALUE) or the environment (imap.port as POSTFACH_IMAP_PORT).\n\n"
                 "Keys:\n";
    for (const auto& key : base::Config::keys())
        std::printf("  %-34s %s (default: %s; allowed: %s)\n", key.name.c_str(), key.meaning.c_str(),
                    key.standard.empty() ? "none" : key.standard.c_str(), key.allowed.c_str());
}

Given parseArguments(int argc, char** argv)
{
    Given given;
    if (const char* data = std::getenv("POSTFACH_DATA"))
        given.data = data;
    const std::vector<std::string> words(argv + 1, argv + argc);
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[i];
        // The value of an option: "--data DIR", "--data=DIR", "-DKEY=VALUE".
        const auto value = [&](const std::string& option) -> std::optional<std::string> {
            if (word == option) {
                if (++i == words.size())
                    throw base::Refused(option + " needs a value");
                return words[i];
            }
            if (option.size() > 2 && word.starts_with(option + "="))
                return word.substr(option.size() + 1);
            if (option.size() == 2 && word.starts_with(option))
                return word.substr(2);
            return std::nullopt;
        };
        if (word == "serve")
            continue;
        if (word == "--help" || word == "-h")
            given.help = true;
        else if (word == "--demo")
            given.demo = true;
        else if (auto data = value("--data"))
            given.data = *data;
        else if (auto file = value("--config"))
            given.file = *file;
        else if (auto setting = value("-D")) {
            const auto equals = setting->find('=');
            if (equals == std::string::npos)
                throw base::Refused("-D wants KEY=VALUE, not '" + base::printable(*setting) + "'");
            given.settings.emplace_back(setting->substr(0, equals), setting->substr(equals + 1));
        } else {
            throw base::Refused("unknown option '" + base::printable(word) + "'; see: postfach serve --help");
        }
    }
    return given;
}

base::Config readConfig(const Given& given)
{
    base::Config config;
    if (!given.file.empty())
        config.readFile(given.file);
    config.readEnvironment();
    for (const auto& [key, value] : given.settings)
        config.set(key, value);
    return config;
}

// Blocked in every thread and taken by sigwait() alone: no handler runs in the middle of anything.
sigset_t takeSignals()
{
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}
} // namespace

int runServe(int argc, char** argv)
try {
    const Given given = parseArguments(argc, argv);
    if (given.help) {
        printHelp();
        return 0;
    }
    if (given.data.empty())
        throw base::Refused("where should the data be? postfach serve --data DIR");
    Options options;
    options.config = readConfig(given);
    options.data = given.data;
    options.demo = given.demo;
    options.reread = [given] { return readConfig(given); };
    configureLog(options.config);
    const sigset_t signals = takeSignals();
    Appliance appliance(std::move(options));
    appliance.start();
    for (;;) {
        int signal = 0;
        sigwait(&signals, &signal);
        if (signal != SIGHUP)
            break;
        appliance.reload();
    }
    base::logInfo("appliance", "stopping");
    appliance.stop();
    return 0;
} catch (const base::Refused& refused) {
    std::cerr << "postfach: " << refused.what() << std::endl;
    return refused.exit_status;
} catch (const std::exception& error) {
    std::cerr << "postfach: " << error.what() << std::endl;
    return 1;
}

} // namespace postfach::appliance
