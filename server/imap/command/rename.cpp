#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

namespace postfach::imap {

// RFC 9051 6.3.6. Mailboxes below go along; INBOX stays and gives its messages away. Selected ones stay selected.
net::Task<Tagged> cmdRename(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    const std::string from = mailboxArgument(args, session.enabled());
    args.space();
    const std::string to = newMailboxArgument(args, session.enabled());
    args.end();

    const store::AccountId account = session.account().id;
    auto work = [&from, &to, account](store::WriteTx& tx) { tx.renameMailbox(account, from, to); };
    co_await commit(session.strand(), session.store(), std::move(work));
    session.ownChange(from);
    session.ownChange(to);
    co_return Tagged::ok("RENAME completed");
}

} // namespace postfach::imap
