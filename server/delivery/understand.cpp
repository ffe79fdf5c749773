#include "server/delivery/understand.h"
#include "server/base/text.h"
#include "server/mail/decode.h"
#include "server/mail/summary.h"

#include <algorithm>

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

bool looksUuencoded(std::string_view body)
{
    return base::istartsWith(body, "begin ") || body.find("\nbegin ") != std::string_view::npos;
}

// What libclamav's own reading of a mail does not surely cover: each decoded part (it misses base64 with padding in the
// middle, yEnc, odd headers), and text in charsets where no signature would match. The worker skips what it has seen as a layer.
// Returns why something had to be left out: such a mail is never called clean.
std::string addPieces(std::string_view message, const mail::Structure& structure, scanner::Content& content)
{
    std::string incomplete = structure.truncated ? "limit: too many parts or too deep" : "";
    std::uint64_t budget = kMostDecodedTimes * message.size() + (1U << 20);
    const auto add = [&](std::string piece) {
        if (piece.empty())
            return;
        if (piece.size() > budget || content.pieces.size() >= kMostPieces) {
            incomplete = "limit: too much to decode";
            return;
        }
        budget -= piece.size();
        content.pieces.push_back(std::move(piece));
    };
    for (const auto& part : structure.parts) {
        if (part.kind != mail::Part::Kind::leaf)
            continue;
        const auto body = part.body(message);
        const bool encoded = part.encoding == "base64" || part.encoding == "quoted-printable" || part.encoding.find("uu") != std::string::npos;
        std::string decoded = encoded ? mail::decodeTransfer(part.encoding, body) : std::string();
        const std::string_view plain = encoded ? std::string_view(decoded) : body;
        const auto charset = charsetOf(part);
        if (part.type == "text" && isWideCharset(charset))
            add(mail::toUtf8(charset, plain));
        if (looksUuencoded(plain))
            for (auto& block : mail::decodeUuencoded(plain))
                add(std::move(block));
        if (encoded)
            add(std::move(decoded));
    }
    return incomplete;
}

// Decoded, in one line, without control characters (an administrator's terminal obeys some), cut between characters.
std::string forPeople(const std::string& raw)
{
    std::string text;
    for (const char c : mail::decodeWords(raw)) {
        const bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
        if (text.size() >= kMostForPeople && !continues)
            break;
        text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
    return std::string(base::trim(text));
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
} // namespace

Understood understand(std::string_view message, scanner::Content& content)
{
    const auto summary = mail::summarize(message);
    Understood understood;
    understood.summary = mail::serialize(summary);
    understood.sender = senderOf(summary.envelope());
    understood.subject = forPeople(summary.envelope().subject.value_or(""));
    understood.message_id = summary.envelope().message_id.value_or("");
    content.pieces.clear();
    content.pieces.emplace_back(message);
    understood.incomplete = addPieces(message, summary.structure, content);
    return understood;
}

} // namespace postfach::delivery
