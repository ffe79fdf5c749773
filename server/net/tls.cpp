#include "server/net/tls.h"

#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/base/file.h"

#include <Poco/Exception.h>
#include <Poco/Net/Context.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <mutex>
#include <string_view>
#include <utility>

namespace postfach::net {
namespace {
struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

constexpr std::size_t kPemFile = 1U << 20; // a chain has kilobytes

// TLS 1.2: forward secrecy and authenticated encryption only. The suites of TLS 1.3 are all of that kind.
constexpr const char* kCiphers12 = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK";
constexpr const char* kSuites13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

std::string readPem(const std::string& path)
{
    try {
        return base::readFile(path, kPemFile);
    } catch (const std::exception& error) {
        throw base::Refused("TLS: cannot read " + path + ": " + error.what());
    }
}

// Never asks anybody: a server has no terminal.
int noPassphrase(char*, int, int, void*)
{
    return 0;
}

Owned<X509> firstCertificate(const std::string& path)
{
    const std::string pem = readPem(path);
    const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr));
    ERR_clear_error();
    if (!certificate)
        throw base::Refused("TLS: " + path + " holds no certificate in PEM form");
    return certificate;
}

Owned<EVP_PKEY> privateKey(const std::string& path)
{
    const std::string pem = readPem(path);
    const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassphrase, nullptr));
    ERR_clear_error();
    if (!key && pem.find("ENCRYPTED") != std::string::npos)
        throw base::Refused("TLS: the private key in " + path + " is encrypted; store it without a passphrase, readable by Postfach alone");
    if (!key)
        throw base::Refused("TLS: " + path + " holds no private key in PEM form");
    return key;
}

bool isOurProtocol(std::string_view id)
{
    return id == "imap" || id == "pop3";
}

// RFC 7301 3.2: a client that offers protocols and not ours gets a fatal no_application_protocol alert, so that nobody's
// HTTP or FTP is ever answered here (ALPACA). One that offers none is served: many mail clients do not know ALPN.
int chooseProtocol(SSL* ssl, const unsigned char** out, unsigned char* out_length, const unsigned char* in, unsigned in_length, void*)
{
    const auto* const wanted = static_cast<const std::string_view*>(SSL_get_app_data(ssl));
    for (unsigned at = 0; at < in_length;) {
        const unsigned length = in[at];
        if (length > in_length - at - 1)
            break;
        const std::string_view id(reinterpret_cast<const char*>(in + at + 1), length);
        if (wanted != nullptr ? id == *wanted : isOurProtocol(id)) {
            *out = in + at + 1;
            *out_length = static_cast<unsigned char>(length);
            return SSL_TLSEXT_ERR_OK;
        }
        at += length + 1;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Everything a new Context does not bring along by itself; a reloaded one passes here too.
void harden(SSL_CTX* context)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_ciphersuites(context, kSuites13);
    // The hybrid key share where OpenSSL has it (3.5), else the classic ones.
    if (SSL_CTX_set1_groups_list(context, "X25519MLKEM768:X25519:P-256:P-384") != 1)
        SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384");
    // An idle connection without RELEASE_BUFFERS costs three times the memory. The other two let a half-sent queue move.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    static constexpr std::string_view kSessionContext = "postfach";
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessionContext.data()), kSessionContext.size());
    SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nullptr);
    ERR_clear_error();
}

class LoadedContext final : public TlsContext {
public:
    LoadedContext(Poco::Net::Context::Ptr context, Owned<X509> certificate)
        : context_(std::move(context)), certificate_(std::move(certificate))
    {
    }

    SSL_CTX* native() const override { return context_->sslContext(); }

    std::string fingerprint() const override
    {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned length = 0;
        X509_digest(certificate_.get(), EVP_sha256(), digest.data(), &length);
        std::string text;
        for (unsigned i = 0; i < length; ++i) {
            static constexpr char kDigits[] = "0123456789ABCDEF";
            if (i > 0)
                text += ':';
            text += kDigits[digest[i] >> 4];
            text += kDigits[digest[i] & 15];
        }
        return text;
    }

    std::string expires() const override
    {
        std::tm time{};
        if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate_.get()), &time) != 1)
            return {};
        return base::rfc3339(base::Time{std::chrono::seconds(::timegm(&time))});
    }

private:
    const Poco::Net::Context::Ptr context_;
    const Owned<X509> certificate_;
};
} // namespace

std::shared_ptr<const TlsContext> TlsContext::load(const std::string& certificate, const std::string& key)
{
    Owned<X509> first = firstCertificate(certificate);
    const Owned<EVP_PKEY> secret = privateKey(key);
    if (X509_check_private_key(first.get(), secret.get()) != 1) {
        ERR_clear_error();
        throw base::Refused("TLS: the private key in " + key + " does not belong to the certificate in " + certificate);
    }
    try {
        Poco::Net::Context::Params params;
        params.certificateFile = certificate;
        params.privateKeyFile = key;
        params.verificationMode = Poco::Net::Context::VERIFY_NONE; // clients show no certificate
        params.loadDefaultCAs = false;
        params.cipherList = kCiphers12;
        Poco::Net::Context::Ptr context(new Poco::Net::Context(Poco::Net::Context::TLS_SERVER_USE, params));
        context->requireMinimumProtocol(Poco::Net::Context::PROTO_TLSV1_2);
        harden(context->sslContext());
        return std::make_shared<LoadedContext>(std::move(context), std::move(first));
    } catch (const Poco::Exception& error) {
        ERR_clear_error();
        throw base::Refused("TLS: cannot use " + certificate + " with " + key + ": " + error.displayText());
    }
}

// --- TlsSource

struct TlsSource::Inner {
    std::mutex mutex;
    std::shared_ptr<const TlsContext> now; // guarded by mutex
};

TlsSource::TlsSource(std::shared_ptr<const TlsContext> first) : inner_(std::make_shared<Inner>())
{
    inner_->now = std::move(first);
}

std::shared_ptr<const TlsContext> TlsSource::current() const
{
    const std::lock_guard lock(inner_->mutex);
    return inner_->now;
}

void TlsSource::replace(std::shared_ptr<const TlsContext> next)
{
    const std::lock_guard lock(inner_->mutex);
    inner_->now.swap(next);
}

} // namespace postfach::net
