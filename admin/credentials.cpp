#include "admin/service.h"

namespace postfach::admin {
namespace {
void checkPassword(const std::string& password)
{
    if (password.empty() || password.size() > 1024)
        throw Problem(422, "invalid_field", "The field \"password\" must have 1 to 1024 bytes.");
}
} // namespace

store::Credentials credentialsOf(const AccountChange& change, const store::Credentials& before)
{
    if (change.password && change.password_hash)
        throw Problem(422, "invalid_field", "Give \"password\" or \"password_hash\", not both.");
    if (change.password) {
        checkPassword(*change.password);
        return auth::Authenticator::makeCredentials(*change.password, before);
    }
    try {
        return auth::Authenticator::importCredentials(*change.password_hash, before);
    } catch (const std::invalid_argument& why) {
        throw Problem(422, "invalid_field", "The field \"password_hash\" cannot be used: " + std::string(why.what()) + ".");
    }
}

std::optional<std::string> Service::passwordWarning(const std::string& password, const std::string& address) const
{
    using Policy = PasswordRules::Policy;
    const auto& rules = context_.passwords;
    if (rules.policy == Policy::off || password.empty()) // what is empty is refused by everybody
        return std::nullopt;
    const auto why = weakness(password, address, rules.least);
    if (why.empty())
        return std::nullopt;
    if (rules.policy == Policy::refuse)
        throw Problem(422, "invalid_field", "The field \"password\" holds a password that is easy to guess. " + why);
    return "The password is easy to guess. " + why;
}

} // namespace postfach::admin
