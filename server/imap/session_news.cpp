#include "server/imap/session.h"

#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/imap/fetching.h"
#include "server/imap/refusal.h"
#include "server/imap/syntax/sequence_set.h"
#include "server/imap/syntax/writer.h"
#include "server/imap/work.h"
#include "server/store/names.h"

#include <exception>
#include <utility>

// What a session tells unasked: flags, news of the selected mailbox, and, by NOTIFY, of the others.

namespace postfach::imap {

// --- flags, and how an answer about a message begins

bool Session::knowsKeywords(const store::Flags& flags) const
{
    const std::size_t known = keywords_.size();
    const bool bits_known = known >= store::Flags::kKeywordBits || (flags.bits >> (store::Flags::kFirstKeywordBit + known)) == 0;
    return bits_known && (flags.more.empty() || flags.more.back() < known);
}

net::Task<> Session::loadKeywords()
{
    const store::AccountId id = account_->id;
    const std::size_t known = keywords_.size(); // none ever goes or changes its place
    auto names = [id, known](store::ReadTx& tx) { return tx.keywords(id, known); };
    std::vector<std::string> more = co_await reading(strand_, store(), std::move(names));
    const std::string told = flagNames();
    keywords_.insert(keywords_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    if (view_ && flagNames() != told)
        tellFlags(view_->readOnly());
}

// Those behind the bound are not named, nor do they have to be: \* says that more can be used (RFC 9051 7.1), and FLAGS need not
// name them all (7.3.5).
std::string Session::flagNames(bool changeable_only) const
{
    std::string names = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";
    for (const std::string& keyword : keywords_) {
        if (changeable_only && store::isServerKeyword(keyword))
            continue;
        if (names.size() + keyword.size() >= base::limits::kFlagsTold)
            break;
        names += ' ' + keyword;
    }
    return names;
}

void Session::tellFlags(bool read_only)
{
    const std::string names = flagNames();
    untagged("FLAGS (" + names + ")");
    if (read_only)
        untagged("OK [PERMANENTFLAGS ()] No flag can be changed");
    else
        untagged("OK [PERMANENTFLAGS (" + flagNames(true) + " \\*)] Flags are kept");
}

void Session::putFetchFlags(std::string& out, store::Uid uid, const store::Flags& flags) const
{
    out += "FLAGS ";
    putFlags(out, flags, !enabled_.rev2 && view_->isRecent(uid), keywords_);
}

void Session::putFetchBegin(std::string& out, std::uint32_t number, store::Uid uid) const
{
    if (enabled_.uidonly) // RFC 9586 3.3
        out.append("* UIDFETCH ").append(std::to_string(uid.value)).append(" (");
    else
        out.append("* ").append(std::to_string(number)).append(" FETCH (");
}

void Session::putChanged(std::string& out, const News::Changed& changed, bool with_uid) const
{
    putFetchBegin(out, changed.number, changed.uid);
    if (with_uid && !enabled_.uidonly)
        out += "UID " + std::to_string(changed.uid.value) + ' ';
    putFetchFlags(out, changed.uid, changed.flags);
    if (enabled_.condstore)
        out += " MODSEQ (" + std::to_string(changed.modseq) + ')';
    out += ")\r\n";
}

void Session::enableCondstore()
{
    if (!std::exchange(enabled_.condstore, true) && view_)
        untagged("OK [HIGHESTMODSEQ " + std::to_string(view_->newest().highestModseq()) + "] Highest");
}

Tagged Session::okExpunged(const std::string& text) const
{
    if (!enabled_.qresync)
        return Tagged::ok(text);
    return Tagged::ok("HIGHESTMODSEQ " + std::to_string(view_->newest().highestModseq()), text);
}

void Session::requireUids(bool by_uid) const
{
    if (enabled_.uidonly && !by_uid)
        throw Bad("UIDREQUIRED", "You enabled UIDONLY; use the UID form of the command");
}

// \Recent goes to one session only: the first to take it (RFC 3501 2.3.2). No news wait for a disk: it is written down with
// the next commit, and what a crash forgets is recent once more.
void Session::takeRecent(View& view, store::Uid from)
{
    const auto [first, behind] = view.shared()->takeRecent(from);
    if (first == behind)
        return;
    view.addRecent(first, behind);
    const store::MailboxId id = view.id();
    const store::Uid up_to = behind;
    store().writeLater([id, up_to](store::WriteTx& tx) { tx.recentTaken(id, up_to); });
}

void Session::putExpunged(std::string& out, const News& news) const
{
    if (!enabled_.qresync && !enabled_.uidonly) {
        for (const News::Expunged& gone : news.expunged)
            out += "* " + std::to_string(gone.number) + " EXPUNGE\r\n";
        return;
    }
    // RFC 7162 3.2.10
    std::vector<std::uint32_t> uids;
    for (auto gone = news.expunged.rbegin(); gone != news.expunged.rend(); ++gone)
        uids.push_back(gone->uid.value);
    if (!uids.empty())
        out.append("* VANISHED ").append(formatSet(uids)).append("\r\n");
}

net::Task<> Session::tellNews(bool numbers_may_move, bool unasked)
{
    if (!view_ || view_->gone())
        co_return;
    const bool wants_messages = !notifier_ || unasked || notifier_->ofSelected().messages;
    if (!wants_messages)
        co_return;
    if (!view_->readOnly() && view_->hasArrivals())
        takeRecent(*view_, view_->numbered().uidNext());
    const store::Snapshot before = search_updates_ ? view_->numbered() : store::Snapshot();
    News news = view_->takeNews(numbers_may_move, enabled_.condstore);
    if (notifier_ && !unasked && !notifier_->ofSelected().flags)
        news.changed.clear();
    bool all_known = true;
    for (const News::Changed& changed : news.changed)
        all_known = all_known && knowsKeywords(changed.flags);
    if (!all_known) {
        // The numbers have moved already: what else may fail, the client must hear of them. Unknown names are left out.
        try {
            co_await loadKeywords();
        } catch (const store::Error& error) {
            base::logWarning("imap", "keywords not read", {{"account", account_->address}, {"reason", error.what()}});
        }
    }

    std::string out;
    if (search_updates_ && !news.expunged.empty())
        out = search_updates_->gone(before, view_->numbered());
    putExpunged(out, news);
    if (news.exists) {
        out += "* " + std::to_string(*news.exists) + " EXISTS\r\n";
        if (!enabled_.rev2) // RFC 9051 appendix E, 5
            out += "* " + std::to_string(view_->recent()) + " RECENT\r\n";
    }
    for (const News::Changed& changed : news.changed)
        putChanged(out, changed, enabled_.qresync || enabled_.rev2 || notifier_); // RFC 7162 3.2.4, RFC 5465 5.1
    // MODSEQs above that of an EXPUNGE which waits: a client that is cut off now must not believe it has seen it (RFC 7162 3.2).
    if (enabled_.qresync && view_->waits())
        out += "* OK [HIGHESTMODSEQ " + std::to_string(view_->numbered().highestModseq()) + "] Up to here\r\n";
    co_await send(std::move(out));
    const FetchItems* of_new = notifier_ && notifier_->ofSelected().of_new ? &*notifier_->ofSelected().of_new : nullptr;
    IndexRange fresh;
    if (news.exists)
        fresh = {news.first_new, *news.exists};
    std::vector<std::uint32_t> fetched; // with what a search has asked for besides
    if (search_updates_)
        fetched = co_await tellSearchUpdates(fresh, of_new);
    if (of_new == nullptr || fresh.first == fresh.last)
        co_return;
    std::vector<IndexRange> others;
    for (const std::uint32_t place : fetched) {
        if (fresh.first < place)
            others.push_back({fresh.first, place});
        fresh.first = place + 1;
    }
    if (fresh.first < fresh.last)
        others.push_back(fresh);
    FetchItems items = *of_new;
    co_await fetchNew(*this, std::move(items), std::move(others));
}

SearchUpdates& Session::searchUpdates()
{
    if (!search_updates_)
        search_updates_ = std::make_unique<SearchUpdates>();
    return *search_updates_;
}

net::Task<std::vector<std::uint32_t>> Session::tellSearchUpdates(IndexRange fresh, const FetchItems* of_new)
{
    co_return co_await search_updates_->tell(*this, fresh, of_new);
}

// --- when it is told, and of other mailboxes

// What ends the session goes on; a store that cannot say the news now is logged, and they are said later.
net::Task<> Session::tellNewsOrLog(bool numbers_may_move, bool unasked, std::string_view command)
{
    std::exception_ptr error;
    try {
        co_await tellNews(numbers_may_move, unasked);
        co_await tellOthers();
    } catch (...) {
        error = std::current_exception();
    }
    if (error)
        refusalOf(error, command);
}

// RFC 5465 3.1: to who asked for it, news come while no command is running, until the client says something.
net::Task<> Session::tellBetweenCommands()
{
    for (;;) {
        co_await tellNewsOrLog(!notifier_->delaysExpunge(), false, "NOTIFY");
        if (view_ && view_->gone())
            throw Bye("The selected mailbox was deleted");
        const std::uint32_t came = co_await stream_.input(net::kNews);
        if ((came & net::kReadable) != 0)
            co_return;
    }
}

net::Task<Notifier::Account> Session::readAccount()
{
    const store::AccountId id = account_->id;
    const bool metadata = notifier_->watchesMetadata();
    auto look = [id, metadata](store::ReadTx& tx) {
        Notifier::Account now{tx.mailboxes(id), tx.subscriptions(id), {}};
        if (!metadata)
            return now;
        now.annotations[0] = tx.annotations(id, store::MailboxId{});
        for (const store::Mailbox& mailbox : now.mailboxes)
            now.annotations[mailbox.id.value] = tx.annotations(id, mailbox.id);
        return now;
    };
    co_return co_await reading(strand_, store(), std::move(look));
}

Notifier::Telling Session::telling() const
{
    return {enabled_, context_.store, view_ ? std::optional(view_->id()) : std::nullopt};
}

net::Task<> Session::notify(NotifyWish wish)
{
    notifier_ = std::make_unique<Notifier>(std::move(wish));
    // Watching begins before the first look, so that no news fall between the two.
    notifier_->watch(store(), account_->id, [strand = &strand_] { strand->wake(net::kNews); });
    if (!notifier_->watchesOthers())
        co_return;
    const Notifier::Account now = co_await readAccount();
    co_await send(notifier_->begin(now, telling()));
}

net::Task<> Session::tellOthers()
{
    if (!notifier_ || !notifier_->watchesOthers() || !notifier_->takeDue())
        co_return;
    const Notifier::Account now = co_await readAccount();
    co_await send(notifier_->news(now, telling()));
}

void Session::ownChange(const std::string& name)
{
    if (!notifier_)
        return;
    notifier_->own(name);
    for (const std::string& parent : store::parentsOf(name, store().delimiter())) // they were made or have changed with it
        notifier_->own(parent);
}

} // namespace postfach::imap
