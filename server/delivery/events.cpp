#include "server/delivery/events.h"
#include "server/base/json_text.h"

namespace postfach::delivery {
namespace {

// The recipient may have been an alias, or have had a detail.
std::string addressOf(store::WriteTx& tx, store::AccountId account)
{
    const auto found = tx.account(account);
    return found ? found->address : std::string();
}

} // namespace

void tellDelivered(store::WriteTx& tx, const Told& told, store::Uid uid)
{
    tx.addEvent({"mail.delivered", addressOf(tx, told.account),
                 base::jsonObject({{"recipient", told.recipient}, {"mailbox", told.mailbox}, {"uid", uid.value}, {"size", told.size},
                                   {"message_id", told.message_id}, {"verdict", told.verdict}})});
}

void tellQuarantined(store::WriteTx& tx, store::QuarantineId id)
{
    const store::Quarantined entry = tx.quarantined(id).value();
    tx.addEvent({"quarantine.added", entry.address,
                 base::jsonObject({{"id", id.value}, {"mailbox", entry.mailbox}, {"signature", entry.signature}, {"sender", entry.sender},
                                   {"recipient", entry.recipient}, {"subject", entry.subject}, {"way_in", entry.way_in}, {"size", entry.size}})});
}

void tellVerdict(store::WriteTx& tx, scanner::Verdict::Kind verdict, std::string_view fate, const Told& told, std::size_t recipients)
{
    using Kind = scanner::Verdict::Kind;
    const char* kind = verdict == Kind::infected ? "infected" : verdict == Kind::suspicious ? "suspicious" : "unscannable";
    tx.addEvent({"verdict." + std::string(kind), addressOf(tx, told.account),
                 base::jsonObject({{"name", told.verdict}, {"fate", fate}, {"way_in", told.way_in}, {"recipients", recipients}, {"size", told.size},
                                   {"message_id", told.message_id}})});
}

} // namespace postfach::delivery
