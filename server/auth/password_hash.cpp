#include "server/auth/password_hash.h"
#include "server/base/text.h"

#include <crypt.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace postfach::auth {
namespace {
// OWASP's minimum for argon2id: 19 MiB, two passes; 12 ms a hash with libsodium.
constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemory = 19456UL * 1024;

// What is brought along may cost up to this for its one or two logins here.
constexpr std::uint32_t kMostMemory = 256 * 1024; // KiB; the pool runs as many hashes at once as there are cores
constexpr std::uint32_t kMostPasses = 16;
constexpr std::uint32_t kMostRounds = 2'000'000;  // SHA crypt: some two seconds
constexpr std::uint32_t kMostBcrypt = 14;         // about a second
constexpr std::size_t kLongest = 512;

void startSodium()
{
    if (sodium_init() < 0)
        throw std::runtime_error("libsodium cannot start");
}

bool isArgon2(std::string_view stored) { return stored.starts_with("$argon2id$") || stored.starts_with("$argon2i$"); }

// The number behind `key`, up to `end`.
std::optional<std::uint32_t> numberAfter(std::string_view text, std::string_view key, std::string_view ends)
{
    const auto at = text.find(key);
    if (at == std::string_view::npos)
        return std::nullopt;
    const auto from = text.substr(at + key.size());
    return base::parseU32(from.substr(0, from.find_first_of(ends)));
}

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

void checkArgon2(std::string_view hash)
{
    const auto memory = numberAfter(hash, "m=", ",$"), passes = numberAfter(hash, "t=", ",$"), lanes = numberAfter(hash, "p=", ",$");
    if (!memory || !passes || !lanes)
        refuse("the argon2 hash has no m, t and p");
    if (*memory > kMostMemory || *passes > kMostPasses)
        refuse("the argon2 hash costs too much: at most m=262144 and t=16");
    if (*lanes != 1)
        refuse("an argon2 hash with more than one lane (p) cannot be verified here");
    if (crypto_pwhash_str_needs_rehash(std::string(hash).c_str(), kPasses, kMemory) < 0)
        refuse("the argon2 hash is malformed");
}

void checkCrypt(const std::string& hash)
{
    if (hash.starts_with("$2") && numberAfter(std::string_view(hash).substr(3), "$", "$").value_or(99) > kMostBcrypt)
        refuse("the bcrypt hash costs too much: at most 14");
    if (numberAfter(hash, "rounds=", "$").value_or(5000) > kMostRounds)
        refuse("the hash has too many rounds: at most 2000000");
    // The salt alone decides whether libxcrypt knows the scheme; a whole hash verifies, a part of one never would.
    const auto data = std::make_unique<crypt_data>();
    const char* made = crypt_r("", hash.c_str(), data.get());
    if (made == nullptr || made[0] == '*' || std::string_view(made).size() != hash.size())
        refuse("the hash is malformed");
}
} // namespace

std::string hashPassword(const std::string& password)
{
    startSodium();
    std::array<char, crypto_pwhash_STRBYTES> hash{};
    if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), kPasses, kMemory, crypto_pwhash_ALG_ARGON2ID13) != 0)
        throw std::runtime_error("not enough memory to hash a password");
    return hash.data();
}

bool isCurrentHash(const std::string& stored)
{
    startSodium();
    return stored.starts_with("$argon2id$") && crypto_pwhash_str_needs_rehash(stored.c_str(), kPasses, kMemory) == 0;
}

bool matchesHash(const std::string& stored, const std::string& password)
{
    startSodium();
    if (isArgon2(stored))
        return crypto_pwhash_str_verify(stored.c_str(), password.data(), password.size()) == 0;
    // crypt() ends at a NUL: a password with one would match its beginning.
    if (!stored.starts_with('$') || password.find('\0') != std::string::npos)
        return false;
    const auto data = std::make_unique<crypt_data>();
    const char* made = crypt_r(password.c_str(), stored.c_str(), data.get());
    return made != nullptr && made[0] != '*' && base::equalsConstantTime(made, stored);
}

std::string importedHash(const std::string& text)
{
    startSodium();
    std::string hash(base::trim(text));
    if (hash.starts_with('{')) {
        const auto end = hash.find('}');
        const auto scheme = base::upper(std::string_view(hash).substr(1, end == std::string::npos ? end : end - 1));
        static constexpr std::string_view kSchemes[] = {"CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "BLF-CRYPT", "ARGON2ID", "ARGON2I"};
        if (end == std::string::npos || std::find(std::begin(kSchemes), std::end(kSchemes), scheme) == std::end(kSchemes))
            refuse("the scheme must be one of CRYPT, SHA512-CRYPT, SHA256-CRYPT, BLF-CRYPT, ARGON2ID and ARGON2I");
        hash.erase(0, end + 1);
    }
    if (hash.size() > kLongest)
        refuse("the hash is too long");
    if (isArgon2(hash)) {
        checkArgon2(hash);
        return hash;
    }
    // yescrypt's letters stand for its costs: those up to 64 MiB.
    static constexpr std::string_view kKinds[] = {"$2y$", "$2b$", "$2a$", "$6$", "$5$", "$y$j75$", "$y$j85$", "$y$j9T$", "$y$jAT$", "$y$jBT$"};
    if (std::none_of(std::begin(kKinds), std::end(kKinds), [&](std::string_view kind) { return hash.starts_with(kind); }))
        refuse("the hash must begin with $argon2id$, $argon2i$, $2y$, $6$, $5$ or $y$j9T$");
    checkCrypt(hash);
    return hash;
}

} // namespace postfach::auth
