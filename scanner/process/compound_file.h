#pragma once
// Streams of a compound file (MS-CFB), as far as is needed to see that an old Office document is under a password: libclamav opens such
// files, and says nothing of that. Every number in one is a stranger's.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postfach::scanner {

class CompoundFile {
public:
    explicit CompoundFile(std::string_view bytes); // which outlive it; no compound file: one without streams

    bool has(std::string_view name) const; // of a stream anywhere in it, in ASCII; case does not matter
    // The first bytes of the first stream of that name; fewer where it is shorter or broken.
    std::string head(std::string_view name, std::size_t count) const;

private:
    struct Stream {
        std::string name;
        std::uint32_t first = 0;
        std::uint64_t size = 0;
    };
    std::string_view sector(std::uint32_t number) const;
    std::uint32_t next(std::uint32_t number) const; // in the chain; no sector at its end
    std::string chain(std::uint32_t first, std::uint64_t count) const;
    void readDirectory(std::uint32_t first);

    const std::string_view bytes_;
    std::size_t sector_size_ = 0, small_size_ = 0;
    std::uint64_t small_below_ = 0;
    std::vector<std::uint32_t> tables_; // sectors of the table of sectors
    std::uint32_t small_table_ = 0;     // first sector of the table of small ones
    Stream small_;                      // they lie in the root's stream
    std::vector<Stream> streams_;
};

// A document of Word, Excel or PowerPoint before 2007, or the envelope of a later one, that only who knows its password can open:
// MS-OFFCRYPTO 2.1, MS-DOC 2.5.2 (fEncrypted), MS-XLS 2.4.117 (FilePass), MS-PPT 2.3.2 (headerToken).
bool isEncryptedOffice(std::string_view compound_file);

} // namespace postfach::scanner
