#pragma once
// Certificates and TLS settings: TLS 1.2 and 1.3, modern ciphers, no renegotiation, no compression, one session ticket.
// Poco's Context holds certificate and settings; OpenSSL is driven directly behind Channel (server/net/README.md says why).
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

typedef struct ssl_ctx_st SSL_CTX;

namespace postfach::net {

struct TlsInfo {
    std::string protocol, cipher, sni, alpn;
    std::string exporter; // RFC 9266 tls-exporter, 32 raw bytes; empty when the connection has none
};

class TlsContext {
public:
    // Reads PEM files; throws base::Refused naming file and reason (unreadable, no certificate, key does not match).
    static std::shared_ptr<const TlsContext> load(const std::string& certificate, const std::string& key);
    virtual ~TlsContext() = default;
    virtual SSL_CTX* native() const = 0;
    virtual std::string fingerprint() const = 0; // SHA-256 of the certificate, hex pairs with colons
    virtual std::string expires() const = 0;     // RFC 3339
    virtual std::int64_t expiresAt() const = 0;  // seconds since 1970
    // What the certificate speaks for: the DNS names of its subjectAltName in lower case, "*.example.org" among them.
    virtual std::vector<std::string> names() const = 0;
    virtual bool isSelfSigned() const = 0;
    // For a client that asks for `name` (SNI): the settings with the certificate to show, or nullptr for native().
    virtual SSL_CTX* forName(std::string_view name) const noexcept = 0;
};

// `standard` for clients that name nothing or nobody we know; one of `others` for a client that names it. A whole name goes
// before a wildcard, which stands for one label; of two certificates for one name that which expires later is shown; what
// somebody signed goes before what `standard` signed itself.
std::shared_ptr<const TlsContext> withNames(std::shared_ptr<const TlsContext> standard, const std::vector<std::shared_ptr<const TlsContext>>& others);

// The context in use, replaceable while connections live. Any thread.
class TlsSource {
public:
    explicit TlsSource(std::shared_ptr<const TlsContext> first);
    std::shared_ptr<const TlsContext> current() const;
    void replace(std::shared_ptr<const TlsContext> next);

private:
    struct Inner;
    std::shared_ptr<Inner> inner_;
};

// A self-signed certificate (ECDSA P-256, 10 years) for these names and addresses; writes both files durably, the key 0600.
void makeSelfSigned(const std::string& certificate, const std::string& key, const std::vector<std::string>& names);
std::vector<std::string> hostNames(); // this host's names and addresses, for the certificate

} // namespace postfach::net
