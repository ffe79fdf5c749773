#include "server/mail/binary.h"

#include "server/mail/encode.h"
#include "server/mail/header.h"
#include "server/mail/structure.h"

namespace postfach::mail {

std::optional<std::string> encodeBinaryParts(std::string_view message)
{
    const Structure structure = parseStructure(message);
    std::string out;
    std::size_t copied = 0; // of the message
    for (const Part& part : structure.parts) {
        if (part.kind != Part::Kind::leaf || part.encoding != "binary" || part.body(message).find('\0') == std::string_view::npos)
            continue;
        const auto field = findField(part.header(message), "Content-Transfer-Encoding");
        if (!field)
            continue;
        const auto field_begin = static_cast<std::size_t>(field->whole.data() - message.data());
        const std::size_t field_end = field_begin + field->whole.size();
        out += message.substr(copied, field_begin - copied);
        out += "Content-Transfer-Encoding: base64\r\n";
        out += message.substr(field_end, part.body_begin - field_end);
        putBase64(out, part.body(message));
        if (part.parent >= 0) // the last line end is the boundary's
            out.resize(out.size() - 2);
        copied = part.body_end;
    }
    out += message.substr(copied);
    if (out.find('\0') != std::string::npos)
        return std::nullopt;
    return out;
}

} // namespace postfach::mail
