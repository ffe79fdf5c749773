#include "server/auth/totp.h"
#include "server/base/hash.h"
#include "server/base/id.h"
#include "server/base/text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

namespace postfach::auth {
namespace {

constexpr std::size_t kSecret = 20, kDigits = 6;
constexpr std::uint32_t kModulo = 1'000'000;
constexpr std::int64_t kStepMillis = 30'000;
constexpr std::int64_t kSkew = 1; // steps: a clock that is half a minute off, a person who types slowly

} // namespace

std::string makeTotpSecret() { return base::unhex(base::randomHex(kSecret)).value(); }

std::string hotp(std::string_view secret, std::uint64_t counter)
{
    std::array<unsigned char, 8> moving{};
    for (std::size_t i = 0; i < moving.size(); ++i)
        moving[i] = static_cast<unsigned char>(counter >> (8 * (7 - i)));
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned length = 0;
    if (HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), moving.data(), moving.size(), mac.data(), &length) == nullptr
        || length != 20)
        throw std::runtime_error("HMAC-SHA-1 is not to be had");
    const std::size_t at = mac[19] & 15U;
    const std::uint32_t number =
        (mac[at] & 127U) << 24U | static_cast<std::uint32_t>(mac[at + 1]) << 16U | static_cast<std::uint32_t>(mac[at + 2]) << 8U | mac[at + 3];
    const auto digits = std::to_string(number % kModulo);
    return std::string(kDigits - digits.size(), '0') + digits;
}

std::optional<std::int64_t> totpStepOf(std::string_view secret, std::string_view code, base::Time now)
{
    std::string typed;
    for (const char c : code)
        if (c != ' ')
            typed += c;
    std::optional<std::int64_t> found;
    const auto step = base::toMillis(now) / kStepMillis;
    for (auto i = step - kSkew; i <= step + kSkew; ++i) // all of them: how long it takes says nothing
        if (i >= 0 && base::equalsConstantTime(hotp(secret, static_cast<std::uint64_t>(i)), typed))
            found = i;
    return found;
}

std::string base32(std::string_view bytes)
{
    static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string out;
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const char c : bytes) {
        held = (held << 8U | static_cast<unsigned char>(c)) & 0xFFFU;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out += kAlphabet[(held >> bits) & 31U];
        }
    }
    if (bits > 0)
        out += kAlphabet[(held << (5 - bits)) & 31U];
    return out;
}

std::string totpUri(const std::string& issuer, const std::string& account, std::string_view secret)
{
    const std::string by = base::percentEncoded(issuer);
    return "otpauth://totp/" + by + ":" + base::percentEncoded(account) + "?secret=" + base32(secret) + "&issuer=" + by
        + "&algorithm=SHA1&digits=6&period=30";
}

std::string recoveryCodeHash(std::string_view key, store::AccountId account, std::string_view normalized)
{
    return base::hmacSha256(key, "recovery-code " + std::to_string(account.value) + ' ' + std::string(normalized));
}

} // namespace postfach::auth
