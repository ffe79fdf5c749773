#include "scanner/process/sandbox.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace postfach::scanner {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct User {
    uid_t uid = 65534;
    gid_t gid = 65534;
};

User nobody()
{
    User user;
    if (const passwd* entry = ::getpwnam("nobody")) {
        user.uid = entry->pw_uid;
        user.gid = entry->pw_gid;
    }
    return user;
}

// Where the process was started with less, that stays: only root may raise it again, and a worker that does not start scans nothing.
void limit(decltype(RLIMIT_CORE) what, rlim_t to)
{
    rlimit both{};
    if (::getrlimit(what, &both) != 0)
        fail("getrlimit");
    both.rlim_cur = both.rlim_max = std::min(to, both.rlim_max);
    if (::setrlimit(what, &both) != 0)
        fail("setrlimit");
}

std::uint64_t mappedBytes()
{
    unsigned long pages = 0;
    if (FILE* file = std::fopen("/proc/self/statm", "re")) {
        if (std::fscanf(file, "%lu", &pages) != 1)
            pages = 0;
        std::fclose(file);
    }
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Files outside the working directory become invisible to this process (Landlock, Linux 5.13). Descriptors that are open
// stay usable. Where the kernel does not know it, the user's rights are what protects other files.
void hideOtherFiles()
{
    landlock_ruleset_attr everything{};
    everything.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE
                                   | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE
                                   | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG
                                   | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK
                                   | LANDLOCK_ACCESS_FS_MAKE_SYM;
    const auto rules = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &everything, sizeof everything, 0));
    if (rules < 0)
        return;
    const int here = ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    landlock_path_beneath_attr own{};
    own.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR
                         | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR
                         | LANDLOCK_ACCESS_FS_MAKE_REG;
    own.parent_fd = here;
    if (here >= 0 && ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &own, 0) == 0)
        ::syscall(SYS_landlock_restrict_self, rules, 0);
    ::close(here);
    ::close(rules);
}

} // namespace

void enterTempFolder(const Confinement& with)
{
    if (::geteuid() == 0) {
        const User user = nobody();
        // One by one: a container may allow some and not others.
        ::unshare(CLONE_NEWNET);
        ::unshare(CLONE_NEWIPC);
        bool mounted = false;
        if (with.temp_in_memory && ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
            char options[160];
            std::snprintf(options, sizeof options, "size=%llu,nr_inodes=%llu,mode=0700,uid=%u,gid=%u",
                          static_cast<unsigned long long>(with.temp_bytes), static_cast<unsigned long long>(with.temp_inodes),
                          static_cast<unsigned>(user.uid), static_cast<unsigned>(user.gid));
            mounted = ::mount("postfach", with.folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0;
        }
        if (!mounted && ::chown(with.folder.c_str(), user.uid, user.gid) != 0)
            fail(with.folder.c_str());
    }
    // From here on "." is the folder: its parents may be closed to the user we become.
    if (::chdir(with.folder.c_str()) != 0)
        fail(with.folder.c_str());
}

void giveUpRights(const Confinement& with)
{
    if (::geteuid() == 0) {
        const User user = nobody();
        if (::setgroups(0, nullptr) != 0 || ::setresgid(user.gid, user.gid, user.gid) != 0
            || ::setresuid(user.uid, user.uid, user.uid) != 0)
            fail("cannot become another user");
    }
    // Changing user clears the death signal, so it is set here (and the caller checks that the parent still lives).
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0)
        fail("prctl");
    ::signal(SIGXFSZ, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 256);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_FSIZE, with.temp_bytes);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
    if (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)) // they map terabytes
        limit(RLIMIT_AS, mappedBytes() + with.memory);
#endif
    hideOtherFiles();
}

} // namespace postfach::scanner
