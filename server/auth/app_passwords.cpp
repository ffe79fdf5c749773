#include "server/auth/app_passwords.h"
#include "server/base/hash.h"
#include "server/base/id.h"
#include "server/base/text.h"

namespace postfach::auth {
namespace {
// 32 letters: five bits each, and no modulo to favour some.
constexpr std::string_view kAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
constexpr std::size_t kLetters = 20, kGroup = 5;
static_assert(kAlphabet.size() == 32);
} // namespace

std::string makeAppSecret()
{
    const auto bytes = base::unhex(base::randomHex(kLetters)).value();
    std::string secret;
    for (std::size_t i = 0; i < kLetters; ++i) {
        if (i > 0 && i % kGroup == 0)
            secret += '-';
        secret += kAlphabet[static_cast<unsigned char>(bytes[i]) % kAlphabet.size()];
    }
    return secret;
}

std::optional<std::string> normalizedAppSecret(std::string_view typed)
{
    std::string secret;
    for (const char c : typed) {
        if (c == '-' || c == ' ')
            continue;
        const char letter = base::asciiLower(c);
        if (kAlphabet.find(letter) == std::string_view::npos || secret.size() == kLetters)
            return std::nullopt;
        secret += letter;
    }
    return secret.size() == kLetters ? std::optional(std::move(secret)) : std::nullopt;
}

std::string appSecretHash(std::string_view key, store::AccountId account, std::string_view normalized)
{
    return base::hmacSha256(key, "app-password " + std::to_string(account.value) + ' ' + std::string(normalized));
}

} // namespace postfach::auth
