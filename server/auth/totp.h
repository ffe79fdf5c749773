#pragma once
// Second factors: codes by time (RFC 6238 over RFC 4226; SHA-1, six digits, steps of 30 seconds: what every authenticator takes), and the
// codes that stand in for a lost one, which are made like app passwords (app_passwords.h).
#include "server/base/clock.h"
#include "server/store/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postfach::auth {

inline constexpr int kRecoveryCodes = 10;

std::string makeTotpSecret();                                        // 160 random bits, RFC 4226 4
std::string hotp(std::string_view secret, std::uint64_t counter);    // six digits, RFC 4226 5.3
// The step whose code this is: now, the one before or the one after (RFC 6238 5.2, 6). Spaces in it are passed over.
std::optional<std::int64_t> totpStepOf(std::string_view secret, std::string_view code, base::Time now);

std::string base32(std::string_view bytes);                          // RFC 4648 6, without padding: as people type it
// What an authenticator reads from a picture: otpauth://totp/ISSUER:ACCOUNT?secret=…
std::string totpUri(const std::string& issuer, const std::string& account, std::string_view secret);

std::string recoveryCodeHash(std::string_view key, store::AccountId account, std::string_view normalized);

} // namespace postfach::auth
