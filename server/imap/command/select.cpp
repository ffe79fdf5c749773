#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/listing.h"
#include "server/imap/names.h"
#include "server/imap/resync.h"
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

// "(CONDSTORE)" or "(QRESYNC (67890007 20050715194045000 41:211,214:541))": RFC 7162 3.1.8 and 3.2.5.
struct Parameters {
    bool condstore = false;
    struct Resync {
        std::uint32_t uid_validity;
        store::ModSeq since;
        std::optional<SequenceSet> known; // UIDs; absent: all
    };
    std::optional<Resync> resync;
};

// The pairs of sequence numbers and UIDs at the end would help a server that forgets what was expunged. Ours does not.
Parameters::Resync parseResync(Parser& args)
{
    args.space();
    args.expect('(');
    Parameters::Resync resync;
    resync.uid_validity = args.nzNumber();
    args.space();
    resync.since = args.number64();
    if (args.trySpace() && args.peek() != '(') {
        resync.known = args.numberSet();
        args.trySpace();
    }
    if (args.tryChar('(')) {
        args.numberSet();
        args.space();
        args.numberSet();
        args.expect(')');
    }
    args.expect(')');
    return resync;
}

Parameters parseParameters(Session& session, Parser& args)
{
    Parameters parameters;
    if (!args.trySpace() || args.atEnd())
        return parameters;
    args.expect('(');
    do {
        const std::string name = base::upper(args.atom());
        if (name == "CONDSTORE" && !parameters.condstore) {
            parameters.condstore = true;
        } else if (name == "QRESYNC" && !parameters.resync) {
            if (!session.enabled().qresync)
                throw BadSyntax("ENABLE QRESYNC first");
            parameters.resync = parseResync(args);
        } else {
            throw BadSyntax("Unknown parameter");
        }
    } while (args.trySpace());
    args.expect(')');
    return parameters;
}

struct Told { // of a mailbox, before its messages are looked at
    std::uint32_t exists = 0;
    std::size_t recent = 0;
    std::optional<std::uint32_t> unseen; // index
    store::Uid uid_next;
    store::ModSeq modseq = 1;
};

void tell(Session& session, const store::Mailbox& mailbox, const std::string& given, bool read_only, const Told& told)
{
    const Enabled& enabled = session.enabled();
    session.tellFlags(read_only);
    session.untagged(std::to_string(told.exists) + " EXISTS");
    if (!enabled.rev2) { // RFC 9051 appendix E, 5
        session.untagged(std::to_string(told.recent) + " RECENT");
        if (told.unseen)
            session.untagged("OK [UNSEEN " + std::to_string(*told.unseen + 1) + "] First unseen");
    }
    session.untagged("OK [UIDVALIDITY " + std::to_string(mailbox.uid_validity) + "] UIDs are valid");
    session.untagged("OK [UIDNEXT " + std::to_string(told.uid_next.value) + "] Predicted next UID");
    session.untagged("OK [MAILBOXID (" + mailbox.object_id + ")] Stays through renames");
    session.untagged("OK [HIGHESTMODSEQ " + std::to_string(told.modseq) + "] Highest");
    if (enabled.rev2) { // RFC 9051 6.3.2
        Listed one;
        one.name = mailbox.name;
        if (isOtherName(given, mailbox.name)) // 6.3.9.7
            one.old_name = given;
        std::string line;
        putListed(line, "LIST", one, session.store().delimiter(), enabled);
        session.stream().write(line);
    }
}

net::Task<Tagged> openMailbox(Session& session, Request& request, bool read_only)
{
    request.args.space();
    const std::string name = mailboxArgument(request.args, session.enabled());
    const Parameters parameters = parseParameters(session, request.args);
    request.args.end();
    session.enabled().condstore = session.enabled().condstore || parameters.condstore;

    // Even a SELECT that fails leaves nothing selected (RFC 9051 6.3.2).
    if (session.unselect())
        session.untagged("OK [CLOSED] The mailbox before is closed");

    store::Store& store = session.store();
    const store::AccountId account = session.account().id;
    const bool resyncs = parameters.resync.has_value();
    auto find = [&store, &name, account, resyncs](store::ReadTx& tx) {
        Opened opened;
        const auto mailbox = tx.findMailbox(account, name);
        if (!mailbox)
            throw No("NONEXISTENT", "There is no such mailbox");
        opened.mailbox = *mailbox;
        opened.keywords = tx.keywords(account);
        opened.view = store.viewIfWarm(mailbox->id);
        if (opened.view)
            return opened;
        const bool later = !resyncs && mailbox->exists > kReadAtOnce;
        if (const auto recent = later ? countRecent(tx, *mailbox) : std::nullopt)
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
        tell(session, view.mailbox(), name, read_only,
            {now.count(), view.recent(), now.firstUnseen(), now.uidNext(), now.highestModseq()});
        if (resyncs && parameters.resync->uid_validity == view.mailbox().uid_validity) {
            const SequenceSet known = parameters.resync->known.value_or(*SequenceSet::parse("1:*"));
            co_await tellVanished(session, parameters.resync->since, known);
            co_await tellChangedSince(session, parameters.resync->since, known);
        }
    } else {
        const store::Mailbox& row = opened.mailbox;
        // Which is the first unseen only the messages tell, unless it is all or none.
        const auto unseen = row.unseen > 0 && row.unseen == row.exists ? std::optional<std::uint32_t>(0) : std::nullopt;
        tell(session, row, name, read_only, {row.exists, opened.recent, unseen, row.uid_next, row.highest_modseq});
        session.selectAfterAnswer(std::move(opened.mailbox), read_only);
    }
    co_return read_only ? Tagged::ok("READ-ONLY", "EXAMINE completed") : Tagged::ok("READ-WRITE", "SELECT completed");
}

} // namespace

// RFC 9051 6.3.2 and 6.3.3, RFC 3501 6.3.1 (RECENT, UNSEEN), RFC 7162 3.1.2.1, 3.1.8 and 3.2.5, RFC 8474 4.1 (MAILBOXID).
net::Task<Tagged> cmdSelect(Session& session, Request& request) { return openMailbox(session, request, false); }
net::Task<Tagged> cmdExamine(Session& session, Request& request) { return openMailbox(session, request, true); }

} // namespace postfach::imap
