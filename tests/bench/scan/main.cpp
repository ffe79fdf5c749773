// bench_scan: what a scan costs inside this process, and what it costs in the scanner's. The same engine, the same options and
// rules (scanner/process), the same mails; one line of JSON at the end.
//
//   bench_scan inside  --signatures DIR --folder DIR --scans N [--processes N]
//   bench_scan process --signatures DIR --folder DIR --scans N --program FILE
#include "scanner/client.h"
#include "scanner/process/engine.h"
#include "scanner/process/options.h"
#include "scanner/process/scan.h"
#include "scanner/wire.h"
#include "server/base/file.h"
#include "tests/bench/load/mail.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace {
using namespace postfach;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kSize = 5 * 1024; // and made as bench_load makes the mails it delivers

struct Wanted {
    std::map<std::string, std::string> options;
    const std::string& text(const std::string& name) const
    {
        const auto found = options.find(name);
        if (found == options.end())
            throw std::runtime_error("say --" + name);
        return found->second;
    }
    std::size_t number(const std::string& name, std::size_t otherwise) const
    {
        return options.contains(name) ? std::stoul(options.at(name)) : otherwise;
    }
};

double microseconds(Clock::duration spent, std::size_t scans)
{
    return std::chrono::duration<double, std::micro>(spent).count() / static_cast<double>(scans);
}

void say(Clock::duration spent, std::size_t scans)
{
    std::printf("{\"microseconds\": %.1f, \"rate\": %.1f}\n", microseconds(spent, scans),
                static_cast<double>(scans) / std::chrono::duration<double>(spent).count());
}

void scanAll(cl_engine* engine, const scanner::Limits& limits, std::size_t first, std::size_t step, std::size_t scans)
{
    scanner::Scanner one(engine, limits);
    for (std::size_t number = first; number < scans; number += step) {
        const std::string text = std::string(scanner::wire::kReceived) + load::mail(number, kSize);
        if (!one.scan(std::vector<std::string_view>{text}).clean())
            throw std::runtime_error("a mail was not clean");
    }
}

// libclamav in this process, or in several that were forked when the signatures were there. Each has a temporary folder of its own.
void inside(const Wanted& wanted)
{
    scanner::ProcessOptions options;
    options.signatures = wanted.text("signatures");
    options.folder = wanted.text("folder");
    scanner::initializeLibrary();
    const auto limits = scanner::Limits::forProcess(options);
    const auto set = scanner::loadSignatures(options, limits);
    const std::size_t processes = wanted.number("processes", 1), scans = wanted.number("scans", 1'000);
    const auto start = Clock::now();
    std::vector<pid_t> children;
    for (std::size_t number = 0; number < processes; ++number) {
        const std::string folder = options.folder + "/temporary-" + std::to_string(number);
        std::filesystem::create_directory(folder);
        const pid_t child = ::fork();
        if (child < 0)
            throw std::runtime_error("fork failed");
        if (child > 0) {
            children.push_back(child);
            continue;
        }
        try {
            std::filesystem::current_path(folder);
            scanAll(set.engine.get(), limits, number, processes, scans);
            ::_exit(0);
        } catch (const std::exception&) {
            ::_exit(1);
        }
    }
    bool well = true;
    for (const pid_t child : children) {
        int status = 0;
        well = ::waitpid(child, &status, 0) == child && status == 0 && well;
    }
    if (!well)
        throw std::runtime_error("a mail was not clean");
    say(Clock::now() - start, scans);
}

void process(const Wanted& wanted)
{
    scanner::Options options;
    options.program = wanted.text("program");
    options.signatures = wanted.text("signatures");
    options.run_folder = wanted.text("folder");
    options.workers = 1;
    const auto client = scanner::startClient(options);
    const std::size_t scans = wanted.number("scans", 1'000);
    const auto scan = [&client](std::size_t number) {
        const auto promise = std::make_shared<std::promise<scanner::Verdict>>();
        scanner::Content content;
        content.pieces.push_back(load::mail(number, kSize));
        client->scan(std::move(content), [promise](scanner::Verdict verdict) { promise->set_value(std::move(verdict)); });
        if (promise->get_future().get().kind != scanner::Verdict::Kind::clean)
            throw std::runtime_error("a mail was not clean");
    };
    scan(0); // waits for the signatures
    const auto start = Clock::now();
    for (std::size_t number = 0; number < scans; ++number)
        scan(number);
    say(Clock::now() - start, scans);
}

} // namespace

int main(int count, char** words)
{
    try {
        Wanted wanted;
        const std::string mode = count > 1 ? words[1] : "";
        for (int i = 2; i + 1 < count; i += 2)
            wanted.options[std::string(words[i]).substr(2)] = words[i + 1];
        if (mode == "inside")
            inside(wanted);
        else if (mode == "process")
            process(wanted);
        else
            throw std::runtime_error("bench_scan inside|process");
    } catch (const std::exception& error) {
        std::printf("{\"error\": \"%s\"}\n", error.what());
        return 1;
    }
    return 0;
}
