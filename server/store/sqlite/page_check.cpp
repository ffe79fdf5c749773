#include "server/store/sqlite/page_check.h"

#include <sqlite3.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>

namespace postfach::store::sqlite {
namespace {

constexpr int kPageSizeAt = 16; // big-endian
constexpr int kReservedAt = 20; // bytes kept free at the end of each page
constexpr int kTakeAsSealed = 0x50466368, kIsSealed = kTakeAsSealed + 1; // file controls of our own

struct File {
    sqlite3_file base;
    sqlite3_file* real; // behind this struct, of the VFS below
    bool database;      // the main file; all others pass through
    bool sealed;        // its pages have room for a checksum
    bool broken;        // its header is not what was written: no page of it can be found
};

File& self(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* below(sqlite3_file* file) { return self(file).real; }

sqlite3_vfs g_vfs;

// What the page's place and bytes make. Of the header that leaves out what any tool may change by a PRAGMA: the change counter,
// user_version, application_id and the two version numbers at its end.
std::uint64_t sealOf(const std::uint8_t* page, sqlite3_int64 offset)
{
    const auto place = static_cast<std::uint64_t>(offset / kPageBytes) + 1;
    if (offset != 0)
        return XXH3_64bits_withSeed(page, kPageBytes - kSealBytes, place);
    std::uint8_t copy[kPageBytes];
    std::memcpy(copy, page, kPageBytes);
    std::memset(copy + 24, 0, 4);
    std::memset(copy + 60, 0, 4);
    std::memset(copy + 68, 0, 4);
    std::memset(copy + 92, 0, 8);
    return XXH3_64bits_withSeed(copy, kPageBytes - kSealBytes, place);
}

bool saysSealed(const std::uint8_t* header)
{
    return std::memcmp(header, "SQLite format 3", 16) == 0 && header[kReservedAt] == kSealBytes;
}

std::uint64_t sealIn(const std::uint8_t* page)
{
    std::uint64_t seal = 0;
    std::memcpy(&seal, page + kPageBytes - kSealBytes, sizeof seal);
    return seal;
}

int damaged(sqlite3_int64 offset)
{
    sqlite3_log(SQLITE_IOERR_DATA, "page %lld is not as it was written", offset / kPageBytes + 1);
    return SQLITE_IOERR_DATA;
}

// The header decides whether there are seals at all, so it is not believed where the first page's own seal says otherwise.
void lookAtHeader(File& file, const std::uint8_t* header)
{
    file.sealed = saysSealed(header);
    file.broken = file.sealed && (header[kPageSizeAt] != kPageBytes >> 8 || header[kPageSizeAt + 1] != 0);
    std::uint8_t page[kPageBytes];
    if (file.sealed || file.real->pMethods->xRead(file.real, page, kPageBytes, 0) != SQLITE_OK) // new, or nothing of ours
        return;
    page[kReservedAt] = kSealBytes;
    file.broken = sealIn(page) != 0 && sealIn(page) == sealOf(page, 0);
}

int readFile(sqlite3_file* f, void* bytes, int size, sqlite3_int64 offset)
{
    File& file = self(f);
    const int rc = file.real->pMethods->xRead(file.real, bytes, size, offset);
    if (rc != SQLITE_OK && file.database && offset == 0 && size == kFileHeaderBytes) { // as of a new file: the first page is read next, and
        std::memset(bytes, 0, kFileHeaderBytes);                                       // what is wrong with it is said then, not tried again
        return SQLITE_IOERR_SHORT_READ;
    }
    if (rc != SQLITE_OK || !file.database)
        return rc;
    auto* page = static_cast<std::uint8_t*>(bytes);
    if (offset == 0 && size >= kFileHeaderBytes)
        lookAtHeader(file, page);
    if (file.broken && size > kFileHeaderBytes) // opening, which reads the header alone, is not the time to say so: it would be tried again
        return damaged(offset);
    if (!file.sealed || size != kPageBytes || offset % kPageBytes != 0)
        return SQLITE_OK;
    const std::uint64_t seal = sealIn(page);
    if (seal != 0 && seal != sealOf(page, offset))
        return damaged(offset);
    std::memset(page + kPageBytes - kSealBytes, 0, kSealBytes); // so that whoever copies the page elsewhere copies no seal that is not its own
    return SQLITE_OK;
}

int writeFile(sqlite3_file* f, const void* bytes, int size, sqlite3_int64 offset)
{
    File& file = self(f);
    const auto* page = static_cast<const std::uint8_t*>(bytes);
    if (file.database && offset == 0 && size >= kFileHeaderBytes) {
        file.sealed = saysSealed(page);
        file.broken = false;
    }
    if (!file.database || !file.sealed || size != kPageBytes || offset % kPageBytes != 0)
        return file.real->pMethods->xWrite(file.real, bytes, size, offset);
    std::uint8_t copy[kPageBytes]; // the page itself is SQLite's
    std::memcpy(copy, page, kPageBytes);
    const std::uint64_t seal = sealOf(copy, offset);
    std::memcpy(copy + kPageBytes - kSealBytes, &seal, sizeof seal);
    return file.real->pMethods->xWrite(file.real, copy, size, offset);
}

int control(sqlite3_file* f, int what, void* argument)
{
    switch (what) {
    case kTakeAsSealed: self(f).sealed = self(f).database; return SQLITE_OK;
    case kIsSealed: *static_cast<int*>(argument) = self(f).sealed ? 1 : 0; return SQLITE_OK;
    default: return below(f)->pMethods->xFileControl(below(f), what, argument);
    }
}

sqlite3_io_methods methodsOf()
{
    sqlite3_io_methods m{};
    m.iVersion = 2; // shared memory, no mapping: a page that is mapped is not read
    m.xClose = [](sqlite3_file* f) { return below(f)->pMethods->xClose(below(f)); };
    m.xRead = readFile;
    m.xWrite = writeFile;
    m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return below(f)->pMethods->xTruncate(below(f), size); };
    m.xSync = [](sqlite3_file* f, int how) { return below(f)->pMethods->xSync(below(f), how); };
    m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return below(f)->pMethods->xFileSize(below(f), size); };
    m.xLock = [](sqlite3_file* f, int how) { return below(f)->pMethods->xLock(below(f), how); };
    m.xUnlock = [](sqlite3_file* f, int how) { return below(f)->pMethods->xUnlock(below(f), how); };
    m.xCheckReservedLock = [](sqlite3_file* f, int* answer) { return below(f)->pMethods->xCheckReservedLock(below(f), answer); };
    m.xFileControl = control;
    m.xSectorSize = [](sqlite3_file* f) { return below(f)->pMethods->xSectorSize(below(f)); };
    m.xDeviceCharacteristics = [](sqlite3_file* f) { return below(f)->pMethods->xDeviceCharacteristics(below(f)); };
    m.xShmMap = [](sqlite3_file* f, int region, int size, int extend, void volatile** where) {
        return below(f)->pMethods->xShmMap(below(f), region, size, extend, where);
    };
    m.xShmLock = [](sqlite3_file* f, int at, int n, int how) { return below(f)->pMethods->xShmLock(below(f), at, n, how); };
    m.xShmBarrier = [](sqlite3_file* f) { below(f)->pMethods->xShmBarrier(below(f)); };
    m.xShmUnmap = [](sqlite3_file* f, int remove) { return below(f)->pMethods->xShmUnmap(below(f), remove); };
    return m;
}

int openFile(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* f, int flags, int* got)
{
    static const sqlite3_io_methods methods = methodsOf();
    auto* lower = static_cast<sqlite3_vfs*>(vfs->pAppData);
    File& file = self(f);
    file.real = reinterpret_cast<sqlite3_file*>(&file + 1);
    file.database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    file.sealed = file.broken = false;
    file.base.pMethods = nullptr;
    const int rc = lower->xOpen(lower, name, file.real, flags, got);
    if (file.real->pMethods != nullptr)
        file.base.pMethods = &methods;
    return rc;
}

} // namespace

void installPageChecks()
{
    static std::once_flag once;
    std::call_once(once, [] {
        sqlite3_vfs* lower = sqlite3_vfs_find(nullptr);
        g_vfs = *lower; // all but opening is the lower one's own
        g_vfs.pNext = nullptr;
        g_vfs.zName = "postfach";
        g_vfs.pAppData = lower;
        g_vfs.szOsFile = static_cast<int>(sizeof(File)) + lower->szOsFile;
        g_vfs.xOpen = openFile;
        sqlite3_vfs_register(&g_vfs, 1);
    });
}

void askForSeals(sqlite3* database)
{
    int bytes = kSealBytes;
    sqlite3_file_control(database, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

void sealCopy(sqlite3* source, sqlite3* copy)
{
    int sealed = 0;
    if (sqlite3_file_control(source, "main", kIsSealed, &sealed) != SQLITE_OK || sealed == 0)
        return;
    askForSeals(copy);
    sqlite3_file_control(copy, "main", kTakeAsSealed, nullptr);
}

bool saysSealed(std::string_view first_page)
{
    return first_page.size() >= kFileHeaderBytes && saysSealed(reinterpret_cast<const std::uint8_t*>(first_page.data()));
}

bool sealIsThere(std::string_view page) { return sealIn(reinterpret_cast<const std::uint8_t*>(page.data())) != 0; }

bool sealHolds(std::string_view page, std::uint64_t offset)
{
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(page.data());
    return !sealIsThere(page) || sealIn(bytes) == sealOf(bytes, static_cast<sqlite3_int64>(offset));
}

void sealPages(std::string& pages, std::uint64_t offset)
{
    for (std::size_t at = 0; at + kPageBytes <= pages.size(); at += kPageBytes) {
        auto* page = reinterpret_cast<std::uint8_t*>(pages.data() + at);
        const std::uint64_t seal = sealOf(page, static_cast<sqlite3_int64>(offset + at));
        std::memcpy(page + kPageBytes - kSealBytes, &seal, sizeof seal);
    }
}

} // namespace postfach::store::sqlite
