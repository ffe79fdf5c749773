// How many may be here at once, in all and from one address; and which network an address belongs to.
#include "server/net/service.h"

#include "server/base/text.h"

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

bool isLoopback(const Address& address)
{
    static constexpr std::array<std::uint8_t, 16> kOne{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return address.v4 ? address.bytes[12] == 127 : address.bytes == kOne;
}

// Whoever has one IPv6 address has its whole /64 (RFC 4291 2.5.4), and could come from each of them in turn.
std::string bucket(const Address& address)
{
    return std::string(reinterpret_cast<const char*>(address.bytes.data()), address.v4 ? 16 : 8);
}
} // namespace

std::unique_ptr<Admission::Place> Admission::enter(const std::string& text, Refusal& refusal)
{
    const auto address = parse(text);
    const std::string key = address ? bucket(*address) : text;
    const bool bounded = !address || !isLoopback(*address);
    const std::lock_guard lock(mutex_);
    refusal = Refusal::none;
    if (count_ >= in_all_) {
        refusal = Refusal::full;
        return nullptr;
    }
    const auto at = by_address_.try_emplace(key, 0U).first;
    if (bounded && at->second >= per_address_) {
        refusal = Refusal::address;
        if (at->second == 0)
            by_address_.erase(at);
        return nullptr;
    }
    auto place = std::make_unique<Place>(*this, key);
    ++at->second;
    ++count_;
    return place;
}

void Admission::leave(const std::string& key)
{
    const std::lock_guard lock(mutex_);
    --count_;
    const auto at = by_address_.find(key);
    if (--at->second == 0)
        by_address_.erase(at);
}

void Admission::setLimits(std::size_t in_all, std::size_t per_address)
{
    const std::lock_guard lock(mutex_);
    in_all_ = in_all;
    per_address_ = per_address;
}

std::size_t Admission::now() const
{
    const std::lock_guard lock(mutex_);
    return count_;
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

} // namespace postfach::net
