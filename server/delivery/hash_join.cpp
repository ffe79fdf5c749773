#include "server/delivery/hash_join.h"
#include "server/base/text.h"
#include "server/delivery/signature_archive.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

namespace postfach::delivery {
namespace {
namespace fs = std::filesystem;
constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kLongestLine = 4'096; // a hash, a size and a name

bool hasHashes(std::string_view name)
{
    for (const auto* kind : {".hdb", ".hsb", ".hdu", ".hsu"})
        if (name.ends_with(kind))
            return true;
    return false;
}

bool isArchive(std::string_view name) { return name.ends_with(".cvd") || name.ends_with(".cld") || name.ends_with(".cud"); }

std::optional<std::uint64_t> firstBytes(std::string_view hex)
{
    std::uint64_t first = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        const char c = hex[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return std::nullopt;
        const unsigned shift = static_cast<unsigned>(i / 2 * 8 + (i % 2 == 0 ? 4 : 0));
        first |= static_cast<std::uint64_t>(digit) << shift;
    }
    return first;
}

// Pieces become whole lines; one that is longer than any is left out.
class Lines {
public:
    explicit Lines(HashSignatures& into) : into_(into) {}
    void add(std::string_view piece)
    {
        const auto end = piece.rfind('\n');
        if (end == std::string_view::npos) {
            rest_.append(piece.substr(0, rest_.size() > kLongestLine ? 0 : piece.size()));
            return;
        }
        rest_.append(piece.substr(0, end + 1));
        into_.addLines(rest_);
        rest_.assign(piece.substr(end + 1));
    }
    void end()
    {
        into_.addLines(rest_);
        rest_.clear();
    }

private:
    HashSignatures& into_;
    std::string rest_;
};
} // namespace

HashSignatures HashSignatures::load(const std::string& folder)
{
    HashSignatures all;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        const std::string path = entry.path().string();
        Lines lines(all);
        if (isArchive(path)) {
            std::string last;
            readSignatureArchive(path, hasHashes, [&](std::string_view name, std::string_view piece) {
                if (name != last)
                    lines.end();
                last = name;
                lines.add(piece);
            });
        } else if (hasHashes(path)) {
            std::ifstream file(path, std::ios::binary);
            std::string piece(kPiece, '\0');
            while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0)
                lines.add(std::string_view(piece).substr(0, static_cast<std::size_t>(file.gcount())));
        }
        lines.end();
    }
    all.finish();
    return all;
}

void HashSignatures::addLines(std::string_view text)
{
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto colon = line.find(':');
        if (colon != 32 && colon != 40 && colon != 64)
            continue;
        const auto first = firstBytes(line);
        const std::string_view rest = line.substr(colon + 1);
        const std::string_view size_text = rest.substr(0, rest.find(':'));
        const auto size = size_text == "*" ? std::optional<std::uint32_t>(0) : base::parseU32(size_text);
        if (!first || !size)
            continue;
        (colon == 32 ? md5_ : colon == 40 ? sha1_ : sha256_).push_back({*first, *size});
    }
}

void HashSignatures::finish()
{
    for (auto* entries : {&md5_, &sha1_, &sha256_}) {
        std::sort(entries->begin(), entries->end());
        entries->erase(std::unique(entries->begin(), entries->end()), entries->end());
    }
}

bool HashSignatures::has(const std::vector<Entry>& sorted, std::uint64_t first, std::uint32_t size)
{
    for (auto at = std::lower_bound(sorted.begin(), sorted.end(), Entry{first, 0}); at != sorted.end() && at->first == first; ++at)
        if (at->size == 0 || at->size == size)
            return true;
    return false;
}

bool HashSignatures::matches(const store::InnerHash& inner) const
{
    return has(md5_, inner.md5, inner.size) || has(sha1_, inner.sha1, inner.size) || has(sha256_, inner.sha256, inner.size);
}

std::vector<store::BodyId> candidates(store::ReadTx& tx, const HashSignatures& signatures)
{
    std::vector<store::BodyId> found;
    if (signatures.size() == 0)
        return found;
    tx.eachInnerHashes([&](store::BodyId body, std::string_view packed) {
        for (const store::InnerHash& inner : store::unpackInnerHashes(packed))
            if (signatures.matches(inner)) {
                found.push_back(body);
                return;
            }
    });
    std::reverse(found.begin(), found.end());
    return found;
}

} // namespace postfach::delivery
