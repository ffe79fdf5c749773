#include "server/net/channel.h"
#include "server/net/strand.h"
#include "server/net/tls.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

namespace postfach::net {
namespace {
class PlainChannel final : public Channel {
public:
    explicit PlainChannel(const Poco::Net::StreamSocket& socket) : socket_(socket), fd_(socket.impl()->sockfd()) {}

    int read(char* into, std::size_t most) override
    {
        for (;;) {
            const auto count = ::recv(fd_, into, most, 0);
            if (count >= 0)
                return static_cast<int>(count);
            if (errno != EINTR)
                return retryOrThrow("read", kWantRead);
        }
    }

    int write(const char* from, std::size_t bytes) override
    {
        for (;;) {
            const auto count = ::send(fd_, from, bytes, MSG_NOSIGNAL);
            if (count >= 0)
                return static_cast<int>(count);
            if (errno != EINTR)
                return retryOrThrow("write", kWantWrite);
        }
    }

    int gather(std::span<const std::string_view> pieces) override
    {
        std::array<iovec, kGathered> parts{};
        msghdr message{};
        message.msg_iov = parts.data();
        for (const std::string_view piece : pieces.first(std::min(pieces.size(), parts.size())))
            parts[message.msg_iovlen++] = {const_cast<char*>(piece.data()), piece.size()};
        for (;;) {
            const auto count = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
            if (count >= 0)
                return static_cast<int>(count);
            if (errno != EINTR)
                return retryOrThrow("write", kWantWrite);
        }
    }

    int handshake() override { return 1; }
    bool pending() const override { return false; }
    void close() noexcept override {}
    TlsInfo info() const override { return {}; }

private:
    static int retryOrThrow(const char* what, int wanted)
    {
        const int error = errno;
        if (error == EAGAIN || error == EWOULDBLOCK)
            return wanted;
        throw PeerGone(std::string(what) + ": " + std::generic_category().message(error));
    }

    const Poco::Net::StreamSocket socket_; // keeps the descriptor open
    const int fd_;
};
} // namespace

std::unique_ptr<Channel> plainChannel(const Poco::Net::StreamSocket& socket)
{
    return std::make_unique<PlainChannel>(socket);
}

} // namespace postfach::net
