#pragma once
// The header of the PROXY protocol, version 2 (haproxy's proxy-protocol.txt, section 2.2): a trusted proxy says before the
// first byte of the client who the client is. Version 1 is text without a length and is not taken.
#include "server/net/strand.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postfach::net {

struct ProxyHeader {
    std::string address;     // of the client; empty: the proxy speaks for itself (LOCAL, or no family)
    std::string tls, cipher; // of the TLS that ended at the proxy, from its SSL TLV; tls is never empty when there was one
    ProxyHeader() = default;
};

inline constexpr std::size_t kProxyFixed = 16;     // signature, version and command, family, length
inline constexpr std::size_t kProxyMost = 4 * 1024; // addresses take 36 bytes; the rest is TLVs, a client's certificate at most

// How many bytes follow the fixed part; nullopt: it is none of version 2, or too long.
std::optional<std::size_t> proxyLength(std::string_view fixed);
// The whole header (fixed part and what follows it); nullopt when it is malformed or of a family that is no TCP.
std::optional<ProxyHeader> parseProxyHeader(std::string_view whole);

// Reads the header and not a byte more, waiting without a thread. PeerGone: the peer left, or sent something else.
Task<ProxyHeader> readProxyHeader(Strand& strand, const Poco::Net::StreamSocket& socket);

} // namespace postfach::net
