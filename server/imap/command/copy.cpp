#include "server/imap/command/all.h"
#include "server/imap/long_work.h"
#include "server/imap/names.h"
#include "server/imap/session.h"
#include "server/imap/syntax/sequence_set.h"
#include "server/imap/work.h"

// COPY, MOVE and their UID forms: RFC 9051 6.4.7, 6.4.8, 6.4.9; RFC 4315 3 (COPYUID), RFC 6851. All or none, one transaction.

namespace postfach::imap {
namespace {

std::string copyUid(const store::CopiedUids& copied)
{
    std::vector<std::uint32_t> from, to;
    for (const auto& [source, target] : copied.uids) {
        from.push_back(source.value);
        to.push_back(target.value);
    }
    return "COPYUID " + std::to_string(copied.uid_validity) + ' ' + formatSet(from) + ' ' + formatSet(to);
}

net::Task<Tagged> copyOrMove(Session& session, Request& request, bool move)
{
    session.requireUids(request.by_uid);
    Parser& args = request.args;
    args.space();
    const SequenceSet set = args.sequenceSet();
    args.space();
    const std::string name = mailboxArgument(args, session.enabled());
    args.end();

    View& view = move ? session.writableView() : session.view();
    const std::vector<store::Uid> uids = view.uids(view.resolve(set, request.by_uid));
    const store::MailboxId from = view.id();
    const store::AccountId account = session.account().id;
    store::CopiedUids copied;
    session.requireFewEnough(uids.size());
    auto find = [&](store::ReadTx& tx) {
        const auto target = tx.findMailbox(account, name);
        if (!target)
            throw No("TRYCREATE", "There is no such mailbox");
        return *target;
    };
    auto step = [&](store::WriteTx& tx, const std::vector<store::Uid>& piece) {
        const store::Mailbox target = find(tx);
        const store::CopiedUids some = move ? tx.move(from, piece, target.id) : tx.copy(from, piece, target.id);
        copied.uid_validity = some.uid_validity;
        copied.uids.insert(copied.uids.end(), some.uids.begin(), some.uids.end());
    };
    if (uids.empty())
        co_await reading(session.strand(), session.store(), std::move(find));
    else
        co_await commitInSteps(session, uids, std::move(step));

    if (copied.uids.empty()) {
        if (!uids.empty())
            throw No("EXPUNGEISSUED", "The messages no longer exist");
        co_return Tagged::ok(request.name + " completed, there was nothing to do");
    }
    if (!move)
        co_return Tagged::ok(copyUid(copied), request.name + " completed");
    // RFC 6851 4.3: before the EXPUNGEs, which the command's news say.
    session.untagged("OK [" + copyUid(copied) + "] Moved");
    co_return session.okExpunged(request.name + " completed");
}

} // namespace

net::Task<Tagged> cmdCopy(Session& session, Request& request) { return copyOrMove(session, request, false); }
net::Task<Tagged> cmdMove(Session& session, Request& request) { return copyOrMove(session, request, true); }

} // namespace postfach::imap
