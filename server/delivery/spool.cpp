#include "server/delivery/spool.h"
#include "server/base/limits.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace postfach::delivery {
namespace {
[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }
} // namespace

Spool::Spool(Spool&& other) noexcept
    : folder_(std::move(other.folder_)), memory_(std::move(other.memory_)), file_(std::move(other.file_)),
      map_(std::exchange(other.map_, nullptr)), size_(std::exchange(other.size_, 0)), mapped_(std::exchange(other.mapped_, 0)),
      head_(std::exchange(other.head_, 0))
{
}

Spool::~Spool()
{
    if (map_ != nullptr)
        ::munmap(map_, mapped_);
}

bool Spool::needsDisk(std::size_t bytes) const { return file_ || memory_.size() + bytes > base::limits::kSpoolInMemory; }

void Spool::append(std::string_view bytes)
{
    if (!file_ && needsDisk(bytes.size())) {
        // Unlinked from the start: a crash leaves nothing to sweep.
        file_ = base::Fd(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        if (!file_)
            fail("spool file");
        base::writeAll(file_.get(), memory_);
        memory_ = std::string();
    }
    if (file_)
        base::writeAll(file_.get(), bytes);
    else
        memory_ += bytes;
    size_ += bytes.size();
}

void Spool::cut(std::uint64_t size)
{
    if (size >= size_)
        return;
    size_ = size;
    if (!file_) {
        memory_.resize(size);
        return;
    }
    if (map_ != nullptr)
        ::munmap(std::exchange(map_, nullptr), mapped_);
    const auto end = static_cast<::off_t>(size);
    if (::ftruncate(file_.get(), end) != 0 || ::lseek(file_.get(), end, SEEK_SET) != end)
        fail("spool file");
}

std::string_view Spool::view()
{
    if (!file_)
        return memory_;
    if (map_ != nullptr && mapped_ != size_) {
        ::munmap(map_, mapped_);
        map_ = nullptr;
    }
    if (map_ == nullptr) {
        void* map = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file_.get(), 0);
        if (map == MAP_FAILED)
            fail("spool mapping");
        map_ = map;
        mapped_ = size_;
    }
    return {static_cast<const char*>(map_), size_};
}

} // namespace postfach::delivery
