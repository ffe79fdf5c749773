#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/imap/syntax/search.h"
#include "server/mail/decode.h"

#include <algorithm>
#include <array>

// SEARCH's arguments. RFC 9051 6.4.4, RFC 3501 6.4.4 (NEW, OLD, RECENT), RFC 7162 3.1.5 (MODSEQ), RFC 5032 (OLDER, YOUNGER),
// RFC 6203 (FUZZY), RFC 8474 (EMAILID, THREADID), RFC 8514 (SAVEDBEFORE and its kin).

namespace postfach::imap {

namespace limits = base::limits;

namespace {

using Kind = SearchKey::Kind;

enum class Takes { nothing, text, header, keyword, number, seconds, date, uid, modseq, id, key, fuzzyKey, twoKeys };

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
    {"EMAILID", Takes::id, Kind::emailId},
    {"FLAGGED", Takes::nothing, Kind::flagSet, store::Flags::kFlagged},
    {"FROM", Takes::text, Kind::header, 0, "from"},
    {"FUZZY", Takes::fuzzyKey, Kind::andKeys},
    {"HEADER", Takes::header, Kind::header},
    {"KEYWORD", Takes::keyword, Kind::keyword},
    {"LARGER", Takes::number, Kind::larger},
    {"MODSEQ", Takes::modseq, Kind::modseq},
    {"NEW", Takes::nothing, Kind::newMessages},
    {"NOT", Takes::key, Kind::notKey},
    {"OLD", Takes::nothing, Kind::old},
    {"OLDER", Takes::seconds, Kind::older},
    {"ON", Takes::date, Kind::on},
    {"OR", Takes::twoKeys, Kind::orKeys},
    {"RECENT", Takes::nothing, Kind::recent},
    {"SAVEDATESUPPORTED", Takes::nothing, Kind::all},
    {"SAVEDBEFORE", Takes::date, Kind::savedBefore},
    {"SAVEDON", Takes::date, Kind::savedOn},
    {"SAVEDSINCE", Takes::date, Kind::savedSince},
    {"SEEN", Takes::nothing, Kind::flagSet, store::Flags::kSeen},
    {"SENTBEFORE", Takes::date, Kind::sentBefore},
    {"SENTON", Takes::date, Kind::sentOn},
    {"SENTSINCE", Takes::date, Kind::sentSince},
    {"SINCE", Takes::date, Kind::since},
    {"SMALLER", Takes::number, Kind::smaller},
    {"SUBJECT", Takes::text, Kind::header, 0, "subject"},
    {"TEXT", Takes::text, Kind::text},
    {"THREADID", Takes::id, Kind::nothing},
    {"TO", Takes::text, Kind::header, 0, "to"},
    {"UID", Takes::uid, Kind::uid},
    {"UNANSWERED", Takes::nothing, Kind::flagClear, store::Flags::kAnswered},
    {"UNDELETED", Takes::nothing, Kind::flagClear, store::Flags::kDeleted},
    {"UNDRAFT", Takes::nothing, Kind::flagClear, store::Flags::kDraft},
    {"UNFLAGGED", Takes::nothing, Kind::flagClear, store::Flags::kFlagged},
    {"UNKEYWORD", Takes::keyword, Kind::unkeyword},
    {"UNSEEN", Takes::nothing, Kind::flagClear, store::Flags::kSeen},
    {"YOUNGER", Takes::seconds, Kind::younger},
});

int cost(const SearchKey& key) { return key.needsBytes() ? 2 : key.needsSummary() ? 1 : 0; }

class SearchParser {
public:
    explicit SearchParser(Parser& args, std::string_view charset = "utf-8") : args_(args), charset_(charset) {}

    SearchKey program()
    {
        if (args_.tryWord("CHARSET")) {
            args_.space();
            charset_ = args_.astring();
            if (charset_.size() > 64 || !mail::isKnownCharset(charset_))
                throw BadCharset();
            args_.space();
        }
        return keys();
    }

    SearchKey keys()
    {
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
        if (base::isDigit(first) || first == '*' || first == '$') {
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
            out.field = mail::HeaderKeys::fieldNamed(out.name);
            out.text = mail::foldCase(mail::toUtf8(charset_, args_.astring()));
            return;
        case Takes::keyword:
            out.name = args_.atom();
            return;
        case Takes::number:
            out.number = args_.number64();
            return;
        case Takes::seconds:
            out.number = args_.nzNumber();
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
        case Takes::id:
            out.name = args_.astring();
            return;
        case Takes::fuzzyKey:
            out = key(depth + 1);
            blur(out);
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

    // RFC 6203 3: what is no text is matched as ever.
    static void blur(SearchKey& key) // as deep as key() lets it be
    {
        if (!key.text.empty() && (key.kind == Kind::header || key.kind == Kind::body || key.kind == Kind::text)) {
            const std::string plain = mail::withoutAccents(key.text);
            key.words.clear();
            for (const std::string_view word : base::split(plain, ' '))
                if (!word.empty())
                    key.words.emplace_back(word);
        }
        for (SearchKey& child : key.children)
            blur(child);
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
    std::string charset_; // without CHARSET, UTF-8: harmless, and what clients mean
    int keys_ = 0;
};

bool readsText(const SearchKey& key) { return (key.kind == Kind::body || key.kind == Kind::text) && !key.text.empty(); }

} // namespace

SearchKey parseSearch(Parser& args) { return SearchParser(args).program(); }
SearchKey parseSearchWith(Parser& args, std::string_view charset) { return SearchParser(args, charset).keys(); }

bool SearchKey::has(bool (*is)(const SearchKey&)) const
{
    return is(*this) || std::any_of(children.begin(), children.end(), [is](const SearchKey& child) { return child.has(is); });
}

bool SearchKey::needsSummary() const
{
    return has([](const SearchKey& key) {
        return readsText(key) || key.kind == Kind::header || key.kind == Kind::sentBefore || key.kind == Kind::sentOn
            || key.kind == Kind::sentSince || key.kind == Kind::emailId;
    });
}

bool SearchKey::needsBytes() const { return has(readsText); }

} // namespace postfach::imap
