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

std::int64_t dayOf(base::Time time) { return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count(); }

class Evaluation {
public:
    Evaluation(const SearchSubject& subject, bool allow_summary, bool allow_bytes)
        : subject_(subject), allow_summary_(allow_summary), allow_bytes_(allow_bytes) {}

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

    std::uint8_t relevancy() const { return relevancy_; }

private:
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
        if (!body_)
            body_ = mail::foldCase(mail::searchableBody(bytes(), summary().structure));
        return match(says(key, *body_, plain_body_));
    }

    Match text(const SearchKey& key)
    {
        if (key.text.empty())
            return Match::yes;
        if (!allow_summary_ || !allow_bytes_)
            return Match::unknown;
        if (!header_)
            header_ = mail::foldCase(mail::searchableHeader(bytes(), summary().structure));
        return says(key, *header_, plain_header_) ? Match::yes : body(key);
    }

    static constexpr std::uint8_t kWordsOnly = 50;

    const SearchSubject& subject_;
    std::uint8_t relevancy_ = 100;
    const bool allow_summary_, allow_bytes_;
    const mail::HeaderKeys* keys_ = nullptr;
    const mail::Summary* summary_ = nullptr;
    std::optional<std::string_view> bytes_;
    std::optional<std::string> header_, body_; // folded
    std::optional<std::string> plain_header_, plain_body_; // without accents as well
    std::array<std::optional<std::string>, mail::HeaderKeys::kTexts> plain_fields_;
};

} // namespace

Match evaluate(const SearchKey& key, const SearchSubject& subject, bool allow_summary, bool allow_bytes, std::uint8_t* relevancy)
{
    Evaluation evaluation(subject, allow_summary, allow_bytes);
    const Match match = evaluation.of(key);
    if (relevancy != nullptr)
        *relevancy = evaluation.relevancy();
    return match;
}

} // namespace postfach::imap
