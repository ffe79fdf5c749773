#include "server/mail/text.h"

#include "server/base/limits.h"
#include "server/base/text.h"
#include "server/mail/content_fields.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"

#include <unicode/utf8.h>

#include <cstdint>

namespace postfach::mail {

namespace {

// Bytes of a part that are decoded for its preview: newsletters begin with long style sheets.
constexpr std::size_t kPreviewBytes = 128 * 1024;

void appendHeader(std::string_view header, std::string& out)
{
    eachField(header, [&](const Field& field) {
        const std::string unfolded = unfold(field.value.substr(0, base::limits::kHeaderField));
        out += field.name;
        out += ": ";
        out += decodeWords(base::trim(unfolded));
        out += '\n';
        return true;
    });
}

std::string leafText(std::string_view body, const Part& part)
{
    const std::string bytes = decodeTransfer(part.encoding, body);
    return toUtf8(parameterValue(part.parameters, "charset"), bytes);
}

bool isHtml(const Part& part) { return part.type == "text" && (part.subtype == "html" || part.subtype == "xhtml"); }

// White space, and what newsletters pad their first line with: no-break and zero-width spaces, soft hyphens, joiners.
bool isBlankCharacter(UChar32 c)
{
    return c <= 0x20 || c == 0x7f || (c >= 0x80 && c <= 0xa0) || c == 0xad || c == 0x34f || (c >= 0x2000 && c <= 0x200f)
        || (c >= 0x2028 && c <= 0x202f) || c == 0x2060 || c == 0x3000 || c == 0xfeff;
}

std::string foldSpace(std::string_view utf8, std::size_t characters)
{
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(utf8.data());
    std::string out;
    bool gap = false;
    std::size_t count = 0;
    for (std::size_t at = 0; at < utf8.size();) {
        const std::size_t start = at;
        UChar32 character = 0;
        U8_NEXT_OR_FFFD(bytes, at, utf8.size(), character);
        if (isBlankCharacter(character)) {
            gap = !out.empty();
            continue;
        }
        if (count + (gap ? 2 : 1) > characters)
            break;
        if (gap)
            out += ' ';
        count += gap ? 2 : 1;
        gap = false;
        if (character == 0xfffd)
            out += "\xef\xbf\xbd";
        else
            out += utf8.substr(start, at - start);
    }
    return out;
}

std::string previewOf(std::string_view message, const Part& part, std::size_t characters)
{
    std::string text = leafText(part.body(message).substr(0, kPreviewBytes), part);
    if (isHtml(part))
        text = htmlToText(text);
    return foldSpace(text, characters);
}

} // namespace

std::string searchableHeader(std::string_view message, const Structure& structure)
{
    std::string out;
    for (const Part& part : structure.parts)
        appendHeader(part.header(message), out);
    return out;
}

void eachText(std::string_view message, const Structure& structure, const std::function<bool(std::string_view text)>& take)
{
    for (const Part& part : structure.parts) {
        // message/* leaves are delivery reports, encoded messages and the like: text for people as well.
        if (part.kind != Part::Kind::leaf || (part.type != "text" && part.type != "message"))
            continue;
        const std::string text = leafText(part.body(message), part);
        if (!take(text) || (isHtml(part) && !take(htmlToText(text))))
            return;
    }
}

std::string searchableBody(std::string_view message, const Structure& structure)
{
    std::string out;
    eachText(message, structure, [&out](std::string_view text) {
        out.append(text).append("\n");
        return true;
    });
    return out;
}

std::string preview(std::string_view message, const Structure& structure, std::size_t characters)
{
    const Part* html = nullptr;
    for (const Part& part : structure.parts) {
        if (part.kind != Part::Kind::leaf || part.type != "text" || part.disposition == "attachment")
            continue;
        if (isHtml(part)) {
            html = html ? html : &part;
            continue;
        }
        if (part.subtype != "plain")
            continue;
        std::string text = previewOf(message, part, characters);
        if (!text.empty())
            return text;
    }
    return html ? previewOf(message, *html, characters) : std::string();
}

} // namespace postfach::mail
