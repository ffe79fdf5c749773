#include "server/base/text.h"
#include "server/imap/syntax/mailbox_filter.h"

#include "server/imap/command/all.h"
#include "server/imap/names.h"
#include "server/imap/search_answer.h"
#include "server/imap/search_run.h"
#include "server/imap/work.h"

#include <algorithm>
#include <string>
#include <utility>

// ESEARCH: a search over several mailboxes. RFC 7377 (MULTISEARCH).
//
// Mailboxes are searched one after the other and answered as each is done; where nothing is found nothing is said, and a mailbox
// that is not there, or goes meanwhile, is passed over (2.2.2).

namespace postfach::imap {
namespace {

void takeNames(const Session& session, std::vector<MailboxFilter>& sources, const Enabled& enabled)
{
    for (MailboxFilter& source : sources) {
        namesFromWire(source, enabled, session.context().store.delimiter());
        if (source.kind == MailboxFilter::Kind::selected && !session.hasView())
            throw BadSyntax("No mailbox is selected");
    }
}

void putMailboxName(std::string& out, Session& session, const store::Mailbox& mailbox)
{
    out += " MAILBOX ";
    putMailbox(out, mailbox.name, session.enabled());
    out += " UIDVALIDITY " + std::to_string(mailbox.uid_validity);
}

// One mailbox. The selected one is searched as the session sees it.
net::Task<> searchOne(
    Session& session, const Request& request, const SearchKey& key, const SearchReturn& wanted, const store::Mailbox& mailbox)
{
    const bool is_selected = session.hasView() && session.view().id() == mailbox.id;
    std::optional<SearchScope> scope;
    if (is_selected) {
        scope.emplace(session.view());
    } else {
        store::Store& store = session.store();
        const store::MailboxId id = mailbox.id;
        auto look = [&store, id] { return store.view(id)->now(); };
        try {
            store::Snapshot now = co_await session.strand().offload(std::move(look));
            scope.emplace(std::move(now), id);
        } catch (const store::Error& error) {
            if (error.kind != store::Error::Kind::noSuchMailbox)
                throw;
            co_return;
        }
    }
    MessageSearch search(session, key, std::move(*scope));
    co_await search.run();
    if (wanted.save)
        saveResult(session, search.found(), wanted);
    if (search.found().empty() || (wanted.save && !wanted.asksForResult()))
        co_return;
    const SearchResult result = resultOf(search, search.found(), wanted, true);
    std::string line = "* ESEARCH ";
    putSearchTag(line, request.tag);
    putMailboxName(line, session, mailbox);
    line += " UID";
    putSearchResult(line, wanted, result);
    line += "\r\n";
    co_await session.send(std::move(line));
}

void requireNoNumbers(const SearchKey& key)
{
    if (key.has([](const SearchKey& k) { return k.kind == SearchKey::Kind::sequence || k.set.isSaved(); }))
        throw BadSyntax("Sequence numbers belong to the selected mailbox alone");
}

} // namespace

net::Task<Tagged> cmdEsearch(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    std::vector<MailboxFilter> sources;
    const bool names_mailboxes = args.tryWord("IN");
    if (names_mailboxes) {
        args.space();
        sources = parseSearchSources(args);
        args.space();
    } else if (!session.hasView()) {
        throw BadSyntax("No mailbox is selected");
    }
    SearchReturn wanted;
    wanted.given = wanted.all = true;
    if (args.tryWord("RETURN"))
        wanted = searchReturn(args);
    if (wanted.update)
        throw BadSyntax("Only SEARCH can be kept up to date");
    const auto isSelected = [](const MailboxFilter& source) { return source.kind == MailboxFilter::Kind::selected; };
    const bool only_selected = std::all_of(sources.begin(), sources.end(), isSelected);
    if (wanted.save && !only_selected) // RFC 7377 2.2: "$" is of the selected mailbox
        throw BadSyntax("Only a search in the selected mailbox can be saved");
    const SearchKey key = searchKey(session, args, wanted);
    if (!only_selected)
        requireNoNumbers(key);

    request.by_uid = true;
    if (!names_mailboxes) { // as UID SEARCH
        MessageSearch search(session, key, SearchScope(session.view()));
        if (wanted.save)
            session.view().save({});
        co_await search.run();
        co_await answerSearch(session, request, search, search.found(), wanted, "SEARCH");
        co_return Tagged::ok("ESEARCH completed");
    }

    takeNames(session, sources, session.enabled());
    if (wanted.save)
        session.view().save({});
    const store::AccountId id = session.account().id;
    auto look = [id](store::ReadTx& tx) { return std::make_pair(tx.mailboxes(id), tx.subscriptions(id)); };
    const auto account = co_await reading(session.strand(), session.store(), std::move(look));
    const auto& [mailboxes, subscriptions] = account;
    const auto selected = session.hasView() ? std::optional(session.view().id()) : std::nullopt;
    const char delimiter = session.store().delimiter();
    std::vector<const store::Mailbox*> wanted_ones;
    for (const store::Mailbox& mailbox : mailboxes) {
        const bool subscribed = std::find(subscriptions.begin(), subscriptions.end(), mailbox.name) != subscriptions.end();
        const bool is_wanted = std::any_of(sources.begin(), sources.end(), [&](const MailboxFilter& source) {
            return isSelected(source) ? selected == mailbox.id : source.means(mailbox.name, subscribed, delimiter);
        });
        if (is_wanted && (mailbox.exists > 0 || selected == mailbox.id))
            wanted_ones.push_back(&mailbox);
    }
    for (std::size_t at = 0; at < wanted_ones.size(); ++at) {
        session.beginRound(at, wanted_ones.size());
        co_await searchOne(session, request, key, wanted, *wanted_ones[at]);
        if (session.strand().turnDue())
            co_await session.strand().turn();
    }
    co_return Tagged::ok("ESEARCH completed");
}

} // namespace postfach::imap
