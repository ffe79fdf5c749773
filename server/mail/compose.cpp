#include "server/mail/compose.h"
#include "server/mail/encode.h"

#include "server/base/hash.h"
#include "server/base/text.h"
#include "server/mail/decode.h"
#include "server/mail/header.h"
#include "server/mail/normalize.h"

#include <algorithm>
#include <array>

namespace postfach::mail {

namespace {

constexpr std::size_t kLine = kEncodedLine;
constexpr std::size_t kLongestLine = 998;   // RFC 5322 2.1.1
constexpr std::size_t kWordBytes = 45;      // of UTF-8 in one encoded word: 60 letters of base64, 72 with their frame (RFC 2047 2)
constexpr std::size_t kFileName = 200;

bool isControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool isContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// At most `most` bytes, cut between characters.
std::string_view cut(std::string_view utf8, std::size_t most)
{
    if (utf8.size() <= most)
        return utf8;
    while (most > 0 && isContinuation(utf8[most]))
        --most;
    return utf8.substr(0, most);
}

std::string withoutControls(std::string_view text)
{
    std::string out(text);
    std::replace_if(out.begin(), out.end(), isControl, ' ');
    return out;
}

std::string encodedWords(std::string_view utf8)
{
    std::string out;
    while (!utf8.empty()) {
        const std::string_view piece = cut(utf8, kWordBytes);
        if (piece.empty()) // no UTF-8 after all: continuation bytes without end
            return out;
        if (!out.empty())
            out += ' ';
        out += "=?utf-8?B?" + base::base64(piece) + "?=";
        utf8.remove_prefix(piece.size());
    }
    return out;
}

// A display name: atoms as they are, else a quoted string (RFC 5322 3.2.4), else encoded words.
std::string displayName(std::string_view utf8)
{
    const std::string text = headerText(utf8, kFileName);
    if (text.starts_with("=?") || text.find_first_of("()<>[]:;@\\,.\"") == std::string::npos)
        return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

// An address is inserted as it is but for what could end it, its field or its line.
std::string bareAddress(std::string_view address)
{
    std::string out;
    for (const char c : address)
        if (!isControl(c) && std::string_view(" <>,;:()\\").find(c) == std::string_view::npos)
            out += c;
    return out;
}

// One field, folded at its spaces. RFC 5322 2.2.3.
void putField(std::string& out, std::string_view name, std::string_view body)
{
    std::size_t column = name.size() + 1, spaces = 0;
    bool is_first = true;
    out += name;
    out += ':';
    for (const std::string_view word : base::split(body, ' ')) {
        ++spaces; // two in a row are kept: they may stand in a quoted string
        if (word.empty())
            continue;
        if (column + spaces + word.size() > kLine + 2 && !is_first) {
            out += "\r\n";
            column = 0;
        }
        out.append(spaces, ' ');
        out += word;
        column += spaces + word.size();
        spaces = 0;
        is_first = false;
    }
    out += "\r\n";
}

// RFC 3676: long lines end with a space where they go on; lines that begin with a space, ">" or "From " get one in front.
std::string flowed(std::string_view text)
{
    std::string out;
    for (std::string_view paragraph : base::split(text, '\n')) {
        if (paragraph.ends_with('\r'))
            paragraph.remove_suffix(1);
        if (paragraph != "-- ") // the signature's line keeps its space (4.3)
            paragraph = paragraph.substr(0, paragraph.find_last_not_of(' ') + 1);
        do {
            if (paragraph.starts_with(' ') || paragraph.starts_with('>') || paragraph.starts_with("From "))
                out += ' ';
            std::size_t length = paragraph.size();
            if (length > kLine) {
                const auto space = paragraph.rfind(' ', kLine - 1);
                const auto later = paragraph.find(' ', kLine);
                length = space != std::string_view::npos && space > 0 ? space + 1
                       : later != std::string_view::npos             ? later + 1
                                                                     : paragraph.size();
            }
            out += paragraph.substr(0, length);
            out += "\r\n";
            paragraph.remove_prefix(length);
        } while (!paragraph.empty());
    }
    while (out.ends_with("\r\n\r\n")) // the text's own last line end is not another line
        out.resize(out.size() - 2);
    return out;
}

bool hasLongLine(std::string_view crlf_text)
{
    const auto lines = base::split(crlf_text, '\n');
    return std::any_of(lines.begin(), lines.end(), [](std::string_view line) { return line.size() > kLongestLine; });
}

bool fitsSevenBit(std::string_view crlf_text)
{
    return base::isAscii(crlf_text) && crlf_text.find('\0') == std::string_view::npos && !hasLongLine(crlf_text);
}

std::string quotedPrintable(std::string_view crlf_text)
{
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    std::size_t column = 0;
    for (std::size_t i = 0; i < crlf_text.size(); ++i) {
        if (crlf_text.substr(i, 2) == "\r\n") {
            out += "\r\n";
            column = 0;
            ++i;
            continue;
        }
        const char c = crlf_text[i];
        const bool ends_line = i + 1 == crlf_text.size() || crlf_text.substr(i + 1, 2) == "\r\n";
        const bool as_it_is = (c > 0x20 && c < 0x7f && c != '=') || (c == ' ' && !ends_line);
        const std::size_t width = as_it_is ? 1 : 3;
        if (column + width > kLine - 1) {
            out += "=\r\n";
            column = 0;
        }
        if (as_it_is) {
            out += c;
        } else {
            out += '=';
            out += hex[static_cast<unsigned char>(c) >> 4];
            out += hex[static_cast<unsigned char>(c) & 15];
        }
        column += width;
    }
    return out;
}

void putTextPart(std::string& out, std::string_view text)
{
    const std::string lines = flowed(text);
    const bool plain = fitsSevenBit(lines);
    putField(out, "Content-Type", base::isAscii(lines) ? "text/plain; charset=us-ascii; format=flowed"
                                                      : "text/plain; charset=utf-8; format=flowed");
    putField(out, "Content-Transfer-Encoding", plain ? "7bit" : "quoted-printable");
    out += "\r\n";
    out += plain ? lines : quotedPrintable(lines);
}

// ; filename="a.txt", or RFC 2231 in pieces where it is not ASCII.
std::string fileNameParameter(std::string_view name)
{
    const std::string clean = withoutControls(cut(name, kFileName));
    if (base::isAscii(clean)) {
        std::string out = "; filename=\"";
        for (const char c : clean) {
            if (c == '"' || c == '\\')
                out += '\\';
            out += c;
        }
        return out + '"';
    }
    constexpr std::size_t kPiece = 20; // bytes; 60 characters when all are encoded
    std::string out;
    std::size_t number = 0;
    for (std::size_t at = 0; at < clean.size(); at += kPiece, ++number) {
        out += "; filename*" + std::to_string(number) + "*=" + (number == 0 ? "utf-8''" : "");
        for (const char c : clean.substr(at, kPiece)) {
            const char low = base::asciiLower(c);
            if ((low >= 'a' && low <= 'z') || base::isDigit(c) || c == '.' || c == '-' || c == '_')
                out += c;
            else
                out += '%' + base::upper(base::hex(std::string_view(&c, 1)));
        }
    }
    return out;
}

void putAttachment(std::string& out, const Draft::Attachment& attachment)
{
    std::string type = withoutControls(attachment.type);
    if (type.find('/') == std::string::npos)
        type = "application/octet-stream";
    putField(out, "Content-Type", type);
    putField(out, "Content-Disposition", "attachment" + fileNameParameter(attachment.file_name));
    if (base::iequals(type, "message/rfc822")) { // never base64: RFC 2046 5.2.1
        const std::string lines = normalizeLineEnds(attachment.bytes);
        putField(out, "Content-Transfer-Encoding", fitsSevenBit(lines) ? "7bit" : hasLongLine(lines) ? "binary" : "8bit");
        out += "\r\n" + lines;
        if (!lines.ends_with("\r\n"))
            out += "\r\n";
        return;
    }
    putField(out, "Content-Transfer-Encoding", "base64");
    out += "\r\n";
    putBase64(out, attachment.bytes);
}

// Nobody can write a part that holds the hash of itself.
std::string boundaryFor(const Draft& draft)
{
    base::Sha256Stream hash;
    hash.update(draft.message_id);
    hash.update(draft.text);
    for (const Draft::Attachment& attachment : draft.attachments)
        hash.update(attachment.bytes);
    return "=_" + base::hex(hash.finish()).substr(0, 32);
}

} // namespace

std::string headerText(std::string_view utf8, std::size_t most)
{
    const std::string readable = toUtf8({}, utf8);
    const std::string clean = withoutControls(cut(readable, most));
    const std::string_view trimmed = base::trim(clean);
    // A text that looks like an encoded word would be read as one.
    if (base::isAscii(trimmed) && trimmed.find("=?") == std::string_view::npos)
        return std::string(trimmed);
    return encodedWords(trimmed);
}

std::string compose(const Draft& draft)
{
    std::string out;
    const std::string name = displayName(draft.from_name);
    putField(out, "From", (name.empty() ? name : name + " ") + "<" + bareAddress(draft.from_address) + ">");
    putField(out, "To", "<" + bareAddress(draft.to_address) + ">");
    putField(out, "Subject", headerText(draft.subject));
    putField(out, "Date", formatDate(draft.date));
    putField(out, "Message-ID", "<" + bareAddress(draft.message_id) + ">");
    for (const auto& [field, value] : draft.extra)
        putField(out, withoutControls(field), withoutControls(value));
    putField(out, "MIME-Version", "1.0");
    if (draft.attachments.empty()) {
        putTextPart(out, draft.text);
        return out;
    }

    const std::string boundary = boundaryFor(draft);
    putField(out, "Content-Type", "multipart/mixed; boundary=\"" + boundary + "\"");
    out += "\r\n--" + boundary + "\r\n";
    putTextPart(out, draft.text);
    for (const Draft::Attachment& attachment : draft.attachments) {
        out += "\r\n--" + boundary + "\r\n";
        putAttachment(out, attachment);
    }
    out += "\r\n--" + boundary + "--\r\n";
    return out;
}

} // namespace postfach::mail
