#pragma once
// The work of salvage: rows (salvage.cpp), what they name, contents and lost+found (salvage_bodies.cpp), and the mail that only a
// damaged log has (salvage_log.cpp).
#include "server/store/salvage.h"
#include "server/store/sqlite/repository.h"
#include "server/store/sqlite/salvage_pages.h"
#include "server/store/sqlite/schema.h"
#include "server/store/sqlite/wal.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfach::store::sqlite {

// How a row looks: n null, i integer, t text, b blob; in brackets what may be null instead; everything behind '*' may be missing.
bool hasShape(const Row& row, std::string_view shape);
const char* tableOf(const Row& row, bool has_ids); // by its shape; null: it looks like none, or like several

constexpr std::uint32_t kMostPages = 1U << 25; // see the top of salvage.cpp

// The new database, while it is filled.
class Filling {
public:
    Filling(const std::string& file, int version);
    ~Filling();
    Filling(const Filling&) = delete;
    Filling& operator=(const Filling&) = delete;

    Connection& db() { return db_; }
    bool knows(const std::string& table) const { return columns_.contains(table); }
    // The first of a key stays. False: it is there already, or no such row can be.
    bool insert(const std::string& table, const Row& row, bool has_ids);
    void note(); // a row was put in by other means
    void commit();

private:
    Connection db_;
    std::map<std::string, std::vector<std::string>> columns_;
    std::map<std::pair<std::string, std::size_t>, sqlite3_stmt*> inserts_;
    std::size_t waiting_ = 0;
};

class Salvage {
public:
    Salvage(const std::string& damaged, const std::string& fresh, const Progress& progress) :
        damaged_(damaged), fresh_(fresh), source_(damaged), meter_(progress, std::uint64_t{source_.pages()} * kPageSize),
        met_(std::size_t{source_.pages()} + 1)
    {
    }
    Salvaged run();

private:
    void readSchema();
    void walk(std::uint32_t root, const std::function<void(std::uint32_t, const TreePage&)>& visit);
    void takeTrees();
    void takeStrays();
    void takeContents();
    void takeContent(const Row& row);
    bool contentOf(BodyId id, std::string_view data, std::string& bytes);
    bool fileIsWhole(const base::Sha256& hash, std::uint64_t size); // and is copied
    struct LogMail;
    void takeLog(const std::string& log);
    void placeLogMail(const LogMail& mail, std::int64_t& body);
    void mend();
    void makeOwners();
    void makeMailboxes();
    void dropIncomplete();
    void keepFoundFiles();
    void writeFound(const std::string& name, std::string_view bytes);
    void lose(const std::string& what, const std::string& where);
    std::int64_t number(const char* sql);

    const std::string damaged_, fresh_;
    const PageSource source_;
    Meter meter_;
    std::vector<bool> met_;
    int version_ = newestVersion();
    std::map<std::string, std::uint32_t> roots_;                         // of tables and indexes
    std::map<std::int64_t, std::string> addresses_;                      // from the index: id, address
    std::map<std::int64_t, std::pair<std::int64_t, std::string>> names_; // the same: mailbox, (account, name)
    std::vector<std::uint32_t> contents_;                                // pages of rows of content
    std::map<std::int64_t, std::int64_t> sizes_;                         // of bodies, as messages say; made when it is needed
    bool have_sizes_ = false;
    std::set<std::string> files_; // large bodies that were copied
    std::optional<Filling> filling_;
    std::map<std::string, std::size_t> losses_;
    Salvaged result_;
};

} // namespace postfach::store::sqlite
