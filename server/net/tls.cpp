#include "server/net/tls.h"

#include "server/base/clock.h"
#include "server/base/error.h"
#include "server/base/file.h"
#include "server/base/text.h"
#include "server/net/channel.h"

#include <Poco/Exception.h>
#include <Poco/Net/Context.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

namespace postfach::net {
namespace {
struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
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
    const auto* const ask = static_cast<const TlsAsk*>(SSL_get_app_data(ssl));
    for (unsigned at = 0; at < in_length;) {
        const unsigned length = in[at];
        if (length > in_length - at - 1)
            break;
        const std::string_view id(reinterpret_cast<const char*>(in + at + 1), length);
        if (ask->protocol.empty() ? isOurProtocol(id) : id == ask->protocol) {
            *out = in + at + 1;
            *out_length = static_cast<unsigned char>(length);
            return SSL_TLSEXT_ERR_OK;
        }
        at += length + 1;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// RFC 6066 3. An unknown name is no error: the client sees whose certificate it is and judges by itself.
int chooseCertificate(SSL* ssl, int*, void*)
{
    const auto* const ask = static_cast<const TlsAsk*>(SSL_get_app_data(ssl));
    const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX* const chosen = name != nullptr ? ask->context->forName(name) : nullptr;
    if (chosen == nullptr)
        return SSL_TLSEXT_ERR_NOACK;
    return SSL_set_SSL_CTX(ssl, chosen) != nullptr ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
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
    SSL_CTX_set_num_tickets(context, 0); // TlsChannel sends one
    static constexpr std::string_view kSessionContext = "postfach";
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessionContext.data()), kSessionContext.size());
    SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context, chooseCertificate);
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

    std::string expires() const override { return base::rfc3339(base::Time{std::chrono::seconds(expiresAt())}); }

    std::int64_t expiresAt() const override
    {
        std::tm time{};
        if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate_.get()), &time) != 1)
            return 0;
        return ::timegm(&time);
    }

    std::vector<std::string> names() const override
    {
        const Owned<GENERAL_NAMES> all(
            static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate_.get(), NID_subject_alt_name, nullptr, nullptr)));
        std::vector<std::string> names;
        for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) { // of nullptr: -1
            int type = 0;
            const auto* const value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type));
            if (type == GEN_DNS)
                names.push_back(base::lower(std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                                             static_cast<std::size_t>(ASN1_STRING_length(value)))));
        }
        return names;
    }

    bool isSelfSigned() const override
    {
        return X509_NAME_cmp(X509_get_subject_name(certificate_.get()), X509_get_issuer_name(certificate_.get())) == 0;
    }

    SSL_CTX* forName(std::string_view) const noexcept override { return nullptr; }

private:
    const Poco::Net::Context::Ptr context_;
    const Owned<X509> certificate_;
};

// Several certificates behind one door. The others live as long as this does, and this as long as the last connection.
class NamedContexts final : public TlsContext {
public:
    NamedContexts(std::shared_ptr<const TlsContext> standard, const std::vector<std::shared_ptr<const TlsContext>>& others)
        : standard_(std::move(standard))
    {
        for (const auto& other : others)
            for (const auto& name : other->names()) {
                auto& place = by_name_[name];
                if (!place || place->expiresAt() < other->expiresAt())
                    place = other;
            }
        if (!standard_->isSelfSigned())
            for (const auto& name : standard_->names())
                by_name_.try_emplace(name, standard_);
    }

    SSL_CTX* native() const override { return standard_->native(); }
    std::string fingerprint() const override { return standard_->fingerprint(); }
    std::string expires() const override { return standard_->expires(); }
    std::int64_t expiresAt() const override { return standard_->expiresAt(); }
    std::vector<std::string> names() const override { return standard_->names(); }
    bool isSelfSigned() const override { return standard_->isSelfSigned(); }

    SSL_CTX* forName(std::string_view name) const noexcept override
    {
        std::array<char, kDnsName> lowered; // no memory is asked for here: OpenSSL's C code stands between us and any catch
        if (name.size() < 2 || name.size() > lowered.size())
            return nullptr;
        std::transform(name.begin(), name.end(), lowered.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        const std::string_view whole(lowered.data(), name.size());
        auto found = by_name_.find(whole);
        const std::size_t dot = whole.find('.');
        if (found == by_name_.end() && dot != std::string_view::npos && dot > 0) {
            lowered[dot - 1] = '*'; // RFC 6125 6.4.3: the whole first label, and only that one
            found = by_name_.find(whole.substr(dot - 1));
        }
        return found == by_name_.end() ? nullptr : found->second->native();
    }

private:
    static constexpr std::size_t kDnsName = 255;
    const std::shared_ptr<const TlsContext> standard_;
    std::map<std::string, std::shared_ptr<const TlsContext>, std::less<>> by_name_; // fixed after construction
};
} // namespace

std::shared_ptr<const TlsContext> withNames(std::shared_ptr<const TlsContext> standard, const std::vector<std::shared_ptr<const TlsContext>>& others)
{
    if (others.empty())
        return standard;
    return std::make_shared<NamedContexts>(std::move(standard), others);
}

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
