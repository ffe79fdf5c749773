#include "server/imap/search_answer.h"

#include "server/base/text.h"
#include "server/mail/decode.h"

#include <algorithm>

namespace postfach::imap {

SearchReturn searchReturn(Parser& args)
{
    args.space();
    SearchReturn wanted = parseSearchReturn(args);
    args.space();
    return wanted;
}

void requireFuzzy(const SearchKey& key)
{
    if (!key.has([](const SearchKey& k) { return !k.words.empty(); }))
        throw BadSyntax("RELEVANCY needs a FUZZY key");
}

void noteKeys(Session& session, const SearchKey& key, const SearchReturn& wanted)
{
    if (wanted.relevancy)
        requireFuzzy(key);
    if (key.has([](const SearchKey& k) { return k.kind == SearchKey::Kind::sequence && !k.set.isSaved(); }))
        session.requireUids(false);
    if (key.has([](const SearchKey& k) { return k.kind == SearchKey::Kind::modseq; }))
        session.enableCondstore();
}

namespace {

template <class Parse>
SearchKey noted(Session& session, const SearchReturn& wanted, Parse parse)
{
    try {
        SearchKey key = parse();
        noteKeys(session, key, wanted);
        return key;
    } catch (const BadCharset&) {
        if (wanted.save)
            session.view().save({});
        throw;
    }
}

// "ESEARCH (TAG "a1") UID"
// RFC 6855 3 with its erratum 4029, RFC 9755 3: no other charset can be meant, and none may be named but where one has to be.
constexpr const char* kOneCharset = "You enabled UTF8=ACCEPT: all that you say is UTF-8";

void putEsearchBegin(std::string& out, const Request& request)
{
    out += "ESEARCH ";
    putSearchTag(out, request.tag);
    if (request.by_uid)
        out += " UID";
}

// " 2 3 5 (MODSEQ 7)"
void putNumbers(std::string& out, const SearchResult& result)
{
    for (const std::uint32_t number : result.numbers)
        out.append(" ").append(std::to_string(number));
    if (result.modseq)
        out.append(" (MODSEQ ").append(std::to_string(*result.modseq)).append(")");
}

} // namespace

SearchKey searchKey(Session& session, Parser& args, const SearchReturn& wanted)
{
    return noted(session, wanted, [&] {
        if (session.enabled().utf8 && args.tryWord("CHARSET"))
            throw BadSyntax(kOneCharset);
        return parseSearch(args);
    });
}

SearchKey searchKeyWithCharset(Session& session, Parser& args, const SearchReturn& wanted)
{
    return noted(session, wanted, [&] {
        const std::string charset = args.astring();
        args.space();
        if (session.enabled().utf8 && !base::iequals(charset, "UTF-8"))
            throw BadSyntax(kOneCharset);
        if (charset.size() > 64 || !mail::isKnownCharset(charset))
            throw BadCharset();
        return parseSearchWith(args, charset);
    });
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

bool saveResult(Session& session, const std::vector<std::uint32_t>& places, const SearchReturn& wanted)
{
    std::vector<std::uint32_t> kept;
    for (const std::size_t place : placesOf(wanted, places.size()))
        kept.push_back(places[place]);
    std::sort(kept.begin(), kept.end());
    session.view().save(kept);
    return wanted.asksForResult() || wanted.update;
}

net::Task<> answerSearch(Session& session, const Request& request, const MessageSearch& search,
    const std::vector<std::uint32_t>& places, const SearchReturn& wanted, std::string_view word)
{
    const SearchResult result = resultOf(search, places, wanted, request.by_uid);
    if (wanted.save && !saveResult(session, places, wanted))
        co_return;
    std::string line = "* ";
    if (wanted.given) {
        putEsearchBegin(line, request);
        putSearchResult(line, wanted, result);
    } else {
        line += word;
        putNumbers(line, result);
    }
    line += "\r\n";
    co_await session.send(std::move(line));
}

} // namespace postfach::imap
