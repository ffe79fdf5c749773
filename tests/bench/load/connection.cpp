#include "tests/bench/load/connection.h"

#include "tests/bench/load/answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace postfach::load {
namespace {

// Full handshakes each time: no session is kept. The certificate is self-signed, and who the server is is not the question.
SSL_CTX* settings()
{
    static SSL_CTX* const context = [] {
        SSL_CTX* made = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_options(made, SSL_OP_IGNORE_UNEXPECTED_EOF);
        return made;
    }();
    return context;
}

sockaddr_in loopback(std::uint32_t host, std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(0x7F000000U | host);
    return address;
}

} // namespace

void Connection::open()
{
    ++opened_;
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0)
        throw Failed(std::string("no socket: ") + std::strerror(errno));
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (endpoint_.receive_buffer != 0)
        setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &endpoint_.receive_buffer, sizeof endpoint_.receive_buffer);
    if (endpoint_.source != 0) {
        setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        const sockaddr_in from = loopback(0x010000U + endpoint_.source % 0x10000U, 0); // 127.1.x.y
        if (bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0)
            throw Failed(std::string("no source address: ") + std::strerror(errno));
    }
    const sockaddr_in to = loopback(1, endpoint_.port);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
        throw Failed(std::string("no connection: ") + std::strerror(errno));
    connecting_ = true;
    shaking_ = false;
    reading_ = true;
    wants_write_ = false;
    watched_ = EPOLLOUT;
    loop_.watch(fd_, watched_, *this);
}

void Connection::close()
{
    if (fd_ < 0)
        return;
    ssl_.reset();
    ::close(fd_); // leaves epoll with it
    fd_ = -1;
    out_.clear();
    out_.shrink_to_fit();
    out_at_ = 0;
}

void Connection::lost(const std::string& why)
{
    close();
    ended(why);
}

void Connection::ready(std::uint32_t events)
{
    if (fd_ < 0)
        return; // an event that was late
    if (connecting_) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
            return;
        connected();
        return;
    }
    const unsigned opened = opened_;
    if (shaking_ && !handshake())
        return;
    if (unsent() != 0)
        flush();
    if (fd_ >= 0 && opened == opened_ && reading_)
        take();
    if (fd_ >= 0 && opened == opened_)
        watch();
}

void Connection::connected()
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        return lost(std::string("no connection: ") + std::strerror(error));
    connecting_ = false;
    if (endpoint_.tls) {
        ssl_.reset(SSL_new(settings()));
        SSL_set_fd(ssl_.get(), fd_);
        SSL_set_connect_state(ssl_.get());
        shaking_ = true;
        if (!handshake())
            return;
    }
    const unsigned opened = opened_;
    flush();
    if (fd_ >= 0 && opened == opened_)
        watch();
}

bool Connection::handshake()
{
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
        shaking_ = false;
        wants_write_ = false;
        secured();
        return fd_ >= 0;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        lost("the TLS handshake failed");
        return false;
    }
    wants_write_ = error == SSL_ERROR_WANT_WRITE;
    watch();
    return false;
}

void Connection::send(std::string_view bytes)
{
    if (fd_ < 0)
        return;
    out_.append(bytes);
    if (connecting_ || shaking_)
        return;
    const unsigned opened = opened_;
    flush();
    if (fd_ >= 0 && opened == opened_)
        watch();
}

long Connection::push(std::string_view bytes)
{
    if (ssl_) {
        ERR_clear_error();
        const int done = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1U << 20)));
        if (done > 0)
            return done;
        const int error = SSL_get_error(ssl_.get(), done);
        if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ)
            return 0;
        lost("writing failed");
        return 0;
    }
    const ssize_t done = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (done >= 0)
        return done;
    if (errno != EAGAIN && errno != EINTR)
        lost(std::string("writing failed: ") + std::strerror(errno));
    return 0;
}

void Connection::flush()
{
    if (unsent() == 0)
        return;
    const unsigned opened = opened_;
    while (unsent() != 0) {
        const long done = push(std::string_view(out_).substr(out_at_));
        if (fd_ < 0 || opened != opened_)
            return;
        if (done == 0)
            break;
        out_at_ += static_cast<std::size_t>(done);
    }
    wants_write_ = unsent() != 0;
    if (!wants_write_) {
        out_.clear();
        if (out_.capacity() > 65536)
            out_.shrink_to_fit();
        out_at_ = 0;
        sent();
    }
}

void Connection::take()
{
    static std::vector<char> buffer(1U << 18);
    const unsigned opened = opened_;
    for (int pieces = 0; pieces < 16; ++pieces) { // then the others have their turn
        long got = 0;
        if (ssl_) {
            ERR_clear_error();
            got = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
            if (got <= 0) {
                const int error = SSL_get_error(ssl_.get(), static_cast<int>(got));
                if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
                    return;
                return lost(error == SSL_ERROR_ZERO_RETURN ? "" : "reading failed");
            }
        } else {
            got = recv(fd_, buffer.data(), buffer.size(), 0);
            if (got < 0 && (errno == EAGAIN || errno == EINTR))
                return;
            if (got <= 0)
                return lost(got == 0 ? "" : std::string("reading failed: ") + std::strerror(errno));
        }
        received(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
        if (fd_ < 0 || opened != opened_ || !reading_)
            return;
        if (!ssl_ && static_cast<std::size_t>(got) < buffer.size())
            return; // the kernel had no more
    }
}

void Connection::reading(bool wanted)
{
    reading_ = wanted;
    if (fd_ >= 0 && !connecting_)
        watch();
}

void Connection::watch()
{
    const std::uint32_t wanted = (reading_ || shaking_ ? EPOLLIN : 0U) | (wants_write_ ? EPOLLOUT : 0U);
    if (wanted != watched_) {
        watched_ = wanted;
        loop_.change(fd_, wanted, *this);
    }
}

} // namespace postfach::load
