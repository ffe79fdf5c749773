#include "admin/webhooks.h"
#include "server/net/address.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace postfach::admin {
namespace {

// The special-purpose registries of IANA (RFC 6890 and what came since).
const std::vector<std::string>& specialNetworks()
{
    static const std::vector<std::string> all{"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"};
    return all;
}

bool isPublicV4(const unsigned char* bytes)
{
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, bytes, text.data(), text.size());
    return !net::inAnyNetwork(text.data(), specialNetworks());
}

} // namespace

bool isPublicAddress(const std::string& address)
{
    std::array<unsigned char, 16> b{};
    if (::inet_pton(AF_INET, address.c_str(), b.data()) == 1)
        return isPublicV4(b.data());
    if (::inet_pton(AF_INET6, address.c_str(), b.data()) != 1)
        return false;
    const bool mapped =
        std::all_of(b.begin(), b.begin() + 10, [](unsigned char c) { return c == 0; }) && b[10] == 0xFF && b[11] == 0xFF;
    if (mapped)
        return isPublicV4(b.data() + 12);
    if ((b[0] & 0xE0) != 0x20) // global unicast is 2000::/3; NAT64's 64:ff9b::/96 is not in it
        return false;
    if (b[0] == 0x20 && b[1] == 0x02) // 6to4: the IPv4 address stands in it
        return isPublicV4(b.data() + 2);
    if (b[0] == 0x20 && b[1] == 0x01
        && (b[2] < 0x02 || (b[2] == 0x0D && b[3] == 0xB8))) // 2001::/23 (Teredo and others), 2001:db8::/32
        return false;
    return !(b[0] == 0x3F && b[1] == 0xFF && b[2] < 0x10); // 3fff::/20, documentation
}

} // namespace postfach::admin
