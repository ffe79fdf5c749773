#include "server/pop3/retention.h"
#include "server/base/json_text.h"
#include "server/base/log.h"

namespace postfach::pop3 {
namespace {
constexpr std::size_t kMessagesAtOnce = 500; // messages in a transaction: deliveries wait for no longer
} // namespace

std::size_t carryOutRetention(store::Store& store, const base::Clock& clock, const std::stop_token& stop)
{
    std::size_t total = 0;
    for (bool more = true; more && !stop.stop_requested();) {
        more = false;
        for (const store::Pop3Due& found : store.read()->pop3Due(clock.now(), kMessagesAtOnce)) {
            if (stop.stop_requested())
                break;
            std::size_t gone = 0;
            bool hidden = false;
            store.writeAndWait([&](store::WriteTx& tx) {
                gone = 0;
                // Asked again inside: the policy may have changed since, and what it keeps now must stay.
                for (const store::Pop3Due& due : tx.pop3Due(clock.now(), kMessagesAtOnce, found.account)) {
                    if (due.hide)
                        tx.hideFromPop3(due.mailbox, due.uids);
                    else
                        tx.remove(due.mailbox, due.uids, store::Removal::recoverable, "pop3-retention");
                    gone = due.uids.size();
                    hidden = due.hide;
                }
                if (gone > 0)
                    tx.addAudit({"server", "", "retention.pop3", found.address, "",
                                 base::jsonObject({{"messages", gone}, {"how", hidden ? "hidden" : "removed"}})});
            });
            if (gone == 0)
                continue;
            more = true;
            total += gone;
            base::logInfo("audit", "retention carried out",
                          {{"account", found.address}, {"messages", gone}, {"service", "pop3"}, {"how", hidden ? "hidden" : "removed"}});
        }
    }
    return total;
}

} // namespace postfach::pop3
