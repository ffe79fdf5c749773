#include "scanner/generation.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace postfach::scanner {
namespace {

constexpr int kControl = 3;

struct SpawnSettings {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    SpawnSettings()
    {
        ::posix_spawnattr_init(&attributes);
        ::posix_spawn_file_actions_init(&files);
    }
    ~SpawnSettings()
    {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
};

// posix_spawn, not fork: the server has threads by the time of a restart, and a copy of them in mid-lock must run no code.
pid_t spawn(const std::string& program, const std::vector<std::string>& arguments, int control)
{
    SpawnSettings settings;
    ::posix_spawn_file_actions_addopen(&settings.files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&settings.files, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&settings.files, control, kControl);
    ::posix_spawn_file_actions_addclosefrom_np(&settings.files, kControl + 1); // databases, sockets, keys: none is for it
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&settings.attributes, &none);
    ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
    ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    std::vector<char*> argv;
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_t pid = 0;
    if (const int error = ::posix_spawn(&pid, program.c_str(), &settings.files, &settings.attributes, argv.data(), environ))
        throw std::system_error(error, std::generic_category(), program);
    return pid;
}

} // namespace

Job::~Job()
{
    if (!answer)
        return;
    try {
        Verdict verdict;
        verdict.name = "out of memory";
        answer(std::move(verdict));
    } catch (const std::exception& problem) {
        base::logError("scanner", "an answer's receiver failed", {{"problem", problem.what()}});
    }
}

Generation::Generation(const Options& options, const Plan& plan, const std::string& own_folder, unsigned workers)
    : slots(workers), folder(own_folder), started(std::chrono::steady_clock::now()), alone_since(started)
{
    std::filesystem::remove_all(folder);
    base::makeFolders(folder);
    auto [ours, theirs] = wire::socketPair();
    // A descriptor that already is number 3 would be inherited by dup2 with its close-on-exec flag: move it away.
    if (theirs.get() == kControl)
        theirs.reset(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kControl + 1));
    pid_ = spawn(options.program,
                 {options.program, "--control", std::to_string(kControl), "--server", std::to_string(::getpid()),
                  "--signatures", plan.signatures, "--folder", folder, "--workers", std::to_string(workers), "--deadline",
                  std::to_string(options.deadline.count()), "--temp-bytes", std::to_string(options.temp_bytes), "--mode",
                  plan.strict ? "strict" : "lenient", "--serving", std::to_string(plan.serving), "--least",
                  std::to_string(plan.least), "--background", plan.background ? "yes" : "no",
                  "--temp-in-memory", options.temp_in_memory ? "yes" : "no"},
                 theirs.get());
    control = std::move(ours);
    ::fcntl(control.get(), F_SETFL, O_NONBLOCK);
}

Generation::~Generation()
{
    end();
    slots.clear();
    if (pid_ > 0) {
        // It ends by itself when it reads the end of the control socket and has emptied its folders; one that still loads or
        // hangs does not, and is killed. Nobody but us reaps it, so the number is its own until we have.
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(loaded ? 1'000 : 0);
        pid_t reaped = ::waitpid(pid_, nullptr, WNOHANG);
        while (reaped == 0 && std::chrono::steady_clock::now() < until) {
            ::poll(nullptr, 0, 5);
            reaped = ::waitpid(pid_, nullptr, WNOHANG);
        }
        if (reaped == 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
}

bool Generation::hear()
{
    for (;;) {
        wire::Datagram datagram = wire::receive(control.get());
        if (datagram.kind == wire::Datagram::Kind::nothing)
            return true;
        if (datagram.kind == wire::Datagram::Kind::end)
            return false;
        const auto news = wire::decodeControl(datagram.bytes);
        if (!news)
            return false;
        switch (news->note) {
        case wire::Note::log:
            base::logWarning("scanner", "scanner says", {{"text", news->text}});
            break;
        case wire::Note::ready:
            loaded = true;
            alone_since = std::chrono::steady_clock::now();
            count = news->count;
            signatures = news->text;
            detail = news->detail;
            engine = news->engine;
            break;
        case wire::Note::failed:
            failure = news->text;
            break;
        case wire::Note::worker:
            if (news->slot < slots.size() && datagram.fd) {
                Slot& slot = slots[news->slot];
                ::fcntl(datagram.fd.get(), F_SETFL, O_NONBLOCK);
                slot.next_socket = std::move(datagram.fd);
                slot.next_pid = news->pid;
                if (!slot.socket)
                    forget(slot);
            }
            break;
        case wire::Note::kill:
            return false;
        }
    }
}

void Generation::kill(std::size_t index)
{
    Slot& slot = slots[index];
    wire::Control order;
    order.note = wire::Note::kill;
    order.slot = static_cast<std::uint32_t>(index);
    order.pid = slot.pid;
    wire::send(control.get(), wire::encode(order));
    forget(slot);
}

void Generation::forget(Slot& slot)
{
    slot.socket = std::move(slot.next_socket);
    slot.pid = slot.next_pid;
    slot.greeted = slot.retired = false;
    slot.since = std::chrono::steady_clock::now();
}

void Generation::end()
{
    if (control)
        ::shutdown(control.get(), SHUT_WR);
}

bool Generation::busy() const
{
    return std::any_of(slots.begin(), slots.end(), [](const Slot& slot) { return slot.job != nullptr; });
}

bool Generation::greeted() const
{
    return std::any_of(slots.begin(), slots.end(), [](const Slot& slot) { return slot.socket && slot.greeted; });
}

std::uint64_t Generation::residentBytes() const
{
    const std::string path = "/proc/" + std::to_string(pid_) + "/statm";
    unsigned long all = 0, resident = 0;
    if (FILE* file = std::fopen(path.c_str(), "re")) {
        if (std::fscanf(file, "%lu %lu", &all, &resident) != 2)
            resident = 0;
        std::fclose(file);
    }
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace postfach::scanner
