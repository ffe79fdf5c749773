// The certificate of a first start, so that TLS is never off. Made with OpenSSL's objects, not by its text extensions:
// a host name with a comma in it must not become a second name.
#include "server/net/tls.h"

#include "server/base/file.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <string_view>

namespace postfach::net {
namespace {
struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(BIGNUM* number) const { BN_free(number); }
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
    void operator()(BASIC_CONSTRAINTS* constraints) const { BASIC_CONSTRAINTS_free(constraints); }
    void operator()(ASN1_BIT_STRING* bits) const { ASN1_BIT_STRING_free(bits); }
    void operator()(EXTENDED_KEY_USAGE* usage) const { EXTENDED_KEY_USAGE_free(usage); }
    void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

constexpr long kDay = 24 * 60 * 60;
constexpr std::size_t kCommonName = 64; // ub-common-name, RFC 5280 A.1

template <class T>
T* require(T* made)
{
    if (made == nullptr)
        throw std::bad_alloc();
    return made;
}

void require(int success)
{
    if (success == 1)
        return;
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    const std::string text = reason != nullptr ? reason : "unknown";
    ERR_clear_error();
    throw std::runtime_error("making a certificate: " + text);
}

// The address as RFC 5280 4.2.1.6 wants it, 4 or 16 bytes; empty for a name.
std::string addressBytes(const std::string& text)
{
    std::array<char, 16> bytes{};
    if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1)
        return std::string(bytes.data(), 4);
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1)
        return std::string(bytes.data(), 16);
    return {};
}

void addName(GENERAL_NAMES* all, const std::string& text)
{
    const std::string address = addressBytes(text);
    const std::string& value = address.empty() ? text : address;
    ASN1_STRING* const string = require(ASN1_STRING_type_new(address.empty() ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING));
    require(ASN1_STRING_set(string, value.data(), static_cast<int>(value.size())));
    GENERAL_NAME* const name = require(GENERAL_NAME_new());
    GENERAL_NAME_set0_value(name, address.empty() ? GEN_DNS : GEN_IPADD, string);
    require(sk_GENERAL_NAME_push(all, name) > 0 ? 1 : 0);
}

void addExtensions(X509* certificate, const std::vector<std::string>& names)
{
    const Owned<GENERAL_NAMES> all(require(GENERAL_NAMES_new()));
    for (const std::string& name : names)
        addName(all.get(), name);
    require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT));

    const Owned<BASIC_CONSTRAINTS> leaf(require(BASIC_CONSTRAINTS_new()));
    require(X509_add1_ext_i2d(certificate, NID_basic_constraints, leaf.get(), 1, X509V3_ADD_DEFAULT));

    const Owned<ASN1_BIT_STRING> usage(require(ASN1_BIT_STRING_new()));
    require(ASN1_BIT_STRING_set_bit(usage.get(), 0, 1)); // digitalSignature
    require(X509_add1_ext_i2d(certificate, NID_key_usage, usage.get(), 1, X509V3_ADD_DEFAULT));

    const Owned<EXTENDED_KEY_USAGE> server(require(EXTENDED_KEY_USAGE_new()));
    require(sk_ASN1_OBJECT_push(server.get(), OBJ_nid2obj(NID_server_auth)) > 0 ? 1 : 0);
    require(X509_add1_ext_i2d(certificate, NID_ext_key_usage, server.get(), 0, X509V3_ADD_DEFAULT));
}

void setSerial(X509* certificate)
{
    std::array<unsigned char, 16> random{};
    require(RAND_bytes(random.data(), static_cast<int>(random.size())));
    random[0] &= 0x7F; // positive, and within the 20 octets of RFC 5280 4.1.2.2
    random[0] |= 0x40;
    const Owned<BIGNUM> number(require(BN_bin2bn(random.data(), static_cast<int>(random.size()), nullptr)));
    require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)));
}

template <class Write>
std::string pem(Write write)
{
    const Owned<BIO> bio(require(BIO_new(BIO_s_mem())));
    require(write(bio.get()));
    char* data = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(length));
}

std::string numeric(const sockaddr* address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = nullptr;
    if (address->sa_family == AF_INET)
        bytes = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    else if (address->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr))
        bytes = &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (bytes == nullptr || ::inet_ntop(address->sa_family, bytes, text.data(), text.size()) == nullptr)
        return {};
    return text.data();
}
} // namespace

void makeSelfSigned(const std::string& certificate, const std::string& key, const std::vector<std::string>& names)
{
    if (names.empty())
        throw std::invalid_argument("a certificate needs a name");
    const Owned<EVP_PKEY> pair(require(EVP_EC_gen("P-256")));
    const Owned<X509> made(require(X509_new()));
    require(X509_set_version(made.get(), X509_VERSION_3));
    setSerial(made.get());
    require(X509_gmtime_adj(X509_getm_notBefore(made.get()), -kDay)); // a client's clock may be behind
    require(X509_gmtime_adj(X509_getm_notAfter(made.get()), 3650 * kDay));
    require(X509_set_pubkey(made.get(), pair.get()));
    const std::string common = names.front().substr(0, kCommonName);
    X509_NAME* const subject = X509_get_subject_name(made.get());
    require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common.data()),
                                       static_cast<int>(common.size()), -1, 0));
    require(X509_set_issuer_name(made.get(), subject));
    addExtensions(made.get(), names);
    require(X509_sign(made.get(), pair.get(), EVP_sha256()) > 0 ? 1 : 0);

    // The key first: a crash between the two leaves no certificate, and the next start makes both anew.
    const auto writeKey = [&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, pair.get(), nullptr, nullptr, 0, nullptr, nullptr); };
    base::writeFileDurably(key, pem(writeKey), 0600);
    base::writeFileDurably(certificate, pem([&](BIO* bio) { return PEM_write_bio_X509(bio, made.get()); }), 0644);
}

std::vector<std::string> hostNames()
{
    std::vector<std::string> names;
    const auto add = [&names](const std::string& name) {
        if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
    };
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0)
        add(host.data());
    add("localhost");
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) == 0) {
        const Owned<ifaddrs> list(first);
        for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next)
            if (at->ifa_addr != nullptr && (at->ifa_flags & IFF_UP) != 0)
                add(numeric(at->ifa_addr));
    }
    return names;
}

} // namespace postfach::net
