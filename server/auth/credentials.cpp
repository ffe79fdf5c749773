// What is kept of a password: argon2id for PLAIN and LOGIN, and the keys of SCRAM-SHA-256 (RFC 7677), which cannot be
// made later without the password.
#include "server/auth/app_passwords.h"
#include "server/auth/inner.h"
#include "server/auth/password_hash.h"
#include "server/base/id.h"
#include "server/base/text.h"

#include <gsasl.h>

#include <stdexcept>

namespace postfach::auth {
namespace {
std::string prepared(const std::string& password)
{
    char* out = nullptr;
    if (gsasl_saslprep(password.c_str(), static_cast<Gsasl_saslprep_flags>(0), &out, nullptr) != GSASL_OK)
        return password; // what SASLprep forbids is still a password for PLAIN
    std::string text(out);
    gsasl_free(out);
    return text;
}

struct ScramKeys {
    std::string stored, server;
};

ScramKeys scramKeys(const std::string& password, const std::string& salt, std::uint32_t iterations)
{
    ScramKeys keys{std::string(32, '\0'), std::string(32, '\0')};
    std::string salted(32, '\0'), client(32, '\0');
    const int result = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, prepared(password).c_str(), iterations, salt.data(), salt.size(),
                                                         salted.data(), client.data(), keys.server.data(), keys.stored.data());
    if (result != GSASL_OK)
        throw std::runtime_error(std::string("SCRAM keys cannot be made: ") + gsasl_strerror(result));
    return keys;
}

// The salt of an account stays with it: SCRAM tells one salt before it knows which of the account's passwords comes.
void provideSalt(store::Credentials& credentials)
{
    if (!credentials.scram_salt.empty() && credentials.scram_iterations != 0)
        return;
    credentials.scram_salt = base::unhex(base::randomHex(kScramSalt)).value();
    credentials.scram_iterations = kScramIterations;
}
} // namespace

store::Credentials Authenticator::makeCredentials(const std::string& password, const store::Credentials& before)
{
    store::Credentials credentials = before;
    provideSalt(credentials);
    credentials.argon2 = hashPassword(password);
    auto keys = scramKeys(password, credentials.scram_salt, credentials.scram_iterations);
    credentials.scram_stored_key = std::move(keys.stored);
    credentials.scram_server_key = std::move(keys.server);
    return credentials;
}

store::Credentials Authenticator::importCredentials(const std::string& hash, const store::Credentials& before)
{
    store::Credentials credentials = before;
    credentials.argon2 = importedHash(hash);
    credentials.scram_stored_key.clear();
    credentials.scram_server_key.clear();
    return credentials;
}

NewAppPassword Authenticator::makeAppPassword(store::AccountId account, store::Credentials& credentials) const
{
    provideSalt(credentials);
    NewAppPassword made{makeAppSecret(), {}};
    made.kept.hash = appSecretHash(inner_->secret, account, normalizedAppSecret(made.secret).value());
    auto keys = scramKeys(made.secret, credentials.scram_salt, credentials.scram_iterations);
    made.kept.scram_salt = credentials.scram_salt;
    made.kept.scram_iterations = credentials.scram_iterations;
    made.kept.scram_stored_key = std::move(keys.stored);
    made.kept.scram_server_key = std::move(keys.server);
    return made;
}

} // namespace postfach::auth
