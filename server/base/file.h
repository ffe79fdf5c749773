#pragma once
// File descriptors that close themselves, and the few file operations whose order is a promise.
#include <string>
#include <string_view>
#include <utility>

namespace postfach::base {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    ~Fd() { reset(); }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1);
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// All throw std::system_error with the path in its text.
void syncFolder(const std::string& path);
void makeFolders(const std::string& path, unsigned mode = 0700); // like mkdir -p; leaves existing ones as they are
std::string readFile(const std::string& path, std::size_t most = 64U << 20);
void writeAll(int fd, std::string_view bytes);
// Temporary file, fsync, rename, fsync of the folder: after a crash there is the old file or the new one, whole.
void writeFileDurably(const std::string& path, std::string_view bytes, unsigned mode = 0600);

} // namespace postfach::base
