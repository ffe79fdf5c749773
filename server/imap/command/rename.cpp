#include "server/imap/command/all.h"
#include "server/imap/listing.h"
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
    std::string source, target; // as they are kept
    auto work = [&from, &to, &source, &target, account](store::WriteTx& tx) {
        const auto before = tx.findMailbox(account, from);
        tx.renameMailbox(account, from, to);
        source = before->name; // else it was thrown
        target = tx.findMailbox(account, to)->name;
    };
    co_await commit(session.strand(), session.store(), std::move(work));
    session.ownChange(source);
    session.ownChange(target);
    // INBOX stays, so what it was renamed to is a mailbox that was made.
    const char delimiter = session.store().delimiter();
    if (source == "INBOX")
        session.stream().write(renamedLine(to, target, "", delimiter, session.enabled()));
    else if (isOtherName(from, source) || isOtherName(to, target))
        session.stream().write(renamedLine(from, target, "", delimiter, session.enabled()));
    co_return Tagged::ok("RENAME completed");
}

} // namespace postfach::imap
