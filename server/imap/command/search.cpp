#include "server/imap/command/all.h"
#include "server/imap/search_answer.h"
#include "server/imap/search_run.h"
#include "server/imap/session.h"

#include <optional>

// SEARCH and UID SEARCH: RFC 9051 6.4.4, RFC 3501 6.4.4 (the answer without RETURN), RFC 4731, RFC 5182, RFC 5267 4.

namespace postfach::imap {

net::Task<Tagged> cmdSearch(Session& session, Request& request)
{
    Parser& args = request.args;
    args.space();
    session.requireUids(request.by_uid);
    SearchReturn wanted;
    if (args.tryWord("RETURN"))
        wanted = searchReturn(args);
    else if (session.enabled().rev2) // RFC 9051 6.4.4: as RETURN (ALL)
        wanted.given = wanted.all = true;
    SearchKey key = searchKey(session, args, wanted);

    const bool repeats = wanted.update && session.searchUpdates().has(request.tag);
    if (repeats)
        throw BadSyntax("A search with that tag is kept up to date already");

    const std::optional<SearchKey> kept = wanted.update ? std::optional(key) : std::nullopt;
    MessageSearch search(session, std::move(key), SearchScope(session.view()));
    if (wanted.save) // RFC 5182 2.1: what ends in NO leaves nothing behind
        session.view().save({});
    co_await search.run();

    co_await answerSearch(session, request, search, search.found(), wanted, "SEARCH");
    if (kept && !session.searchUpdates().add(request.tag, request.by_uid, *kept, wanted.of_new, search.scope().numbered, search.found()))
        session.untagged("NO [NOUPDATE \"" + request.tag + "\"] This result will not be kept up to date");
    co_return Tagged::ok(request.name + " completed");
}

} // namespace postfach::imap
