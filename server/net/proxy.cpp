#include "server/net/proxy.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace postfach::net {
namespace {
using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr unsigned kVersion2 = 0x20;
enum Command : unsigned { kLocal = 0, kProxy = 1 };
enum Family : unsigned { kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21 };
enum Tlv : unsigned { kSsl = 0x20, kSslVersion = 0x21, kSslCipher = 0x23 };
constexpr unsigned kClientUsedTls = 0x01; // of the SSL TLV's first byte

unsigned byteAt(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }
std::size_t shortAt(std::string_view bytes, std::size_t at) { return (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1); }

struct Value {
    unsigned type = 0;
    std::string_view bytes;
};

// Takes the next type-length-value off `rest`; nullopt when its length goes past the end.
std::optional<Value> takeValue(std::string_view& rest)
{
    if (rest.size() < 3 || shortAt(rest, 1) > rest.size() - 3)
        return std::nullopt;
    const std::size_t length = shortAt(rest, 1);
    const Value value{byteAt(rest, 0), rest.substr(3, length)};
    rest.remove_prefix(3 + length);
    return value;
}

// PP2_TYPE_SSL: what the client did (1 byte), whether its certificate was good (4), then values of its own.
bool readSsl(std::string_view ssl, ProxyHeader& header)
{
    if (ssl.size() < 5)
        return false;
    const bool used = (byteAt(ssl, 0) & kClientUsedTls) != 0;
    std::string_view rest = ssl.substr(5);
    header.tls = used ? "TLS" : "";
    while (!rest.empty()) {
        const auto value = takeValue(rest);
        if (!value)
            return false;
        if (used && value->type == kSslVersion && !value->bytes.empty())
            header.tls = value->bytes;
        if (used && value->type == kSslCipher)
            header.cipher = value->bytes;
    }
    return true;
}

std::string addressOf(int family, std::string_view bytes)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family, bytes.data(), text.data(), text.size());
    const std::string address = text.data();
    return address.starts_with("::ffff:") && address.find('.') != std::string::npos ? address.substr(7) : address;
}
} // namespace

std::optional<std::size_t> proxyLength(std::string_view fixed)
{
    if (fixed.size() != kProxyFixed || !fixed.starts_with(kSignature) || (byteAt(fixed, 12) & 0xF0U) != kVersion2)
        return std::nullopt;
    const std::size_t length = shortAt(fixed, 14);
    return length > kProxyMost ? std::nullopt : std::optional<std::size_t>(length);
}

std::optional<ProxyHeader> parseProxyHeader(std::string_view whole)
{
    const auto length = proxyLength(whole.substr(0, kProxyFixed));
    if (!length || whole.size() != kProxyFixed + *length)
        return std::nullopt;
    const unsigned command = byteAt(whole, 12) & 0x0FU;
    const unsigned family = byteAt(whole, 13);
    ProxyHeader header;
    if (command == kLocal || (command == kProxy && family == kUnspecified))
        return header; // what follows means nothing
    if (command != kProxy || (family != kTcp4 && family != kTcp6))
        return std::nullopt;
    const std::size_t each = family == kTcp4 ? 4 : 16;
    const std::size_t addresses = 2 * each + 4;
    std::string_view rest = whole.substr(kProxyFixed);
    if (rest.size() < addresses)
        return std::nullopt;
    header.address = addressOf(family == kTcp4 ? AF_INET : AF_INET6, rest);
    rest.remove_prefix(addresses);
    while (!rest.empty()) {
        const auto value = takeValue(rest);
        if (!value || (value->type == kSsl && !readSsl(value->bytes, header)))
            return std::nullopt;
    }
    return header;
}

namespace {
// Exactly so many bytes: what stands behind them is the client's, and TLS or the session reads it.
Task<> readExactly(Strand& strand, int fd, std::string& into, std::size_t bytes)
{
    std::array<char, 512> piece;
    while (bytes > 0) {
        const auto count = ::recv(fd, piece.data(), std::min(bytes, piece.size()), 0);
        if (count == 0)
            throw PeerGone("the proxy left before its header was whole");
        if (count > 0) {
            into.append(piece.data(), static_cast<std::size_t>(count));
            bytes -= static_cast<std::size_t>(count);
            continue;
        }
        if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)
            throw PeerGone("proxy: " + std::generic_category().message(errno));
        if (errno != EINTR)
            co_await strand.wait(kReadable);
    }
}
} // namespace

Task<ProxyHeader> readProxyHeader(Strand& strand, const Poco::Net::StreamSocket& socket)
{
    const int fd = socket.impl()->sockfd();
    std::string whole;
    co_await readExactly(strand, fd, whole, kProxyFixed);
    const auto length = proxyLength(whole);
    if (!length)
        throw PeerGone("no header of the PROXY protocol version 2");
    const std::size_t rest = *length;
    co_await readExactly(strand, fd, whole, rest);
    std::optional<ProxyHeader> header = parseProxyHeader(whole);
    if (!header)
        throw PeerGone("a malformed header of the PROXY protocol");
    co_return std::move(*header);
}

} // namespace postfach::net
