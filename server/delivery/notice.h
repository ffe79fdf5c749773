#pragma once
// The letters that the server itself writes: the one that stands where a quarantined mail would have stood, and the one that tells
// of a quota.
#include "server/base/clock.h"

#include <cstdint>
#include <string>

namespace postfach::delivery {

struct Notice {
    std::string server_name, recipient; // recipient: address of the account
    std::string sender, subject;        // as people read them; may be empty
    std::string signature;
    std::string reason = "infected";    // scanner::wordFor()
    base::Time received{};
    std::string token;                  // of who answers it (release_request.h)
    bool was_delivered = false;        // found later, by newer signatures: it may have been read
};
std::string composeNotice(const Notice& notice);

struct QuotaNotice {
    std::string server_name, recipient;
    unsigned percent = 0;                        // that was reached
    std::uint64_t used = 0, quota = 0;           // bytes; quota 0: none
    std::uint64_t messages = 0, quota_messages = 0;
    base::Time when{};
};
std::string composeQuotaNotice(const QuotaNotice& notice);

} // namespace postfach::delivery
