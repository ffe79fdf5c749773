#include "server/base/hash.h"
#include "server/base/text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace postfach::base {

namespace {
// Fetched once: each look-up takes locks that all threads share.
const EVP_MD* algorithm()
{
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return fetched;
}
} // namespace

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new())
{
    if (context_ == nullptr || EVP_DigestInit_ex(context_, algorithm(), nullptr) != 1)
        throw std::runtime_error("SHA-256 is not available");
}

Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(context_); }

void Sha256Stream::update(std::string_view bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }

Sha256 Sha256Stream::finish()
{
    Sha256 digest{};
    EVP_DigestFinal_ex(context_, digest.data(), nullptr);
    return digest;
}

std::uint64_t checksum(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Sha256 sha256(std::string_view bytes)
{
    Sha256Stream stream;
    stream.update(bytes);
    return stream.finish();
}

std::string hmacSha256(std::string_view key, std::string_view message)
{
    std::string mac(32, '\0');
    unsigned length = 32;
    HMAC(algorithm(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
         message.size(), reinterpret_cast<unsigned char*>(mac.data()), &length);
    return mac;
}

std::string hex(const Sha256& digest)
{
    return hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

} // namespace postfach::base
