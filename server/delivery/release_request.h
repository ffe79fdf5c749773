#pragma once
// A recipient wants what is in quarantine released: he answers the notice, or asks by the API. It is the administrator who decides.
#include "server/store/store.h"

#include <string>
#include <string_view>

namespace postfach::delivery {

inline constexpr std::size_t kRequestWords = 500; // bytes

// Where an answer to a notice goes: release+TOKEN at the recipient's own domain, whose mail comes here. Whoever has the token has seen
// the notice, and can do no more with it than ask.
std::string newReleaseToken();
std::string releaseAddress(std::string_view token, std::string_view recipient);
std::string_view releaseToken(std::string_view address); // empty: an address like any other

// What he says, for people: the beginning of the text, in one line. Empty where a machine has answered (RFC 3834 5), and nothing counts.
struct Request {
    bool counts = false;
    std::string words;
};
Request requestIn(std::string_view message);

// Keeps the words, and tells of the first request of an entry (`quarantine.asked`). noSuchEntry
void recordRequest(store::WriteTx& tx, store::QuarantineId id, std::string_view words);

} // namespace postfach::delivery
