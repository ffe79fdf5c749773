#include "server/imap/command/all.h"
#include "server/imap/listing.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

namespace postfach::imap {

// RFC 9051 6.3.5. Deleting what is selected here leaves this session with nothing selected; other sessions that look at it
// are told BYE.
net::Task<Tagged> cmdDelete(Session& session, Request& request)
{
    request.args.space();
    const std::string name = mailboxArgument(request.args, session.enabled());
    request.args.end();

    const store::AccountId account = session.account().id;
    std::string kept;
    auto work = [&name, &kept, account](store::WriteTx& tx) {
        if (const auto mailbox = tx.findMailbox(account, name))
            kept = mailbox->name;
        tx.deleteMailbox(account, name);
    };
    co_await commit(session.strand(), session.store(), std::move(work));
    session.ownChange(kept);
    session.stream().write(renamedLine(name, kept, "\\NonExistent", session.store().delimiter(), session.enabled()));
    if (session.hasView() && session.view().gone()) {
        session.unselect();
        session.untagged("OK [CLOSED] The selected mailbox is deleted");
    }
    co_return Tagged::ok("DELETE completed");
}

} // namespace postfach::imap
