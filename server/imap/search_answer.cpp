#include "server/imap/search_answer.h"

#include <algorithm>

namespace postfach::imap {

SearchReturn searchReturn(Parser& args, const Enabled& enabled)
{
    SearchReturn wanted;
    if (args.tryWord("RETURN")) {
        args.space();
        wanted = parseSearchReturn(args);
        args.space();
    } else if (enabled.rev2) {
        wanted.given = wanted.all = true;
    }
    return wanted;
}

void noteKeys(Session& session, const SearchKey& key, const SearchReturn& wanted)
{
    if (wanted.relevancy && !key.has([](const SearchKey& k) { return !k.words.empty(); })) // RFC 6203 4
        throw BadSyntax("RELEVANCY needs a FUZZY key");
    if (key.has([](const SearchKey& k) { return k.kind == SearchKey::Kind::sequence && !k.set.isSaved(); }))
        session.requireUids(false);
    if (key.has([](const SearchKey& k) { return k.kind == SearchKey::Kind::modseq; }) && !session.enabled().condstore) {
        session.enabled().condstore = true;
        session.tellHighestModseq();
    }
}

SearchKey searchKey(Session& session, Parser& args, const SearchReturn& wanted)
{
    try {
        SearchKey key = parseSearch(args);
        noteKeys(session, key, wanted);
        return key;
    } catch (const BadCharset&) {
        if (wanted.save)
            session.view().save({});
        throw;
    }
}

SearchResult resultOf(
    const MessageSearch& search, const std::vector<std::uint32_t>& places, const SearchReturn& wanted, bool by_uid)
{
    SearchResult result;
    result.numbers.reserve(places.size());
    for (const std::uint32_t index : places)
        result.numbers.push_back(by_uid ? search.scope().numbered.uidAt(index).value : index + 1);
    if (wanted.relevancy)
        for (const std::uint32_t index : places) {
            const auto at = std::lower_bound(search.found().begin(), search.found().end(), index) - search.found().begin();
            result.relevancies.push_back(search.relevancies()[static_cast<std::size_t>(at)]);
        }
    if (search.usedModseq() && !places.empty())
        for (const std::size_t place : placesOf(wanted, places.size()))
            result.modseq = std::max(result.modseq.value_or(0), search.modseqAt(places[place]));
    return result;
}

net::Task<> answerSearch(Session& session, const Request& request, const MessageSearch& search, const SearchReturn& wanted)
{
    const SearchResult result = resultOf(search, search.found(), wanted, request.by_uid);
    if (wanted.save) {
        std::vector<std::uint32_t> kept;
        for (const std::size_t place : placesOf(wanted, search.found().size()))
            kept.push_back(search.found()[place]);
        session.view().save(kept);
        if (!wanted.asksForResult() && !wanted.update) // RFC 5182 2.3: then nothing is said
            co_return;
    }

    std::string line;
    if (wanted.given) {
        line = "* ESEARCH ";
        putSearchTag(line, request.tag);
        if (request.by_uid)
            line += " UID";
        putSearchResult(line, wanted, result);
    } else {
        line = "* SEARCH";
        for (const std::uint32_t number : result.numbers)
            line.append(" ").append(std::to_string(number));
        if (result.modseq)
            line.append(" (MODSEQ ").append(std::to_string(*result.modseq)).append(")");
    }
    line += "\r\n";
    co_await session.send(std::move(line));
}

} // namespace postfach::imap
