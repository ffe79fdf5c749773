#include "server/net/address.h"

#include "server/base/text.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace postfach::net {
namespace {
// 16 bytes for either family; IPv4 as ::ffff:a.b.c.d, so that mapped addresses need no case of their own.
struct Address {
    std::array<std::uint8_t, 16> bytes{};
    bool v4 = false;
};

std::optional<Address> parse(const std::string& text)
{
    Address address;
    if (::inet_pton(AF_INET, text.c_str(), address.bytes.data() + 12) == 1) {
        address.bytes[10] = address.bytes[11] = 0xFF;
        address.v4 = true;
        return address;
    }
    const std::string without_scope = text.substr(0, text.find('%')); // fe80::1%eth0
    if (::inet_pton(AF_INET6, without_scope.c_str(), address.bytes.data()) != 1)
        return std::nullopt;
    static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    address.v4 = std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin());
    return address;
}
} // namespace

std::string peerOf(const Poco::Net::StreamSocket& socket)
{
    try {
        const Poco::Net::IPAddress host = socket.peerAddress().host();
        std::string text = host.toString();
        if (host.family() == Poco::Net::IPAddress::IPv6 && host.isIPv4Mapped())
            text.erase(0, text.rfind(':') + 1);
        return text;
    } catch (const Poco::Exception&) {
        return "unknown"; // the first read tells
    }
}

bool isLoopback(const std::string& text)
{
    static constexpr std::array<std::uint8_t, 16> kOne{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const auto address = parse(text);
    return address && (address->v4 ? address->bytes[12] == 127 : address->bytes == kOne);
}

std::string bucketOf(const std::string& text)
{
    const auto address = parse(text);
    return address ? std::string(reinterpret_cast<const char*>(address->bytes.data()), address->v4 ? 16 : 8) : text;
}

std::optional<bool> inNetwork(const std::string& address_text, const std::string& network_text)
{
    const std::size_t slash = network_text.find('/');
    const auto network = parse(network_text.substr(0, slash));
    if (!network)
        return std::nullopt;
    const bool written_v4 = network_text.find(':') == std::string::npos;
    unsigned bits = 128;
    if (slash != std::string::npos) {
        const auto given = base::parseU32(std::string_view(network_text).substr(slash + 1));
        if (!given || *given > (written_v4 ? 32U : 128U))
            return std::nullopt;
        bits = *given + (written_v4 ? 96U : 0U);
    }
    const auto address = parse(address_text);
    if (!address)
        return false;
    if (address->v4 != written_v4 && !(address->v4 && network->v4))
        return false; // "::/0" is every IPv6 address and no IPv4 one
    for (unsigned bit = 0; bit < bits; ++bit) {
        const unsigned difference = address->bytes[bit / 8] ^ network->bytes[bit / 8];
        if ((difference & (0x80U >> (bit % 8))) != 0)
            return false;
    }
    return true;
}

bool inAnyNetwork(const std::string& address, const std::vector<std::string>& networks)
{
    return std::any_of(networks.begin(), networks.end(), [&](const std::string& network) { return inNetwork(address, network).value_or(false); });
}

} // namespace postfach::net
