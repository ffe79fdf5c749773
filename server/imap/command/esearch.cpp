#include "server/base/text.h"
#include "server/imap/syntax/search_sources.h"

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

using Filter = SearchSource::Filter;

bool isBelow(std::string_view name, std::string_view top, char delimiter, bool one_level)
{
    if (!name.starts_with(top) || name.size() <= top.size() || name[top.size()] != delimiter)
        return false;
    return !one_level || name.find(delimiter, top.size() + 1) == std::string_view::npos;
}

struct Wanted { // a source whose names are the store's
    Filter filter;
    std::vector<std::string> names;
};

bool isNamed(const Wanted& wanted, const store::Mailbox& mailbox, char delimiter)
{
    return std::any_of(wanted.names.begin(), wanted.names.end(), [&](const std::string& name) {
        const std::string_view top = base::iequals(name, "INBOX") ? std::string_view("INBOX") : name;
        if (mailbox.name == top)
            return true;
        return wanted.filter != Filter::mailboxes && isBelow(mailbox.name, top, delimiter, wanted.filter == Filter::subtreeOne);
    });
}

struct Account {
    std::vector<store::Mailbox> mailboxes;
    std::vector<std::string> subscriptions;
};

bool isWanted(const Wanted& wanted, const store::Mailbox& mailbox, const Account& account,
    std::optional<store::MailboxId> selected, char delimiter)
{
    switch (wanted.filter) {
    case Filter::selected: return selected == mailbox.id;
    case Filter::inboxes: return mailbox.name == "INBOX"; // nothing is delivered elsewhere
    case Filter::personal: return true;
    case Filter::subscribed: {
        const auto& all = account.subscriptions;
        return std::find(all.begin(), all.end(), mailbox.name) != all.end();
    }
    case Filter::subtree:
    case Filter::subtreeOne:
    case Filter::mailboxes: return isNamed(wanted, mailbox, delimiter);
    }
    return false;
}

std::vector<Wanted> namesOf(const Session& session, std::vector<SearchSource> sources, const Enabled& enabled)
{
    std::vector<Wanted> all;
    for (const SearchSource& source : sources) {
        Wanted wanted{source.filter, {}};
        for (const std::string& name : source.names)
            wanted.names.push_back(mailboxFromWire(name, enabled));
        if (source.filter == Filter::selected && !session.hasView())
            throw BadSyntax("No mailbox is selected");
        all.push_back(std::move(wanted));
    }
    return all;
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
    std::vector<SearchSource> sources;
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
    const bool only_selected =
        std::all_of(sources.begin(), sources.end(), [](const SearchSource& s) { return s.filter == Filter::selected; });
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
        co_await answerSearch(session, request, search, wanted);
        co_return Tagged::ok("ESEARCH completed");
    }

    const std::vector<Wanted> wants = namesOf(session, std::move(sources), session.enabled());
    if (wanted.save)
        session.view().save({});
    const store::AccountId id = session.account().id;
    auto look = [id](store::ReadTx& tx) { return Account{tx.mailboxes(id), tx.subscriptions(id)}; };
    const Account account = co_await reading(session.strand(), session.store(), std::move(look));
    const auto selected = session.hasView() ? std::optional(session.view().id()) : std::nullopt;
    const char delimiter = session.store().delimiter();
    for (const store::Mailbox& mailbox : account.mailboxes) {
        const bool is_wanted = std::any_of(
            wants.begin(), wants.end(), [&](const Wanted& one) { return isWanted(one, mailbox, account, selected, delimiter); });
        if (is_wanted && (mailbox.exists > 0 || selected == mailbox.id))
            co_await searchOne(session, request, key, wanted, mailbox);
        if (session.strand().turnDue())
            co_await session.strand().turn();
    }
    co_return Tagged::ok("ESEARCH completed");
}

} // namespace postfach::imap
