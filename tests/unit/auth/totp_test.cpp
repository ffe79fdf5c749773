// Codes by time: the standards' own values, and what is near them and is none.
#include "server/auth/totp.h"
#include "tests/support/catch.h"

#include <set>
#include <utility>
#include <vector>

using namespace postfach;
using namespace postfach::auth;

namespace {
const std::string kSecret = "12345678901234567890"; // RFC 4226 appendix D, RFC 6238 appendix B

base::Time at(std::int64_t seconds) { return base::fromMillis(seconds * 1000); }
} // namespace

TEST_CASE("codes are those of RFC 4226 appendix D", "[auth][totp][rfc4226-5.3]")
{
    const std::vector<std::string> codes{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"};
    for (std::size_t i = 0; i < codes.size(); ++i)
        CHECK(hotp(kSecret, i) == codes[i]);
}

TEST_CASE("a code is good in its step and those beside it, RFC 6238 appendix B", "[auth][totp][rfc6238-5.2]")
{
    for (const auto& [seconds, code] : std::vector<std::pair<std::int64_t, std::string>>{{59, "287082"}, {1111111109, "081804"},
             {1111111111, "050471"}, {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}}) {
        INFO(code);
        const auto step = seconds / 30;
        CHECK(totpStepOf(kSecret, code, at(seconds)) == step);
        CHECK(totpStepOf(kSecret, code, at(step * 30 - 30)) == step); // the authenticator is ahead
        CHECK(totpStepOf(kSecret, code, at(step * 30 + 59)) == step); // or behind
        if (step > 1) // not before 1970
            CHECK_FALSE(totpStepOf(kSecret, code, at(step * 30 - 31)));
        CHECK_FALSE(totpStepOf(kSecret, code, at(step * 30 + 60)));
    }
    CHECK(totpStepOf(kSecret, "287 082", at(59)) == 1);
    for (const std::string none : {"", "28708", "2870820", "28708a", "287083", "94287082"}) {
        INFO(none);
        CHECK_FALSE(totpStepOf(kSecret, none, at(59)));
    }
    CHECK_FALSE(totpStepOf("another secret of 20", "287082", at(59)));
    CHECK(totpStepOf(kSecret, "755224", at(0)) == 0); // nothing stands before the first step
}

TEST_CASE("a secret is told in Base32 and as an address for authenticators", "[auth][totp][rfc4648-6]")
{
    CHECK(base32("") == "");
    CHECK(base32("f") == "MY");
    CHECK(base32("fo") == "MZXQ");
    CHECK(base32("foo") == "MZXW6");
    CHECK(base32("foobar") == "MZXW6YTBOI");
    CHECK(base32(kSecret) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    CHECK(totpUri("mail.example.org", "alice&bob@example.org", "foobar")
        == "otpauth://totp/mail.example.org:alice%26bob%40example.org?secret=MZXW6YTBOI&issuer=mail.example.org&algorithm=SHA1&digits=6&period=30");
    CHECK(makeTotpSecret().size() == 20);
    CHECK(makeTotpSecret() != makeTotpSecret());
}

TEST_CASE("a recovery code is another's under another account or key", "[auth][totp]")
{
    std::set<std::string> all;
    for (const std::string key : {"k1", "k2"})
        for (const int account : {1, 2})
            for (const std::string code : {"a", "b"})
                CHECK(all.insert(recoveryCodeHash(key, store::AccountId{account}, code)).second);
}
