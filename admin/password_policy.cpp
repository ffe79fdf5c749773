#include "admin/password_policy.h"
#include "server/base/id.h"
#include "server/base/log.h"
#include "server/base/text.h"

#include <pwquality.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string_view>

namespace postfach::admin {
namespace {
struct Free {
    void operator()(pwquality_settings_t* settings) const { pwquality_free_settings(settings); }
};

std::size_t characters(std::string_view text)
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// A number below `count` (at most 256), each equally often: what would favour the first ones is drawn again.
std::size_t drawn(std::size_t count)
{
    for (;;) {
        const auto bytes = base::unhex(base::randomHex(16)).value_or(std::string());
        for (const char c : bytes)
            if (const auto byte = static_cast<unsigned char>(c); byte < 256 / count * count)
                return byte % count;
    }
}

std::string syllables()
{
    static constexpr std::string_view kConsonants = "bdfgkmnprstvwzh", kVowels = "aeiou"; // no l, which looks like 1
    constexpr int kSyllables = 11;
    std::string password;
    for (int i = 0; i < kSyllables; ++i) {
        if (i > 0 && i % 3 == 0)
            password += '-';
        password += kConsonants[drawn(kConsonants.size())];
        password += kVowels[drawn(kVowels.size())];
    }
    return password;
}
} // namespace

std::string weakness(const std::string& password, const std::string& address, unsigned least)
{
    if (characters(password) < least)
        return "It has fewer than " + std::to_string(least) + " characters.";
    static std::mutex one_at_a_time; // cracklib keeps its state in globals
    const std::lock_guard lock(one_at_a_time);
    const std::unique_ptr<pwquality_settings_t, Free> settings(pwquality_default_settings());
    if (!settings)
        return {};
    for (const int off :
        {PWQ_SETTING_DIG_CREDIT, PWQ_SETTING_UP_CREDIT, PWQ_SETTING_LOW_CREDIT, PWQ_SETTING_OTH_CREDIT, PWQ_SETTING_MIN_CLASS})
        pwquality_set_int_value(settings.get(), off, 0); // length helps, sorts of characters do not (NIST SP 800-63B 5.1.1.2)
    pwquality_set_int_value(settings.get(), PWQ_SETTING_MIN_LENGTH, 6);
    pwquality_set_int_value(settings.get(), PWQ_SETTING_DICT_CHECK, 1);
    void* more = nullptr;
    const auto user = address.substr(0, address.find('@'));
    const int score = pwquality_check(settings.get(), password.c_str(), nullptr, user.empty() ? nullptr : user.c_str(), &more);
    if (score >= 0)
        return {};
    std::array<char, PWQ_MAX_ERROR_MESSAGE_LEN> buffer{};
    const char* const said = pwquality_strerror(buffer.data(), buffer.size(), score, more);
    const std::string why = said ? said : "It is easy to guess.";
    if (score == PWQ_ERROR_CRACKLIB_CHECK && why.find("load") != std::string::npos) { // the dictionary is not installed
        static bool told = false;
        if (!told)
            base::logWarning("admin", "passwords are not compared with a dictionary", {{"reason", why}});
        told = true;
        return {};
    }
    return why + ".";
}

std::string generatedPassword(const std::string& address)
{
    // One in ninety has enough neighbours of the alphabet ("suvede-tuvume") to be called systematic. No number of tries helps
    // an address whose name is part of every password.
    std::string password = syllables();
    for (int tries = 1; tries < 20 && !weakness(password, address, 0).empty(); ++tries)
        password = syllables();
    return password;
}

} // namespace postfach::admin
