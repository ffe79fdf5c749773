#include "scanner/process/compound_file.h"
#include "server/base/text.h"

#include <algorithm>

namespace postfach::scanner {
namespace {

constexpr std::string_view kMark = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
constexpr std::uint32_t kLastSector = 0xFFFFFFFA; // what is greater has a meaning of its own
constexpr std::uint32_t kNone = 0xFFFFFFFE;
constexpr std::size_t kTables = 4'096;     // of a file of 64 MiB in sectors of 512 bytes there are 1,024
constexpr std::size_t kDirectory = 2 << 20; // bytes: 16,384 entries
constexpr std::size_t kEntry = 128;
constexpr std::uint64_t kSmall = 16 << 20;  // bytes: of small streams, all together, that are looked at

std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t count)
{
    std::uint64_t value = 0;
    for (std::size_t i = count; i-- > 0;)
        value = value << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    return value;
}

std::uint32_t number32(std::string_view bytes, std::size_t at) { return static_cast<std::uint32_t>(number(bytes, at, 4)); }

} // namespace

CompoundFile::CompoundFile(std::string_view bytes) : bytes_(bytes)
{
    if (!bytes.starts_with(kMark) || bytes.size() < 512)
        return;
    const auto shift = number(bytes, 0x1E, 2), small_shift = number(bytes, 0x20, 2);
    if (shift < 7 || shift > 16 || small_shift >= shift)
        return;
    sector_size_ = std::size_t{1} << shift;
    small_size_ = std::size_t{1} << small_shift;
    small_below_ = number(bytes, 0x38, 4);
    small_table_ = number32(bytes, 0x3C);
    for (std::size_t at = 0x4C; at < 512; at += 4)
        tables_.push_back(number32(bytes, at));
    // More of them stand in sectors of their own, each of which names the next at its end.
    for (std::uint32_t more = number32(bytes, 0x44); more <= kLastSector && tables_.size() < kTables;) {
        const std::string_view names = sector(more);
        if (names.empty())
            break;
        for (std::size_t at = 0; at + 4 < sector_size_; at += 4)
            tables_.push_back(number32(names, at));
        more = number32(names, sector_size_ - 4);
    }
    readDirectory(number32(bytes, 0x30));
}

// The sector of the header is no numbered one; the last may be cut off.
std::string_view CompoundFile::sector(std::uint32_t number) const
{
    const std::uint64_t begin = (std::uint64_t{number} + 1) * sector_size_;
    if (number > kLastSector || begin >= bytes_.size())
        return {};
    return bytes_.substr(static_cast<std::size_t>(begin), sector_size_);
}

std::uint32_t CompoundFile::next(std::uint32_t number) const
{
    const std::size_t each = sector_size_ / 4, table = number / each;
    if (table >= tables_.size())
        return kNone;
    const std::string_view entries = sector(tables_[table]);
    return entries.empty() ? kNone : number32(entries, number % each * 4);
}

// A chain that bites its tail ends where enough was read.
std::string CompoundFile::chain(std::uint32_t first, std::uint64_t count) const
{
    std::string out;
    for (std::uint32_t at = first; at <= kLastSector && out.size() < count; at = next(at)) {
        const std::string_view piece = sector(at);
        if (piece.empty())
            break;
        out += piece;
    }
    out.resize(std::min<std::uint64_t>(out.size(), count));
    return out;
}

void CompoundFile::readDirectory(std::uint32_t first)
{
    const std::string entries = chain(first, kDirectory);
    for (std::size_t at = 0; at + kEntry <= entries.size(); at += kEntry) {
        const std::string_view entry = std::string_view(entries).substr(at, kEntry);
        const auto type = number(entry, 66, 1);
        Stream stream;
        const auto length = std::min<std::uint64_t>(number(entry, 64, 2), 64);
        for (std::size_t i = 0; i + 2 < length; i += 2) // UTF-16; without the NUL at its end
            stream.name += entry[i + 1] == '\0' ? entry[i] : '?';
        stream.first = number32(entry, 116);
        stream.size = sector_size_ == 512 ? number(entry, 120, 4) : number(entry, 120, 8);
        if (type == 5 && at == 0)
            small_ = stream;
        else if (type == 2)
            streams_.push_back(std::move(stream));
    }
}

bool CompoundFile::has(std::string_view name) const
{
    return std::any_of(streams_.begin(), streams_.end(), [name](const Stream& stream) { return base::iequals(stream.name, name); });
}

std::string CompoundFile::head(std::string_view name, std::size_t count) const
{
    const auto found =
        std::find_if(streams_.begin(), streams_.end(), [name](const Stream& stream) { return base::iequals(stream.name, name); });
    if (found == streams_.end())
        return {};
    const std::uint64_t wanted = std::min<std::uint64_t>(count, found->size);
    if (found->size >= small_below_)
        return chain(found->first, wanted);
    std::string out;
    const std::string all = chain(small_.first, std::min(small_.size, kSmall));
    const std::string table = chain(small_table_, all.size() / small_size_ * 4);
    for (std::uint32_t at = found->first; at <= kLastSector && out.size() < wanted; at = number32(table, std::size_t{at} * 4)) {
        const std::uint64_t begin = std::uint64_t{at} * small_size_;
        if (begin >= all.size() || std::uint64_t{at} * 4 >= table.size())
            break;
        out += all.substr(static_cast<std::size_t>(begin), small_size_);
    }
    out.resize(std::min<std::uint64_t>(out.size(), wanted));
    return out;
}

namespace {

bool isEncryptedWord(const CompoundFile& file)
{
    const std::string fib = file.head("WordDocument", 12);
    const auto mark = number(fib, 0, 2);
    return fib.size() == 12 && (mark == 0xA5EC || mark == 0xA5DC) && (number(fib, 10, 2) & 0x0100) != 0;
}

// FilePass stands among the first records; what follows it is encrypted. Of a sheet's own records none comes before it.
bool isEncryptedExcel(const CompoundFile& file)
{
    constexpr unsigned kBegin = 0x0809, kBeginOfOld = 0x0009, kEnd = 0x000A, kFilePass = 0x002F, kSheet = 0x0085;
    for (const char* name : {"Workbook", "Book"}) {
        const std::string records = file.head(name, 16 * 1024);
        for (std::size_t at = 0; at + 4 <= records.size(); at += 4 + number(records, at + 2, 2)) {
            const auto type = number(records, at, 2);
            if (at == 0 && type != kBegin && (type & 0xFF) != kBeginOfOld)
                break;
            if (type == kFilePass)
                return true;
            if (type == kEnd || type == kSheet)
                break;
        }
    }
    return false;
}

bool isEncryptedPowerPoint(const CompoundFile& file)
{
    const std::string user = file.head("Current User", 16);
    return user.size() == 16 && number(user, 2, 2) == 0x0FF6 && number(user, 12, 4) == 0xF3D1C4DF;
}

} // namespace

bool isEncryptedOffice(std::string_view compound_file)
{
    using namespace std::string_view_literals;
    // In a directory that only Office can read, too.
    constexpr auto kEnvelope = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"sv;
    const CompoundFile file(compound_file);
    return compound_file.find(kEnvelope) != std::string_view::npos || file.has("EncryptedPackage") || file.has("EncryptedSummary")
        || isEncryptedWord(file) || isEncryptedExcel(file) || isEncryptedPowerPoint(file);
}

} // namespace postfach::scanner
