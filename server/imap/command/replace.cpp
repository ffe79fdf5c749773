#include "server/imap/appending.h"
#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/syntax/sequence_set.h"

namespace postfach::imap {
namespace {

// The one message that is named.
store::Message namedMessage(const View& view, const SequenceSet& set, bool by_uid)
{
    const std::vector<IndexRange> found = view.resolve(set, by_uid);
    if (found.empty())
        throw No("NONEXISTENT", "There is no such message");
    if (found.size() > 1 || found.front().last - found.front().first > 1)
        throw BadSyntax("Only one message can be replaced");
    return view.numbered().at(found.front().first);
}

} // namespace

// REPLACE and UID REPLACE, RFC 8508: the new message comes and the old one goes, in one transaction. A draft is replaced every minute,
// so the old ones do not fill Trash; the administrator can restore them as what was deleted there.
net::Task<Tagged> cmdReplace(Session& session, Request& request)
{
    session.requireUids(request.by_uid);
    Parser& args = request.args;
    args.space();
    const SequenceSet set = args.sequenceSet();
    args.space();
    std::string mailbox = mailboxArgument(args, session.enabled());

    View& view = session.writableView();
    const store::Message replaced = namedMessage(view, set, request.by_uid);
    const delivery::Delivery::Replaced old{view.id(), replaced.uid};
    Appending appending(session, request, std::move(mailbox), replaced.size);
    co_await appending.take();
    if (!appending.atEnd()) // RFC 8508 4.7: one by one
        throw BadSyntax("Nothing may follow the message");
    const std::string code = co_await appending.store(old);
    session.untagged("OK [" + code + "] The replacement is there"); // before the EXPUNGE, RFC 8508 4.3
    co_return session.okExpunged(request.name + " completed");
}

} // namespace postfach::imap
