#include "server/base/limits.h"
#include "server/imap/syntax/fetch.h"
#include "server/imap/syntax/writer.h"

#include <algorithm>

// ENVELOPE and BODYSTRUCTURE as RFC 9051 7.5.2 wants them, from what mail::summarize() found.

namespace postfach::imap {

namespace {

void putAddresses(std::string& out, const std::vector<mail::Address>& addresses)
{
    if (addresses.empty()) {
        out += "NIL";
        return;
    }
    out += '(';
    for (const mail::Address& address : addresses) {
        out += '(';
        putNstring(out, address.name);
        out += ' ';
        putNstring(out, address.route);
        out += ' ';
        putNstring(out, address.mailbox);
        out += ' ';
        putNstring(out, address.host);
        out += ')';
    }
    out += ')';
}

void putText(std::string& out, const std::string& text) // "" means that the field is absent
{
    if (text.empty())
        out += "NIL";
    else
        putString(out, text);
}

void putParameters(std::string& out, const std::vector<mail::Parameter>& parameters, bool default_charset)
{
    const bool has_charset = std::any_of(parameters.begin(), parameters.end(),
                                         [](const mail::Parameter& parameter) { return parameter.name == "charset"; });
    default_charset = default_charset && !has_charset;
    if (parameters.empty() && !default_charset) {
        out += "NIL";
        return;
    }
    char before = '(';
    const auto put = [&](std::string_view name, std::string_view value) {
        out += before;
        putString(out, name);
        out += ' ';
        putString(out, value);
        before = ' ';
    };
    for (const mail::Parameter& parameter : parameters)
        put(parameter.name, parameter.value);
    if (default_charset)
        put("charset", "us-ascii"); // RFC 9051 7.5.2: the default of text is said aloud
    out += ')';
}

void putDispositionLanguageLocation(std::string& out, const mail::Part& part)
{
    if (part.disposition.empty()) {
        out += " NIL";
    } else {
        out += " (";
        putString(out, part.disposition);
        out += ' ';
        putParameters(out, part.disposition_parameters, false);
        out += ')';
    }
    out += ' ';
    if (part.languages.empty()) {
        out += "NIL";
    } else { // a list for one language too, as clients know it from other servers
        char before = '(';
        for (const std::string& language : part.languages) {
            out += before;
            putString(out, language);
            before = ' ';
        }
        out += ')';
    }
    out += ' ';
    putText(out, part.location);
}

class StructureWriter {
public:
    StructureWriter(std::string& out, const mail::Summary& summary, bool extended, bool global)
        : out_(out), summary_(summary), extended_(extended), global_(global) {}

    // Depth is bounded by the structure (limits::kMimeDepth), and by the count here should a summary say otherwise.
    void put(std::uint32_t index, int depth)
    {
        const auto& parts = summary_.structure.parts;
        if (index >= parts.size() || depth > base::limits::kMimeDepth + 2) {
            out_ += R"(("application" "octet-stream" NIL NIL NIL "7bit" 0))";
            return;
        }
        const mail::Part& part = parts[index];
        out_ += '(';
        if (part.kind == mail::Part::Kind::multipart)
            putMultipart(part, depth);
        else
            putSingle(part, depth);
        out_ += ')';
    }

private:
    void putMultipart(const mail::Part& part, int depth)
    {
        for (const std::uint32_t child : part.children)
            put(child, depth + 1);
        if (part.children.empty()) // body-type-mpart has at least one
            out_ += R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0))";
        out_ += ' ';
        putString(out_, part.subtype);
        if (!extended_)
            return;
        out_ += ' ';
        putParameters(out_, part.parameters, false);
        putDispositionLanguageLocation(out_, part);
    }

    void putSingle(const mail::Part& part, int depth)
    {
        const bool is_message = part.kind == mail::Part::Kind::message && !part.children.empty();
        const bool is_text = part.type == "text";
        // A client that reads "message" "rfc822" or "multipart" expects what follows them there. Where the inside could not be
        // parsed (an encoded message, RFC 2046 5.2.1), the part is a file like others.
        const bool is_opaque = !is_message
            && (part.type == "multipart" || (part.type == "message" && (part.subtype == "rfc822" || part.subtype == "global")));
        if (is_message) {
            // IMAP4rev1 knows an envelope with message/rfc822 only.
            out_ += global_ && part.subtype == "global" ? R"("message" "global")" : R"("message" "rfc822")";
        } else if (is_opaque) {
            out_ += R"("application" "octet-stream")";
        } else {
            putString(out_, part.type);
            out_ += ' ';
            putString(out_, part.subtype);
        }
        out_ += ' ';
        putParameters(out_, part.parameters, is_text);
        out_ += ' ';
        putText(out_, part.id);
        out_ += ' ';
        putText(out_, part.description);
        out_ += ' ';
        putString(out_, part.encoding.empty() ? "7bit" : part.encoding);
        out_ += ' ';
        out_ += std::to_string(part.bodySize());
        if (is_message) {
            const mail::Envelope* envelope = summary_.envelopeOf(part.children.front());
            out_ += ' ';
            putEnvelope(out_, envelope ? *envelope : mail::Envelope{});
            out_ += ' ';
            put(part.children.front(), depth + 1);
        }
        if (is_message || is_text) {
            out_ += ' ';
            out_ += std::to_string(part.body_lines);
        }
        if (!extended_)
            return;
        out_ += ' ';
        putText(out_, part.md5);
        putDispositionLanguageLocation(out_, part);
    }

    std::string& out_;
    const mail::Summary& summary_;
    const bool extended_, global_;
};

} // namespace

void putEnvelope(std::string& out, const mail::Envelope& envelope)
{
    out += '(';
    putNstring(out, envelope.date);
    out += ' ';
    putNstring(out, envelope.subject);
    // RFC 9051 7.5.2: an absent or empty Sender or Reply-To is said to be the same as From.
    for (const auto* addresses : {&envelope.from, envelope.sender.empty() ? &envelope.from : &envelope.sender,
                                  envelope.reply_to.empty() ? &envelope.from : &envelope.reply_to, &envelope.to, &envelope.cc,
                                  &envelope.bcc}) {
        out += ' ';
        putAddresses(out, *addresses);
    }
    out += ' ';
    putNstring(out, envelope.in_reply_to);
    out += ' ';
    putNstring(out, envelope.message_id);
    out += ')';
}

void putBodyStructure(std::string& out, const mail::Summary& summary, bool extended, bool global)
{
    StructureWriter(out, summary, extended, global).put(0, 0);
}

} // namespace postfach::imap
