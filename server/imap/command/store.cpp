#include "server/base/text.h"
#include "server/imap/command/all.h"
#include "server/imap/long_work.h"
#include "server/imap/session.h"
#include "server/imap/work.h"

#include <algorithm>
#include <optional>
#include <utility>

// STORE and UID STORE: RFC 9051 6.4.6 and 6.4.9, RFC 2180 4.2, RFC 7162 3.1.3.

namespace postfach::imap {
namespace {

struct Change {
    store::FlagChange how = store::FlagChange::replace;
    bool silent = false;
    Parser::FlagNames names;
    store::Flags flags;      // of names, as the writer resolved them
    store::Flags own;        // the server's keywords: replacing leaves them

    void apply(store::Flags& to) const
    {
        if (how == store::FlagChange::replace)
            to = flags.keeping(own, to);
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

// Keywords by their index in the account. One that nobody ever set need not be made to be removed. The server's own are passed over,
// as PERMANENTFLAGS says (RFC 9051 7.1): a refusal would cost the client the other flags it means.
void resolve(store::WriteTx& tx, store::AccountId account, Change& change)
{
    change.flags.bits = change.names.system;
    for (const std::string_view name : store::kServerKeywords)
        if (const auto known = tx.findKeyword(account, name))
            change.own.addKeyword(*known);
    for (const std::string& name : change.names.keywords)
        if (store::isServerKeyword(name))
            continue;
        else if (change.how != store::FlagChange::remove)
            change.flags.addKeyword(tx.keyword(account, name));
        else if (const auto known = tx.findKeyword(account, name))
            change.flags.addKeyword(*known);
}

} // namespace

namespace {

// "(UNCHANGEDSINCE 320162338) ", RFC 7162 3.1.3.
std::optional<store::ModSeq> parseModifiers(Parser& args)
{
    if (!args.tryChar('('))
        return std::nullopt;
    if (!args.tryWord("UNCHANGEDSINCE"))
        throw BadSyntax("Unknown STORE modifier");
    args.space();
    const store::ModSeq since = args.number64();
    args.expect(')');
    args.space();
    return since;
}

struct Outcome {
    std::vector<store::Uid> changed, modified; // ascending; what was left alone because it had changed
};

// The client works out for itself what its own change made; what others changed meanwhile it still hears of.
void noteSilently(Session& session, const Change& change, const Outcome& outcome, std::string& out)
{
    View& view = session.view();
    const store::Snapshot newest = view.newest();
    store::UidFinder in_newest(newest), in_numbered(view.numbered());
    for (const store::Uid uid : outcome.changed) {
        const auto now = in_newest.find(uid);
        const store::ModSeq modseq = now ? newest.at(*now).modseq : 0;
        if (auto flags = view.believed(uid)) {
            change.apply(*flags);
            view.told(uid, std::move(*flags), modseq);
        }
        const auto number = in_numbered.find(uid);
        if (!session.enabled().condstore || !now || !number)
            continue;
        session.putFetchBegin(out, *number + 1, uid); // RFC 7162 3.1.3: MODSEQ is told all the same
        if (!session.enabled().uidonly)
            out += "UID " + std::to_string(uid.value) + ' ';
        out += "MODSEQ (" + std::to_string(modseq) + "))\r\n";
    }
}

// RFC 7162 3.1.3: by UID or by number, as the command named them.
std::string modifiedCode(const View& view, const std::vector<store::Uid>& uids, bool by_uid)
{
    std::vector<std::uint32_t> named;
    for (const store::Uid uid : uids)
        if (by_uid)
            named.push_back(uid.value);
        else if (const auto index = view.numbered().find(uid))
            named.push_back(*index + 1);
    return "MODIFIED " + formatSet(named);
}

} // namespace

net::Task<Tagged> cmdStore(Session& session, Request& request)
{
    session.requireUids(request.by_uid);
    Parser& args = request.args;
    args.space();
    const SequenceSet set = args.sequenceSet();
    args.space();
    const std::optional<store::ModSeq> unchanged_since = parseModifiers(args);
    Change change;
    parseItem(args, change);
    args.space();
    change.names = args.flagsOfStore();
    args.end();

    View& view = session.writableView();
    if (unchanged_since)
        session.enableCondstore();
    const std::vector<IndexRange> ranges = view.resolve(set, request.by_uid);
    const std::vector<store::Uid> uids = view.uids(ranges);
    if (uids.empty())
        co_return Tagged::ok(request.name + " completed");
    session.requireFewEnough(uids.size());

    const store::MailboxId id = view.id();
    const store::AccountId account = session.account().id;
    Outcome outcome;
    auto step = [&](store::WriteTx& tx, const std::vector<store::Uid>& piece) {
        resolve(tx, account, change);
        const auto some = tx.changeFlags(id, piece, change.how, change.flags, unchanged_since, &outcome.modified);
        outcome.changed.insert(outcome.changed.end(), some.begin(), some.end());
    };
    co_await commitInSteps(session, uids, std::move(step));
    if (!session.knowsKeywords(change.flags))
        co_await session.loadKeywords();

    const store::Snapshot newest = view.newest();
    store::UidFinder in_newest(newest);
    bool missed = false;
    std::string out;
    if (change.silent) {
        noteSilently(session, change, outcome, out);
        missed = std::any_of(uids.begin(), uids.end(), [&](store::Uid uid) { return !in_newest.find(uid); });
    } else {
        for (const IndexRange& range : ranges)
            for (std::uint32_t index = range.first; index < range.last; ++index) {
                const store::Uid uid = view.numbered().uidAt(index);
                const auto now = in_newest.find(uid);
                missed = missed || !now;
                if (!now)
                    continue;
                const store::ModSeq modseq = newest.at(*now).modseq;
                store::Flags flags = newest.flags(*now);
                session.putChanged(out, {index + 1, uid, flags, modseq}, request.by_uid || session.enabled().qresync);
                view.told(uid, std::move(flags), modseq);
            }
    }
    co_await session.send(std::move(out));
    if (!outcome.modified.empty())
        co_return Tagged::ok(modifiedCode(view, outcome.modified, request.by_uid), "Some of the messages were changed meanwhile");
    co_return missed ? Tagged::ok("EXPUNGEISSUED", "Some of the messages no longer exist") : Tagged::ok(request.name + " completed");
}

} // namespace postfach::imap
