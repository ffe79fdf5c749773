#pragma once
// A message while it is received: in memory up to limits::kSpoolInMemory, then in an unlinked file. Bounded by the caller's
// check of size(). Nothing here is durable: durability is the store's.
#include "server/base/file.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postfach::delivery {

class Spool {
public:
    explicit Spool(std::string folder) : folder_(std::move(folder)) {} // where large ones go (DIR/spool)
    ~Spool();
    Spool(Spool&& other) noexcept;
    Spool& operator=(Spool&&) = delete;

    void append(std::string_view bytes);          // std::system_error when the disk is full
    bool needsDisk(std::size_t bytes) const;      // to take so many more: not work for a thread that serves others
    void cut(std::uint64_t size);                 // what lies behind goes; std::system_error
    std::uint64_t size() const { return size_; }
    std::string_view view();                      // all of it; stays valid until the next append or the end of the spool
    void endHead() { head_ = size_; }             // what was appended so far is this server's own
    std::uint64_t head() const { return head_; }  // bytes

private:
    std::string folder_;
    std::string memory_;
    base::Fd file_;
    void* map_ = nullptr;
    std::uint64_t size_ = 0, mapped_ = 0, head_ = 0;
};

} // namespace postfach::delivery
