#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postfach::imap {
namespace {

struct Opened {
    store::Mailbox mailbox;
    std::shared_ptr<store::MailboxView> view; // null: large and not in memory, so it is read after the answer
    std::size_t recent = 0;                   // where there is no view
    std::vector<std::string> keywords;
};

constexpr std::uint32_t kReadAtOnce = 1000; // messages: a millisecond
constexpr std::uint32_t kFewRecent = 256;

// What a mailbox that is not in memory has of \Recent; nothing when that is too much to count.
std::optional<std::size_t> countRecent(store::ReadTx& tx, const store::Mailbox& mailbox)
{
    if (mailbox.recent_from >= mailbox.uid_next)
        return 0;
    if (mailbox.uid_next.value - mailbox.recent_from.value > kFewRecent)
        return std::nullopt;
    return tx.saveDates(mailbox.id, mailbox.recent_from, store::Uid{mailbox.uid_next.value - 1}).size();
}

void tell(Session& session, const store::Mailbox& mailbox, bool read_only, std::uint32_t exists, std::size_t recent,
    std::optional<std::uint32_t> unseen, store::Uid uid_next)
{
    session.tellFlags(read_only);
    session.untagged(std::to_string(exists) + " EXISTS");
    session.untagged(std::to_string(recent) + " RECENT");
    if (unseen)
        session.untagged("OK [UNSEEN " + std::to_string(*unseen + 1) + "] First unseen");
    session.untagged("OK [UIDVALIDITY " + std::to_string(mailbox.uid_validity) + "] UIDs are valid");
    session.untagged("OK [UIDNEXT " + std::to_string(uid_next.value) + "] Predicted next UID");
    session.untagged("OK [MAILBOXID (" + mailbox.object_id + ")] Stays through renames");
}

net::Task<Tagged> openMailbox(Session& session, Request& request, bool read_only)
{
    request.args.space();
    const std::string name = mailboxArgument(request.args, session.enabled());
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
        opened.keywords = tx.keywords(account);
        opened.view = store.viewIfWarm(mailbox->id);
        if (opened.view)
            return opened;
        if (const auto recent = mailbox->exists > kReadAtOnce ? countRecent(tx, *mailbox) : std::nullopt)
            opened.recent = *recent;
        else
            opened.view = store.view(mailbox->id);
        return opened;
    };
    Opened opened = co_await reading(session.strand(), store, std::move(find));

    session.setKeywords(std::move(opened.keywords));
    if (opened.view) {
        session.select(std::make_unique<View>(std::move(opened.mailbox), std::move(opened.view), read_only));
        const View& view = session.view();
        const store::Snapshot& now = view.numbered();
        tell(session, view.mailbox(), read_only, now.count(), view.recent(), now.firstUnseen(), now.uidNext());
    } else {
        const store::Mailbox& row = opened.mailbox;
        // Which is the first unseen only the messages tell, unless it is all or none.
        const auto unseen = row.unseen > 0 && row.unseen == row.exists ? std::optional<std::uint32_t>(0) : std::nullopt;
        tell(session, row, read_only, row.exists, opened.recent, unseen, row.uid_next);
        session.selectAfterAnswer(std::move(opened.mailbox), read_only);
    }
    co_return read_only ? Tagged::ok("READ-ONLY", "EXAMINE completed") : Tagged::ok("READ-WRITE", "SELECT completed");
}

} // namespace

// RFC 9051 6.3.2 and 6.3.3, RFC 3501 6.3.1 (RECENT, UNSEEN), RFC 8474 4.1 (MAILBOXID).
net::Task<Tagged> cmdSelect(Session& session, Request& request) { return openMailbox(session, request, false); }
net::Task<Tagged> cmdExamine(Session& session, Request& request) { return openMailbox(session, request, true); }

} // namespace postfach::imap
