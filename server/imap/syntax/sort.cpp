#include "server/imap/syntax/sort.h"

#include "server/base/text.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace postfach::imap {
namespace {

using SortKind = SortKey::Kind;
using Text = mail::HeaderKeys::Text;

constexpr std::size_t kKeys = 20;         // each once and some to spare: more could not change the order
constexpr std::size_t kTextBytes = 1'024; // texts that are the same so far are the same to whoever looks at the list

struct Named {
    std::string_view name;
    SortKind kind;
};
constexpr auto kNames = std::to_array<Named>({
    {"ARRIVAL", SortKind::arrival},
    {"CC", SortKind::cc},
    {"DATE", SortKind::date},
    {"DISPLAYFROM", SortKind::displayFrom},
    {"DISPLAYTO", SortKind::displayTo},
    {"FROM", SortKind::from},
    {"RELEVANCY", SortKind::relevancy},
    {"SIZE", SortKind::size},
    {"SUBJECT", SortKind::subject},
    {"TO", SortKind::to},
});

void putNumber(std::string& out, std::int64_t value)
{
    const std::uint64_t from_zero = static_cast<std::uint64_t>(value) ^ (1ULL << 63); // those below zero come first
    for (int shift = 56; shift >= 0; shift -= 8)
        out += static_cast<char>(from_zero >> shift & 0xff);
}

void putText(std::string& out, std::string_view text)
{
    out += text.substr(0, std::min(text.find('\0'), kTextBytes));
    out += '\0'; // shorter is smaller
}

std::int64_t secondsOf(store::Time time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); }

} // namespace

std::vector<SortKey> parseSortKeys(Parser& args)
{
    std::vector<SortKey> keys;
    args.expect('(');
    do {
        SortKey key;
        std::string name = base::upper(args.atom());
        if (name == "REVERSE") {
            key.reverse = true;
            args.space();
            name = base::upper(args.atom());
        }
        const auto* known = std::find_if(kNames.begin(), kNames.end(), [&](const Named& n) { return n.name == name; });
        if (known == kNames.end())
            throw BadSyntax("Unknown sort key");
        if (keys.size() == kKeys)
            throw BadSyntax("Too many sort keys");
        key.kind = known->kind;
        keys.push_back(key);
    } while (args.trySpace());
    args.expect(')');
    return keys;
}

std::string sortBytes(
    const std::vector<SortKey>& keys, const store::Message& message, const mail::HeaderKeys& header, std::uint8_t relevancy)
{
    std::string out;
    for (const SortKey& key : keys) {
        const std::size_t begin = out.size();
        switch (key.kind) {
        case SortKind::arrival: putNumber(out, secondsOf(message.internal_date)); break;
        case SortKind::cc: putText(out, header.text(Text::ccMailbox)); break;
        case SortKind::date: putNumber(out, header.sent().value_or(secondsOf(message.internal_date))); break; // RFC 5256 2.2
        case SortKind::displayFrom: putText(out, header.text(Text::fromDisplay)); break;
        case SortKind::displayTo: putText(out, header.text(Text::toDisplay)); break;
        case SortKind::from: putText(out, header.text(Text::fromMailbox)); break;
        case SortKind::relevancy: putNumber(out, -std::int64_t{relevancy}); break; // the best first
        case SortKind::size: putNumber(out, message.size); break;
        case SortKind::subject: putText(out, header.text(Text::baseSubject)); break;
        case SortKind::to: putText(out, header.text(Text::toMailbox)); break;
        }
        if (key.reverse)
            for (std::size_t i = begin; i < out.size(); ++i)
                out[i] = static_cast<char>(~out[i]);
    }
    return out;
}

} // namespace postfach::imap
