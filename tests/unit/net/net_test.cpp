#include "tests/unit/net/net_test.h"

#include "tests/support/catch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <utility>

namespace postfach::test {
namespace {
constexpr auto kPatience = std::chrono::seconds(10);

// OpenSSL's client writes without MSG_NOSIGNAL.
const auto kNoSigpipe = std::signal(SIGPIPE, SIG_IGN);

net::ServiceOptions completed(net::ServiceOptions options)
{
    if (options.name.empty())
        options.name = "test";
    if (options.addresses.empty())
        options.addresses = {"127.0.0.1"};
    return options;
}

SSL_CTX* clientContext()
{
    static SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    return context;
}
} // namespace

TempFolder::TempFolder()
{
    std::string pattern = (std::filesystem::temp_directory_path() / "postfach-net-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("mkdtemp");
    path_ = pattern;
}

TempFolder::~TempFolder()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::shared_ptr<const net::TlsContext> testContext()
{
    static const std::shared_ptr<const net::TlsContext> context = [] {
        const TempFolder folder;
        net::makeSelfSigned(folder / "cert.pem", folder / "key.pem", {"localhost", "127.0.0.1", "::1"});
        return net::TlsContext::load(folder / "cert.pem", folder / "key.pem");
    }();
    return context;
}

void Tally::add()
{
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
}

bool Tally::reaches(int count)
{
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return count_ >= count; });
}

int Tally::now() const
{
    const std::lock_guard lock(mutex_);
    return count_;
}

House::House(net::Scheduler::Session session, net::ServiceOptions options, unsigned workers, unsigned helpers, std::size_t in_all,
             std::size_t per_address)
    : sessions({in_all, per_address, 100}, clock), scheduler(workers, helpers),
      service(scheduler, sessions, completed(std::move(options)), std::move(session))
{
    service.start();
}

House::~House()
{
    service.stop();
    scheduler.stop();
}

bool House::empties()
{
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (scheduler.sessions() > 0 || sessions.now() > 0) { // the place is left a moment after the strand
        if (std::chrono::steady_clock::now() > until)
            return false;
        std::this_thread::yield();
    }
    return true;
}

Client::Client(std::uint16_t port, const std::string& address)
{
    const bool v6 = address.find(':') != std::string::npos;
    fd_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval patience{};
    patience.tv_sec = kPatience.count();
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int done = -1;
    if (v6) {
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(port);
        ::inet_pton(AF_INET6, address.c_str(), &to.sin6_addr);
        done = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    } else {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
        done = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    if (done != 0) {
        const int error = errno;
        ::close(fd_);
        throw std::runtime_error(std::string("connect: ") + std::strerror(error));
    }
}

Client::~Client()
{
    SSL_free(ssl_);
    if (fd_ >= 0)
        ::close(fd_);
}

Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), ssl_(std::exchange(other.ssl_, nullptr)), reset_(other.reset_),
      buffer_(std::move(other.buffer_))
{
}

bool Client::startTls(const TlsWish& wish)
{
    ssl_ = SSL_new(clientContext());
    SSL_set_fd(ssl_, fd_);
    if (wish.version != 0) {
        SSL_set_min_proto_version(ssl_, wish.version);
        SSL_set_max_proto_version(ssl_, wish.version);
        if (wish.version < TLS1_2_VERSION) // OpenSSL 3 needs this for TLS 1.1, or the client itself refuses
            SSL_set_cipher_list(ssl_, "ALL:@SECLEVEL=0");
    }
    if (!wish.sni.empty())
        SSL_set_tlsext_host_name(ssl_, wish.sni.c_str());
    std::string protocols;
    for (std::size_t at = 0; at < wish.alpn.size();) {
        const std::size_t end = std::min(wish.alpn.find(',', at), wish.alpn.size());
        protocols += static_cast<char>(end - at);
        protocols += wish.alpn.substr(at, end - at);
        at = end + 1;
    }
    if (!protocols.empty())
        SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(protocols.data()), static_cast<unsigned>(protocols.size()));
    const bool done = SSL_connect(ssl_) == 1;
    ERR_clear_error();
    return done;
}

std::string Client::commonName() const
{
    X509* const certificate = SSL_get1_peer_certificate(ssl_);
    char name[100] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    return name;
}

bool Client::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        long count = 0;
        if (ssl_ != nullptr)
            count = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
        else
            count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ERR_clear_error();
        if (count <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

int Client::receive(char* into, std::size_t most)
{
    errno = 0;
    const long count = ssl_ != nullptr ? SSL_read(ssl_, into, static_cast<int>(most)) : ::recv(fd_, into, most, 0);
    reset_ = reset_ || (count < 0 && errno == ECONNRESET);
    if (count < 0 && errno == EAGAIN)
        throw std::runtime_error("the server did not answer in time");
    ERR_clear_error();
    return static_cast<int>(count);
}

std::string Client::line()
{
    for (;;) {
        const std::size_t end = buffer_.find('\n');
        if (end != std::string::npos) {
            std::string line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            if (line.ends_with('\r'))
                line.pop_back();
            return line;
        }
        char piece[4096];
        const int count = receive(piece, sizeof piece);
        if (count <= 0)
            return "<end>";
        buffer_.append(piece, static_cast<std::size_t>(count));
    }
}

std::string Client::exactly(std::size_t bytes)
{
    std::vector<char> piece(64 * 1024);
    while (buffer_.size() < bytes) {
        const int count = receive(piece.data(), std::min(piece.size(), bytes - buffer_.size()));
        if (count <= 0)
            break;
        buffer_.append(piece.data(), static_cast<std::size_t>(count));
    }
    std::string result = buffer_.substr(0, bytes);
    buffer_.erase(0, result.size());
    return result;
}

std::string Client::rest()
{
    return exactly(SIZE_MAX);
}

std::string Client::talk(std::string_view text)
{
    send(std::string(text) + "\r\n");
    return line();
}

void Client::finish()
{
    if (ssl_ != nullptr)
        SSL_shutdown(ssl_);
    ERR_clear_error();
    ::shutdown(fd_, SHUT_WR);
}

void Client::reset()
{
    linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(std::exchange(fd_, -1));
}

} // namespace postfach::test
