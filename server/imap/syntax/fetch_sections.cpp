#include "server/base/text.h"
#include "server/imap/syntax/fetch.h"
#include "server/imap/syntax/writer.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"

#include <algorithm>
#include <array>

// The bytes behind BODY[...] and BINARY[...]. RFC 9051 6.4.5.1, RFC 3516. Nothing is changed on the way: what was stored is what
// is sent, decoded where it is asked to be.

namespace postfach::imap {

namespace {

using What = BodySection::What;
using Form = BodySection::Form;

SectionBytes range(std::uint64_t begin, std::uint64_t end)
{
    SectionBytes bytes;
    bytes.offset = begin;
    bytes.length = end - begin;
    return bytes;
}

// The empty line as it stands at the header's end. RFC 9051 6.4.5.1: a header that has none gets none.
std::string_view emptyLine(std::string_view header)
{
    for (const std::string_view line : {std::string_view("\r\n"), std::string_view("\n")}) {
        if (!header.ends_with(line))
            continue;
        const std::string_view before = header.substr(0, header.size() - line.size());
        return before.empty() || before.ends_with('\n') ? line : std::string_view();
    }
    return {};
}

} // namespace

// The fields that are asked for, in their order and folded as they are; or everything but those, so that lines that are no
// fields are not lost between the two. Either way with the empty line at the end.
void pickFields(const BodySection& section, std::string_view header, const std::function<void(std::string_view)>& take)
{
    const bool named = section.what == What::headerFields;
    std::size_t at = 0; // behind the last named field
    mail::eachField(header, [&](const mail::Field& field) {
        const bool is_named = std::any_of(section.fields.begin(), section.fields.end(),
                                          [&](const std::string& name) { return base::iequals(name, field.name); });
        if (is_named) {
            const auto begin = static_cast<std::size_t>(field.whole.data() - header.data());
            take(named ? field.whole : header.substr(at, begin - at));
            at = begin + field.whole.size();
        }
        return true;
    });
    take(named ? emptyLine(header) : header.substr(at));
}

std::optional<SectionBytes> findSectionBytes(const BodySection& section, const mail::Summary& summary, std::string_view message)
{
    const auto& parts = summary.structure.parts;
    const std::int32_t found = mail::findSection(summary.structure, section.part);
    if (found < 0)
        return std::nullopt;
    const mail::Part* part = &parts[static_cast<std::size_t>(found)];

    if (section.what == What::whole && section.part.empty())
        return range(0, message.size());
    if (section.what == What::whole)
        return range(part->body_begin, part->body_end);
    if (section.what == What::mime)
        return range(part->header_begin, part->body_begin);

    // HEADER, HEADER.FIELDS and TEXT speak of messages: this one, or the one inside a message/rfc822 part.
    if (!section.part.empty()) {
        if (part->kind != mail::Part::Kind::message || part->children.empty())
            return std::nullopt;
        part = &parts[part->children.front()];
    }
    if (section.what == What::text)
        return range(part->body_begin, part->body_end);
    const bool from_summary = section.part.empty() && summary.top_header.has_value();
    if (section.what == What::header && !from_summary)
        return range(part->header_begin, part->body_begin);

    SectionBytes bytes;
    const std::string_view header = from_summary ? std::string_view(*summary.top_header) : part->header(message);
    std::string& made = bytes.made.emplace();
    if (section.what == What::header)
        made = header;
    else
        pickFields(section, header, [&made](std::string_view piece) { made += piece; });
    return bytes;
}

BodySection::Cut BodySection::cut(std::uint64_t length) const
{
    if (!partial)
        return {0, length};
    const std::uint64_t skip = std::min(partial->first, length);
    return {skip, std::min(partial->second, length - skip)};
}

Coding codingOf(const BodySection& section, const mail::Summary& summary)
{
    const std::int32_t found = mail::findSection(summary.structure, section.part);
    if (found < 0 || section.part.empty())
        return Coding::none;
    const mail::Part& part = summary.structure.parts[static_cast<std::size_t>(found)];
    if (part.kind != mail::Part::Kind::leaf)
        return Coding::none;
    constexpr std::array<std::string_view, 4> kNone{"", "7bit", "8bit", "binary"};
    if (std::find(kNone.begin(), kNone.end(), part.encoding) != kNone.end())
        return Coding::none;
    return part.encoding == "base64" || part.encoding == "quoted-printable" ? Coding::known : Coding::unknown;
}

std::string decoded(const BodySection& section, const mail::Summary& summary, std::string_view part)
{
    const auto index = static_cast<std::size_t>(mail::findSection(summary.structure, section.part));
    return mail::decodeTransfer(summary.structure.parts[index].encoding, part);
}

void putSection(std::string& out, const BodySection& section, const mail::Summary& summary, std::string_view message)
{
    out += section.label;
    out += ' ';
    const auto bytes = findSectionBytes(section, summary, message);
    if (!bytes) {
        out += section.form == Form::decodedSize ? "0" : "NIL";
        return;
    }
    const bool coded = section.form != Form::encoded && codingOf(section, summary) == Coding::known;
    if (section.form == Form::decodedSize && !coded) { // known without the bytes
        out += std::to_string(section.part.empty() ? summary.size : bytes->length);
        return;
    }
    std::string_view text = bytes->made ? std::string_view(*bytes->made) : message;
    if (!bytes->made) // a summary that does not fit its message must not read past the end
        text = text.substr(std::min<std::uint64_t>(bytes->offset, text.size()), bytes->length);
    std::string plain;
    if (coded) {
        plain = decoded(section, summary, text);
        text = plain;
    }
    if (section.form == Form::decodedSize) {
        out += std::to_string(text.size());
        return;
    }
    const auto [skip, count] = section.cut(text.size());
    text = text.substr(skip, count);
    if (section.form == Form::decoded && text.find('\0') != std::string_view::npos)
        out += '~'; // literal8, RFC 3516 4.2: for what no literal may hold
    if (text.empty())
        out += "\"\"";
    else
        putLiteral(out, text);
}

} // namespace postfach::imap
