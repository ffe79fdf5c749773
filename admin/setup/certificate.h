#pragma once
// What the server's certificate is used for besides TLS. OpenSSL's error queue is left empty. Any thread.
#include "server/net/tls.h"

#include <string>

namespace postfach::admin {

// `content` within a CMS SignedData (RFC 5652), DER, with the certificate and its chain. Empty when it cannot be signed.
std::string signedByServer(SSL_CTX* server, const std::string& content);

// SHA-256 of the certificate's SubjectPublicKeyInfo in lower-case hex: what a TLSA record "3 1 1" holds (RFC 6698 2.1).
// It outlives a renewal that keeps the key. Empty when there is none.
std::string publicKeySha256(SSL_CTX* server);

} // namespace postfach::admin
