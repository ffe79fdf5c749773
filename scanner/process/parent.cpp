#include "scanner/process/parent.h"
#include "scanner/process/engine.h"
#include "scanner/process/scan.h"
#include "scanner/process/worker.h"
#include "scanner/wire.h"
#include "server/base/error.h"
#include "server/base/file.h"

#include <algorithm>
#include <chrono>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace postfach::scanner {
namespace {

using Clock = std::chrono::steady_clock;

class Parent {
public:
    Parent(const ProcessOptions& options, const Limits& limits, LoadedSet set)
        : options_(options), limits_(limits), set_(std::move(set)), slots_(options.workers)
    {
        for (std::size_t i = 0; i < slots_.size(); ++i)
            slots_[i].folder = options.folder + "/worker-" + std::to_string(i);
        void* shared = ::mmap(nullptr, slots_.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
            throw std::system_error(errno, std::generic_category(), "mmap");
        greeted_ = static_cast<std::uint8_t*>(shared);
    }
    Parent(const Parent&) = delete;
    Parent& operator=(const Parent&) = delete;
    ~Parent()
    {
        endAll();
        ::munmap(greeted_, slots_.size());
    }

    void run();

private:
    struct Slot {
        std::string folder;
        pid_t pid = 0;
        Clock::time_point start_at{}; // when there is no worker: not before this
        int failed_starts = 0;
    };

    void startWorker(std::size_t index);
    void reap();
    bool hear(); // false: the client is gone
    void endAll();
    int untilNextStart() const;

    const ProcessOptions& options_;
    Limits limits_;
    LoadedSet set_;
    std::vector<Slot> slots_;
    std::uint8_t* greeted_ = nullptr; // one byte a slot, written by its worker when it can serve; says nothing but that
};

void Parent::run()
{
    sigset_t children;
    ::sigemptyset(&children);
    ::sigaddset(&children, SIGCHLD);
    const base::Fd deaths(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK)); // SIGCHLD is blocked since main()
    for (;;) {
        for (std::size_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].pid == 0 && Clock::now() >= slots_[i].start_at)
                startWorker(i);
        pollfd waiting[] = {{options_.control, POLLIN, 0}, {deaths.get(), POLLIN, 0}};
        ::poll(waiting, 2, untilNextStart());
        if (waiting[1].revents) {
            signalfd_siginfo ignored;
            while (::read(deaths.get(), &ignored, sizeof ignored) > 0) {}
        }
        reap();
        if (waiting[0].revents && !hear())
            return;
    }
}

int Parent::untilNextStart() const
{
    Clock::time_point next = Clock::time_point::max();
    for (const Slot& slot : slots_)
        if (slot.pid == 0)
            next = std::min(next, slot.start_at);
    if (next == Clock::time_point::max())
        return -1;
    return static_cast<int>(std::clamp<std::int64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now()).count() + 1, 0, 10'000));
}

void Parent::startWorker(std::size_t index)
{
    Slot& slot = slots_[index];
    greeted_[index] = 0;
    try {
        base::makeFolders(slot.folder);
        emptyFolder(slot.folder); // what its killed predecessor left
        auto [ours, theirs] = wire::socketPair();
        WorkerSetup setup;
        setup.socket = theirs.get();
        setup.parent = ::getpid();
        setup.engine = set_.engine.get();
        setup.greeted = greeted_ + index;
        setup.limits = limits_;
        setup.confinement.folder = slot.folder;
        setup.confinement.temp_bytes = limits_.scan_size + limits_.temp_reserve + (16ULL << 20);
        setup.confinement.temp_inodes = limits_.files + 2 * limits_.temp_inodes;
        setup.confinement.temp_in_memory = options_.temp_in_memory;
        setup.confinement.memory = 2 * limits_.scan_size + (1ULL << 30);
        const pid_t pid = ::fork();
        if (pid == 0)
            runWorker(setup);
        if (pid < 0)
            throw std::system_error(errno, std::generic_category(), "fork");
        slot.pid = pid;
        wire::Control news;
        news.note = wire::Note::worker;
        news.slot = static_cast<std::uint32_t>(index);
        news.pid = pid;
        wire::send(options_.control, wire::encode(news), ours.get());
    } catch (const std::exception& problem) {
        slot.start_at = Clock::now() + std::chrono::seconds(1);
        wire::Control news;
        news.text = std::string("no worker can be started: ") + problem.what();
        wire::send(options_.control, wire::encode(news));
    }
}

void Parent::reap()
{
    for (int status = 0;;) {
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            Slot& slot = slots_[i];
            if (slot.pid != pid)
                continue;
            slot.pid = 0;
            emptyFolder(slot.folder);
            // A worker that cannot even start must not make the machine fork without end; one that was killed at work is
            // missed at once.
            slot.failed_starts = greeted_[i] ? 0 : std::min(slot.failed_starts + 1, 12);
            slot.start_at = Clock::now();
            if (slot.failed_starts > 1)
                slot.start_at += std::min(std::chrono::milliseconds(5 << slot.failed_starts), std::chrono::milliseconds(5'000));
            if (WIFSIGNALED(status)) {
                wire::Control news;
                news.text = "a worker died of signal " + std::to_string(WTERMSIG(status));
                wire::send(options_.control, wire::encode(news));
            }
        }
    }
}

bool Parent::hear()
{
    const wire::Datagram datagram = wire::receive(options_.control);
    if (datagram.kind == wire::Datagram::Kind::end)
        return false;
    const auto control = wire::decodeControl(datagram.bytes);
    if (!control || control->note != wire::Note::kill || control->slot >= slots_.size())
        return true;
    const Slot& slot = slots_[control->slot];
    if (slot.pid > 0 && slot.pid == control->pid)
        ::kill(slot.pid, SIGKILL);
    return true;
}

void Parent::endAll()
{
    for (Slot& slot : slots_)
        if (slot.pid > 0)
            ::kill(slot.pid, SIGKILL);
    for (Slot& slot : slots_) {
        if (slot.pid > 0)
            ::waitpid(slot.pid, nullptr, 0);
        emptyFolder(slot.folder);
    }
}

int refuse(const ProcessOptions& options, const std::string& reason)
{
    wire::Control news;
    news.note = wire::Note::failed;
    news.text = reason;
    wire::send(options.control, wire::encode(news));
    return 1;
}

} // namespace

int runParent(const ProcessOptions& options)
{
    try {
        const std::string own = options.folder + "/parent";
        base::makeFolders(own);
        if (::chdir(own.c_str()) != 0) // "." is where libclamav puts its temporary files
            return refuse(options, own + ": " + std::strerror(errno));
        const Limits limits = Limits::forProcess(options);
        initializeLibrary();
        LoadedSet set = loadSignatures(options, limits);
        wire::Control news;
        news.note = wire::Note::ready;
        news.count = set.count;
        news.text = set.id;
        news.detail = set.detail;
        news.engine = libraryVersion();
        {
            Limits small = limits; // the samples need little, and the workers have folders of their own
            small.scan_size = small.temp_reserve = 1 << 20;
            small.temp_inodes = 10;
            Scanner scanner(set.engine.get(), small);
            if (const std::string problem = scanner.selfTest(); !problem.empty())
                return refuse(options, "self-test: " + problem);
        }
        if (!wire::send(options.control, wire::encode(news)))
            return 0;
        Parent(options, limits, std::move(set)).run();
        return 0;
    } catch (const std::exception& problem) {
        return refuse(options, problem.what());
    }
}

} // namespace postfach::scanner
