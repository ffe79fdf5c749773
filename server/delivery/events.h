#pragma once
// What the journal of events says of mail that comes in, and of stored mail that newer signatures find. What is stored is told in the
// transaction that stores it: no delivery waits or syncs for its event. Imported and appended mail is its owner's own doing, and told only
// for what was found in it.
#include "scanner/client.h"
#include "server/delivery/understand.h"
#include "server/store/store.h"

#include <string>
#include <string_view>

namespace postfach::delivery {

struct Told {                      // of one message for one recipient
    store::AccountId account;
    std::string recipient;         // as it was given
    std::string mailbox;
    std::string_view way_in;
    std::uint64_t size = 0;
    std::string message_id;
    std::string verdict;           // "clean", or what was found
};

void tellDelivered(store::WriteTx& tx, const Told& told, store::Uid uid);
void tellQuarantined(store::WriteTx& tx, store::QuarantineId id);
// `verdict`: infected, unscannable or suspicious; `fate`: what became of it: stored, quarantined or refused.
void tellVerdict(store::WriteTx& tx, scanner::Verdict::Kind verdict, std::string_view fate, const Told& told, std::size_t recipients);

} // namespace postfach::delivery
