#include "tests/fault/store/disk.h"

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace postfach::test::disk {
namespace {

struct OpenFile {
    int file = -1;     // of the recording; -1 where nothing is recorded
    std::string path;  // absolute
    bool folder = false;
};

// Never destroyed: threads of the libraries may call until the very end.
struct State {
    std::recursive_mutex mutex; // guards all; held while the call is done, so the record has the order of the disk
    std::unordered_map<int, OpenFile> open;
    bool recording = false;
    std::string recorded_folder;
    std::map<std::string, int> names; // relative path to file
    int files = 0;
    std::vector<Op> ops;

    std::string fault_folder;
    Fault fault;
    Seen seen;
    bool sync_has_failed = false; // of the database or its WAL
    std::uint64_t volume = 0;
};
State& state()
{
    static auto* const s = new State;
    return *s;
}

bool endsWith(const std::string& text, const char* end)
{
    const std::size_t n = std::strlen(end);
    return text.size() >= n && text.compare(text.size() - n, n, end) == 0;
}

bool isBelow(const std::string& path, const std::string& folder)
{
    return !folder.empty() && path.compare(0, folder.size(), folder) == 0 && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool isTrusted(const std::string& path) { return !endsWith(path, "-shm") && !endsWith(path, "/lock") && !endsWith(path, "/reserve"); }

bool isDatabase(const std::string& path) { return endsWith(path, "/postfach.db") || endsWith(path, "/postfach.db-wal"); }

std::optional<std::string> relative(const std::string& path)
{
    State& s = state();
    if (!s.recording || !isBelow(path, s.recorded_folder) || !isTrusted(path))
        return std::nullopt;
    return path.size() == s.recorded_folder.size() ? std::string() : path.substr(s.recorded_folder.size() + 1);
}

// Does this call fail now?
bool strikes(Call call, const std::string& path)
{
    State& s = state();
    const bool mine = call == s.fault.call || (call == Call::write && s.fault.call == Call::shortWrite);
    if (!mine || !isBelow(path, s.fault_folder) || !isTrusted(path))
        return false;
    ++s.seen.calls;
    if (s.seen.calls != s.fault.nth && !(s.fault.lasting && s.seen.calls > s.fault.nth))
        return false;
    ++s.seen.failures;
    return true;
}

void note(Op op) { state().ops.push_back(std::move(op)); }

int opened(int fd, const char* path, int flags, bool existed)
{
    State& s = state();
    OpenFile file{-1, path, (flags & O_DIRECTORY) != 0};
    if (const auto name = relative(file.path); name && !file.folder) {
        const auto known = s.names.find(*name);
        if (known != s.names.end())
            file.file = known->second;
        else if (!existed) {
            file.file = s.names[*name] = s.files++;
            note({Op::Kind::create, file.file, 0, *name, {}, {}});
        }
        if (file.file >= 0 && (flags & O_TRUNC) != 0)
            note({Op::Kind::resize, file.file, 0, {}, {}, {}});
    }
    s.open[fd] = std::move(file);
    return fd;
}

int openAt(const char* path, int flags, unsigned mode)
{
    const std::lock_guard lock(state().mutex);
    struct stat info {};
    const bool existed = ::stat(path, &info) == 0;
    const int fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
    return fd < 0 ? fd : opened(fd, path, flags, existed);
}

const OpenFile* find(int fd)
{
    State& s = state();
    const auto at = s.open.find(fd);
    return at == s.open.end() ? nullptr : &at->second;
}

void countAfterFailure(const OpenFile& file)
{
    if (state().sync_has_failed && isDatabase(file.path))
        ++state().seen.written_after_failure;
}

// offset < 0: at the file's own place.
ssize_t writeAt(int fd, const void* bytes, std::size_t size, off_t offset)
{
    const std::lock_guard lock(state().mutex);
    const OpenFile* file = find(fd);
    if (file != nullptr) {
        countAfterFailure(*file);
        if (strikes(Call::write, file->path)) {
            if (state().fault.call == Call::write || size < 2) {
                errno = state().fault.error;
                return -1;
            }
            size /= 2; // a short write, as before a full disk
        }
    }
    const off_t at = offset >= 0 ? offset : static_cast<off_t>(::syscall(SYS_lseek, fd, 0, SEEK_CUR));
    const ssize_t done = offset >= 0 ? ::syscall(SYS_pwrite64, fd, bytes, size, offset) : ::syscall(SYS_write, fd, bytes, size);
    if (done > 0 && file != nullptr && file->file >= 0 && state().recording)
        note({Op::Kind::write, file->file, static_cast<std::uint64_t>(at), {}, {},
              std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(done))});
    return done;
}

// Real syncs would only cost time: the power is cut by the test.
int syncNow(int fd)
{
    const std::lock_guard lock(state().mutex);
    const OpenFile* file = find(fd);
    bool fails = false;
    if (file != nullptr) {
        countAfterFailure(*file);
        fails = strikes(Call::sync, file->path);
        if (fails && isDatabase(file->path))
            state().sync_has_failed = true;
        if (file->folder) {
            if (const auto name = relative(file->path); name && !fails)
                note({Op::Kind::syncFolder, -1, 0, *name, {}, {}});
        } else if (file->file >= 0 && state().recording)
            note({Op::Kind::sync, file->file, 0, {}, {}, {}, fails});
    }
    if (fails) {
        errno = state().fault.error;
        return -1;
    }
    return 0;
}

ssize_t readAt(int fd, void* bytes, std::size_t size, off_t offset)
{
    {
        const std::lock_guard lock(state().mutex);
        if (const OpenFile* file = find(fd); file != nullptr && strikes(Call::read, file->path)) {
            errno = state().fault.error;
            return -1;
        }
    }
    return offset >= 0 ? ::syscall(SYS_pread64, fd, bytes, size, offset) : ::syscall(SYS_read, fd, bytes, size);
}

int resizeTo(int fd, off_t size)
{
    const std::lock_guard lock(state().mutex);
    const int result = static_cast<int>(::syscall(SYS_ftruncate, fd, size));
    if (const OpenFile* file = find(fd); result == 0 && file != nullptr && file->file >= 0 && state().recording)
        note({Op::Kind::resize, file->file, static_cast<std::uint64_t>(size), {}, {}, {}});
    return result;
}

} // namespace

void record(const std::string& folder)
{
    const std::lock_guard lock(state().mutex);
    State& s = state();
    s.recording = true;
    s.recorded_folder = folder;
    s.names.clear();
    s.files = 0;
    s.ops.clear();
}

std::vector<Op> stopRecording()
{
    const std::lock_guard lock(state().mutex);
    state().recording = false;
    return std::move(state().ops);
}

void mark(const std::string& what, std::uint64_t which)
{
    const std::lock_guard lock(state().mutex);
    if (state().recording)
        note({Op::Kind::mark, -1, which, {}, what, {}});
}

void arm(const std::string& folder, const Fault& fault)
{
    const std::lock_guard lock(state().mutex);
    State& s = state();
    s.fault_folder = folder;
    s.fault = fault;
    s.seen = {};
    s.sync_has_failed = false;
}

Seen disarm()
{
    const std::lock_guard lock(state().mutex);
    state().fault = {};
    state().sync_has_failed = false;
    return state().seen;
}

void pretendVolume(std::uint64_t bytes)
{
    const std::lock_guard lock(state().mutex);
    state().volume = bytes;
}

namespace {
int volumeOf(const char* path, struct statvfs* answer)
{
    const std::lock_guard lock(state().mutex);
    if (state().volume == 0) {
        errno = ENOSYS; // who asks takes its own default
        return -1;
    }
    (void)path;
    std::memset(answer, 0, sizeof *answer);
    answer->f_bsize = answer->f_frsize = 4096;
    answer->f_blocks = state().volume / 4096;
    answer->f_bfree = answer->f_bavail = answer->f_blocks / 2;
    return 0;
}
} // namespace

} // namespace postfach::test::disk

// --- the C library's names

// Under names of their own with the library's labels: its headers may rename or inline what they declare.

namespace disk = postfach::test::disk;
#define CALLED(label) __asm__(label)

extern "C" {
int diskOpen(const char* path, int flags, ...) CALLED("open");
int diskOpen64(const char* path, int flags, ...) CALLED("open64");
int diskClose(int fd) CALLED("close");
ssize_t diskWrite(int fd, const void* bytes, size_t size) CALLED("write");
ssize_t diskPwrite(int fd, const void* bytes, size_t size, off_t offset) CALLED("pwrite");
ssize_t diskPwrite64(int fd, const void* bytes, size_t size, off_t offset) CALLED("pwrite64");
ssize_t diskRead(int fd, void* bytes, size_t size) CALLED("read");
ssize_t diskPread(int fd, void* bytes, size_t size, off_t offset) CALLED("pread");
ssize_t diskPread64(int fd, void* bytes, size_t size, off_t offset) CALLED("pread64");
int diskFsync(int fd) CALLED("fsync");
int diskFdatasync(int fd) CALLED("fdatasync");
int diskFtruncate(int fd, off_t size) CALLED("ftruncate");
int diskFtruncate64(int fd, off_t size) CALLED("ftruncate64");
int diskStatvfs(const char* path, struct statvfs* answer) CALLED("statvfs");
int diskStatvfs64(const char* path, struct statvfs* answer) CALLED("statvfs64");
int diskRename(const char* from, const char* to) CALLED("rename");
int diskUnlink(const char* path) CALLED("unlink");
int diskMkdir(const char* path, mode_t mode) CALLED("mkdir");

int diskOpen(const char* path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const unsigned mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, unsigned) : 0;
    va_end(more);
    return disk::openAt(path, flags, mode);
}
int diskOpen64(const char* path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const unsigned mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, unsigned) : 0;
    va_end(more);
    return disk::openAt(path, flags, mode);
}
int diskClose(int fd)
{
    {
        const std::lock_guard lock(disk::state().mutex);
        disk::state().open.erase(fd);
    }
    return static_cast<int>(::syscall(SYS_close, fd));
}
ssize_t diskWrite(int fd, const void* bytes, size_t size) { return disk::writeAt(fd, bytes, size, -1); }
ssize_t diskPwrite(int fd, const void* bytes, size_t size, off_t offset) { return disk::writeAt(fd, bytes, size, offset); }
ssize_t diskPwrite64(int fd, const void* bytes, size_t size, off_t offset) { return disk::writeAt(fd, bytes, size, offset); }
ssize_t diskRead(int fd, void* bytes, size_t size) { return disk::readAt(fd, bytes, size, -1); }
ssize_t diskPread(int fd, void* bytes, size_t size, off_t offset) { return disk::readAt(fd, bytes, size, offset); }
ssize_t diskPread64(int fd, void* bytes, size_t size, off_t offset) { return disk::readAt(fd, bytes, size, offset); }
int diskFsync(int fd) { return disk::syncNow(fd); }
int diskFdatasync(int fd) { return disk::syncNow(fd); }
int diskFtruncate(int fd, off_t size) { return disk::resizeTo(fd, size); }
int diskFtruncate64(int fd, off_t size) { return disk::resizeTo(fd, size); }
int diskStatvfs(const char* path, struct statvfs* answer) { return disk::volumeOf(path, answer); }
int diskStatvfs64(const char* path, struct statvfs* answer) { return disk::volumeOf(path, answer); }

int diskRename(const char* from, const char* to)
{
    const std::lock_guard lock(disk::state().mutex);
    const int result = static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
    const auto old_name = disk::relative(from), new_name = disk::relative(to);
    if (result == 0 && old_name && new_name) {
        auto& names = disk::state().names;
        const int file = names.count(*old_name) != 0 ? names[*old_name] : -1;
        names.erase(*old_name);
        names[*new_name] = file;
        disk::note({disk::Op::Kind::rename, file, 0, *old_name, *new_name, {}});
    }
    return result;
}

int diskUnlink(const char* path)
{
    const std::lock_guard lock(disk::state().mutex);
    const int result = static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
    if (const auto name = disk::relative(path); result == 0 && name) {
        disk::state().names.erase(*name);
        disk::note({disk::Op::Kind::unlink, -1, 0, *name, {}, {}});
    }
    return result;
}

int diskMkdir(const char* path, mode_t mode)
{
    const std::lock_guard lock(disk::state().mutex);
    const int result = static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
    if (const auto name = disk::relative(path); result == 0 && name)
        disk::note({disk::Op::Kind::makeFolder, -1, 0, *name, {}, {}});
    return result;
}

} // extern "C"
