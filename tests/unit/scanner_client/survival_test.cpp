// What happens to scans when processes die, hang or lose their ground.
#include "scanner/generation.h"
#include "tests/support/work.h"
#include "tests/unit/scanner_client/support.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <sys/stat.h>

using namespace postfach::scanner;
using namespace postfach::scanner::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// A second of work for a worker: much text to normalize.
const std::string& slowMail() // a second and more, however fast the machine
{
    static std::string mail;
    if (!mail.empty())
        return mail;
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += "<p>" + std::to_string(i) + "</p><script>var a" + std::to_string(i) + " = 1;</script>\n";
    mail = "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<html><body>" + text + "</body></html>";
    return mail;
}

bool stopped(int pid)
{
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string all;
    std::getline(file, all);
    return all.find(") T ") != std::string::npos;
}

bool gone(int pid)
{
    for (int i = 0; i < 5'000; ++i) {
        if (::kill(pid, 0) != 0)
            return true;
        std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
        std::string all;
        std::getline(file, all);
        if (all.find(") Z ") != std::string::npos)
            return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

} // namespace

TEST_CASE("a scan whose worker is killed gets its verdict from the next one", "[scanner][death]")
{
    Scanning scanning([](Options& options) { options.workers = 1; });
    REQUIRE(scanning.untilReady());
    REQUIRE(scanning.workers().size() == 1);
    const int worker = scanning.workers().front();
    ::kill(worker, SIGSTOP); // holds the scan, so that the kill surely comes in the middle
    REQUIRE(scanning.until([&](const Status&) { return stopped(worker); }));
    auto verdict = scanning.start({plain(eicar())});
    auto held = scanning.start({plain("Behind it in the queue.")});
    CHECK(held.wait_for(50ms) == std::future_status::timeout);
    ::kill(worker, SIGKILL);
    CHECK(verdict.get().kind == Kind::infected);
    CHECK(held.get().kind == Kind::clean);
    CHECK(scanning.client().status().restarts == 1);
}

TEST_CASE("a scan that kills two workers is an error, and unscannable when it comes back for ever", "[scanner][death]")
{
    Scanning scanning([](Options& options) { options.workers = 1; });
    REQUIRE(scanning.untilReady());
    int deliveries = 0; // each puts another head before the same mail
    const auto poison = [&] { return Content{.pieces = {"X-Delivery: " + std::to_string(++deliveries) + "\r\n" + slowMail()}, .key = "the mail"}; };
    const auto killAll = [&](std::future<Verdict>& verdict) {
        // Long enough for the next worker to start and take the scan, too short for it to be done.
        while (verdict.wait_for(100ms) != std::future_status::ready)
            for (const int worker : scanning.workers())
                ::kill(worker, SIGKILL);
        return verdict.get();
    };
    for (int round = 0; round < 2; ++round) {
        auto verdict = scanning.start(poison());
        CHECK(killAll(verdict).kind == Kind::error);
    }
    auto verdict = scanning.start(poison());
    CHECK(killAll(verdict).kind == Kind::unscannable);
    CHECK(scanning.scan(plain("Good morning.")).kind == Kind::clean);
}

TEST_CASE("when the scanner's parent is killed, it is started again and scans go on", "[scanner][death]")
{
    Scanning scanning;
    REQUIRE(scanning.untilReady());
    const auto parents = scanning.processes();
    const auto workers = scanning.workers();
    REQUIRE(parents.size() == 1);
    ::kill(parents.front(), SIGKILL);
    CHECK(scanning.scan(plain(eicar())).kind == Kind::infected);
    CHECK(scanning.scan(plain("Good morning.")).kind == Kind::clean);
    CHECK(scanning.until([](const Status& now) { return now.restarts >= 1; }));
    for (const int worker : workers) // die with their parent
        CHECK(gone(worker));
}

TEST_CASE("a worker that hangs is killed at the deadline, its scan tried again, and nobody else waits", "[scanner][deadline]")
{
    Scanning scanning([](Options& options) { options.deadline = 1500ms; });
    REQUIRE(scanning.until([&](const Status& status) { return status.ready && scanning.workers().size() == 2; }));
    // Large enough that both slots get some of them.
    const auto busy = [&] {
        std::vector<std::future<Verdict>> started;
        for (int i = 0; i < 8; ++i)
            started.push_back(scanning.start({plain(std::string(1'000'000, static_cast<char>('a' + i)))}));
        return started;
    };
    const auto allClean = [](std::vector<std::future<Verdict>> started) {
        return std::all_of(started.begin(), started.end(), [](auto& one) { return one.get().kind == Kind::clean; });
    };
    CHECK(allClean(busy()));
    REQUIRE(scanning.workers().size() == 2);
    const int worker = scanning.workers().front();
    ::kill(worker, SIGSTOP);
    REQUIRE(scanning.until([&](const Status&) { return stopped(worker); }));
    auto started = busy(); // only the hanging worker's is late
    for (int i = 0; i < 20; ++i)
        CHECK(scanning.scan(plain("others go on")).kind == Kind::clean);
    CHECK(allClean(std::move(started)));
    CHECK(gone(worker));
    CHECK(scanning.until([&](const Status&) { return scanning.workers().size() == 2; }));
}

TEST_CASE("a worker that is killed when its generation is old is replaced, and the signatures are not loaded again", "[scanner][deadline]")
{
    Scanning scanning([](Options& options) {
        options.workers = 1;
        options.deadline = 3s;
        options.greet_time = 2s; // so the generation is older than that when the deadline comes
    });
    REQUIRE(scanning.untilReady());
    const auto parents = scanning.processes();
    const int worker = scanning.workers().front();
    ::kill(worker, SIGSTOP);
    REQUIRE(scanning.until([&](const Status&) { return stopped(worker); }));
    CHECK(scanning.scan(plain(eicar())).kind == Kind::infected);
    CHECK(gone(worker));
    CHECK(scanning.processes() == parents);
    CHECK(scanning.client().status().restarts == 1);
}

TEST_CASE("a scanner that died waits for its predecessor only where memory is short, and the client sleeps meanwhile", "[scanner][death]")
{
    static std::atomic<std::uint64_t> memory;
    memory = ~0ULL;
    const bool is_short = GENERATE(false, true);
    CAPTURE(is_short);
    Scanning scanning([](Options& options) {
        options.workers = 1;
        options.available_memory = [] { return memory.load(); };
    });
    REQUIRE(scanning.untilReady());
    const auto before = scanning.processes();
    const int worker = scanning.workers().front();
    ::kill(worker, SIGSTOP);
    REQUIRE(scanning.until([&](const Status&) { return stopped(worker); }));
    auto held = scanning.start({plain(eicar())});
    CHECK(held.wait_for(50ms) == std::future_status::timeout); // it is in the worker's hands
    scanning.folder.write("signatures/own.ndb", ndb("Test.Other", "a pattern that only tests know"));
    scanning.client().reload();
    REQUIRE(scanning.until([](const Status& status) { return status.signature_count == 2; }));
    if (is_short)
        memory = 0;
    for (const int parent : scanning.processes())
        if (parent != before.front())
            ::kill(parent, SIGKILL);
    REQUIRE(scanning.until([](const Status& status) { return status.restarts > 0; }));
    auto meanwhile = scanning.start({plain("Good day.")});
    if (!is_short)
        CHECK(meanwhile.get().kind == Kind::clean);
    const std::clock_t start = std::clock();
    CHECK(held.wait_for(1s) == std::future_status::timeout);
    if (is_short)
        CHECK(meanwhile.wait_for(0s) == std::future_status::timeout);
    CHECK(std::clock() - start < CLOCKS_PER_SEC / 5);
    ::kill(worker, SIGCONT);
    CHECK(held.get().kind == Kind::infected);
    if (is_short)
        CHECK(meanwhile.get().kind == Kind::clean);
    CHECK(scanning.scan(plain("Good morning.")).kind == Kind::clean);
}

TEST_CASE("a worker that says goodbye, retires or stops to listen, and does not end, is killed and replaced", "[scanner][death]")
{
    // The scanner's side, without any scanning: its first worker is there and does no work, the second finds everything clean.
    const std::string pretender = R"(#!/usr/bin/env python3
import socket, struct, sys
MAGIC = 0x31534650
control = socket.socket(fileno=3)
def note(kind, slot=0, pid=0, count=0, fds=()):
    socket.send_fds(control, [struct.pack("=IBIiQIII", MAGIC, kind, slot, pid, count, 0, 0, 0)], fds)
def start(pid):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    note(3, pid=pid, fds=[theirs.fileno()])
    ours.send(struct.pack("=IBBQIB", MAGIC, 2, 0, 0, 0, 0))
    return ours
def said(worker, retires=0):
    request = worker.recv(1 << 16)
    worker.send(struct.pack("=IBBQIB", MAGIC, 0, retires, struct.unpack_from("=IIQ", request)[2], 0, 0))
open(sys.argv[0] + ".starts", "a").write("x")
note(1, count=1)
lost = start(1)
if MODE == "deaf":
    lost.shutdown(socket.SHUT_RD)
elif MODE == "lingers":
    said(lost, 1)
else:
    lost.recv(1 << 16)
    lost.send(b"")
order = control.recv(4096)
if order:
    good = start(2)
    said(good)
    control.recv(4096)
)";
    const std::string mode = GENERATE("deaf", "goodbye", "lingers");
    CAPTURE(mode);
    Folder folder;
    std::string program = pretender;
    program.insert(program.find("MAGIC"), "MODE = \"" + mode + "\"\n");
    Scanning scanning([&](Options& options) {
        options.program = folder.write("scanner.py", program);
        fs::permissions(options.program, fs::perms::owner_all);
        options.workers = 1;
        options.deadline = 4s;
        options.greet_time = 1s;
    });
    REQUIRE(scanning.untilReady());
    CHECK(scanning.scan(plain("Good morning.")).kind == Kind::clean);
    if (mode == "lingers")
        CHECK(scanning.scan(plain("Good day.")).kind == Kind::clean);
    CHECK(fs::file_size(folder.path + "/scanner.py.starts") == 1); // the others go on
}

TEST_CASE("a scan that is lost on its way is answered all the same, and once", "[scanner]")
{
    std::vector<Kind> answers;
    {
        Job job;
        job.answer = [&](const Verdict& verdict) { answers.push_back(verdict.kind); };
    }
    CHECK(answers == std::vector<Kind>{Kind::error});
    {
        Job job;
        job.answer = [](const Verdict&) { throw std::runtime_error("the receiver failed"); };
    }
}

TEST_CASE("without its temporary folder nothing is clean", "[scanner][temp]")
{
    Scanning scanning([](Options& options) {
        options.workers = 1;
        options.deadline = 1500ms;
        options.temp_in_memory = false;
    });
    REQUIRE(scanning.untilReady());
    std::string generation;
    for (const auto& entry : fs::directory_iterator(scanning.run))
        if (entry.path().filename().string().starts_with("generation-"))
            generation = entry.path().string();
    REQUIRE(!generation.empty());
    SECTION("removed for good: an error")
    {
        // A file where the folder was, so that the successor cannot make it anew.
        std::error_code ignored;
        fs::remove_all(generation, ignored);
        REQUIRE(!fs::exists(generation));
        std::ofstream(generation) << "in the way";
        const Verdict verdict = scanning.scan(plain("Good morning."));
        CHECK(verdict.kind == Kind::error);
        CHECK(!scanning.client().status().problem.empty());
        fs::remove(generation);
    }
    SECTION("removed once: the worker is replaced, the verdict is right")
    {
        std::error_code ignored;
        fs::remove_all(generation + "/worker-0", ignored);
        REQUIRE(!fs::exists(generation + "/worker-0"));
        CHECK(scanning.scan(plain(eicar())).kind == Kind::infected);
        CHECK(scanning.scan(plain("Good morning.")).kind == Kind::clean);
    }
}

TEST_CASE("what a killed worker left in its folder is removed", "[scanner][temp]")
{
    Scanning scanning([](Options& options) {
        options.workers = 1;
        options.temp_in_memory = false;
    });
    REQUIRE(scanning.untilReady());
    std::string folder;
    for (const auto& entry : fs::directory_iterator(scanning.run))
        folder = entry.path().string() + "/worker-0";
    std::ofstream(folder + "/left behind") << "bytes";
    const int worker = scanning.workers().front();
    ::kill(worker, SIGKILL);
    CHECK(scanning.scan(plain("Good morning.")).kind == Kind::clean);
    CHECK(!fs::exists(folder + "/left behind"));
}

TEST_CASE("a scanner that cannot be started gives errors, without waiting for the deadline, and says why", "[scanner][start]")
{
    Folder folder;
    Options options;
    options.program = folder.path + "/no-such-program";
    options.run_folder = folder.path + "/run";
    const auto client = startClient(options);
    std::promise<Verdict> promise;
    client->scan(Content{{plain("Good morning.")}}, [&](Verdict verdict) { promise.set_value(std::move(verdict)); });
    auto answer = promise.get_future();
    REQUIRE(answer.wait_for(30s) == std::future_status::ready); // half of the deadline
    CHECK(answer.get().kind == Kind::error);
    CHECK(!client->status().ready);
    CHECK_THAT(client->status().problem, Catch::ContainsSubstring("no-such-program"));
}

TEST_CASE("stopping answers every scan and leaves no process and no folder", "[scanner][stop]")
{
    Scanning scanning;
    REQUIRE(scanning.untilReady());
    const auto parents = scanning.processes();
    const auto workers = scanning.workers();
    std::vector<std::future<Verdict>> waiting;
    for (int i = 0; i < 50; ++i)
        waiting.push_back(scanning.start({slowMail()}));
    scanning.stop();
    for (auto& verdict : waiting) {
        REQUIRE(verdict.wait_for(0ms) == std::future_status::ready);
        CHECK(verdict.get().kind != Kind::infected);
    }
    for (const int pid : parents)
        CHECK(gone(pid));
    for (const int pid : workers)
        CHECK(gone(pid));
    for (const auto& entry : fs::directory_iterator(scanning.run))
        CHECK(!entry.path().filename().string().starts_with("generation-"));
}

TEST_CASE("workers are confined", "[scanner][sandbox]")
{
    const bool filtered = !postfach::test::kIsSanitized; // the sanitizers' run time needs calls of its own
    Scanning scanning;
    const auto confined = [&](int worker) {
        std::ifstream file("/proc/" + std::to_string(worker) + "/status");
        std::string status, line;
        while (std::getline(file, line))
            status += line + "\n";
        const auto says = [&](const char* text) { return status.find(text) != std::string::npos; };
        return says("NoNewPrivs:\t1\n") && says("CapEff:\t0000000000000000\n") && !says("Uid:\t0\t") && (!filtered || says("Seccomp:\t2\n"));
    };
    CHECK(scanning.until([&](const Status&) {
        const auto workers = scanning.workers();
        return workers.size() == 2 && std::all_of(workers.begin(), workers.end(), confined);
    }));
}
