#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

#include <algorithm>

// STORE and UID STORE: RFC 9051 6.4.6 and 6.4.9, RFC 2180 4.2.

namespace postfach::imap {
namespace {

struct Change {
    store::FlagChange how = store::FlagChange::replace;
    bool silent = false;
    Parser::FlagNames names;
    store::Flags flags;      // of names, as the writer resolved them

    void apply(store::Flags& to) const
    {
        if (how == store::FlagChange::replace)
            to = flags;
        else if (how == store::FlagChange::add)
            to.add(flags);
        else
            to.remove(flags);
    }
};

void parseItem(Parser& args, Change& change)
{
    if (args.tryChar('+'))
        change.how = store::FlagChange::add;
    else if (args.tryChar('-'))
        change.how = store::FlagChange::remove;
    if (args.tryWord("FLAGS.SILENT"))
        change.silent = true;
    else if (!args.tryWord("FLAGS"))
        throw BadSyntax("FLAGS, +FLAGS or -FLAGS expected");
}

// Keywords by their index in the account. One that nobody ever set need not be made to be removed.
void resolve(store::WriteTx& tx, store::AccountId account, Change& change)
{
    change.flags.bits = change.names.system;
    for (const std::string& name : change.names.keywords)
        if (change.how != store::FlagChange::remove)
            change.flags.addKeyword(tx.keyword(account, name));
        else if (const auto known = tx.findKeyword(account, name))
            change.flags.addKeyword(*known);
}

} // namespace

net::Task<Tagged> cmdStore(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    const SequenceSet set = args.sequenceSet();
    args.space();
    Change change;
    parseItem(args, change);
    args.space();
    change.names = args.flagsOfStore();
    args.end();

    View& view = session.writableView();
    const std::vector<IndexRange> ranges = view.resolve(set, request.by_uid);
    const std::vector<store::Uid> uids = view.uids(ranges);
    if (uids.empty())
        co_return Tagged::ok(request.name + " completed");

    const store::MailboxId id = view.id();
    const store::AccountId account = session.account().id;
    std::vector<store::Uid> changed;
    auto work = [&](store::WriteTx& tx) {
        resolve(tx, account, change);
        changed = tx.changeFlags(id, uids, change.how, change.flags);
    };
    co_await commit(session.strand(), session.store(), std::move(work));
    if (!session.knowsKeywords(change.flags))
        co_await session.loadKeywords();

    const store::Snapshot newest = view.newest();
    bool missed = false;
    if (change.silent) {
        // The client works out for itself what its own change made; what others changed meanwhile it still hears of.
        for (const store::Uid uid : changed)
            if (auto flags = view.believed(uid)) {
                change.apply(*flags);
                view.told(uid, std::move(*flags));
            }
        missed = std::any_of(uids.begin(), uids.end(), [&](store::Uid uid) { return !newest.find(uid); });
    } else {
        std::string out;
        for (const IndexRange& range : ranges)
            for (std::uint32_t index = range.first; index < range.last; ++index) {
                const store::Uid uid = view.numbered().uidAt(index);
                const auto now = newest.find(uid);
                missed = missed || !now;
                if (!now)
                    continue;
                store::Flags flags = newest.flags(*now);
                out += "* " + std::to_string(index + 1) + " FETCH (";
                if (request.by_uid)
                    out += "UID " + std::to_string(uid.value) + ' ';
                session.putFetchFlags(out, uid, flags);
                out += ")\r\n";
                view.told(uid, std::move(flags));
            }
        co_await session.send(std::move(out));
    }
    co_return missed ? Tagged::ok("EXPUNGEISSUED", "Some of the messages no longer exist") : Tagged::ok(request.name + " completed");
}

} // namespace postfach::imap
