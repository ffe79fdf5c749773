#pragma once
// A damaged database read page by page, without SQLite, which would stop at the first page that is not as it was written.
// The layout is SQLite's file format (fileformat2.html): 1.3 the header, 1.5 free pages, 1.6 b-trees, 2.1 records, 4 the log.
#include "server/base/file.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace postfach::store::sqlite {

class PageSource {
public:
    explicit PageSource(const std::string& folder); // Refused: there is no database
    // As what stands behind the damage in a log left it (log_check.h); a page that is not there is the database's, which may have
    // gone on without that log.
    PageSource(const std::string& folder, const std::string& damaged_log);
    std::uint32_t pages() const { return pages_; }
    bool sealed() const { return sealed_; }        // page_check.h
    bool logIsWhole() const { return log_whole_; } // else commits are missing
    // As the last commit left it; nullopt where it is not what was written, or cannot be read.
    std::optional<std::string> page(std::uint32_t number) const;
    std::vector<std::uint32_t> pagesInLog() const; // ascending

private:
    PageSource(const std::string& folder, const std::string& log, bool behind_damage);
    void readLog(const std::string& path);
    void readBehindDamage(const std::string& path);
    base::Fd database_, log_;
    std::uint32_t pages_ = 0;
    bool sealed_ = false, log_whole_ = true;
    std::unordered_map<std::uint32_t, std::uint64_t> in_log_; // page: where in the log
};

struct Value {
    enum class Kind { null, integer, real, text, blob } kind = Kind::null;
    std::int64_t number = 0; // of a real its bits
    std::string bytes;
};

struct Row {
    std::int64_t id = 0; // in a table with row ids
    std::vector<Value> values;
};

struct TreePage {
    bool has_ids = false; // of a table with row ids; else of an index, or of a table that is one
    std::vector<Row> rows;
    std::vector<std::uint32_t> children;
    std::size_t lost_rows = 0; // their cells or their overflow pages cannot be read
};

// nullopt: damaged, or no page of a tree.
std::optional<TreePage> readTreePage(const PageSource& source, std::uint32_t number);

// The pages on the list of free ones; `whole` is false where the list is damaged.
std::vector<bool> freePages(const PageSource& source, bool& whole);

std::uint32_t big32(std::string_view bytes, std::size_t at);

} // namespace postfach::store::sqlite
