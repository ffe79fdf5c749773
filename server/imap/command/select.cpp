#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

#include <memory>
#include <utility>

namespace postfach::imap {
namespace {

struct Opened {
    store::Mailbox mailbox;
    std::shared_ptr<store::MailboxView> view;
    std::vector<std::string> keywords;
};

net::Task<Tagged> openMailbox(Session& session, Request& request, bool read_only)
{
    request.args.space();
    const std::string name = mailboxArgument(request.args);
    request.args.end();

    // Even a SELECT that fails leaves nothing selected (RFC 9051 6.3.2).
    if (session.unselect())
        session.untagged("OK [CLOSED] The mailbox before is closed");

    store::Store& store = session.store();
    const store::AccountId account = session.account().id;
    auto find = [&store, &name, account](store::ReadTx& tx) {
        Opened opened;
        const auto mailbox = tx.findMailbox(account, name);
        if (!mailbox)
            throw No("NONEXISTENT", "There is no such mailbox");
        opened.mailbox = *mailbox;
        opened.view = store.view(mailbox->id); // reads the mailbox when it is cold
        opened.keywords = tx.keywords(account);
        return opened;
    };
    Opened opened = co_await reading(session.strand(), store, std::move(find));

    // What is recent here is taken from the others; EXAMINE only looks (RFC 3501 6.3.2), and sees all that nobody took.
    const store::Uid recent_from = opened.mailbox.recent_from;
    auto view = std::make_unique<View>(std::move(opened.mailbox), std::move(opened.view), read_only);
    const store::Snapshot& now = view->numbered();
    if (read_only)
        view->addRecent(view->shared()->recentFrom(recent_from), store::Uid{0xffffffff});
    else
        session.takeRecent(*view, recent_from);
    session.setKeywords(std::move(opened.keywords));
    session.select(std::move(view));

    session.tellFlags();
    session.untagged(std::to_string(now.count()) + " EXISTS");
    session.untagged(std::to_string(session.view().recent()) + " RECENT");
    if (const auto unseen = now.firstUnseen())
        session.untagged("OK [UNSEEN " + std::to_string(*unseen + 1) + "] First unseen");
    session.untagged("OK [UIDVALIDITY " + std::to_string(session.view().mailbox().uid_validity) + "] UIDs are valid");
    session.untagged("OK [UIDNEXT " + std::to_string(now.uidNext().value) + "] Predicted next UID");
    co_return read_only ? Tagged::ok("READ-ONLY", "EXAMINE completed") : Tagged::ok("READ-WRITE", "SELECT completed");
}

} // namespace

// RFC 9051 6.3.2 and 6.3.3, RFC 3501 6.3.1 (RECENT, UNSEEN).
net::Task<Tagged> cmdSelect(Session& session, Request& request) { return openMailbox(session, request, false); }
net::Task<Tagged> cmdExamine(Session& session, Request& request) { return openMailbox(session, request, true); }

} // namespace postfach::imap
