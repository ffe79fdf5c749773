#include "server/delivery/signature_archive.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include <unistd.h>
#include <zlib.h>

namespace postfach::delivery {
namespace {
constexpr std::size_t kHead = 512;            // before the tar; a block of it, too
constexpr std::size_t kPiece = 256 * 1024;
constexpr std::uint64_t kMostBytes = 4ULL << 30; // inflated: ClamAV's whole set has 0.5 GB

// The tar's bytes: gzread() takes what is not deflated as it is.
class Bytes {
public:
    explicit Bytes(const std::string& path) : file_(std::fopen(path.c_str(), "rb"), &std::fclose)
    {
        if (!file_ || std::fseek(file_.get(), kHead, SEEK_SET) != 0)
            return;
        const int descriptor = ::dup(::fileno(file_.get()));
        ::lseek(descriptor, kHead, SEEK_SET);
        zip_.reset(::gzdopen(descriptor, "rb"));
    }
    bool good() const { return zip_ != nullptr; }
    bool read(char* into, std::size_t size) // all of it
    {
        read_ += size;
        return read_ <= kMostBytes && ::gzread(zip_.get(), into, static_cast<unsigned>(size)) == static_cast<int>(size);
    }

private:
    struct Close {
        void operator()(gzFile file) const { ::gzclose(file); }
    };
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    std::unique_ptr<gzFile_s, Close> zip_;
    std::uint64_t read_ = 0;
};

std::uint64_t octal(std::string_view field)
{
    std::uint64_t number = 0;
    for (const char c : field) {
        if (c < '0' || c > '7')
            break;
        number = number * 8 + static_cast<std::uint64_t>(c - '0');
    }
    return number;
}
} // namespace

bool readSignatureArchive(const std::string& path, const std::function<bool(std::string_view)>& wants,
                          const std::function<void(std::string_view, std::string_view)>& take)
{
    Bytes bytes(path);
    if (!bytes.good())
        return false;
    std::vector<char> piece(kPiece);
    for (;;) {
        char head[kHead];
        if (!bytes.read(head, sizeof head))
            return false;
        if (head[0] == '\0')
            return true; // the tar's end
        const std::string_view all(head, sizeof head);
        const std::string_view field = all.substr(0, 100);
        const std::string name(field.substr(0, field.find('\0')));
        const std::uint64_t size = octal(all.substr(124, 11));
        const bool wanted = wants(name);
        for (std::uint64_t left = (size + kHead - 1) / kHead * kHead, of_file = size; left > 0;) {
            const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
            if (!bytes.read(piece.data(), now))
                return false;
            const auto own = static_cast<std::size_t>(std::min<std::uint64_t>(now, of_file));
            if (wanted && own > 0)
                take(name, std::string_view(piece.data(), own));
            left -= now;
            of_file -= own;
        }
    }
}

} // namespace postfach::delivery
