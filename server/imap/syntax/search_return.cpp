#include "server/imap/syntax/search_return.h"

#include "server/base/text.h"
#include "server/imap/syntax/sequence_set.h"
#include "server/imap/syntax/writer.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace postfach::imap {
namespace {

struct Option {
    std::string_view name;
    bool SearchReturn::*flag;
};
constexpr auto kOptions = std::to_array<Option>({
    {"ALL", &SearchReturn::all},
    {"COUNT", &SearchReturn::count},
    {"MAX", &SearchReturn::max},
    {"MIN", &SearchReturn::min},
    {"RELEVANCY", &SearchReturn::relevancy},
    {"SAVE", &SearchReturn::save},
    {"UPDATE", &SearchReturn::update},
});

} // namespace

SearchReturn parseSearchReturn(Parser& args)
{
    SearchReturn wanted;
    wanted.given = true;
    bool empty = true;
    args.expect('(');
    args.trySpace();
    while (!args.tryChar(')')) {
        empty = false;
        const std::string name = base::upper(args.atom());
        const auto* option = std::find_if(kOptions.begin(), kOptions.end(), [&](const Option& o) { return o.name == name; });
        if (option != kOptions.end()) {
            wanted.*option->flag = true;
            // The grammar has no space before them, the RFC's example has one.
            if (name == "UPDATE" && (args.peek() == '(' || args.rest().starts_with(" ("))) {
                args.trySpace();
                wanted.of_new = parseFetchItems(args);
            }
        } else if (name == "PARTIAL") {
            if (wanted.partial)
                throw BadSyntax("Only one PARTIAL at a time");
            args.space();
            wanted.partial = parsePartialRange(args);
        } else if (name != "CONTEXT") { // a hint that the client will come again: there is nothing to prepare
            throw BadSyntax("Unknown RETURN option");
        }
        if (!args.trySpace() && args.peek() != ')')
            throw BadSyntax("')' expected");
    }
    wanted.all = wanted.all || empty;
    if (wanted.partial && wanted.all) // RFC 9394 3.1
        throw BadSyntax("PARTIAL and ALL exclude each other");
    return wanted;
}

std::vector<std::size_t> placesOf(const SearchReturn& wanted, std::size_t count)
{
    std::vector<std::size_t> places;
    if (wanted.needsAll() || !wanted.asksForResult()) {
        places.resize(count);
        std::iota(places.begin(), places.end(), std::size_t{0});
        return places;
    }
    if (count == 0)
        return places;
    if (wanted.partial) {
        const auto [first, last] = wanted.partial->of(count);
        for (std::size_t place = first; place < last; ++place)
            places.push_back(place);
    }
    if (wanted.min && (places.empty() || places.front() != 0))
        places.insert(places.begin(), 0);
    if (wanted.max && (places.empty() || places.back() != count - 1))
        places.push_back(count - 1);
    return places;
}

void putSearchTag(std::string& out, std::string_view tag)
{
    out += "(TAG ";
    putString(out, tag);
    out += ')';
}

void putSearchResult(std::string& out, const SearchReturn& wanted, const SearchResult& result)
{
    const auto& numbers = result.numbers;
    if (wanted.min && !numbers.empty())
        out.append(" MIN ").append(std::to_string(numbers.front()));
    if (wanted.max && !numbers.empty())
        out.append(" MAX ").append(std::to_string(numbers.back()));
    if (wanted.count)
        out.append(" COUNT ").append(std::to_string(numbers.size()));
    if (wanted.all && !numbers.empty())
        out.append(" ALL ").append(formatSet(numbers));
    if (wanted.partial) {
        const auto [first, last] = wanted.partial->of(numbers.size());
        const std::vector<std::uint32_t> piece(
            numbers.begin() + static_cast<std::ptrdiff_t>(first), numbers.begin() + static_cast<std::ptrdiff_t>(last));
        out.append(" PARTIAL (").append(wanted.partial->text()).append(" ");
        out.append(piece.empty() ? "NIL" : formatSet(piece)).append(")");
    }
    if (wanted.relevancy && !result.relevancies.empty()) { // one for each that ALL, or else PARTIAL, names: RFC 6203 4
        const std::size_t all = result.relevancies.size();
        const auto [first, last] = wanted.partial ? wanted.partial->of(all) : PartialRange::Slice{0, all};
        char before = '(';
        out += " RELEVANCY ";
        for (std::size_t place = first; place < last; ++place, before = ' ')
            out.append(1, before).append(std::to_string(result.relevancies[place]));
        out += first == last ? "()" : ")";
    }
    if (result.modseq)
        out.append(" MODSEQ ").append(std::to_string(*result.modseq));
}

} // namespace postfach::imap
