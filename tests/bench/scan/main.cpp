// bench_scan: what a scan costs inside this process, and what it costs in the scanner's. The same engine, the same options and
// rules (scanner/process), the same mails; one line of JSON at the end.
//
//   bench_scan inside  --signatures DIR --folder DIR --scans N [--threads N]
//   bench_scan process --signatures DIR --folder DIR --scans N --program FILE
#include "scanner/client.h"
#include "scanner/process/engine.h"
#include "scanner/process/options.h"
#include "scanner/process/scan.h"
#include "scanner/wire.h"
#include "server/base/file.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {
using namespace postfach;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kSize = 5 * 1024;

std::string mail(std::size_t number)
{
    std::string text = "From: sender" + std::to_string(number) + "@elsewhere.test\r\nTo: one@office.test\r\nSubject: Minutes " + std::to_string(number)
                     + "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
    for (std::size_t line = 0; text.size() < kSize; ++line)
        text += std::to_string(number * 7 + line) + " The minutes of our meeting on Tuesday are below; please read them.\r\n";
    return text;
}

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

// libclamav in this process. Its temporary folder is the working directory.
void inside(const Wanted& wanted)
{
    scanner::ProcessOptions options;
    options.signatures = wanted.text("signatures");
    options.folder = wanted.text("folder");
    scanner::initializeLibrary();
    const auto limits = scanner::Limits::forProcess(options);
    const auto set = scanner::loadSignatures(options, limits);
    if (::chdir(options.folder.c_str()) != 0)
        throw std::runtime_error("the folder cannot be entered");
    const std::size_t threads = wanted.number("threads", 1), scans = wanted.number("scans", 1'000);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> wrong{false};
    const auto work = [&] {
        scanner::Scanner one(set.engine.get(), limits);
        for (std::size_t number = next++; number < scans; number = next++) {
            const std::string text = std::string(scanner::wire::kReceived) + mail(number);
            wrong = wrong || !one.scan(std::vector<std::string_view>{text}).clean();
        }
    };
    const auto start = Clock::now();
    std::vector<std::thread> all;
    for (std::size_t i = 1; i < threads; ++i)
        all.emplace_back(work);
    work();
    for (auto& thread : all)
        thread.join();
    if (wrong)
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
        content.pieces.push_back(mail(number));
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
