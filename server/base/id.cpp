#include "server/base/id.h"
#include "server/base/text.h"

#include <openssl/rand.h>

#include <stdexcept>

namespace postfach::base {
namespace {
std::string randomBytes(std::size_t count)
{
    std::string bytes(count, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
        throw std::runtime_error("the system's random generator failed");
    return bytes;
}
} // namespace

std::string randomHex(std::size_t bytes) { return hex(randomBytes(bytes)); }

std::string randomPassword(std::size_t characters)
{
    static constexpr std::string_view kAlphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    std::string password;
    while (password.size() < characters)
        for (const char c : randomBytes(characters)) {
            // Bytes past the largest multiple are dropped: a plain modulo would favour the first letters.
            const auto byte = static_cast<unsigned char>(c);
            if (byte < 256 / kAlphabet.size() * kAlphabet.size() && password.size() < characters)
                password += kAlphabet[byte % kAlphabet.size()];
        }
    return password;
}

std::string newReference() { return randomHex(4); }

} // namespace postfach::base
