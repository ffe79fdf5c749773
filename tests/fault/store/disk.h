#pragma once
// The disk under the store, in this test program: it defines the C library's file calls itself, so SQLite's and the store's
// all come by here. They are done for real; below one folder they are also written down, and can be made to fail.
//
// What is written down is what a power cut can take back: writes, sizes, names. The wal-index (-shm), the lock and the
// reserve are left out: nothing is trusted that stands in them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace postfach::test::disk {

struct Op {
    enum class Kind : std::uint8_t {
        create,    // path names the new file
        write,     // data at offset
        resize,    // to offset bytes
        sync,      // of the file's bytes and size
        rename,    // path becomes target
        unlink,    // path
        makeFolder,
        syncFolder, // of the names in path
        mark,      // the test's own word: target says what, offset which
    } kind;
    int file = -1;
    std::uint64_t offset = 0;
    std::string path, target, data;
    bool failed = false; // sync: the kernel said EIO, and forgot what it could not write
};

// Only one folder at a time. Every path below it is kept relative to it.
void record(const std::string& folder);
std::vector<Op> stopRecording();
void mark(const std::string& what, std::uint64_t which);

// The calls that can fail, each counted on its own, below the folder given. A count that is reached fails that call, or that
// and all later ones.
enum class Call : std::uint8_t { write, shortWrite, sync, read, none };
struct Fault {
    Call call = Call::none;
    std::uint64_t nth = 0; // 1 is the next
    bool lasting = false;
    int error = 0;
};
void arm(const std::string& folder, const Fault& fault);
struct Seen {
    std::uint64_t calls = 0;            // of the armed kind
    std::uint64_t failures = 0;
    std::uint64_t written_after_failure = 0; // writes to and syncs of the database and its WAL after a sync of either had failed
};
Seen disarm();

// What statvfs says of every volume: the store's reserve, and with it the pages between checkpoints, follow from it. 0: the truth.
void pretendVolume(std::uint64_t bytes);

} // namespace postfach::test::disk
