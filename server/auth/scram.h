#pragma once
// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, made by SaslExchange::begin(). Private to this folder.
#include "server/auth/sasl.h"

namespace postfach::auth {

std::unique_ptr<SaslExchange> makeScram(Authenticator& authenticator, SaslPeer peer, bool plus);

// The user name of a client's first message (RFC 5802 7), and the bare message behind the GS2 header. nullopt: malformed.
struct ScramFirst { std::string user, authzid, bare; };
std::optional<ScramFirst> parseScramFirst(std::string_view message);

} // namespace postfach::auth
