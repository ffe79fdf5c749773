#include "server/delivery/understand.h"
#include "scanner/attachment_types.h"
#include "server/base/text.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"
#include "server/mail/summary.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <vector>

namespace postfach::delivery {
namespace {
constexpr std::size_t kMostPieces = 20'000;         // above limits::kMimeParts, below what the scanner takes at once
constexpr std::size_t kMostForPeople = 500;         // bytes of a subject or sender in lists and notices
constexpr std::uint64_t kMostDecodedTimes = 2;      // decoded pieces together, in sizes of the message

bool isWideCharset(std::string_view charset)
{
    return base::istartsWith(charset, "utf-16") || base::istartsWith(charset, "utf-32") || base::istartsWith(charset, "utf-7")
        || base::istartsWith(charset, "ucs-") || base::istartsWith(charset, "iso-10646");
}

std::string charsetOf(const mail::Part& part)
{
    for (const auto& parameter : part.parameters)
        if (parameter.name == "charset")
            return parameter.value;
    return {};
}

// Text of two or four bytes a character that nobody declares: by its mark, or because every second byte is NUL. Empty: neither.
std::string_view wideCharsetIn(std::string_view bytes)
{
    using namespace std::string_view_literals;
    if (bytes.starts_with("\xFF\xFE\0\0"sv) || bytes.starts_with("\0\0\xFE\xFF"sv))
        return "utf-32";
    if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF"))
        return "utf-16";
    constexpr std::size_t kLeast = 16, kLooked = 512;
    const std::string_view begin = bytes.substr(0, kLooked);
    if (begin.size() < kLeast)
        return {};
    std::size_t zeros[2] = {0, 0};
    for (std::size_t i = 0; i < begin.size(); ++i)
        zeros[i % 2] += begin[i] == '\0' ? 1U : 0U;
    const std::size_t many = begin.size() / 2 * 9 / 10, few = begin.size() / 20;
    if (zeros[1] >= many && zeros[0] <= few)
        return "utf-16le";
    return zeros[0] >= many && zeros[1] <= few ? "utf-16be" : std::string_view();
}

// What a script in a page hands to atob(), or another program decodes: base64 between two quotes.
void eachQuotedBase64(std::string_view text, const std::function<void(std::string)>& visit)
{
    constexpr std::size_t kLeast = 40;
    const auto isBase64 = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '='; };
    const auto isQuote = [](char c) { return c == '"' || c == '\'' || c == '`'; };
    for (std::size_t at = 0;;) {
        at = static_cast<std::size_t>(std::find_if(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), isQuote) - text.begin());
        if (at == text.size())
            return;
        const char quote = text[at++];
        std::size_t end = at;
        while (end < text.size() && isBase64(text[end]))
            ++end;
        if (end - at >= kLeast && end < text.size() && text[end] == quote)
            visit(mail::decodeBase64(text.substr(at, end - at)));
        at = end;
    }
}

// Fields that stand there more than once: one mail program reads the first, another the last (RFC 2045 3 allows one).
std::vector<std::string> fieldsOf(std::string_view header, std::string_view name)
{
    std::vector<std::string> values;
    mail::eachField(header, [&](const mail::Field& field) {
        if (base::iequals(field.name, name))
            values.emplace_back(base::trim(field.value));
        return values.size() < 8;
    });
    return values;
}

std::vector<std::string> encodingsOf(std::string_view message, const mail::Part& part)
{
    std::vector<std::string> all{part.encoding};
    for (auto& value : fieldsOf(part.header(message), "Content-Transfer-Encoding"))
        if (std::find(all.begin(), all.end(), base::lower(value)) == all.end())
            all.push_back(base::lower(value));
    return all;
}

// The mail as who takes the last of several Content-Types reads it; empty: there is but one.
std::string readByTheLast(std::string_view message)
{
    const auto types = fieldsOf(message, "Content-Type");
    if (types.size() < 2)
        return {};
    std::string other;
    std::size_t left = types.size(), header = 0;
    mail::eachField(message, [&](const mail::Field& field) {
        header = static_cast<std::size_t>(field.whole.data() - message.data()) + field.whole.size();
        if (!base::iequals(field.name, "Content-Type") || --left == 0)
            other += field.whole;
        return true;
    });
    return other.append(message.substr(header));
}

bool looksUuencoded(std::string_view body)
{
    return base::istartsWith(body, "begin ") || body.find("\nbegin ") != std::string_view::npos;
}

bool looksYencoded(std::string_view body)
{
    return body.starts_with("=ybegin") || body.find("\n=ybegin") != std::string_view::npos;
}

// What libclamav's own reading of a mail does not surely cover: each decoded part (it misses base64 with padding in the
// middle, yEnc, odd headers), by each of several encodings and by the last of several types too; what a script decodes; and text in
// charsets where no signature would match. The worker skips what it has seen as a layer.
// Returns why something had to be left out: such a mail is never called clean.
std::string addPieces(std::string_view message, const mail::Structure& structure, scanner::Content& content)
{
    std::string incomplete;
    std::uint64_t budget = kMostDecodedTimes * message.size() + (1U << 20);
    const auto add = [&](std::string piece) {
        if (piece.empty())
            return;
        if (piece.size() > budget || content.pieces.size() >= kMostPieces) {
            incomplete = "too much to decode";
            return;
        }
        budget -= piece.size();
        content.pieces.push_back(std::move(piece));
    };
    const auto look = [&](const mail::Part& part, std::string_view plain) {
        const auto charset = charsetOf(part);
        if (part.type == "text" && isWideCharset(charset))
            add(mail::toUtf8(charset, plain));
        if (const auto found = wideCharsetIn(plain); !found.empty() && !base::iequals(found, charset))
            add(mail::toUtf8(found, plain));
        if ((part.type == "text" && part.subtype != "plain") || plain.find("atob") != std::string_view::npos)
            eachQuotedBase64(plain, add);
        if (looksUuencoded(plain))
            for (auto& block : mail::decodeUuencoded(plain))
                add(std::move(block));
        if (looksYencoded(plain))
            for (auto& block : mail::decodeYenc(plain))
                add(std::move(block));
    };
    const auto read = [&](std::string_view reading, const mail::Structure& parts) {
        if (parts.truncated)
            incomplete = "too many parts, header fields or parameters, or too deep";
        for (const auto& part : parts.parts) {
            if (part.kind != mail::Part::Kind::leaf)
                continue;
            const auto body = part.body(reading);
            for (const std::string& encoding : encodingsOf(reading, part)) {
                if (encoding != "base64" && encoding != "quoted-printable" && encoding.find("uu") == std::string::npos) {
                    look(part, body);
                    continue;
                }
                std::string decoded = mail::decodeTransfer(encoding, body);
                look(part, decoded);
                add(std::move(decoded));
            }
        }
    };
    read(message, structure);
    if (const std::string other = readByTheLast(message); !other.empty())
        read(other, mail::parseStructure(other));
    return incomplete;
}

// In lines of text: "begin 644 setup.exe" and "=ybegin line=128 size=68 name=setup.exe".
void eachNameInText(std::string_view text, const std::function<void(std::string_view)>& visit)
{
    constexpr std::size_t kLine = 1'000;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = base::trim(text.substr(at, std::min(end - at, kLine)));
        at = end + 1;
        if (base::istartsWith(line, "begin ")) {
            if (const auto name = line.find(' ', 6); name != std::string_view::npos)
                visit(line.substr(name + 1));
        } else if (base::istartsWith(line, "=ybegin ")) {
            if (const auto name = line.find(" name="); name != std::string_view::npos)
                visit(line.substr(name + 6));
        }
    }
}

// Every name a mail program might show, as each of them reads it: RFC 2231 joined and decoded, RFC 2047 decoded, as it was written.
// Those that are refused, for people.
void addRefusedNames(std::string_view message, const mail::Structure& structure, const scanner::AttachmentTypes& refused,
    std::vector<scanner::Finding>& findings)
{
    const auto look = [&](std::string_view name) {
        const bool found = refused.byName(name);
        if (found)
            scanner::addFinding(findings, {scanner::Class::attachment, base::printable(name, 120)});
        return found;
    };
    for (const auto& part : structure.parts) {
        for (const auto* parameters : {&part.disposition_parameters, &part.parameters})
            for (const auto& parameter : *parameters)
                if ((parameter.name == "filename" || parameter.name == "name") && !look(mail::decodeWords(parameter.value)))
                    look(parameter.value);
        if (part.kind != mail::Part::Kind::leaf || part.type != "text" || part.encoding == "base64")
            continue;
        const auto body = part.body(message);
        if (looksUuencoded(body) || body.find("=ybegin ") != std::string_view::npos)
            eachNameInText(body, look);
    }
}

std::string forPeople(const std::string& raw)
{
    return inOneLine(mail::decodeWords(raw), kMostForPeople);
}

std::string senderOf(const mail::Envelope& envelope)
{
    for (const auto& address : envelope.from)
        if (address.mailbox && address.host) {
            const std::string plain = *address.mailbox + '@' + *address.host;
            return forPeople(address.name && !address.name->empty() ? *address.name + " <" + plain + ">" : plain);
        }
    return {};
}

std::string returnPathOf(std::string_view message)
{
    const std::string path = mail::fieldText(message, "Return-Path");
    const bool bracketed = path.size() >= 2 && path.front() == '<' && path.back() == '>';
    return forPeople(bracketed ? path.substr(1, path.size() - 2) : path);
}
} // namespace

std::string inOneLine(std::string_view words, std::size_t most)
{
    std::string line;
    for (const char c : words) {
        const auto byte = static_cast<unsigned char>(c);
        if (line.size() >= most && (byte & 0xC0) != 0x80)
            break;
        line += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
    return std::string(base::trim(line));
}

Understood understand(std::string_view message, scanner::Content& content, const std::string& refused)
{
    const auto summary = mail::summarize(message);
    Understood understood;
    understood.summary = mail::serialize(summary);
    understood.sender = senderOf(summary.envelope());
    if (understood.sender.empty()) // who has no From gave at least this name at the door
        understood.sender = returnPathOf(message);
    understood.subject = forPeople(summary.envelope().subject.value_or(""));
    understood.message_id = summary.envelope().message_id.value_or("");
    content.pieces.clear();
    content.pieces.emplace_back(message);
    content.refused = refused;
    if (std::string why = addPieces(message, summary.structure, content); !why.empty())
        understood.findings.push_back({scanner::Class::limit, std::move(why)});
    if (const auto types = scanner::AttachmentTypes::of(refused); !types->empty())
        addRefusedNames(message, summary.structure, *types, understood.findings);
    return understood;
}

} // namespace postfach::delivery
