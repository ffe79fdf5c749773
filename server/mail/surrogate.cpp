#include "server/mail/surrogate.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/compose.h"
#include "server/mail/compose_fields.h"
#include "server/mail/content_fields.h"
#include "server/mail/header.h"

#include <algorithm>
#include <array>

namespace postfach::mail {

namespace {

constexpr std::uint64_t kHeaders = 256 * 1024; // of one message; nobody reads more of them
constexpr std::size_t kParts = 200;            // of which each may be a read from the disk
constexpr std::size_t kText = 64 * 1024;

template <std::size_t N>
bool isOneOf(const std::array<std::string_view, N>& names, std::string_view name)
{
    return std::any_of(names.begin(), names.end(), [name](std::string_view known) { return base::iequals(known, name); });
}

bool holdsAddresses(std::string_view name)
{
    static constexpr std::array<std::string_view, 9> kNames{
        "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Return-Path", "Delivered-To", "Disposition-Notification-To"};
    return isOneOf(kNames, base::istartsWith(name, "Resent-") ? name.substr(7) : name);
}

// Fields with a grammar that has no place for an encoded word, or where nobody looks for one.
bool holdsNoText(std::string_view name)
{
    static constexpr std::array<std::string_view, 16> kNames{"Message-ID", "Resent-Message-ID", "In-Reply-To", "References",
        "Received", "Date", "Resent-Date", "MIME-Version", "Content-ID", "DKIM-Signature", "ARC-Seal", "Content-Base",
        "Content-Location", "Content-Transfer-Encoding", "Content-Language", "Authentication-Results"};
    return isOneOf(kNames, name);
}

bool isDotAtom(std::string_view text)
{
    return !text.empty() && text.find_first_of(" ()<>[]:;@\\,\"\t") == std::string_view::npos && text.front() != '.'
        && text.back() != '.' && text.find("..") == std::string_view::npos;
}

// local@host again, of what the parser took apart.
std::string addressText(const Address& address)
{
    const std::string local = address.mailbox.value_or("");
    std::string out;
    if (isDotAtom(local)) {
        out = local;
    } else {
        out = "\"";
        for (const char c : local) {
            if (c == '"' || c == '\\')
                out += '\\';
            out += c;
        }
        out += '"';
    }
    return address.host && !address.host->empty() ? out + '@' + *address.host : out;
}

// The address itself where it is ASCII; else it is told in the name, beside one that is nobody's (RFC 6858 2.1).
std::string mailboxText(const Address& address)
{
    std::string name = decodeWords(address.name.value_or(""));
    std::string at = addressText(address);
    if (!base::isAscii(at)) {
        name += name.empty() ? at : " <" + at + ">";
        at = "invalid@internationalized-address.invalid";
    }
    return name.empty() ? '<' + at + '>' : displayName(name, kText) + " <" + at + '>';
}

// nullopt where there are too many to be sure that none is left out.
std::optional<std::string> addressList(std::string_view value)
{
    std::string out;
    bool separate = false;
    const std::string unfolded = unfold(value);
    const std::vector<Address> addresses = parseAddresses(unfolded);
    if (addresses.size() + 4 >= static_cast<std::size_t>(base::limits::kAddresses))
        return std::nullopt;
    for (const Address& address : addresses) {
        if (address.isGroupEnd()) {
            out += ';';
            separate = true;
            continue;
        }
        if (separate)
            out += ',';
        if (!out.empty())
            out += ' ';
        separate = !address.isGroupStart();
        out += address.isGroupStart() ? displayName(decodeWords(*address.mailbox), kText) + ':' : mailboxText(address);
    }
    return out;
}

// "text/plain; name=…": the first word as it is, the parameters written anew. nullopt where it is not of that shape.
std::optional<std::string> withParameters(std::string_view value)
{
    const std::string unfolded = unfold(value);
    const auto semicolon = unfolded.find(';');
    const std::string_view first = base::trim(std::string_view(unfolded).substr(0, semicolon));
    if (semicolon == std::string::npos || first.empty() || !base::isAscii(first))
        return std::nullopt;
    std::string out(first);
    for (const Parameter& parameter : parseParameters(std::string_view(unfolded).substr(semicolon))) {
        if (!base::isAscii(parameter.name) || (parameter.name == "boundary" && !base::isAscii(parameter.value)))
            return std::nullopt;
        out += parameterText(parameter.name, decodeWords(parameter.value));
    }
    return out;
}

void putAscii(std::string& out, const Field& field)
{
    const bool has_parameters = base::iequals(field.name, "Content-Type") || base::iequals(field.name, "Content-Disposition");
    if (has_parameters || holdsAddresses(field.name)) {
        const std::optional<std::string> text = has_parameters ? withParameters(field.value) : addressList(field.value);
        if (text)
            putField(out, field.name, *text);
        else
            out += field.whole; // a boundary that is not ASCII, perhaps: without it there is no structure
        return;
    }
    const std::string text = headerText(decodeWords(unfold(field.value)), kText);
    putField(out, holdsNoText(field.name) ? "Downgraded-" + std::string(field.name) : std::string(field.name), text);
}

} // namespace

std::optional<std::string> asciiHeader(std::string_view header)
{
    if (base::isAscii(header))
        return std::nullopt;
    std::string out;
    const char* copied = header.data();
    eachField(header, [&](const Field& field) {
        if (base::isAscii(field.whole) || !base::isUtf8(field.whole) || field.whole.size() > kText)
            return true;
        out.append(copied, field.whole.data());
        putAscii(out, field);
        copied = field.whole.data() + field.whole.size();
        return true;
    });
    if (copied == header.data())
        return std::nullopt;
    out.append(copied, header.data() + header.size());
    return out;
}

std::vector<Replacement> surrogate(const Structure& structure, const RangeReader& read)
{
    std::vector<Replacement> found;
    std::uint64_t looked_at = 0;
    for (std::size_t i = 0; i < std::min(structure.parts.size(), kParts);
         ++i) { // a parent stands before its children, and its header before theirs
        const Part& part = structure.parts[i];
        looked_at += part.body_begin - part.header_begin;
        if (looked_at > kHeaders)
            break;
        if (std::optional<std::string> header = asciiHeader(read(part.header_begin, part.body_begin)))
            found.push_back({part.header_begin, part.body_begin, std::move(*header)});
    }
    return found;
}

std::string surrogateOf(std::string message)
{
    if (base::isAscii(message))
        return message;
    const auto read = [&message](std::uint64_t begin, std::uint64_t end) { return message.substr(begin, end - begin); };
    const std::vector<Replacement> replacements = surrogate(parseStructure(message), read);
    for (auto last = replacements.rbegin(); last != replacements.rend(); ++last)
        message.replace(last->begin, last->end - last->begin, last->bytes);
    return message;
}

} // namespace postfach::mail
