// What is kept of a password: argon2id for PLAIN and LOGIN, and the keys of SCRAM-SHA-256 (RFC 7677), which cannot be
// made later without the password.
#include "server/auth/auth.h"
#include "server/auth/hash_pool.h"
#include "server/base/id.h"
#include "server/base/text.h"

#include <gsasl.h>

#include <cstdlib>
#include <stdexcept>

namespace postfach::auth {
namespace {
// The client pays for these too, phones included: 10,000 costs it some 10 ms (RFC 7677 4 wants at least 4,096).
constexpr unsigned kScramIterations = 10'000;

std::string prepared(const std::string& password)
{
    char* out = nullptr;
    if (gsasl_saslprep(password.c_str(), static_cast<Gsasl_saslprep_flags>(0), &out, nullptr) != GSASL_OK)
        return password; // what SASLprep forbids is still a password for PLAIN
    std::string text(out);
    gsasl_free(out);
    return text;
}
} // namespace

store::Credentials Authenticator::makeCredentials(const std::string& password)
{
    store::Credentials credentials;
    credentials.argon2 = hashPassword(password);
    credentials.scram_iterations = kScramIterations;
    credentials.scram_salt = *base::unhex(base::randomHex(16));
    credentials.scram_stored_key.resize(32);
    credentials.scram_server_key.resize(32);
    std::string salted(32, '\0'), client_key(32, '\0');
    const int result = gsasl_scram_secrets_from_password(
        GSASL_HASH_SHA256, prepared(password).c_str(), kScramIterations, credentials.scram_salt.data(), credentials.scram_salt.size(),
        salted.data(), client_key.data(), credentials.scram_server_key.data(), credentials.scram_stored_key.data());
    if (result != GSASL_OK)
        throw std::runtime_error(std::string("SCRAM keys cannot be made: ") + gsasl_strerror(result));
    return credentials;
}

} // namespace postfach::auth
