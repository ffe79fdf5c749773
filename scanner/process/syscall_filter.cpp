// The workers' system call filter: an allow-list by measurement (every file type libclamav knows, corpus, crafted mails) with
// some room for what memory pressure and other C libraries add. Anything else ends the worker on the spot: in a process that
// parses foreign bytes a call never seen before is an attack until proved otherwise, and a death costs one retry.
#include "scanner/process/sandbox.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POSTFACH_NO_FILTER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define POSTFACH_NO_FILTER 1 // the sanitizers' run time makes calls of its own
#endif
#endif

#if defined(__x86_64__)
#define POSTFACH_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define POSTFACH_ARCH AUDIT_ARCH_AARCH64
#else
#error "the system call filter has no entry for this architecture"
#endif

namespace postfach::scanner {
namespace {

constexpr long kAllowed[] = {
    // content in, verdict out
    SYS_recvmsg, SYS_sendmsg, SYS_fcntl, SYS_munmap,
    // memory
    SYS_brk, SYS_mremap, SYS_madvise, SYS_futex,
    // temporary files
    SYS_openat, SYS_close, SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_lseek, SYS_fstat,
    SYS_newfstatat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_getdents64, SYS_unlinkat, SYS_mkdirat, SYS_renameat, SYS_renameat2,
    SYS_fchmod, SYS_fchmodat, SYS_ftruncate, SYS_fallocate, SYS_fsync, SYS_faccessat, SYS_faccessat2, SYS_readlinkat, SYS_dup,
    SYS_fadvise64, SYS_umask, SYS_getcwd,
    // time, identity, the end
    SYS_clock_gettime, SYS_gettimeofday, SYS_nanosleep, SYS_clock_nanosleep, SYS_getrandom, SYS_getpid, SYS_gettid, SYS_getuid,
    SYS_geteuid, SYS_getgid, SYS_getegid, SYS_sched_yield, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
    SYS_restart_syscall, SYS_exit, SYS_exit_group,
    // abort() raises its signal by this; to anyone but itself the worker may not send any (other user or Landlock aside,
    // its process id namespace shows it nothing it owns)
    SYS_tgkill,
#if defined(__x86_64__)
    SYS_open, SYS_stat, SYS_lstat, SYS_unlink, SYS_rmdir, SYS_mkdir, SYS_rename, SYS_chmod, SYS_access, SYS_readlink, SYS_time,
    SYS_dup2,
#endif
};

// Questions a library may ask and can do without an answer to.
constexpr long kRefused[] = {SYS_ioctl, SYS_prlimit64, SYS_sched_getaffinity, SYS_sysinfo, SYS_uname, SYS_sigaltstack,
                             SYS_getrusage, SYS_set_robust_list, SYS_rseq};

// Allowed unless they ask for memory that can be executed; then refused, not killed: the C library asks when a mail names a
// character set whose module is not loaded, and takes no for an answer.
constexpr long kMapping[] = {SYS_mmap, SYS_mprotect};

constexpr sock_filter load(std::size_t offset)
{
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset));
}
constexpr sock_filter answer(unsigned with) { return BPF_STMT(BPF_RET | BPF_K, with); }
constexpr sock_filter ifEqual(long value, unsigned char yes, unsigned char no)
{
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(value), yes, no);
}

std::vector<sock_filter> program()
{
    std::vector<sock_filter> code;
    code.push_back(load(offsetof(seccomp_data, arch)));
    code.push_back(ifEqual(static_cast<long>(POSTFACH_ARCH), 1, 0));
    code.push_back(answer(SECCOMP_RET_KILL_PROCESS));
    code.push_back(load(offsetof(seccomp_data, nr)));
    for (const long call : kMapping) {
        code.push_back(ifEqual(call, 0, 4));
        code.push_back(load(offsetof(seccomp_data, args) + 2 * sizeof(__u64))); // low half: both machines are little-endian
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
        code.push_back(answer(SECCOMP_RET_ERRNO | EACCES));
        code.push_back(answer(SECCOMP_RET_ALLOW));
    }
    for (const long call : kAllowed) {
        code.push_back(ifEqual(call, 0, 1));
        code.push_back(answer(SECCOMP_RET_ALLOW));
    }
    for (const long call : kRefused) {
        code.push_back(ifEqual(call, 0, 1));
        code.push_back(answer(SECCOMP_RET_ERRNO | ENOSYS));
    }
    code.push_back(answer(SECCOMP_RET_KILL_PROCESS));
    return code;
}

} // namespace

void filterSystemCalls()
{
#ifndef POSTFACH_NO_FILTER
    std::vector<sock_filter> code = program();
    const sock_fprog filter{static_cast<unsigned short>(code.size()), code.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        throw std::system_error(errno, std::generic_category(), "seccomp");
#else
    (void)program;
#endif
}

} // namespace postfach::scanner
