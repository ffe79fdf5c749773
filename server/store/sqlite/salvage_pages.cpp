#include "server/store/sqlite/salvage_pages.h"
#include "server/base/error.h"
#include "server/store/sqlite/log_check.h"
#include "server/store/sqlite/page_check.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postfach::store::sqlite {
namespace {

constexpr std::size_t kPage = kPageBytes, kUsable = kPage - kSealBytes, kFileHeader = kFileHeaderBytes;
constexpr std::uint64_t kLongestRow = 1U << 30;
constexpr std::size_t kSampled = 64; // pages, where the header does not say whether there are seals

std::uint16_t big16(std::string_view bytes, std::size_t at)
{
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8 | static_cast<std::uint8_t>(bytes[at + 1]));
}

bool readAt(int fd, std::uint64_t offset, std::string& bytes)
{
    return ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes.size());
}

std::uint64_t sizeOf(int fd)
{
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// SQLite's numbers of one to nine bytes. nullopt: they go beyond the end.
std::optional<std::uint64_t> takeNumber(std::string_view& bytes)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 9 && i < bytes.size(); ++i) {
        const auto byte = static_cast<std::uint8_t>(bytes[i]);
        value = i == 8 ? value << 8 | byte : value << 7 | (byte & 0x7F);
        if (i == 8 || byte < 0x80) {
            bytes.remove_prefix(i + 1);
            return value;
        }
    }
    return std::nullopt;
}

std::optional<std::vector<Value>> valuesOf(std::string_view record)
{
    std::string_view header = record;
    const auto header_size = takeNumber(header);
    if (!header_size || *header_size > record.size() || *header_size < record.size() - header.size())
        return std::nullopt;
    header = header.substr(0, *header_size - (record.size() - header.size()));
    std::string_view body = record.substr(*header_size);
    std::vector<Value> values;
    while (!header.empty()) {
        const auto type = takeNumber(header);
        if (!type || *type == 10 || *type == 11)
            return std::nullopt;
        static constexpr std::uint8_t kSizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
        const std::uint64_t size = *type < 10 ? kSizes[*type] : (*type - 12) / 2;
        if (size > body.size())
            return std::nullopt;
        Value value;
        const std::string_view bytes = body.substr(0, size);
        body.remove_prefix(size);
        if (*type >= 12) {
            value.kind = *type % 2 == 0 ? Value::Kind::blob : Value::Kind::text;
            value.bytes = bytes;
        } else if (*type != 0) {
            value.kind = *type == 7 ? Value::Kind::real : Value::Kind::integer;
            std::uint64_t number = *type == 9                                   ? 1
                : size > 0 && (static_cast<std::uint8_t>(bytes[0]) & 0x80) != 0 ? ~std::uint64_t{0}
                                                                                : 0;
            for (const char c : bytes)
                number = number << 8 | static_cast<std::uint8_t>(c);
            value.number = static_cast<std::int64_t>(number);
        }
        values.push_back(std::move(value));
    }
    return body.empty() ? std::optional(std::move(values)) : std::nullopt;
}

// What of a row does not fit into its page stands in a chain of others.
std::optional<std::string> payload(
    const PageSource& source, std::string_view cell, std::uint64_t size, bool table, std::size_t usable)
{
    const std::size_t most = table ? usable - 35 : (usable - 12) * 64 / 255 - 23, least = (usable - 12) * 32 / 255 - 23;
    std::size_t here = size;
    if (size > most) {
        here = least + (size - least) % (usable - 4);
        here = here <= most ? here : least;
    }
    if (size > kLongestRow || cell.size() < here + (here < size ? 4 : 0))
        return std::nullopt;
    std::string bytes(cell.substr(0, here));
    for (std::uint32_t next = here < size ? big32(cell, here) : 0; bytes.size() < size;) {
        const auto page = next != 0 ? source.page(next) : std::nullopt;
        if (!page)
            return std::nullopt;
        next = big32(*page, 0);
        bytes.append(*page, 4, std::min<std::uint64_t>(usable - 4, size - bytes.size()));
    }
    return bytes;
}

} // namespace

std::uint32_t big32(std::string_view bytes, std::size_t at)
{
    return std::uint32_t{big16(bytes, at)} << 16 | big16(bytes, at + 2);
}

PageSource::PageSource(const std::string& folder) : PageSource(folder, folder + "/postfach.db-wal", false) {}
PageSource::PageSource(const std::string& folder, const std::string& damaged_log) : PageSource(folder, damaged_log, true) {}

PageSource::PageSource(const std::string& folder, const std::string& log, bool behind_damage)
{
    const std::string path = folder + "/postfach.db";
    database_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!database_)
        throw base::Refused("cannot read " + path + ": " + std::generic_category().message(errno), 1);
    pages_ = static_cast<std::uint32_t>((sizeOf(database_.get()) + kPage - 1) / kPage);
    log_whole_ = damageInLog(log).empty();
    if (behind_damage)
        readBehindDamage(log);
    else
        readLog(log);
    std::string first(kPage, '\0');
    if (in_log_.contains(1)) // it has no seal there, and its header is whole
        first = page(1).value_or(first);
    else
        readAt(database_.get(), 0, first);
    sealed_ = saysSealed(first) && (in_log_.contains(1) || sealHolds(first, 0));
    for (std::uint32_t number = 2; !sealed_ && number <= std::min<std::uint32_t>(pages_, kSampled); ++number) {
        std::string bytes(kPage, '\0');
        sealed_ = readAt(database_.get(), std::uint64_t{number - 1} * kPage, bytes) && sealIsThere(bytes)
            && sealHolds(bytes, std::uint64_t{number - 1} * kPage);
    }
}

// Only what a commit ends: behind the last one stands what nobody was told of.
void PageSource::readLog(const std::string& path)
{
    log_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!log_)
        return;
    std::vector<LogFrame> waiting;
    for (const LogFrame& frame : framesOfLog(path)) {
        waiting.push_back(frame);
        if (frame.pages_after == 0)
            continue;
        for (const LogFrame& one : waiting)
            in_log_[one.page] = one.offset;
        waiting.clear();
        pages_ = frame.pages_after;
    }
}

void PageSource::readBehindDamage(const std::string& path)
{
    log_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!log_)
        return;
    for (const LogFrame& frame : framesBehindDamage(path)) {
        in_log_[frame.page] = frame.offset;
        pages_ = std::max(pages_, frame.page);
    }
}

std::vector<std::uint32_t> PageSource::pagesInLog() const
{
    std::vector<std::uint32_t> pages;
    for (const auto& [page, offset] : in_log_)
        pages.push_back(page);
    std::sort(pages.begin(), pages.end());
    return pages;
}

std::optional<std::string> PageSource::page(std::uint32_t number) const
{
    if (number == 0 || number > pages_)
        return std::nullopt;
    std::string bytes(kPage, '\0');
    if (const auto at = in_log_.find(number); at != in_log_.end())
        return readAt(log_.get(), at->second, bytes) ? std::optional(std::move(bytes)) : std::nullopt;
    const std::uint64_t offset = std::uint64_t{number - 1} * kPage;
    if (!readAt(database_.get(), offset, bytes) || (sealed_ && !sealHolds(bytes, offset)))
        return std::nullopt;
    return bytes;
}

std::optional<TreePage> readTreePage(const PageSource& source, std::uint32_t number)
{
    const auto bytes = source.page(number);
    if (!bytes)
        return std::nullopt;
    const std::size_t at = number == 1 ? kFileHeader : 0, usable = source.sealed() ? kUsable : kPage;
    const auto type = static_cast<std::uint8_t>((*bytes)[at]);
    const bool interior = type == 2 || type == 5;
    if (!interior && type != 10 && type != 13)
        return std::nullopt;
    TreePage page;
    page.has_ids = type == 5 || type == 13;
    const std::size_t header = at + (interior ? 12 : 8), cells = big16(*bytes, at + 3);
    if (header + 2 * cells > usable)
        return std::nullopt;
    for (std::size_t i = 0; i < cells; ++i) {
        const std::size_t where = big16(*bytes, header + 2 * i);
        if (where < header + 2 * cells || where + 4 > usable) {
            ++page.lost_rows;
            continue;
        }
        std::string_view cell = std::string_view(*bytes).substr(where, usable - where);
        if (interior) {
            page.children.push_back(big32(cell, 0));
            cell.remove_prefix(4);
        }
        if (type == 5) // it has keys alone
            continue;
        const auto size = takeNumber(cell);
        const auto id = page.has_ids ? takeNumber(cell) : std::optional<std::uint64_t>(0);
        const auto record = size && id ? payload(source, cell, *size, page.has_ids, usable) : std::nullopt;
        auto values = record ? valuesOf(*record) : std::nullopt;
        if (values)
            page.rows.push_back({static_cast<std::int64_t>(*id), std::move(*values)});
        else
            ++page.lost_rows;
    }
    if (interior)
        page.children.push_back(big32(*bytes, at + 8));
    return page;
}

std::vector<bool> freePages(const PageSource& source, bool& whole)
{
    std::vector<bool> free(std::size_t{source.pages()} + 1);
    const auto first = source.page(1);
    whole = first.has_value();
    if (!first)
        return free;
    for (std::uint32_t trunk = big32(*first, 32); trunk != 0;) {
        const auto page = source.page(trunk);
        const std::uint32_t count = page ? big32(*page, 4) : 0;
        if (!page || free[trunk] || count > kPage / 4 - 2) {
            whole = false;
            break;
        }
        free[trunk] = true;
        for (std::uint32_t i = 0; i < count; ++i)
            if (const std::uint32_t leaf = big32(*page, 8 + std::size_t{4} * i); leaf < free.size())
                free[leaf] = true;
        trunk = big32(*page, 0);
    }
    return free;
}

} // namespace postfach::store::sqlite
