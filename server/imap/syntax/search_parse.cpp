#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/syntax/search.h"
#include "server/mail/decode.h"

#include <algorithm>
#include <array>

// SEARCH's arguments. RFC 9051 6.4.4, RFC 3501 6.4.4 (NEW, OLD, RECENT), RFC 7162 3.1.5 (MODSEQ).

namespace postfach::imap {

namespace limits = base::limits;

namespace {

using Kind = SearchKey::Kind;

enum class Takes { nothing, text, header, keyword, number, date, uid, modseq, key, twoKeys };

struct Word {
    std::string_view name;
    Takes takes;
    Kind kind;
    std::uint64_t number = 0;      // the flag
    std::string_view header = {};  // the field
};

constexpr auto kWords = std::to_array<Word>({
    {"ALL", Takes::nothing, Kind::all},
    {"ANSWERED", Takes::nothing, Kind::flagSet, store::Flags::kAnswered},
    {"BCC", Takes::text, Kind::header, 0, "bcc"},
    {"BEFORE", Takes::date, Kind::before},
    {"BODY", Takes::text, Kind::body},
    {"CC", Takes::text, Kind::header, 0, "cc"},
    {"DELETED", Takes::nothing, Kind::flagSet, store::Flags::kDeleted},
    {"DRAFT", Takes::nothing, Kind::flagSet, store::Flags::kDraft},
    {"FLAGGED", Takes::nothing, Kind::flagSet, store::Flags::kFlagged},
    {"FROM", Takes::text, Kind::header, 0, "from"},
    {"HEADER", Takes::header, Kind::header},
    {"KEYWORD", Takes::keyword, Kind::keyword},
    {"LARGER", Takes::number, Kind::larger},
    {"MODSEQ", Takes::modseq, Kind::modseq},
    {"NEW", Takes::nothing, Kind::newMessages},
    {"NOT", Takes::key, Kind::notKey},
    {"OLD", Takes::nothing, Kind::old},
    {"ON", Takes::date, Kind::on},
    {"OR", Takes::twoKeys, Kind::orKeys},
    {"RECENT", Takes::nothing, Kind::recent},
    {"SEEN", Takes::nothing, Kind::flagSet, store::Flags::kSeen},
    {"SENTBEFORE", Takes::date, Kind::sentBefore},
    {"SENTON", Takes::date, Kind::sentOn},
    {"SENTSINCE", Takes::date, Kind::sentSince},
    {"SINCE", Takes::date, Kind::since},
    {"SMALLER", Takes::number, Kind::smaller},
    {"SUBJECT", Takes::text, Kind::header, 0, "subject"},
    {"TEXT", Takes::text, Kind::text},
    {"TO", Takes::text, Kind::header, 0, "to"},
    {"UID", Takes::uid, Kind::uid},
    {"UNANSWERED", Takes::nothing, Kind::flagClear, store::Flags::kAnswered},
    {"UNDELETED", Takes::nothing, Kind::flagClear, store::Flags::kDeleted},
    {"UNDRAFT", Takes::nothing, Kind::flagClear, store::Flags::kDraft},
    {"UNFLAGGED", Takes::nothing, Kind::flagClear, store::Flags::kFlagged},
    {"UNKEYWORD", Takes::keyword, Kind::unkeyword},
    {"UNSEEN", Takes::nothing, Kind::flagClear, store::Flags::kSeen},
});

int cost(const SearchKey& key) { return key.needsBytes() ? 2 : key.needsSummary() ? 1 : 0; }

class SearchParser {
public:
    explicit SearchParser(Parser& args) : args_(args) {}

    SearchKey program()
    {
        if (args_.tryWord("CHARSET")) {
            args_.space();
            charset_ = args_.astring();
            if (charset_.size() > 64 || !mail::isKnownCharset(charset_))
                throw BadCharset();
            args_.space();
        }
        SearchKey all = list('\0', 1);
        args_.end();
        return all;
    }

private:
    // Keys up to `close` (or the end of the line), all of which must hold.
    SearchKey list(char close, int depth)
    {
        std::vector<SearchKey> keys;
        do
            keys.push_back(key(depth));
        while (args_.trySpace() && !args_.atEnd() && args_.peek() != close);
        if (close != '\0')
            args_.expect(close);
        if (keys.size() == 1)
            return std::move(keys.front());
        return combined(Kind::andKeys, std::move(keys));
    }

    SearchKey key(int depth)
    {
        if (depth > limits::kSearchDepth)
            throw BadSyntax("Search is nested too deeply");
        if (++keys_ > limits::kSearchKeys)
            throw BadSyntax("Too many search keys");
        if (args_.tryChar('('))
            return list(')', depth + 1);
        SearchKey out;
        const char first = args_.peek();
        if (base::isDigit(first) || first == '*') {
            out.kind = Kind::sequence;
            out.set = args_.sequenceSet();
            return out;
        }
        const std::string name = args_.atom();
        const auto word = std::find_if(kWords.begin(), kWords.end(), [&](const Word& w) { return base::iequals(w.name, name); });
        if (word == kWords.end())
            throw BadSyntax("Unknown search key");
        out.kind = word->kind;
        out.number = word->number;
        out.name = word->header;
        arguments(*word, out, depth);
        return out;
    }

    void arguments(const Word& word, SearchKey& out, int depth)
    {
        if (word.takes != Takes::nothing)
            args_.space();
        switch (word.takes) {
        case Takes::nothing:
            return;
        case Takes::header:
            out.name = base::lower(args_.astring());
            args_.space();
            [[fallthrough]];
        case Takes::text:
            out.text = mail::foldCase(mail::toUtf8(charset_, args_.astring()));
            return;
        case Takes::keyword:
            out.name = args_.atom();
            return;
        case Takes::number:
            out.number = args_.number64();
            return;
        case Takes::date:
            out.day = date();
            return;
        case Takes::uid:
            out.set = args_.sequenceSet();
            return;
        case Takes::modseq:
            out.number = modseq();
            return;
        case Takes::key:
            out.children.push_back(key(depth + 1));
            return;
        case Takes::twoKeys:
            out.children.push_back(key(depth + 1));
            args_.space();
            out.children.push_back(key(depth + 1));
            out = combined(Kind::orKeys, std::move(out.children));
            return;
        }
    }

    // The cheap ones first: evaluation goes from left to right and stops when it knows.
    static SearchKey combined(Kind kind, std::vector<SearchKey> keys)
    {
        std::stable_sort(keys.begin(), keys.end(), [](const SearchKey& a, const SearchKey& b) { return cost(a) < cost(b); });
        SearchKey out;
        out.kind = kind;
        out.children = std::move(keys);
        return out;
    }

    std::int64_t date()
    {
        const auto day = parseSearchDate(args_.dateText());
        if (!day)
            throw BadSyntax("Invalid date");
        return *day;
    }

    // RFC 7162 3.1.5: an entry name may stand before the number; MODSEQs are one per message here, so it changes nothing.
    std::uint64_t modseq()
    {
        if (args_.peek() == '"') {
            args_.string();
            args_.space();
            if (!args_.tryWord("priv") && !args_.tryWord("shared") && !args_.tryWord("all"))
                throw BadSyntax("priv, shared or all expected");
            args_.space();
        }
        return args_.number64();
    }

    Parser& args_;
    std::string charset_ = "utf-8"; // without CHARSET, 8-bit text is tried as UTF-8: harmless, and what clients mean
    int keys_ = 0;
};

bool anyOf(const SearchKey& key, bool (SearchKey::*needs)() const)
{
    return std::any_of(key.children.begin(), key.children.end(), [&](const SearchKey& child) { return (child.*needs)(); });
}

} // namespace

SearchKey parseSearch(Parser& args) { return SearchParser(args).program(); }

bool SearchKey::needsSummary() const
{
    const bool reads_text = (kind == Kind::body || kind == Kind::text) && !text.empty(); // it goes by the structure
    return reads_text || kind == Kind::header || kind == Kind::sentBefore || kind == Kind::sentOn || kind == Kind::sentSince
        || anyOf(*this, &SearchKey::needsSummary);
}

bool SearchKey::needsBytes() const
{
    return ((kind == Kind::body || kind == Kind::text) && !text.empty()) || anyOf(*this, &SearchKey::needsBytes);
}

} // namespace postfach::imap
