#include "admin/setup/certificate.h"
#include "server/base/hash.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

namespace postfach::admin {
namespace {
struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(CMS_ContentInfo* cms) const { CMS_ContentInfo_free(cms); }
    void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;
} // namespace

std::string signedByServer(SSL_CTX* server, const std::string& content)
{
    X509* const certificate = SSL_CTX_get0_certificate(server);
    EVP_PKEY* const key = SSL_CTX_get0_privatekey(server);
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(server, &chain);
    std::string out;
    if (certificate != nullptr && key != nullptr) {
        const Owned<BIO> in(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
        const Owned<CMS_ContentInfo> cms(CMS_sign(certificate, key, chain, in.get(), CMS_BINARY | CMS_NOSMIMECAP));
        unsigned char* der = nullptr;
        const int length = cms ? i2d_CMS_ContentInfo(cms.get(), &der) : 0;
        const Owned<unsigned char> owned(der);
        if (length > 0)
            out.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
    }
    ERR_clear_error();
    return out;
}

std::string publicKeySha256(SSL_CTX* server)
{
    X509* const certificate = SSL_CTX_get0_certificate(server);
    if (certificate == nullptr)
        return {};
    unsigned char* der = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    const Owned<unsigned char> owned(der);
    ERR_clear_error();
    return length <= 0
        ? std::string()
        : base::hex(base::sha256(std::string_view(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length))));
}

} // namespace postfach::admin
