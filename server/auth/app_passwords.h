#pragma once
// App passwords: made here, never chosen, so that a fast keyed hash is enough. A secret has 100 random bits: nobody finds it
// by trying, in the store or at the door, and a login compares one HMAC with all of an account's, where argon2id would cost
// one hash each. The key is this installation's own, so that the same secret elsewhere has another hash.
#include "server/store/types.h"

#include <optional>
#include <string>
#include <string_view>

namespace postfach::auth {

// "vq2kd-m7wx4-hr9tb-e3znc": four groups of letters and digits without look-alikes.
std::string makeAppSecret();
// What was typed as it is compared: any case, with or without the dashes. nullopt: no app password looks like that.
std::optional<std::string> normalizedAppSecret(std::string_view typed);
std::string appSecretHash(std::string_view key, store::AccountId account, std::string_view normalized);

} // namespace postfach::auth
