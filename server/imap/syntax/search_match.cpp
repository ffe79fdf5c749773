#include "server/base/text.h"
#include "server/imap/syntax/search.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"
#include "server/mail/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

// One message against a search program, in three-valued logic: what may not be looked at yet is unknown.

namespace postfach::imap {

namespace {

using Kind = SearchKey::Kind;

Match match(bool yes) { return yes ? Match::yes : Match::no; }

// glibc's memmem is linear in the worst case too; string_view::find is not, and both strings come from strangers.
bool holds(std::string_view text, std::string_view wanted)
{
    return wanted.empty() || (!text.empty() && memmem(text.data(), text.size(), wanted.data(), wanted.size()) != nullptr);
}

// The BODY and TEXT keys of a program against the texts of one message, for all keys at once: each text is made once, and folded a
// piece at a time, as folded it may be eleven times as long.
class TextSearch {
public:
    explicit TextSearch(const SearchKey& program) { collect(program); }

    void look(std::string_view text, bool is_header = false)
    {
        std::string folded, plain; // a piece, behind the end of what went before: what is sought may stand across the two
        while (!text.empty()) {
            const std::string_view piece = text.substr(0, pieceEnd(text));
            text.remove_prefix(piece.size());
            const std::string next = mail::foldCase(piece);
            append(folded, next);
            if (has_words_)
                append(plain, mail::withoutAccents(next));
            for (Sought& one : sought_)
                if (!one.said && (!is_header || one.key->kind == Kind::text))
                    one.look(folded, plain);
        }
    }

    bool saysAll() const // there is nothing left to look for
    {
        return std::all_of(sought_.begin(), sought_.end(), [](const Sought& one) { return one.said; });
    }
    bool says(const SearchKey& key) const { return of(key).said; }
    bool saysWords(const SearchKey& key) const // each of them anywhere
    {
        const std::vector<char>& words = of(key).words;
        return !words.empty() && std::find(words.begin(), words.end(), 0) == words.end();
    }

private:
    static constexpr std::size_t kPiece = 64 * 1024;

    struct Sought {
        const SearchKey* key;
        std::vector<char> words; // which of the key's were there
        bool said = false;       // the text as it was asked for

        void look(std::string_view folded, std::string_view plain)
        {
            said = holds(folded, key->text);
            for (std::size_t i = 0; i < words.size() && !said; ++i)
                words[i] = words[i] != 0 || holds(plain, key->words[i]) ? 1 : 0;
        }
    };

    void collect(const SearchKey& key) // as deep as parseSearch() lets it be
    {
        if ((key.kind == Kind::body || key.kind == Kind::text) && !key.text.empty()) {
            sought_.push_back({&key, std::vector<char>(key.words.size(), 0)});
            longest_ = std::max(longest_, key.text.size()); // its words are no longer
            has_words_ = has_words_ || !key.words.empty();
        }
        for (const SearchKey& child : key.children)
            collect(child);
    }

    static std::size_t pieceEnd(std::string_view text) // not within a character
    {
        std::size_t end = std::min(kPiece, text.size());
        while (end < text.size() && end < kPiece + 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
            ++end;
        return end;
    }

    void append(std::string& window, std::string_view next) const
    {
        if (window.size() > longest_)
            window.erase(0, window.size() - longest_);
        window += next;
    }

    const Sought& of(const SearchKey& key) const
    {
        return *std::find_if(sought_.begin(), sought_.end(), [&key](const Sought& one) { return one.key == &key; });
    }

    std::vector<Sought> sought_;
    std::size_t longest_ = 0;
    bool has_words_ = false;
};

std::int64_t dayOf(base::Time time) { return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count(); }

class Evaluation {
public:
    Evaluation(const SearchKey& program, const SearchSubject& subject, bool allow_summary, bool allow_bytes)
        : program_(program), subject_(subject), allow_summary_(allow_summary), allow_bytes_(allow_bytes) {}

    Match ofProgram() { return of(program_); }
    std::uint8_t relevancy() const { return relevancy_; }

private:
    Match of(const SearchKey& key) // as deep as parseSearch() lets it be
    {
        switch (key.kind) {
        case Kind::all: return Match::yes;
        case Kind::notKey: return negated(of(key.children.front()));
        case Kind::andKeys: return several(key.children, Match::no);
        case Kind::orKeys: return several(key.children, Match::yes);
        case Kind::sequence: return match(key.set.contains(subject_.sequence_number, subject_.largest_sequence_number));
        case Kind::uid: return match(key.set.contains(subject_.uid.value, subject_.largest_uid.value));
        case Kind::flagSet: return match(has(key.number));
        case Kind::flagClear: return match(!has(key.number));
        case Kind::keyword: return match(hasKeyword(key.name));
        case Kind::unkeyword: return match(!hasKeyword(key.name));
        case Kind::recent: return match(subject_.recent);
        case Kind::newMessages: return match(subject_.recent && !has(store::Flags::kSeen));
        case Kind::old: return match(!subject_.recent);
        case Kind::larger: return match(subject_.size > key.number);
        case Kind::smaller: return match(subject_.size < key.number);
        case Kind::before: return match(dayOf(subject_.internal_date) < key.day);
        case Kind::on: return match(dayOf(subject_.internal_date) == key.day);
        case Kind::since: return match(dayOf(subject_.internal_date) >= key.day);
        case Kind::sentBefore:
        case Kind::sentOn:
        case Kind::sentSince: return sent(key);
        case Kind::header: return header(key);
        case Kind::body: return body(key);
        case Kind::text: return text(key);
        case Kind::modseq: return match(subject_.modseq >= key.number);
        case Kind::older: return match(subject_.internal_date <= subject_.now - std::chrono::seconds(key.number));
        case Kind::younger: return match(subject_.internal_date >= subject_.now - std::chrono::seconds(key.number));
        case Kind::savedBefore: return match(dayOf(subject_.saved) < key.day);
        case Kind::savedOn: return match(dayOf(subject_.saved) == key.day);
        case Kind::savedSince: return match(dayOf(subject_.saved) >= key.day);
        case Kind::emailId: return allow_summary_ ? match(subject_.email_id() == key.name) : Match::unknown;
        case Kind::nothing: return Match::no;
        }
        return Match::no;
    }

    static Match negated(Match m) { return m == Match::unknown ? m : match(m == Match::no); }

    // AND is settled by the first no, OR by the first yes; otherwise anything unknown leaves it unknown.
    Match several(const std::vector<SearchKey>& keys, Match settles)
    {
        Match result = negated(settles);
        for (const SearchKey& key : keys) {
            const Match one = of(key);
            if (one == settles)
                return settles;
            if (one == Match::unknown)
                result = Match::unknown;
        }
        return result;
    }

    bool has(std::uint64_t flag) const { return subject_.flags != nullptr && subject_.flags->has(flag); }

    bool hasKeyword(const std::string& wanted) const // a message has few keywords, an account may have thousands
    {
        if (subject_.flags == nullptr || subject_.keyword_names == nullptr)
            return false;
        const auto& names = *subject_.keyword_names;
        for (unsigned i = 0; i < store::Flags::kKeywordBits && i < names.size(); ++i)
            if (((subject_.flags->bits >> (store::Flags::kFirstKeywordBit + i)) & 1) && base::iequals(names[i], wanted))
                return true;
        return std::any_of(subject_.flags->more.begin(), subject_.flags->more.end(), [&](std::uint16_t index) {
            return index < names.size() && base::iequals(names[index], wanted);
        });
    }

    const mail::HeaderKeys* keys()
    {
        if (keys_ == nullptr && subject_.keys)
            keys_ = subject_.keys(allow_summary_);
        return keys_;
    }

    const mail::Summary& summary()
    {
        if (summary_ == nullptr)
            summary_ = &subject_.summary();
        return *summary_;
    }

    std::string_view bytes()
    {
        if (!bytes_)
            bytes_ = subject_.bytes();
        return *bytes_;
    }

    // RFC 9051 6.4.4: the Date: field's date, disregarding time and time zone. A message without a readable one is as old as
    // its arrival.
    Match sent(const SearchKey& key)
    {
        std::int64_t day = dayOf(subject_.internal_date);
        if (const mail::HeaderKeys* known = keys()) {
            if (known->sent())
                day = known->sentDay();
        } else if (!allow_summary_) {
            return Match::unknown;
        } else if (const auto& written = summary().envelope().date) {
            if (const auto date = mail::parseDate(*written))
                day = dayOf(date->time + std::chrono::minutes{date->offset_minutes});
        }
        if (key.kind == Kind::sentBefore)
            return match(day < key.day);
        return match(key.kind == Kind::sentOn ? day == key.day : day >= key.day);
    }

    // The text as it was asked for; or, of a FUZZY key, each of its words anywhere, which is worth half as much.
    // `plain`: the same without accents, for whoever asks next.
    bool says(const SearchKey& key, std::string_view folded, std::optional<std::string>& plain)
    {
        if (holds(folded, key.text))
            return true;
        if (key.words.empty())
            return false;
        if (!plain)
            plain = mail::withoutAccents(folded);
        const bool all = std::all_of(key.words.begin(), key.words.end(), [&](const std::string& word) { return holds(*plain, word); });
        if (all)
            relevancy_ = kWordsOnly;
        return all;
    }

    Match header(const SearchKey& key)
    {
        if (key.field)
            if (const mail::HeaderKeys* known = keys())
                return match(known->has(*key.field)
                    && says(key, known->text(*key.field), plain_fields_.at(static_cast<std::size_t>(*key.field))));
        if (!allow_summary_)
            return Match::unknown;
        const auto& kept = summary().top_header; // kept only while small
        if (!kept && !allow_bytes_)
            return Match::unknown;
        bool found = false;
        mail::eachField(kept ? std::string_view(*kept) : bytes(), [&](const mail::Field& field) {
            std::optional<std::string> plain;
            if (base::iequals(field.name, key.name))
                found = key.text.empty() || says(key, mail::foldCase(mail::decodeWords(mail::unfold(field.value))), plain);
            return !found;
        });
        return match(found);
    }

    Match body(const SearchKey& key)
    {
        if (key.text.empty())
            return Match::yes;
        if (!allow_summary_ || !allow_bytes_)
            return Match::unknown;
        if (!std::exchange(looked_at_body_, true))
            mail::eachText(bytes(), summary().structure, [this](std::string_view text) {
                texts().look(text);
                return !texts().saysAll();
            });
        return match(saidInTexts(key));
    }

    Match text(const SearchKey& key)
    {
        if (key.text.empty())
            return Match::yes;
        if (!allow_summary_ || !allow_bytes_)
            return Match::unknown;
        if (!std::exchange(looked_at_header_, true))
            texts().look(mail::searchableHeader(bytes(), summary().structure), true);
        return saidInTexts(key) ? Match::yes : body(key);
    }

    TextSearch& texts()
    {
        if (!texts_)
            texts_.emplace(program_);
        return *texts_;
    }

    bool saidInTexts(const SearchKey& key)
    {
        if (texts().says(key))
            return true;
        const bool all = texts().saysWords(key);
        if (all)
            relevancy_ = kWordsOnly;
        return all;
    }

    static constexpr std::uint8_t kWordsOnly = 50;

    const SearchKey& program_;
    const SearchSubject& subject_;
    std::uint8_t relevancy_ = 100;
    const bool allow_summary_, allow_bytes_;
    const mail::HeaderKeys* keys_ = nullptr;
    const mail::Summary* summary_ = nullptr;
    std::optional<std::string_view> bytes_;
    std::array<std::optional<std::string>, mail::HeaderKeys::kTexts> plain_fields_; // without accents
    std::optional<TextSearch> texts_;
    bool looked_at_header_ = false, looked_at_body_ = false;
};

} // namespace

Match evaluate(const SearchKey& key, const SearchSubject& subject, bool allow_summary, bool allow_bytes, std::uint8_t* relevancy)
{
    Evaluation evaluation(key, subject, allow_summary, allow_bytes);
    const Match match = evaluation.ofProgram();
    if (relevancy != nullptr)
        *relevancy = evaluation.relevancy();
    return match;
}

} // namespace postfach::imap
