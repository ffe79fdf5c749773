// Salvage: contents, and what belongs to nobody any more.
#include "server/base/error.h"
#include "server/base/text.h"
#include "server/store/sqlite/salvage_work.h"

#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <tuple>

namespace postfach::store::sqlite {

namespace fs = std::filesystem;

bool Salvage::fileIsWhole(const base::Sha256& hash, std::uint64_t size)
{
    const std::string name = base::hex(hash), to = shardedBody(fresh_ + "/bodies", name), from = shardedBody(damaged_ + "/bodies", name);
    base::makeFolders(fs::path(to).parent_path().string());
    std::error_code error;
    if (!files_.contains(name) && !(fs::file_size(from, error) == size && !error && copyVerified(from, to, hash)))
        return false;
    files_.insert(name);
    return true;
}

// The bytes of a content, where they are proved.
bool Salvage::contentOf(BodyId id, std::string_view data, std::string& bytes)
{
    Connection& db = filling_->db();
    {
        Statement row = db.query("SELECT hash, size, encoding FROM body WHERE id = ?", id);
        if (row.step()) {
            const std::string hash_bytes = row.text(0);
            const auto size = static_cast<std::uint64_t>(row.integer(1));
            if (hash_bytes.size() != sizeof(base::Sha256) || row.integer(2) < 0 || row.integer(2) > 2)
                return false;
            const base::Sha256 hash = asSha256(hash_bytes);
            if (row.integer(2) == static_cast<int>(Encoding::file))
                return fileIsWhole(hash, size);
            try {
                bytes = decodeBody(static_cast<Encoding>(row.integer(2)), hash, size, data);
            } catch (const Error&) {
                return false;
            }
            return base::sha256(bytes) == hash;
        }
    }
    // Its row is lost. The pages prove the bytes, if they have checksums; the size that a message names proves that they are all.
    if (!source_.sealed() || data.empty())
        return false;
    if (!have_sizes_) {
        have_sizes_ = true;
        Statement row = db.query("SELECT body_id, size FROM message");
        while (row.step())
            sizes_.emplace(row.integer(0), row.integer(1));
    }
    const auto known = sizes_.find(id.value);
    const auto inside = ZSTD_getFrameContentSize(data.data(), data.size());
    const bool packed = inside <= kCompressible;
    if (packed) {
        bytes.resize(inside);
        if (ZSTD_decompress(bytes.data(), bytes.size(), data.data(), data.size()) != inside)
            return false;
    } else {
        bytes = data;
    }
    if (known == sizes_.end()) { // nobody names it
        writeFound("content-" + std::to_string(id.value), bytes);
        return false;
    }
    if (static_cast<std::uint64_t>(known->second) != bytes.size()) {
        if (data.size() != static_cast<std::uint64_t>(known->second))
            return false;
        bytes = data;
    }
    const base::Sha256 hash = base::sha256(bytes);
    db.run("INSERT INTO body (id, hash, size, refs, encoding) VALUES (?, ?, ?, 0, ?)", id, Blob{asBytes(hash)}, bytes.size(),
        packed && bytes.size() == inside ? static_cast<int>(Encoding::zstd) : static_cast<int>(Encoding::plain));
    return true;
}

void Salvage::takeContent(const Row& row)
{
    if (!hasShape(row, "nbb"))
        return;
    std::string bytes;
    if (contentOf(BodyId{row.id}, row.values[2].bytes, bytes))
        filling_->insert("content", row, true);
}

void Salvage::takeContents()
{
    for (const std::uint32_t at : contents_) {
        const auto page = readTreePage(source_, at);
        for (const Row& row : page ? page->rows : std::vector<Row>{})
            takeContent(row);
        meter_.expect(kPageSize);
        meter_.add(kPageSize);
    }
    // A large body is in its file. The row beside it has only what is made from it, and is made anew.
    Connection& db = filling_->db();
    std::vector<std::int64_t> bare;
    {
        Statement row = db.query("SELECT id FROM body WHERE encoding = 2 AND id NOT IN (SELECT body_id FROM content)");
        while (row.step())
            bare.push_back(row.integer(0));
    }
    std::string none;
    for (const std::int64_t id : bare)
        if (contentOf(BodyId{id}, {}, none))
            db.run("INSERT INTO content (body_id, summary, data) VALUES (?, x'', x'')", id);
    // Under a damaged row of body two may claim one file's name; the index lets in one, and the other's content stays out.
}

// --- what belongs to nobody

void Salvage::writeFound(const std::string& name, std::string_view bytes)
{
    base::makeFolders(fresh_ + "/lost+found");
    std::ofstream file(fresh_ + "/lost+found/" + name + ".eml", std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush())
        throw Error(Error::Kind::diskFull, "cannot write to " + fresh_ + "/lost+found");
    ++result_.found;
}

// Contents that no row names go out of the store, where an administrator can look at them.
void Salvage::keepFoundFiles()
{
    Connection& db = filling_->db();
    db.run("DELETE FROM body WHERE id NOT IN (SELECT body_id FROM content)");
    std::vector<std::tuple<std::int64_t, base::Sha256, std::uint64_t, std::int64_t>> nobodys;
    {
        const char* const sql = filling_->knows("recoverable")
            ? "SELECT id, hash, size, encoding FROM body WHERE id NOT IN (SELECT body_id FROM message) AND id NOT IN (SELECT "
              "body_id FROM quarantine)"
              " AND id NOT IN (SELECT body_id FROM recoverable)"
            : "SELECT id, hash, size, encoding FROM body WHERE id NOT IN (SELECT body_id FROM message) AND id NOT IN (SELECT "
              "body_id FROM quarantine)";
        Statement row = db.query(sql);
        while (row.step())
            nobodys.emplace_back(
                row.integer(0), asSha256(row.bytes(1)), static_cast<std::uint64_t>(row.integer(2)), row.integer(3));
    }
    for (const auto& [id, hash, size, encoding] : nobodys) {
        const std::string name = base::hex(hash);
        if (encoding == static_cast<int>(Encoding::file)) {
            base::makeFolders(fresh_ + "/lost+found");
            fs::rename(shardedBody(fresh_ + "/bodies", name), fresh_ + "/lost+found/" + name + ".eml");
            ++result_.found;
        } else {
            Statement row = db.query("SELECT data FROM content WHERE body_id = ?", id);
            if (row.step())
                writeFound(name, decodeBody(static_cast<Encoding>(encoding), hash, size, row.bytes(0)));
        }
        db.run("DELETE FROM content WHERE body_id = ?", id);
        db.run("DELETE FROM body WHERE id = ?", id);
    }
    // Files whose rows are lost.
    std::error_code error;
    for (fs::recursive_directory_iterator it(damaged_ + "/bodies", error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        const auto raw = name.size() == 64 ? base::unhex(name) : std::nullopt;
        std::error_code ignored;
        if (!raw || files_.contains(name) || !it->is_regular_file(ignored))
            continue;
        base::makeFolders(fresh_ + "/lost+found");
        if (copyVerified(it->path().string(), fresh_ + "/lost+found/" + name + ".eml", asSha256(*raw)))
            ++result_.found;
    }
}

} // namespace postfach::store::sqlite
