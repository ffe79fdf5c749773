#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

namespace postfach::imap {
namespace {

net::Task<Tagged> setSubscribed(Session& session, Request& request, bool on)
{
    request.args.space();
    const std::string name = mailboxArgument(request.args, session.enabled());
    request.args.end();

    const store::AccountId account = session.account().id;
    std::string kept = name;
    auto work = [&name, &kept, account, on](store::WriteTx& tx) {
        // A subscription may outlive its mailbox (RFC 9051 6.3.8), but does not begin without one.
        const auto mailbox = tx.findMailbox(account, name);
        if (on && !mailbox)
            throw No("NONEXISTENT", "There is no such mailbox");
        if (mailbox)
            kept = mailbox->name;
        tx.subscribe(account, name, on);
    };
    co_await commit(session.strand(), session.store(), std::move(work));
    session.ownChange(kept);
    co_return Tagged::ok(on ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed");
}

} // namespace

// RFC 9051 6.3.7 and 6.3.8.
net::Task<Tagged> cmdSubscribe(Session& session, Request& request) { return setSubscribed(session, request, true); }
net::Task<Tagged> cmdUnsubscribe(Session& session, Request& request) { return setSubscribed(session, request, false); }

} // namespace postfach::imap
