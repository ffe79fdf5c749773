#pragma once
// Peers by their addresses: numeric text, without port; IPv4-mapped IPv6 as IPv4.
#include <Poco/Net/StreamSocket.h>

#include <optional>
#include <string>
#include <vector>

namespace postfach::net {

std::string peerOf(const Poco::Net::StreamSocket& socket); // "unknown" for a connection that was reset before we looked
bool isLoopback(const std::string& address);

// What stands for everybody who could use this address: an IPv6 address counts as its /64 (RFC 4291 2.5.4), whose owner
// could come from each address in turn. Opaque bytes.
std::string bucketOf(const std::string& address);

// "192.0.2.0/24", "fc00::/7", "::1": true when `address` lies in it. nullopt for a malformed network.
std::optional<bool> inNetwork(const std::string& address, const std::string& network);
bool inAnyNetwork(const std::string& address, const std::vector<std::string>& networks);

} // namespace postfach::net
